"""The severity path trained without one input is a run of its own, and stands beside the model in its results."""

import json

import numpy as np
import pytest
from ml_collections import ConfigDict
from tiny import demo_config

from input_pipeline.dataset import Dataset
from input_pipeline.errors import UserError
from input_pipeline.splits import load_split
from tramp_jax.ablations import (
    FOLDER,
    LANDMARK_ONLY,
    VISION_ONLY,
    ablation_config,
    ablation_scores,
    ablations_of,
    train_ablations,
)
from tramp_jax.config import load_config, save_config
from tramp_jax.evaluator import evaluate
from tramp_jax.inference import TrainedModel
from tramp_jax.trainer import run_training

NAMES = (LANDMARK_ONLY, VISION_ONLY)


@pytest.fixture(scope="module")
def run(simulated, tmp_path_factory):
    """A run of both tasks, of four severity steps, with its ablations."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    config = demo_config(data__path=str(simulated), evaluate_every=4, checkpoint__every=4)
    config.schedule.weights, config.total_steps = ConfigDict({"severity": 1, "report": 1}), 8
    run_training(config, folder)
    assert train_ablations(folder)
    return folder


def test_an_ablation_has_the_severity_steps_of_its_run_and_no_more(run):
    config = load_config(run)
    config.schedule.weights = ConfigDict({"severity": 2, "report": 1})
    config.total_steps, config.horizon, config.evaluate_every, config.checkpoint.every = 300, 600, 30, 30
    found = ablation_config(run, config, VISION_ONLY)
    assert (found.total_steps, found.horizon, found.evaluate_every) == (200, 400, 20)
    for name in NAMES:
        rows = [json.loads(line) for line in (run / FOLDER / name / "metrics.jsonl").read_text().splitlines()]
        assert [row["step"] for row in rows if row["task"] == "severity"] == [1, 2, 3, 4]
        assert {row["task"] for row in rows} == {"severity", "validation"}
        assert TrainedModel(run / FOLDER / name).step == 4


@pytest.mark.parametrize("every", [(1000, 500), (250, 500), (500, 500), (0, 500), (500, 0), (0, 0)])
def test_what_an_ablation_validates_it_saves_where_its_run_does(run, every):
    config = load_config(run)
    config.schedule.weights, config.total_steps = ConfigDict({"severity": 2, "report": 1}), 10_000
    config.evaluate_every, config.checkpoint.every = every
    found = ablation_config(run, config, LANDMARK_ONLY)
    assert (found.evaluate_every > 0, found.checkpoint.every > 0) == (every[0] > 0, every[1] > 0)
    longer, shorter = sorted((found.evaluate_every, found.checkpoint.every), reverse=True)
    assert not shorter or longer / shorter == max(every) / min(every)


def test_training_without_frames_by_hand_gives_the_ablation_to_the_bit(run, tmp_path):
    config = load_config(run)
    config.model.vision_kind, config.model.kinematic_tokens, config.model.use_lora = "none", 0, False
    config.schedule.weights.report, config.total_steps, config.checkpoint.every, config.evaluate_every = 0, 4, 2, 0
    run_training(config, tmp_path / "by_hand")
    one, other = TrainedModel(tmp_path / "by_hand"), TrainedModel(run / FOLDER / LANDMARK_ONLY)
    for block in ("motion", "fusion", "regression", "kinematics", "expression"):
        flat = zip(*(map(np.asarray, _leaves(model.params[block])) for model in (one, other)), strict=True)
        assert all(np.array_equal(a, b) for a, b in flat), block


def _leaves(tree):
    return [x for each in tree.values() for x in _leaves(each)] if isinstance(tree, dict) else [tree]


def test_ablations_stand_beside_the_model_in_its_results_and_missing_ones_are_told(run, simulated, tmp_path, capsys):
    copy = tmp_path / "run"
    _link(run, copy)
    (copy / FOLDER / VISION_ONLY / "checkpoints").rename(tmp_path / "elsewhere")
    results = evaluate(copy, None, "test", with_reports=False)
    assert f"not beside the model: vision_only: python -m tramp_jax.ablate --checkpoint={copy}" in capsys.readouterr().err
    assert list(results["severity"]["baselines"])[-1] == LANDMARK_ONLY
    assert LANDMARK_ONLY in results["severity"]["model_minus_baseline"]
    dataset = Dataset.open(simulated)
    expected = TrainedModel(run / FOLDER / LANDMARK_ONLY).score(dataset, load_split(dataset, "default")["test"])["raw"]
    rows = [json.loads(line) for line in (copy / "eval" / "samples.jsonl").read_text().splitlines()]
    assert [row["baseline_predictions"][LANDMARK_ONLY] for row in rows] == pytest.approx(expected.tolist(), abs=1e-6)
    assert all(row["baseline_predictions"][LANDMARK_ONLY] != row["prediction"] for row in rows)


def test_a_run_without_the_report_task_is_evaluated_by_its_scores_alone(run, capsys):
    found = evaluate(run / FOLDER / VISION_ONLY, None, "test", with_reports=True)
    assert found["report"] is None
    assert found["severity"]["counts"]["clips"]
    assert "trained without the task 'report': its scores alone are evaluated" in capsys.readouterr().err


def test_both_score_clips_and_differ(run, simulated):
    dataset = Dataset.open(simulated)
    found, missing = ablation_scores(run, "last", dataset, load_split(dataset, "default")["test"][:4])
    assert missing == []
    assert np.all(found[LANDMARK_ONLY] != found[VISION_ONLY])


@pytest.mark.parametrize("change", [{"total_steps": 16}, {"seed": 3}, {"data.flip_probability": 0.25}])
def test_an_ablation_of_other_settings_is_left_away(run, tmp_path, change):
    copy = tmp_path / "run"
    _link(run, copy)
    config = load_config(copy)
    config.update_from_flattened_dict(change)
    save_config(config, copy / "config.json")
    assert ablation_scores(copy, "last", None, []) == ({}, list(NAMES))


def _link(run, copy):
    """A copy whose config and folders can be changed alone."""
    for path in run.rglob("*"):
        target = copy / path.relative_to(run)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            target.mkdir(exist_ok=True)
        elif path.name == "config.json" and "checkpoints" not in path.parts:
            target.write_bytes(path.read_bytes())
        else:
            target.hardlink_to(path)


@pytest.mark.parametrize("name", ["motion_kind", "vision_kind"])
def test_a_run_of_one_input_has_no_ablation(run, tmp_path, name):
    config = load_config(run)
    config.model[name] = "none"
    assert ablations_of(config) == ()
    save_config(config, tmp_path / "config.json")
    with pytest.raises(UserError, match="a model of one input, or without a severity task, has no ablations"):
        train_ablations(tmp_path)
