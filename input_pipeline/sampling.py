"""Which clip stands at which place of a task's endless stream, and who reads it."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import math
import threading
import types
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

from input_pipeline.errors import RecordError, UserError
from input_pipeline.records import Label
from input_pipeline.side_words import names_a_side

Batch = dict[str, np.ndarray]
SHUFFLE, AUGMENT, GROUP = 1, 2, 3  # keep the random numbers of these apart
GROUPS = ("score", "expression", "emotion", "dataset", "side")


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
    """The endless stream of clip indices, an epoch after the other, each permuted anew.

    An epoch is all clips once; or, with groups, a fixed number of clips of each. A group that has fewer clips than that repeats
    them, one that has more goes on with the others in the next epoch.

    Grain's own `shuffle` walks cycles in a space of 2^16 or more: with 11 clips it takes 11 ms for one index.

    Args:
      indices: of the clips.
      entropy: of the random numbers.
      groups: of each clip; empty for no groups.
      drawn: how many clips of each group an epoch has, at least one.
    """

    def __init__(
        self,
        indices: Sequence[int],
        entropy: tuple[int, ...],
        groups: Sequence[str] = (),
        drawn: Mapping[str, int] = types.MappingProxyType({}),
    ):
        self._indices, self._entropy, self._drawn = np.asarray(indices), entropy, drawn
        self._members = {name: self._indices[np.asarray(groups) == name] for name in sorted(set(groups))}
        self._size = sum(drawn.values()) if groups else len(indices)
        # Threads that are ahead and behind stand in two epochs at most, save where a batch holds many.
        self._epoch = functools.lru_cache(maxsize=4)(
            lambda epoch: np.random.default_rng((*entropy, SHUFFLE, epoch)).permutation(self._clips(epoch))
        )

    def __getitem__(self, position: int) -> int:
        epoch, place = divmod(position, self._size)
        return int(self._epoch(epoch)[place])

    def _clips(self, epoch: int) -> np.ndarray:
        if not self._members:
            return self._indices
        drawn = []
        for number, (name, members) in enumerate(self._members.items()):
            # The group's own endless stream of passes; this epoch's stretch of it.
            places = np.arange(epoch * self._drawn[name], (epoch + 1) * self._drawn[name])
            for turn in range(places[0] // len(members), places[-1] // len(members) + 1):
                order = np.random.default_rng((*self._entropy, GROUP, number, turn)).permutation(members)
                drawn.append(order[places[places // len(members) == turn] % len(members)])
        return np.concatenate(drawn)


def apportion(total: int, weights: Mapping[str, float], most: Mapping[str, int] = types.MappingProxyType({})) -> dict[str, int]:
    """Deals `total` clips out by weight: each share to one clip, and at least one clip each.

    Args:
      total: at least as many as there are names.
      weights: positive.
      most: names that have a limit; what is above it goes to the others, by their weights.

    Returns:
      {name: clips} in the order of `weights`.
    """
    exact = _shares_within(total, weights, most)
    found = {name: max(int(share), 1) for name, share in exact.items()}
    # Largest remainders first; where the least of one has taken too many, the largest groups give them back.
    by_remainder = sorted(exact, key=lambda name: (found[name] - exact[name], name))
    for name in itertools.cycle(by_remainder or ("",)):
        if sum(found.values()) >= total:
            break
        found[name] += 1
    while sum(found.values()) > total:
        found[max(found, key=lambda name: (found[name], name))] -= 1
    return found


def _shares_within(total: int, weights: Mapping[str, float], most: Mapping[str, int]) -> dict[str, float]:
    exact: dict[str, float] = {}
    free, left = dict(weights), float(total)
    while free:
        exact |= {name: left * weight / sum(free.values()) for name, weight in free.items()}
        over = [name for name in free if exact[name] > most.get(name, math.inf)]
        if not over:
            break
        for name in over:
            exact[name] = float(most[name])
            left -= most[name]
            del free[name]
    return exact


def group_of(label: Label, by: str) -> str:
    """The group of a clip: its rounded score, its expression, its emotion, or its data set; "none" where it has none.

    By side it is "one-sided" where the report names a side, else "even".
    """
    if by == "score":
        return "none" if label.score is None else str(math.floor(label.score + 0.5))
    if by == "emotion":
        return str(label.targets.get("emotion", "none"))
    if by == "side":
        return "one-sided" if names_a_side(label.report or "") else "even"
    return {"expression": label.expression, "dataset": label.dataset}[by]


class Readable:
    """Puts the next clip that can be read in place of one with a damaged record, and bounds how many such there are.

    Which clip stands where depends on the files alone, never on threads or on what was read before.

    Args:
      sets: clips that stand in for each other, one set or several.
      most: how many clips may be damaged, all sets together.
    """

    def __init__(self, sets: Iterable[Sequence[int]], most: int):
        self._most = most
        self._place = {index: (members, place) for members in sets for place, index in enumerate(members)}
        self._bad: set[int] = set()
        self._lock = threading.Lock()

    def __call__(self, index: int, make: Callable[[int], Batch]) -> Batch:
        """The example of the clip, or of one after it, with `left_out`: the clip whose place was taken, -1 for none."""
        members, place = self._place[index]
        for step in range(len(members)):
            candidate = members[(place + step) % len(members)]
            try:
                return make(candidate) | {"left_out": np.int32(index if step else -1)}
            except RecordError as error:
                self._count(candidate, error)
        raise UserError(f"none of {len(members)} clips can be read: copy the data set again or rebuild it")

    def _count(self, index: int, error: RecordError) -> None:
        with self._lock:
            self._bad.add(index)
            count = len(self._bad)
        if count > self._most:
            told = f" ({count} such clips by now, data.max_bad_clips={self._most})" if self._most else ""
            raise UserError(f"{error}{told}") from error
