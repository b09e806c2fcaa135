"""A run from a config and a folder: what it leaves behind, and that it goes on where it stopped."""

import json
import re
import shutil
import time

import pytest

from input_pipeline.errors import UserError
from tests.tiny import tiny_config
from tramp_jax.trainer import run_training


@pytest.fixture(scope="module")
def finished(simulated, tmp_path_factory):
    """(config, run folder) of 12 steps with a checkpoint at 6."""
    run = tmp_path_factory.mktemp("runs") / "whole"
    config = tiny_config(data__path=str(simulated))
    run_training(config, run)
    return config, run


def lines(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_every_step_is_a_line_with_its_task_and_loss(finished):
    steps = [line for line in lines(finished[1]) if line["task"] != "validation"]
    assert [line["step"] for line in steps] == list(range(1, 13))
    assert [line["task_step"] for line in steps if line["task"] == "report"] == [1, 2, 3, 4]
    assert all(line["loss"] > 0 for line in steps)


def test_the_run_holds_config_tokenizer_checkpoints_and_events(finished):
    run = finished[1]
    assert json.loads((run / "config.json").read_text())["trained_on"] == "simulated"
    assert (run / "tokenizer.model").stat().st_size > 0
    assert sorted(int(p.name) for p in (run / "checkpoints").iterdir() if p.name.isdigit()) == [6, 12]
    assert list((run / "events").glob("events*"))


def test_a_run_that_lost_its_last_steps_repeats_them_bit_for_bit_and_says_what_that_took(finished, tmp_path, capsys):
    config, run = finished
    again = tmp_path / "again"
    shutil.copytree(run, again)
    shutil.rmtree(again / "checkpoints" / "12")
    began = time.monotonic()
    run_training(config, again, began=began - 1000)
    took = time.monotonic() - began
    assert lines(again) == lines(run)
    said = " ".join(capsys.readouterr().err.split())
    assert "goodput 0% of 10" in said
    seconds = {name: float(value) for name, value in re.findall(r"([\w-]+) ([\d.]+) s", said.split("for 6 steps: ")[1])}
    assert seconds.keys() >= {"start-up", "restore", "compile", "steps", "checkpoint"}
    assert 1000 < seconds["start-up"] < 1000 + took
    assert "s for 6 that were lost" in said


def test_a_finished_run_is_left_alone(finished, capsys):
    config, run = finished
    before = lines(run)
    run_training(config, run)
    assert "already at step 12" in capsys.readouterr().err
    assert lines(run) == before


def test_another_model_than_the_checkpoints_is_refused_in_one_line(finished, tmp_path):
    _, run = finished
    other = tmp_path / "other"
    shutil.copytree(run, other)
    config = tiny_config(data__path=json.loads((run / "config.json").read_text())["data"]["path"], model__lora__rank=3)
    with pytest.raises(UserError, match="cannot be restored"):
        run_training(config, other)
