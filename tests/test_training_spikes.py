"""Loss spikes are told by the losses before, and a run goes on without the batches of one as if it had never seen them."""

import contextlib
import dataclasses
import itertools
import json
import os
import re
import signal
import time
from types import SimpleNamespace

import faults
import jax
import numpy as np
import pytest
from interrupted import Run, free_port
from test_checkpoint_store import state

from input_pipeline.dataset import Dataset
from input_pipeline.errors import UserError
from input_pipeline.pipeline import batches
from input_pipeline.shards import write_dataset
from input_pipeline.splits import load_split, read_split, split_path, write_split
from input_pipeline.tokenizer import Tokenizer
from tests.tiny import tiny_batch, tiny_config
from tramp_jax.checkpoint.store import DAMAGED, CheckpointStore
from tramp_jax.config import load_config
from tramp_jax.models.tramp_llama import TrampLlama
from tramp_jax.sharding.mesh import make_mesh
from tramp_jax.tasks.table import active_tasks
from tramp_jax.training.loop import Run as LoopRun
from tramp_jax.training.loop import Trainer, train
from tramp_jax.training.phases import Phases
from tramp_jax.training.setup import starting_state
from tramp_jax.training.skipped import FILE, SkippedBatches
from tramp_jax.training.spikes import LossWindows, Spike, check_spike, roll_back

# Steps are severity, report, severity and again; checkpoints of 4, 8 and 12. Two batches of severity have a clip of absurd
# score: the fourth is that of step 6, and once it is left out, the ninth is that of step 12, where a save is due.
STEPS = 14
BAD = (3, 8)
OPTIONS = (
    f"--config.horizon={STEPS}",
    "--config.evaluate_every=0",
    "--config.model.head.kind=regression",  # the ordinal likelihood of a score off the scale is no number
    "--config.spike.window=3",
    "--config.spike.deviations=100",  # three losses of a run that has just begun vary little, or much, by chance
)
TOTAL = f"--config.total_steps={STEPS}"


def windows(tmp_path, size=3, deviations=2.0, step=0):
    return LossWindows(SimpleNamespace(window=size, deviations=deviations), tmp_path, step)


def test_the_limit_is_that_of_the_last_losses_of_the_task_once_there_are_enough(tmp_path):
    losses, rng = windows(tmp_path), np.random.default_rng(0)
    found = rng.normal(size=7)
    for number, loss in enumerate(found):
        if number < 3:
            assert losses.limit("severity") == np.inf
        else:
            last = found[number - 3 : number]
            assert losses.limit("severity") == pytest.approx(last.mean() + 2 * last.std())
        losses.add("severity", loss)
        losses.add("report", 100.0)
    assert losses.limit("report") == 100
    assert windows(tmp_path, size=0).limit("severity") == np.inf


def test_a_run_started_again_has_the_same_limits_to_the_bit(tmp_path):
    rng, live, rows = np.random.default_rng(0), windows(tmp_path), []
    for step in range(1, 20):
        task, loss = ("severity", "report")[step % 2], float(np.float32(rng.exponential()))
        rows.append({"step": step, "task": task, "loss": loss})
        if step in (8, 9):
            rows[-1] |= {"loss": (None, loss)[step - 8], "skipped": 1}
        elif step <= 12:
            live.add(task, loss)
    rows.insert(6, {"step": 6, "task": "validation", "spearman": 0.5})
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows) + '{"step": 20, "ta')
    again = windows(tmp_path, step=12)
    for task in ("severity", "report"):
        assert again.limit(task) == live.limit(task) < np.inf


@pytest.mark.parametrize(
    ("option", "value"), [("window", -1), ("window", 1), ("deviations", 0.0), ("deviations", np.nan), ("max_rollbacks", -1)]
)
def test_options_without_a_meaning_are_refused(option, value):
    config = tiny_config().spike
    check_spike(config)
    config[option] = value
    with pytest.raises(UserError, match=f"spike.{option}="):
        check_spike(config)


