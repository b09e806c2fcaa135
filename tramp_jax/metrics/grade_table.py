"""Rounded grades as classes: the confusion matrix and macro-F1 of severity (references: ecosystem.md 7).

Axes: N clips, G = 5 grades.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tramp_jax.metrics.bootstrap import Statistic
from tramp_jax.metrics.emotion import classification
from tramp_jax.metrics.scored import ScoredClips
from tramp_jax.metrics.severity import GRADES, Metric, to_grade

# Key of the matrix of all expressions together.
ALL = "all"


def confusion(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    """(G, G) int64 counts: rows are the rated grades, columns the rounded predictions."""
    # The last column counts unread answers, of which scores have none.
    return classification.confusion(to_grade(truth), to_grade(prediction), len(GRADES))[:, :-1]


def confusion_tables(clips: ScoredClips, expressions: Sequence[str]) -> dict[str, list[list[int]]]:
    """`confusion` of rated clips, per expression and for "all"."""
    found = {name: clips.take(clips.expression == name) for name in expressions} | {ALL: clips}
    return {name: confusion(part.truth, part.prediction).tolist() for name, part in found.items()}


def macro_f1(truth: np.ndarray, prediction: np.ndarray) -> Metric:
    """The plain mean, over the grades that were rated, of each one's F1 = 2 right / (rated so + predicted so)."""
    found = classification.macro_f1(to_grade(truth), to_grade(prediction), len(GRADES))
    # Its flag counts the grades that nobody gave: five are never all expected of a few clips.
    return found if found.value is None else Metric(found.value)


def macro_f1_of(truth: np.ndarray, prediction: np.ndarray) -> Statistic:
    """`macro_f1` of repeated clips, see `bootstrap`."""
    return classification.statistic_of("macro_f1", to_grade(truth), to_grade(prediction), len(GRADES))
