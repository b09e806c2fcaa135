"""The best checkpoint is chosen on the validation fold, stays, and is the same whether or not the run was stopped."""

import json
import shutil
import subprocess
import sys

import numpy as np
import orbax.checkpoint as ocp
import pytest
from ml_collections import ConfigDict
from tiny import tiny_config

from input_pipeline.dataset import Dataset
from input_pipeline.errors import UserError
from input_pipeline.splits import load_split, read_split, write_split
from tramp_jax.checkpoint.best import Validated, best_of
from tramp_jax.evaluator import evaluate
from tramp_jax.hf.exports import export
from tramp_jax.inference import TrainedModel
from tramp_jax.trainer import run_training
from tramp_jax.training.ownership import flatten

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


def validated(run):
    return {each["step"]: each["spearman"] for each in map(json.loads, open_lines(run)) if each["task"] == "validation"}


def test_the_best_stays_beside_the_newest_also_where_the_run_stopped_and_went_on(simulated, tmp_path):
    config = tiny_config(data__path=str(simulated), evaluate_every=2, checkpoint__every=2, checkpoint__keep=1)
    config.schedule.weights.report = 0
    config.total_steps, config.horizon = 6, 8
    run = tmp_path / "run"
    run_training(config, run)
    # One clip of each expression in the fold: every Spearman is 0, and the first of equals is the best.
    assert validated(run) == {2: 0, 4: 0, 6: 0}
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


@pytest.fixture(scope="module")
def people(simulated, tmp_path_factory):
    """The simulated data with six people in the validation fold, so that a Spearman over them can be any number."""
    folder = tmp_path_factory.mktemp("data") / "people"
    shutil.copytree(simulated, folder)
    folds = ["validation"] * 6 + ["test"] * 2 + ["train"] * 4
    write_split(folder, "default", dict(zip(sorted(read_split(folder / "splits" / "default.json")), folds, strict=True)))
    return folder


def config_of(people, total_steps, lr=0.01):
    """Validated and saved at every step. Of seeds 0 to 4 this is the one whose Spearman rises, then falls far below zero."""
    config = tiny_config(data__path=str(people), seed=2, evaluate_every=1, checkpoint__every=1, checkpoint__keep=1)
    config.schedule.weights.report = 0
    config.total_steps, config.horizon, config.optim.severity.lr = total_steps, 12, lr
    return config


@pytest.fixture(scope="module")
def run(people, tmp_path_factory):
    """Four steps, of which the second is the best by far."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    run_training(config_of(people, 4), folder)
    found = validated(folder)
    others = [value for step, value in found.items() if step != 2]
    assert found[2] > max(others) + 0.03, f"no test of the best: {found}: give config_of a seed whose best is clearly step 2"
    assert len(set(found.values())) == 4
    return folder


def saved(run, step):
    """Parameters and statistics of a checkpoint by path, read without our store."""
    return flatten(ocp.StandardCheckpointer().restore(run.resolve() / "checkpoints" / str(step) / "model"))


def test_the_best_is_the_step_of_the_highest_validation_and_no_other_parameters(run):
    assert steps(run) == [2, 4]
    best, last = TrainedModel(run, "best"), TrainedModel(run)
    assert (best.step, last.step) == (2, 4)
    for model in (best, last):
        found, expected = flatten({"params": model.params, "stats": model.stats}), saved(run, model.step)
        assert found.keys() == expected.keys()
        assert not [path for path, leaf in found.items() if not np.array_equal(leaf, expected[path])]
    trained = [path for path, leaf in saved(run, 2).items() if not np.array_equal(leaf, saved(run, 4)[path])]
    assert any(path.startswith("params/motion") for path in trained)


def test_evaluation_of_the_best_gives_what_training_has_measured_and_other_scores_than_the_last(run):
    for which, step in (("best", 2), ("last", 4)):
        found = evaluate(run, None, "validation", which, with_reports=False)
        assert found["model"]["step"] == step
        assert found["severity"]["spearman"]["mean"] == pytest.approx(validated(run)[step], abs=1e-6)
    command = [sys.executable, "-m", "tramp_jax.evaluate", f"--checkpoint={run}", "--noreports", "--step=best"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    evaluate(run, None, "test", with_reports=False)
    one, two = (json.loads((run / name / "results.json").read_text())["model"] for name in ("eval-best", "eval"))
    assert (one["step"], one["chosen"], two["step"], two["chosen"]) == (2, "best", 4, "last")
    assert one["sha256"] != two["sha256"]
    scores = [
        [json.loads(line)["prediction"] for line in (run / name / "samples.jsonl").open()] for name in ("eval-best", "eval")
    ]
    assert len(scores[0]) == 10
    assert np.abs(np.subtract(*scores)).min() > 0


def test_an_export_of_the_best_has_its_own_results_alone_on_its_card(run, tmp_path):
    alone = tmp_path / "run"
    shutil.copytree(run, alone, ignore=shutil.ignore_patterns("eval*"))
    for name, step, value in (("eval", 4, 0.1111), ("eval-best", 2, 0.2222), ("eval-best", 1, 0.3333)):
        (alone / name).mkdir(exist_ok=True)
        about = {"model": {"step": step}, "simulated": True, "counts": {"clips": 10, "subjects": 2}}
        (alone / name / "results.json").write_text(json.dumps(about | {"severity": {"spearman": {"mean": value}}}))
        export(alone, tmp_path / str(value), ["full"], None, "best")
    cards = [(tmp_path / str(value) / "full" / "README.md").read_text() for value in (0.1111, 0.2222, 0.3333)]
    assert all("Exported from step 2 of" in card for card in cards)
    shown = [[figure in card for figure in ("0.111", "0.222", "0.333")] for card in cards]
    assert shown == [[False, False, False], [False, True, False], [False, False, False]]


@pytest.mark.parametrize(("lr", "later"), [(1.0, 0.0), (1e25, None)], ids=["constant", "no number"])
def test_the_best_stays_where_a_run_goes_on_to_what_no_rank_can_be_told_of(run, people, tmp_path, lr, later):
    """A learning rate that ruins the model: its scores are the same for every clip, or no numbers."""
    ruined = tmp_path / "run"
    shutil.copytree(run, ruined)
    best = TrainedModel(run, "best").sha256
    run_training(config_of(people, 6, lr), ruined)
    assert validated(ruined) == validated(run) | {5: later, 6: later}
    assert steps(ruined) == [2, 6]
    kept, last = TrainedModel(ruined, "best"), TrainedModel(ruined)
    assert (kept.step, kept.sha256, last.step) == (2, best, 6)
    dataset = Dataset.open(people)
    scores = last.score(dataset, load_split(dataset, "default")["validation"])["raw"]
    assert len(set(scores.tolist())) == 1 if later == 0 else np.isnan(scores).all()