@pytest.fixture
def store(tmp_path):
    """The checkpoints of a run in which severity takes every step."""
    made = CheckpointStore(tmp_path, 5)
    yield made
    made.close()


def spiked_at(step):
    return Spike(step, "severity", step, 9.0, 2.0, (5, 6))


def back_from(step, store, tmp_path, *saved, **changes):
    """Goes back from a spike in a run that saves every 4 steps and has saved at some."""
    config, skipped = tiny_config(checkpoint__every=4, **changes), SkippedBatches(tmp_path)
    for number in saved:
        store.save(state(number), config, {})
    return roll_back(spiked_at(step), config, store, skipped), skipped


def test_the_batches_since_the_newest_checkpoint_are_left_out(store, tmp_path):
    back, skipped = back_from(7, store, tmp_path, 4)
    assert back == 4
    (rollback,) = json.loads((tmp_path / FILE).read_text())
    assert rollback == {
        **{"step": 7, "task": "severity", "task_step": 7, "loss": 9.0, "limit": 2.0, "clips": [5, 6]},
        **{"back_to_step": 4, "batches": [4, 5, 6]},
    }
    assert skipped.rollbacks[0]["batches"] == [4, 5, 6]
    back, skipped = back_from(6, store, tmp_path)
    assert skipped.rollbacks[1]["batches"] == [7, 8]  # what steps 5 and 6 took by then


def test_without_a_checkpoint_it_is_the_start(store, tmp_path):
    back, skipped = back_from(3, store, tmp_path)
    assert (back, skipped.rollbacks[0]["batches"]) == (0, [0, 1, 2])


@pytest.mark.parametrize(
    ("saved", "step", "back"),
    [((4, 6), 7, 4), ((4, 8), 9, 8), ((4,), 8, 4), ((6,), 7, 6), ((2,), 3, 0)],
    ids=["a stop saved", "on the grid", "before a save", "the grid's is gone", "none is due yet"],
)
def test_a_save_at_a_stop_changes_nothing(store, tmp_path, saved, step, back):
    assert back_from(step, store, tmp_path, *saved)[0] == back
    assert store.steps() == [number for number in saved if number <= back]
    given_up = [number for number in saved if number > back]
    assert all((tmp_path / DAMAGED / f"{number}-1").is_dir() for number in given_up)


def test_one_spike_more_than_allowed_ends_the_run(store, tmp_path):
    back_from(7, store, tmp_path, 4, spike__max_rollbacks=2)
    back_from(7, store, tmp_path, spike__max_rollbacks=2)
    before = (tmp_path / FILE).read_bytes()
    with pytest.raises(UserError, match=r"step 7: .*max_rollbacks=2 are used up; the last good checkpoint is of step 4: see"):
        back_from(7, store, tmp_path, spike__max_rollbacks=2)
    assert (tmp_path / FILE).read_bytes() == before


def test_a_stop_that_meets_a_spike_leaves_what_was_before_it(tmp_path, capsys):
    config = tiny_config(model__head__kind="regression", checkpoint__every=4, evaluate_every=6)
    config.schedule.weights.report = 0  # which takes longest to compile
    config.spike.update({"window": 3, "deviations": 100.0})
    model, tasks, mesh = TrampLlama(config.model), active_tasks(config), make_mesh(config.mesh)
    store, skipped = CheckpointStore(tmp_path, 2), SkippedBatches(tmp_path)

    def make_batches(task, first):
        def numbered(number):
            batch = tiny_batch(number)
            batch["score"][0] = 1e3 if number == 5 else 1
            return batch

        return map(numbered, itertools.count(first))

    def evaluate(state):
        assert state.step == 6  # whose loss is the spike, and is not logged yet
        os.kill(os.getpid(), signal.SIGTERM)
        return {}

    def restore():
        raise AssertionError("a run that stops goes on from nowhere")

    with jax.set_mesh(mesh), contextlib.closing(Phases(print, 0)) as phases:
        trainer = Trainer(config, model, tasks, starting_state(config, model, tasks, mesh, store), mesh)
        assert not train(LoopRun(tmp_path, trainer, make_batches, evaluate, restore, store, skipped, {}, phases))
    assert "SIGTERM: stopped at step 4, saved" in capsys.readouterr().err
    assert [rollback["batches"] for rollback in SkippedBatches(tmp_path).rollbacks] == [[4, 5]]
    store = CheckpointStore(tmp_path, 2)
    assert store.steps() == [4]
    store.close()


