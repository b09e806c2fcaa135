"""Which checkpoint of a run is the best: by Spearman on the validation fold, never on the test fold.

What was measured is in RUN/metrics.jsonl, which holds no step that the newest checkpoint does not: a run that goes on, or goes
back, finds its best again there, and nothing else has to be kept in step with it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from ml_collections import ConfigDict

VALIDATION, METRIC = "validation", "spearman"


class Validated(NamedTuple):
    """A step and its mean Spearman on the validation fold."""

    step: int
    value: float


def best_of(rows: Iterable[Mapping[str, Any]], config: ConfigDict, steps: Collection[int] | None = None) -> Validated | None:
    """The best validated step that a run saves whether or not it was stopped on the way; of equals the first.

    Args:
      rows: of metrics.jsonl.
      config: of the run: its steps between saves, and its last.
      steps: those to choose from; None for all.

    Returns:
      None where none was validated.
    """
    best = None
    for row in rows:
        if row["task"] != VALIDATION or row.get(METRIC) is None or not _is_saved(row["step"], config):
            continue
        if (steps is None or row["step"] in steps) and (best is None or row[METRIC] > best.value):
            best = Validated(row["step"], row[METRIC])
    return best


def _is_saved(step: int, config: ConfigDict) -> bool:
    every = config.checkpoint.every
    return step == config.total_steps or (every > 0 and step % every == 0)
