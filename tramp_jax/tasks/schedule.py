"""Which task a step belongs to: a pure function of (schedule, step), so every host agrees and resuming needs no state."""

from __future__ import annotations

import dataclasses
import itertools
from functools import lru_cache

from ml_collections import ConfigDict

from input_pipeline.errors import UserError


@dataclasses.dataclass(frozen=True)
class Schedule:
    """Weighted alternation: within one round of sum(weights) steps the tasks are spread as evenly as possible.

    Attributes:
      weights: (task, steps per round), in the order of the task table.
      first_step: (task, step at which it joins).
    """

    weights: tuple[tuple[str, int], ...]
    first_step: tuple[tuple[str, int], ...]

    @classmethod
    def from_config(cls, config: ConfigDict) -> Schedule:
        """Reads config.schedule.

        Raises:
          UserError: a negative weight, or no task at step 0.
        """
        weights = tuple((task, int(weight)) for task, weight in config.weights.items() if weight)
        first = tuple((task, int(config.first_step.get(task, 0))) for task, _ in weights)
        if any(weight < 0 for _, weight in weights):
            raise UserError(f"schedule.weights: {dict(weights)} has a negative weight: use whole numbers from 0")
        if not any(step == 0 for _, step in first):
            raise UserError(f"schedule: no task runs at step 0 (first_step {dict(first)}): let one task start at 0")
        return cls(weights, first)

    def task_at(self, step: int) -> str:
        """The task of a global step, counted from 0."""
        active, start = self._phase(step)
        round_ = _round(active)
        return round_[(step - start) % len(round_)]

    def count(self, task: str, steps: int) -> int:
        """How many of the first `steps` global steps belong to a task."""
        borders = [*sorted({0, *(first for _, first in self.first_step if first < steps)}), steps]
        total = 0
        for begin, end in itertools.pairwise(borders):
            active, start = self._phase(begin)
            round_ = _round(active)
            full, rest = divmod(end - start, len(round_))
            total += full * round_.count(task) + round_[:rest].count(task)
        return total

    def _phase(self, step: int) -> tuple[tuple[tuple[str, int], ...], int]:
        joined = {task: first for task, first in self.first_step if first <= step}
        active = tuple((task, weight) for task, weight in self.weights if task in joined)
        return active, max(joined.values())


@lru_cache(maxsize=64)
def _round(weights: tuple[tuple[str, int], ...]) -> tuple[str, ...]:
    total = sum(weight for _, weight in weights)
    credit = dict.fromkeys((task for task, _ in weights), 0)
    order = []
    for _ in range(total):
        for task, weight in weights:
            credit[task] += weight
        chosen = max(credit, key=credit.__getitem__)
        credit[chosen] -= total
        order.append(chosen)
    return tuple(order)
