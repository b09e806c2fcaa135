"""Which clip stands at which place of a task's endless stream, and who reads it."""

from __future__ import annotations

import dataclasses
import functools
import threading
from collections.abc import Callable, Sequence

import numpy as np

from input_pipeline.errors import RecordError, UserError

Batch = dict[str, np.ndarray]
SHUFFLE, AUGMENT = 1, 2  # keep the random numbers of the two apart


@dataclasses.dataclass(frozen=True)
class Share:
    """This process's rows of every batch from `start_step` on, as positions in the task's stream."""

    batch_size: int
    process_index: int
    process_count: int
    start_step: int
    steps: int

    def __len__(self) -> int:
        return max(self.steps - self.start_step, 0) * (self.batch_size // self.process_count)

    def __getitem__(self, row: int) -> int:
        size = self.batch_size // self.process_count
        step, place = divmod(row, size)
        return (self.start_step + step) * self.batch_size + self.process_index * size + place


class Order:
    """The endless stream of clip indices: one permutation of all clips after the other.

    Grain's own `shuffle` walks cycles in a space of 2^16 or more: with 11 clips it takes 11 ms for one index.
    """

    def __init__(self, indices: Sequence[int], entropy: tuple[int, ...]):
        self._indices = np.asarray(indices)
        # Threads that are ahead and behind stand in two epochs at most, save where a batch holds many.
        self._epoch = functools.lru_cache(maxsize=4)(
            lambda epoch: np.random.default_rng((*entropy, SHUFFLE, epoch)).permutation(self._indices)
        )

    def __getitem__(self, position: int) -> int:
        epoch, place = divmod(position, len(self._indices))
        return int(self._epoch(epoch)[place])


class Readable:
    """Puts the next clip that can be read in place of one with a damaged record, and bounds how many such there are.

    Which clip stands where depends on the files alone, never on threads or on what was read before.
    """

    def __init__(self, indices: Sequence[int], most: int):
        self._indices, self._most = indices, most
        self._place = {index: place for place, index in enumerate(indices)}
        self._bad: set[int] = set()
        self._lock = threading.Lock()

    def __call__(self, index: int, make: Callable[[int], Batch]) -> Batch:
        """The example of the clip, or of one after it, with `left_out`: the clip whose place was taken, -1 for none."""
        place = self._place[index]
        for step in range(len(self._indices)):
            candidate = self._indices[(place + step) % len(self._indices)]
            try:
                return make(candidate) | {"left_out": np.int32(index if step else -1)}
            except RecordError as error:
                self._count(candidate, error)
        raise UserError(f"none of {len(self._indices)} clips can be read: copy the data set again or rebuild it")

    def _count(self, index: int, error: RecordError) -> None:
        with self._lock:
            self._bad.add(index)
            count = len(self._bad)
        if count > self._most:
            told = f" ({count} such clips by now, data.max_bad_clips={self._most})" if self._most else ""
            raise UserError(f"{error}{told}") from error
