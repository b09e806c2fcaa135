"""A step's line in metrics.jsonl, and what happens to steps that yield no number."""

from __future__ import annotations

import collections
import dataclasses
import math

import jax
from ml_collections import ConfigDict

from input_pipeline.errors import UserError
from tramp_jax.checkpoint.store import CheckpointStore
from tramp_jax.training.spikes import LossWindows, Spike, SpikeError
from tramp_jax.training.writers import Display, MetricsWriter


@dataclasses.dataclass(frozen=True)
class Pending:
    """A step that was taken, its metrics still on the device.

    Attributes:
      clips: indices in the data set, of this process's share.
      left_out: of clips that could not be read; others of `clips` are in their place.
    """

    step: int
    task: str
    task_step: int
    metrics: dict[str, jax.Array]
    clips: tuple[int, ...]
    left_out: tuple[int, ...] = ()


class StepLog:
    """Writes a step's line, counts steps that were skipped because their loss or gradient was no number, and finds spikes."""

    def __init__(
        self, config: ConfigDict, writer: MetricsWriter, display: Display, store: CheckpointStore, losses: LossWindows
    ):
        self._config, self._writer, self._display, self._store, self._losses = config, writer, display, store, losses
        self._skipped: dict[str, int] = collections.Counter()
        self._left_out: set[int] = set()

    def __call__(self, pending: Pending | None) -> None:
        """Raises UserError where too many steps of a task in a row were skipped, SpikeError where the loss is a spike."""
        if pending is None:
            return
        values = {name: float(value) for name, value in jax.device_get(pending.metrics).items()}
        skipped = bool(values.pop("skipped"))
        about = {"skipped": 1, "clips": list(pending.clips)} if skipped else {}
        if pending.left_out:
            about["left_out"] = list(pending.left_out)
            self._tell_left_out(pending)
        plain = {name: value if math.isfinite(value) else None for name, value in values.items()}
        self._writer.write(pending.step, pending.task, {"task_step": pending.task_step, **plain, **about})
        if not skipped:
            self._skipped[pending.task] = 0
            self._display.update(pending.step, pending.task, values["loss"])
            limit = self._losses.limit(pending.task)
            if values["loss"] > limit:
                where = pending.step, pending.task, pending.task_step
                raise SpikeError(Spike(*where, values["loss"], limit, pending.clips))
            self._losses.add(pending.task, values["loss"])
            return
        self._skipped[pending.task] += 1
        what = "loss" if not math.isfinite(values["loss"]) else "gradient"
        self._display.say(f"step {pending.step}: the {pending.task} {what} is no number: skipped; clips {list(pending.clips)}")
        if self._skipped[pending.task] > self._config.max_skipped:
            raise self._too_many(pending)

    def _tell_left_out(self, pending: Pending) -> None:
        """Once for each clip; metrics.jsonl has every time."""
        if new := sorted(set(pending.left_out) - self._left_out):
            self._left_out.update(new)
            self._display.say(
                f"step {pending.step}: clips {new} cannot be read, others are in their place ({len(self._left_out)} by now; "
                "`python -m input_pipeline.validate` names their records)"
            )

    def _too_many(self, pending: Pending) -> UserError:
        self._store.settle()
        count, task = self._skipped[pending.task], pending.task
        return UserError(
            f"step {pending.step}: {count} {task} steps in a row had a loss or gradient that is no number; "
            f"{self._store.last_good()}: lower optim.{task}.lr or clip_norm, or see the clips that metrics.jsonl names, and "
            "run the same command again"
        )
