"""The best checkpoint is chosen on the validation fold, stays, and is the same whether or not the run was stopped."""

import json
import shutil

import pytest
from ml_collections import ConfigDict
from tiny import tiny_config

from input_pipeline.errors import UserError
from tramp_jax.checkpoint.best import Validated, best_of
from tramp_jax.inference import TrainedModel
from tramp_jax.trainer import run_training

CONFIG = ConfigDict({"total_steps": 10, "checkpoint": {"every": 4}})


def row(step, value, task="validation"):
    return {"step": step, "task": task, "spearman": value}


def test_the_best_is_the_first_highest_of_the_steps_that_are_saved_anyway():
    rows = [row(3, 0.9), row(4, 0.5), row(4, 0.99, "severity"), row(8, 0.7), row(10, 0.7)]
    assert best_of(rows, CONFIG) == Validated(8, 0.7)
    assert best_of(rows, CONFIG, {4, 10}) == Validated(10, 0.7)
    assert best_of([row(3, 0.9), row(4, None)], CONFIG) is None


def open_lines(run):
    return (run / "metrics.jsonl").read_text().splitlines()


def steps(run):
    return sorted(int(path.name) for path in (run / "checkpoints").iterdir() if path.name.isdigit())


def test_the_best_stays_beside_the_newest_also_where_the_run_stopped_and_went_on(simulated, tmp_path):
    config = tiny_config(data__path=str(simulated), evaluate_every=2, checkpoint__every=2, checkpoint__keep=1)
    config.schedule.weights.report = 0
    config.total_steps, config.horizon = 6, 8
    run = tmp_path / "run"
    run_training(config, run)
    # One clip of each expression in the fold: every Spearman is 0, and the first of equals is the best.
    assert [each["spearman"] for each in map(json.loads, open_lines(run)) if each["task"] == "validation"] == [0, 0, 0]
    assert steps(run) == [2, 6]
    config.total_steps = 8
    run_training(config, run)
    assert steps(run) == [2, 8]
    best, last = TrainedModel(run, "best"), TrainedModel(run)
    assert (best.step, last.step) == (2, 8)
    assert best.sha256 != last.sha256

    damaged = tmp_path / "damaged"
    shutil.copytree(run, damaged)
    for path in (damaged / "checkpoints" / "2" / "model").rglob("*"):
        if path.is_file():
            path.write_bytes(b"")
    with pytest.raises(UserError, match=r"checkpoints/2: DAMAGED"):
        TrainedModel(damaged, "best")
    shutil.rmtree(damaged / "checkpoints" / "2")
    (damaged / "metrics.jsonl").write_text("")
    with pytest.raises(UserError, match=r"no validation of a checkpoint that is kept \(8\): train with"):
        TrainedModel(damaged, "best")
