"""A step's line, and the end of a run whose steps yield no numbers."""

import dataclasses
import json

import numpy as np
import pytest

from input_pipeline.errors import UserError
from tests.tiny import tiny_config
from tramp_jax.checkpoint.store import CheckpointStore
from tramp_jax.training.spikes import LossWindows, SpikeError
from tramp_jax.training.step_log import Pending, StepLog
from tramp_jax.training.writers import Display, MetricsWriter


@pytest.fixture
def log(tmp_path):
    """(log of a run that bears two skipped steps in a row, its folder)."""
    config, store = tiny_config(max_skipped=2, spike__window=3), CheckpointStore(tmp_path, 1)
    writer, display = MetricsWriter(tmp_path, 0), Display(10, 0, 1)
    yield StepLog(config, writer, display, store, LossWindows(config.spike, tmp_path, 0)), tmp_path
    display.close()
    writer.close()
    store.close()


def step(number, task="severity", loss=1.0, grad_norm=1.0):
    finite = np.isfinite(loss) and np.isfinite(grad_norm)
    metrics = {"loss": np.float32(loss), "grad_norm": np.float32(grad_norm), "skipped": np.float32(not finite)}
    return Pending(number, task, number, metrics, (7, 8))


def lines(folder):
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def test_a_skipped_step_names_its_clips(log, capsys):
    write, folder = log
    write(step(1))
    write(step(2, loss=np.nan))
    write(step(3, grad_norm=np.inf))
    good, loss, gradient = lines(folder)
    assert good == {"step": 1, "task": "severity", "task_step": 1, "loss": 1.0, "grad_norm": 1.0}
    assert loss == good | {"step": 2, "task_step": 2, "loss": None, "skipped": 1, "clips": [7, 8]}
    assert gradient["grad_norm"] is None
    said = " ".join(capsys.readouterr().err.split())
    assert "step 2: the severity loss is no number: skipped; clips [7, 8]" in said
    assert "step 3: the severity gradient is no number" in said


def test_too_many_in_a_row_end_the_run_and_a_good_one_begins_the_count_anew(log):
    write, _ = log
    for number in range(1, 7):
        write(step(number, loss=1.0 if number % 3 == 0 else np.nan))
    write(step(7, task="report", loss=np.nan))
    write(step(8, loss=np.nan))
    write(step(9, loss=np.nan))
    with pytest.raises(
        UserError, match=r"step 10: 3 severity steps in a row .* there is no checkpoint: lower optim\.severity\.lr"
    ):
        write(step(10, loss=np.nan))


def test_a_spike_leaves_the_steps_once_its_line_is_written(log):
    write, folder = log
    for number, loss in enumerate((1.0, 1.5, np.nan, 1.25), 1):
        write(step(number, loss=loss))
    write(step(5, task="report", loss=50.0))  # another task's
    write(step(6, loss=50.0, grad_norm=np.inf))  # of a step that changed nothing
    with pytest.raises(SpikeError) as raised:
        write(step(7, loss=3.0))
    spike = raised.value.spike
    assert (spike.step, spike.task, spike.task_step, spike.loss, spike.clips) == (7, "severity", 7, 3.0, (7, 8))
    assert spike.limit == pytest.approx(1.25 + 6 * np.std([1.0, 1.5, 1.25]))
    assert lines(folder)[-1]["step"] == 7


def test_clips_that_cannot_be_read_are_logged(log, capsys):
    """In every line, and said once for each."""
    write, folder = log
    for number, left_out in ((1, (5,)), (2, ()), (3, (5, 9))):
        write(dataclasses.replace(step(number), left_out=left_out))
    assert [line.get("left_out") for line in lines(folder)] == [[5], None, [5, 9]]
    said = " ".join(capsys.readouterr().err.split())
    assert said.count("clips [5] cannot be read") == 1
    assert "step 3: clips [9] cannot be read, others are in their place (2 by now" in said