def stream(data, config, tokenizer, task, needs):
    dataset = Dataset.open(data)
    chosen = load_split(dataset, config.data.split)["train"]
    return batches(
        dataset,
        chosen,
        config.data,
        tokenizer,
        task=task,
        batch_size=config.batch_size[task],
        seed=config.seed,
        train=True,
        needs=needs,
    )


@pytest.fixture(scope="module")
def absurd(simulated, tmp_path_factory):
    """(a data set in which one clip of each of the BAD batches has an absurd score, their indices)."""
    dataset = Dataset.open(simulated)
    severity = stream(simulated, tiny_config(), None, "severity", frozenset({"score"}))
    seen = [set(next(severity)["clip_index"].tolist()) for _ in range(16)]
    chosen = [min(seen[bad].difference(*(other for k, other in enumerate(seen) if k != bad))) for bad in BAD]
    clips = [dataset.clip(index, with_frames=True) for index in range(len(dataset.labels))]
    for index in chosen:
        clips[index] = dataclasses.replace(clips[index], label=dataclasses.replace(clips[index].label, score=1e3))
    folder = tmp_path_factory.mktemp("data") / "absurd"
    write_dataset(clips, folder, "absurd", 1, {})
    write_split(folder, "default", read_split(split_path(simulated, "default")))
    return folder, chosen


@pytest.fixture(scope="module")
def whole(absurd, tmp_path_factory):
    """(a run with two spikes that nothing else disturbed, what it said)."""
    run = Run(absurd[0], tmp_path_factory.mktemp("runs") / "whole", *OPTIONS)
    return run, run.finish(TOTAL)


def test_a_spike_is_said_and_its_batches_are_written_down(whole, absurd):
    run, said = whole
    first, second = json.loads((run.folder / FILE).read_text())
    assert (first["step"], first["task"], first["task_step"], first["back_to_step"], first["batches"]) == (
        6,
        "severity",
        4,
        4,
        [3],
    )
    assert (second["step"], second["back_to_step"], second["batches"]) == (12, 8, [6, 7, 8])
    for rollback, bad in zip((first, second), absurd[1], strict=True):
        assert bad in rollback["clips"]
        assert rollback["loss"] > 10 * rollback["limit"]
    said = " ".join(said.split())
    assert "LOSS SPIKE at step 6: the severity loss is" in said
    assert "going back to step 8, on without 3 batches of severity (rollback 2 of 3, see skipped_batches.json)" in said
    # Steps 5 to 7, and 9 to 12, were taken twice.
    assert re.search(r"goodput .* for 14 steps: .*restore .* s for 7 that were lost", said)
    assert run.steps() == list(range(1, STEPS + 1))
    assert max(json.loads(line).get("loss", 0) for line in run.lines()) < first["limit"]


def left_out(found, numbers):
    return (batch for number, batch in enumerate(found) if number not in numbers)


