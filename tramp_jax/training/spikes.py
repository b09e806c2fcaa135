"""Loss spikes: a run goes back to a checkpoint and on without the batches that it saw since. Off unless spike.window is set.

The limit is MaxText's (mean and deviations of a window of losses), the answer PaLM's (go back, leave the batches out).
"""

from __future__ import annotations

import collections
import dataclasses
import math
from pathlib import Path

from ml_collections import ConfigDict

from input_pipeline.errors import UserError
from tramp_jax.checkpoint.store import CheckpointStore
from tramp_jax.training.skipped import FILE, SkippedBatches
from tramp_jax.training.writers import rows_until


@dataclasses.dataclass(frozen=True)
class Spike:
    """A step whose loss was above its limit; `clips` are indices in the data set, of this process's share."""

    step: int
    task: str
    task_step: int
    loss: float
    limit: float
    clips: tuple[int, ...]


class SpikeError(Exception):
    """Leaves the steps at hand, for `roll_back`."""

    def __init__(self, spike: Spike):
        super().__init__(spike)
        self.spike = spike


def check_spike(config: ConfigDict) -> None:
    """Raises UserError for a config.spike that means nothing."""
    if config.window < 0 or config.window == 1:
        raise UserError(f"spike.window={config.window}: expected 0 (off) or 2 losses and more, such as 128")
    if not config.deviations > 0:
        raise UserError(f"spike.deviations={config.deviations}: must be positive, such as 6")
    if config.max_rollbacks < 0:
        raise UserError(f"spike.max_rollbacks={config.max_rollbacks}: must not be negative")


class LossWindows:
    """The last losses of each task, in the run's folder and from then on, and the limit that follows from them.

    A pure function of the losses that metrics.jsonl holds, rounded alike on every machine: all processes come to the same
    decision, and so does a run that was killed and started again.

    Args:
      config: config.spike.
      run: the workdir.
      step: of the state; losses past it are of work that was lost or given up.
    """

    def __init__(self, config: ConfigDict, run: Path, step: int):
        self._size, self._deviations = config.window, config.deviations
        self._losses = collections.defaultdict[str, collections.deque[float]](lambda: collections.deque(maxlen=self._size))
        for row in rows_until(run, step) if self._size else ():
            if row.get("loss") is not None and "skipped" not in row:
                self.add(row["task"], row["loss"])

    def add(self, task: str, loss: float) -> None:
        """The loss of a step that was taken and was no spike."""
        self._losses[task].append(loss)

    def limit(self, task: str) -> float:
        """Above which the next loss of a task is a spike; infinite until its window is full."""
        losses = self._losses[task]
        if not self._size or len(losses) < self._size:
            return math.inf
        mean = math.fsum(losses) / self._size
        return mean + self._deviations * math.sqrt(math.fsum((loss - mean) ** 2 for loss in losses) / self._size)


def roll_back(spike: Spike, config: ConfigDict, store: CheckpointStore, skipped: SkippedBatches) -> int:
    """Makes the newest checkpoint, or the start, the one to go on from, without the task's batches since; to be restored next.

    A kill before the batches are on the disk leads to the same spike again, a kill after it to the same restore.

    Returns:
      The step to go on from.

    Raises:
      UserError: there were as many rollbacks as may be, a save has failed, or the batches cannot be written.
    """
    store.settle()
    above = f"the {spike.task} loss is {spike.loss:.5g}, above {spike.limit:.5g}"
    if len(skipped.rollbacks) >= config.spike.max_rollbacks:
        raise UserError(
            f"step {spike.step}: {above}, and spike.max_rollbacks={config.spike.max_rollbacks} are used up; "
            f"{store.last_good()}: see the clips that {FILE} names, lower optim.{spike.task}.lr, or set spike.max_rollbacks "
            "higher or spike.window=0, and run the same command again"
        )
    # Stops save at any step. Going back to where the run would have saved anyway, it stays the same whether it was stopped.
    every = config.checkpoint.every
    store.rewind((spike.step - 1) // every * every if every else 0)
    record = store.record()
    back, first = (record.step, record.task_steps.get(spike.task, 0)) if record else (0, 0)
    numbers = skipped.numbers(spike.task, first, spike.task_step)
    skipped.add({**dataclasses.asdict(spike), "back_to_step": back, "batches": numbers})
    store.say(
        f"LOSS SPIKE at step {spike.step}: {above}: going back to step {back}, on without {len(numbers)} batches of "
        f"{spike.task} (rollback {len(skipped.rollbacks)} of {config.spike.max_rollbacks}, see {FILE})"
    )
    return back
