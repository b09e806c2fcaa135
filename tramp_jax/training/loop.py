"""The training loop: one commented order of operations, nothing else decides what happens when."""

from __future__ import annotations

import contextlib
import dataclasses
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh
from ml_collections import ConfigDict

from input_pipeline.errors import UserError
from tramp_jax.checkpoint.best import VALIDATION, best_of
from tramp_jax.checkpoint.digests import differing_copies
from tramp_jax.checkpoint.store import CheckpointStore, tell
from tramp_jax.models.tramp_llama import TrampLlama
from tramp_jax.sharding.mesh import batch_sharding, replicated
from tramp_jax.sharding.processes import is_writer
from tramp_jax.tasks.schedule import Schedule
from tramp_jax.tasks.table import Task
from tramp_jax.training.phases import Phases
from tramp_jax.training.proportions import Count, count_nothing
from tramp_jax.training.skipped import SkippedBatches
from tramp_jax.training.spikes import LossWindows, Spike, SpikeError, roll_back
from tramp_jax.training.state import Partition, TrainState, merge, optimizers
from tramp_jax.training.step import jit_step, make_step
from tramp_jax.training.step_log import Pending, StepLog
from tramp_jax.training.stopping import StopSignal
from tramp_jax.training.writers import Display, MetricsWriter, rows_until

# (task, the task's first step) -> its endless batches; batch k is a pure function of (seed, task, k).
MakeBatches = Callable[[Task, int], Iterator[dict[str, np.ndarray]]]
Evaluate = Callable[[TrainState], dict[str, float | None]]  # None: no number


class Trainer:
    """Compiled steps of every task over one state.

    Args:
      config: of the run.
      model: the assembly.
      tasks: the active ones.
      state: lives in `self.state` from now on; its owned buffers are donated at each step.
      mesh: where batches go.
    """

    def __init__(self, config: ConfigDict, model: TrampLlama, tasks: Sequence[Task], state: TrainState, mesh: Mesh):
        self.config, self.model, self.state = config, model, state
        self.tasks = {task.name: task for task in tasks}
        self.schedule = Schedule.from_config(config.schedule)
        self._partition = Partition.of(state.params, state.stats, config, tasks)
        self._sharding, self._everywhere = batch_sharding(mesh), replicated(mesh)
        self._optimizers = optimizers(config, tasks)
        self._compiled: dict[str, Any] = {}
        self.taken = 0  # steps, those included that a loss spike has undone

    def compile(self, task: Task, batch: dict[str, np.ndarray]) -> None:
        """Compiles a task's step for batches of this shape, before the first step: a compile mid-run looks like a hang.

        Once: after going back to a checkpoint the program is the same.
        """
        if task.name in self._compiled:
            return
        step = make_step(
            task,
            self.model,
            self._optimizers[task.name],
            seed=self.config.seed,
            parts=self.config.accumulation[task.name],
        )
        arguments = self._arguments(task, self.put(batch))
        self._compiled[task.name] = jit_step(step, *arguments[:3]).lower(*arguments).compile()

    def put(self, batch: dict[str, np.ndarray]) -> dict[str, jax.Array]:
        """This host's share of a batch, onto its devices."""
        return {name: jax.make_array_from_process_local_data(self._sharding, array) for name, array in batch.items()}

    def step(self, task: Task, batch: dict[str, jax.Array]) -> dict[str, jax.Array]:
        """Takes one step of one task; returns its metrics, still on the device."""
        arguments = self._arguments(task, batch)
        # What is not on the device by now would be copied there step by step, unseen.
        with jax.transfer_guard("disallow"):
            owned, opt, owned_stats, metrics = self._compiled[task.name](*arguments)
        state = self.state
        # A merge of dicts: leaves that the task does not own stay the very same arrays.
        state.params = merge(state.params, owned)
        state.stats = merge(state.stats, owned_stats)
        state.opt[task.name] = opt
        state.task_steps[task.name] += 1
        state.step += 1
        self.taken += 1
        return metrics

    def release(self) -> None:
        """Gives the state's memory back before another is restored: there may be no room for two."""
        for leaf in jax.tree.leaves(self.state.to_tree()):
            if isinstance(leaf, jax.Array):
                leaf.delete()

    def _arguments(self, task: Task, batch: dict[str, jax.Array]) -> tuple[Any, ...]:
        state = self.state
        owned, others = self._partition.split(state.params, task, self.config.model)
        owned_stats, other_stats = self._partition.split(state.stats, task, self.config.model)
        count = np.asarray(state.task_steps[task.name], np.int32)
        number = jax.make_array_from_callback((), self._everywhere, lambda _: count)
        return owned, state.opt[task.name], owned_stats, others, other_stats, batch, number


@dataclasses.dataclass(frozen=True)
class Run:
    """What a run consists of.

    Attributes:
      folder: the workdir.
      trainer: with the state to start from.
      make_batches: see `MakeBatches`.
      evaluate: the numbers of a validation.
      restore: the newest checkpoint's state, or a new one.
      store: the checkpoints.
      skipped: the batches that `make_batches` leaves out.
      identity: what must not change while the run goes on.
      phases: where the time goes.
      count: of a step's clips, those of each source.
    """

    folder: Path
    trainer: Trainer
    make_batches: MakeBatches
    evaluate: Evaluate
    restore: Callable[[], TrainState]
    store: CheckpointStore
    skipped: SkippedBatches
    identity: dict[str, Any]
    phases: Phases
    count: Count = count_nothing