def test_the_run_is_one_that_never_saw_those_batches(whole, absurd, tmp_path):
    """Steps taken by hand: severity without the batches 3, 6, 7 and 8, report with each of its own."""
    run, _ = whole
    config, tokenizer = load_config(run.folder), Tokenizer.load(run.folder)
    model, tasks, mesh = TrampLlama(config.model), active_tasks(config), make_mesh(config.mesh)
    streams = {task.name: stream(absurd[0], config, tokenizer, task.name, task.needs(config.model)) for task in tasks}
    store = CheckpointStore(tmp_path, 1)
    losses = []
    with jax.set_mesh(mesh):
        trainer = Trainer(config, model, tasks, starting_state(config, model, tasks, mesh, store), mesh)
        left = {"severity": left_out(streams["severity"], (3, 6, 7, 8)), "report": streams["report"]}
        for step in range(STEPS):
            task = trainer.tasks[trainer.schedule.task_at(step)]
            batch = next(left[task.name])
            trainer.compile(task, batch)
            losses.append(float(trainer.step(task, trainer.put(batch))["loss"]))
    store.save(trainer.state, config, {})
    store.settle()
    assert [row["loss"] for row in map(json.loads, run.lines()) if "loss" in row] == losses
    assert store.record().digests == run.digests()
    store.close()


@pytest.mark.slow
def test_stopped_before_a_rollback_and_killed_in_it_a_run_is_the_same_to_the_bit(whole, absurd, tmp_path):
    whole, _ = whole
    run = Run(absurd[0], tmp_path / "run", *OPTIONS)
    run.finish("--config.total_steps=10")  # ends, and saves, where no save is due
    process = run.start(TOTAL)
    while process.poll() is None and len(SkippedBatches(run.folder).rollbacks) < 2:
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    output = process.communicate(timeout=60)[0]
    assert process.returncode == -signal.SIGKILL, output[-3000:]
    assert "continuing from step 10" in output
    assert max(run.steps()) == 12  # and nothing of what comes after going back
    assert "continuing from step 8" in run.finish(TOTAL)
    steps, expected = ([line for line in each.lines() if '"loss"' in line] for each in (run, whole))
    assert steps == expected
    assert run.lines()[-1] == whole.lines()[-1]
    assert run.digests() == whole.digests()
    assert (run.folder / FILE).read_bytes() == (whole.folder / FILE).read_bytes()
    faults.note("run: kill -9, while it goes back at a loss spike", 1, "every loss and every digest as unbroken")


@pytest.mark.slow
def test_two_processes_come_to_the_same_decision(whole, absurd, tmp_path):
    whole, _ = whole
    run = Run(absurd[0], tmp_path / "run", *OPTIONS)
    named = {"JAX_COORDINATOR_ADDRESS": f"127.0.0.1:{free_port()}", "JAX_NUM_PROCESSES": "2"}
    both = [run.start(TOTAL, JAX_PROCESS_ID=str(i), **named) for i in range(2)]
    for process in both:
        output = process.communicate(timeout=400)[0]
        assert process.returncode == 0, output[-3000:]
        assert "LOSS SPIKE at step 12" in output
    found, expected = (SkippedBatches(each.folder).rollbacks for each in (run, whole))
    for name in ("step", "task", "back_to_step", "batches"):
        assert [rollback[name] for rollback in found] == [rollback[name] for rollback in expected]
    mine, theirs = ([json.loads(line) for line in each.lines() if '"loss"' in line] for each in (run, whole))
    assert [line["step"] for line in mine] == [line["step"] for line in theirs]
    np.testing.assert_allclose([line["loss"] for line in mine], [line["loss"] for line in theirs], rtol=1e-5)


def test_rollbacks_that_are_used_up_end_the_run_in_one_line(whole, tmp_path):
    run = whole[0].copy(tmp_path / "run")
    (run.folder / FILE).write_text(f"[{json.dumps(SkippedBatches(whole[0].folder).rollbacks[0])}]")
    store = CheckpointStore(run.folder, 5)
    store.rewind(8)
    store.close()
    process = run.start(TOTAL, "--config.spike.max_rollbacks=1")
    output = process.communicate(timeout=200)[0]
    assert process.returncode == 2
    (line,) = [line for line in output.splitlines() if line.startswith("error:")]
    assert "step 12: the severity loss is" in line
    assert "spike.max_rollbacks=1 are used up; the last good checkpoint is of step 8" in line
    assert "Traceback" not in output
