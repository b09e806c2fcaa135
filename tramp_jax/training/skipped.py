"""The batches that a run leaves out after loss spikes: RUN/skipped_batches.json, one line for each rollback.

Batch k of a task stays what it is. What changes is which batch a task's step takes: the step-th of those that are not left out.
So the file alone says what a run, started again from whichever checkpoint, was and will be trained on.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from input_pipeline.errors import UserError
from input_pipeline.whole_files import write_whole
from tramp_jax.sharding.processes import is_writer, wait_for_all

FILE = "skipped_batches.json"
Batches = Iterator[dict[str, np.ndarray]]


def batch_number(left_out: Collection[int], step: int) -> int:
    """The number of the batch that a task's step takes, both counted from 0: the step-th that is not left out."""
    number = step
    for left in sorted(left_out):
        if left > number:
            break
        number += 1
    return number


class SkippedBatches:
    """What a run leaves out. Every process reads the file, one writes it.

    Attributes:
      rollbacks: as in the file, in order: step, task, task_step, loss, limit and clips of the spike, back_to_step, and the
        numbers of the task's batches that are left out for it.

    Raises:
      UserError: the file is damaged.
    """

    def __init__(self, run: Path):
        self._path = run / FILE
        self.rollbacks: list[dict[str, Any]] = []
        try:
            self.rollbacks = json.loads(self._path.read_text())
            sound = isinstance(self.rollbacks, list) and all(
                isinstance(rollback["task"], str) and all(isinstance(number, int) for number in rollback["batches"])
                for rollback in self.rollbacks
            )
            if not sound:
                raise ValueError("no list of rollbacks")
        except FileNotFoundError:
            pass
        except (ValueError, KeyError, TypeError) as error:
            raise UserError(
                f"{self._path}: damaged ({type(error).__name__}: {error}), and without it the run would see other batches: "
                "bring it back from a copy, or begin anew in another --workdir"
            ) from error

    def numbers(self, task: str, first: int, end: int) -> list[int]:
        """Which batches the steps `first` to `end` - 1 of a task take."""
        left_out = self._left_out(task)
        return [batch_number(left_out, step) for step in range(first, end)]

    def without(self, task: str, first: int, batches_from: Callable[[int], Batches]) -> Batches:
        """The batches of a task from step `first` on; `batches_from(k)` yields all from number k on."""
        left_out = self._left_out(task)
        number = batch_number(left_out, first)
        return (batch for k, batch in enumerate(batches_from(number), number) if k not in left_out)

    def add(self, rollback: dict[str, Any]) -> None:
        """Leaves more batches out; on the disk in one go, before any process goes on.

        Raises:
          UserError: the file cannot be written.
        """
        self.rollbacks.append(rollback)
        if is_writer():
            text = "[\n" + ",\n".join(map(json.dumps, self.rollbacks)) + "\n]\n"
            try:
                write_whole({self._path: text})
            except OSError as error:
                raise UserError(f"{self._path}: cannot be written ({error}): make room or see to its permissions") from error
        wait_for_all("skipped batches")

    def _left_out(self, task: str) -> set[int]:
        return {number for rollback in self.rollbacks if rollback["task"] == task for number in rollback["batches"]}