def train(run: Run) -> bool:
    """Runs from the state's step to config.total_steps, or until it is asked to stop, and saves; at a loss spike it goes back.

    Returns:
      Whether it has reached the end.

    Raises:
      UserError: too many losses are no numbers, or too many spikes, or a checkpoint cannot be saved.
      KeyboardInterrupt: Ctrl-C, after saving.
    """
    trainer, phases = run.trainer, run.phases
    config, begin = trainer.config, trainer.state.step
    with contextlib.ExitStack() as closing:
        closing.callback(run.store.close)
        writer = MetricsWriter(run.folder, begin, enabled=is_writer())
        closing.callback(writer.close)
        display = Display(config.total_steps, begin, config.log_every)
        closing.callback(display.close)
        stop = closing.enter_context(StopSignal())
        run.store.say = phases.say = display.say
        lost = writer.dropped
        while spike := _train_until_spike(run, writer, display, stop):
            with phases("restore", f"the state from before the loss spike of step {spike.step}"):
                saved = roll_back(spike, config, run.store, run.skipped)
                if stop.received:
                    break
                trainer.release()
                trainer.state = run.restore()
                writer.rewind(trainer.state.step)
        else:
            saved = trainer.state.step
        again = lost + trainer.taken - (saved - begin)
        display.say(phases.summary(max(saved - begin, 0), trainer.taken, min(again, trainer.taken)))
    if stop.received:
        tell(f"{stop.received.name}: stopped at step {saved}, saved; the same command goes on from there")
    if stop.received == signal.SIGINT:
        raise KeyboardInterrupt
    return not stop.received


def _train_until_spike(run: Run, writer: MetricsWriter, display: Display, stop: StopSignal) -> Spike | None:
    try:
        _take_steps(run, writer, display, stop)
    except SpikeError as error:
        return error.spike
    return None


def _take_steps(run: Run, writer: MetricsWriter, display: Display, stop: StopSignal) -> None:
    trainer, store, phases = run.trainer, run.store, run.phases
    config, state = trainer.config, trainer.state
    start = state.step  # evaluated and saved already, where it is a checkpoint's
    batches = {name: run.make_batches(task, state.task_steps[name]) for name, task in trainer.tasks.items()}
    waiting = {}
    for name, task in trainer.tasks.items():
        with phases("data", f"the first batch of {name}"):
            waiting[name] = next(batches[name])
        with phases("compile", f"the compiler, for {name}"):
            trainer.compile(task, waiting[name])
    display.restart(start)
    phases.start_loop()

    log = StepLog(config, writer, display, store, LossWindows(config.spike, run.folder, start))
    pending: Pending | None = None  # of the step before, so that the host never waits for the step that runs

    # Read back where a run goes on: a choice on the validation fold, the same whether or not the run was stopped.
    validated = [row for row in rows_until(run.folder, start) if row["task"] == VALIDATION]

    def save() -> None:
        nonlocal pending
        log(pending)  # no step that a checkpoint holds lacks its line, or was a spike
        pending = None
        with phases("checkpoint", f"the checkpoint of step {state.step}"):
            writer.publish()
            best = best_of(validated, config)
            store.best = None if best is None else best.step
            store.save(state, config, run.identity)

    def validate() -> None:
        with phases("evaluation", f"the validation at step {state.step}"):
            found = run.evaluate(state)
            writer.write(state.step, VALIDATION, found)
        validated.append({"step": state.step, "task": VALIDATION, **found})

    # DO NOT CHANGE THE ORDER: compare, evaluate, save, stop, next batch, step, log. Evaluation and save see the state that
    # `step` names, what is due at a step is done before a stop, and no batch is consumed that a save does not count.
    while state.step < config.total_steps:
        if state.step > start and _due(state.step, config.compare_copies_every):
            with phases("comparison", f"the comparison of copies at step {state.step}"):
                check_copies(state)
        if state.step > start and _due(state.step, config.evaluate_every):
            validate()
        if state.step > start and _due(state.step, config.checkpoint.every):
            save()
        if stop.asked():
            break
        store.poll()
        name = trainer.schedule.task_at(state.step)
        batch, waiting[name] = waiting[name], None
        clips, left_out = (tuple(batch[field].tolist()) for field in ("clip_index", "left_out"))
        with phases("steps", f"step {state.step} ({name})"):
            placed = trainer.put(batch)
            metrics = trainer.step(trainer.tasks[name], placed) | run.count(placed["clip_index"])
        with phases("data", f"the next batch of {name}"):
            waiting[name] = next(batches[name])
        with phases("steps", f"step {state.step - 1}"):
            log(pending)
        unread = tuple(clip for clip in left_out if clip >= 0)
        pending = Pending(state.step, name, state.task_steps[name], metrics, clips, unread)
    if not stop.received:
        validate()
    save()
    with phases("checkpoint", f"the checkpoint of step {state.step}"):
        store.settle()


def check_copies(state: TrainState) -> None:
    """Raises UserError where devices that should hold the same hold something else; before that is saved."""
    if differing := differing_copies(state.to_tree()):
        raise UserError(
            f"step {state.step}: devices hold different copies of {differing[0]} ({len(differing)} such): memory or a chip has "
            "failed: run the same command on other machines; it goes on from the newest checkpoint"
        )


def _due(step: int, every: int) -> bool:
    return every > 0 and step % every == 0
