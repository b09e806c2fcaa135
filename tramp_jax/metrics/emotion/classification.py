"""Expression recognition: what a confusion matrix says (references: facial_emotion_systems.md 1.6, 2.7).

Axes: N clips, K classes, d draws.

Truth (N,) is a class 0..K-1; a prediction (N,) may also be UNREAD, an answer of which no class could be read. It is wrong and
stays in every denominator. A class of which no clip is there has no recall: it is left out of the means over the classes, with
a flag, as UAR is defined on classes that occur. All means are functions of weights too, for intervals (`statistic_of`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from tramp_jax.metrics.bootstrap import Statistic
from tramp_jax.metrics.severity import NO_CLIPS, Metric

UNREAD = -1


class Counts(NamedTuple):
    """Of each draw and class, (d, K) float64: clips of the class, clips called so, clips of the class called so."""

    support: np.ndarray
    called: np.ndarray
    right: np.ndarray


def confusion(truth: np.ndarray, prediction: np.ndarray, classes: int) -> np.ndarray:
    """(K, K + 1) int64, rows are the truth; the last column counts the unread answers."""
    table = np.zeros((classes, classes + 1), np.int64)
    np.add.at(table, (truth, np.where(prediction == UNREAD, classes, prediction)), 1)
    return table


def accuracy(truth: np.ndarray, prediction: np.ndarray, classes: int) -> Metric:
    """Share of clips that are right. The same as WAR."""
    return _mean(truth, prediction, classes, _accuracy)


def uar(truth: np.ndarray, prediction: np.ndarray, classes: int) -> Metric:
    """Unweighted average recall: the plain mean over the classes of each one's recall (balanced accuracy)."""
    return _mean(truth, prediction, classes, _uar)


def war(truth: np.ndarray, prediction: np.ndarray, classes: int) -> Metric:
    """Weighted average recall: recalls weighted by the clips of each class, which is the accuracy."""
    return accuracy(truth, prediction, classes)


def macro_f1(truth: np.ndarray, prediction: np.ndarray, classes: int) -> Metric:
    """The plain mean over the classes that occur in the truth of each one's F1."""
    return _mean(truth, prediction, classes, _macro_f1)


def weighted_f1(truth: np.ndarray, prediction: np.ndarray, classes: int) -> Metric:
    """F1 of the classes weighted by the clips of each: the measure of MER2023-SEMI."""
    return _mean(truth, prediction, classes, _weighted_f1)


def recalls(truth: np.ndarray, prediction: np.ndarray, classes: int) -> list[Metric]:
    """Of each class; None with a flag where no clip is of it."""
    found = _count(truth, prediction, classes)(np.ones((1, len(truth))))
    return [Metric(float(r / s)) if s else NO_CLIPS for s, r in zip(found.support[0], found.right[0], strict=True)]


def f1_scores(truth: np.ndarray, prediction: np.ndarray, classes: int) -> list[Metric]:
    """Of each class, 2 right / (clips of it + clips called so); None with a flag where no clip is of it."""
    found = _count(truth, prediction, classes)(np.ones((1, len(truth))))
    values = _f1(found)[0]
    return [Metric(float(value)) if s else NO_CLIPS for s, value in zip(found.support[0], values, strict=True)]


METRICS: Mapping[str, Callable[[np.ndarray, np.ndarray, int], Metric]] = {
    "accuracy": accuracy,
    "uar": uar,
    "war": war,
    "macro_f1": macro_f1,
    "weighted_f1": weighted_f1,
}


def statistic_of(name: str, truth: np.ndarray, prediction: np.ndarray, classes: int) -> Statistic:
    """One of METRICS as a function of weights (d, N), for `bootstrap.SubjectDraws`; NaN for a draw without clips."""
    count, mean = _count(truth, prediction, classes), _MEANS[name]
    return lambda weights: mean(count(weights))


def _count(truth: np.ndarray, prediction: np.ndarray, classes: int) -> Callable[[np.ndarray], Counts]:
    one = np.arange(classes) == np.asarray(truth)[:, None]
    two = np.arange(classes) == np.asarray(prediction)[:, None]

    def count(weights: np.ndarray) -> Counts:
        return Counts(*(weights @ part.astype(np.float64) for part in (one, two, one & two)))

    return count


def _mean(truth: np.ndarray, prediction: np.ndarray, classes: int, mean: Callable[[Counts], np.ndarray]) -> Metric:
    if not len(truth):
        return NO_CLIPS
    found = _count(truth, prediction, classes)(np.ones((1, len(truth))))
    absent = 0 if mean in (_accuracy, _weighted_f1) else int((found.support == 0).sum())
    return Metric(float(mean(found)[0]), f"{absent} of {classes} classes have no clips" if absent else "")


def _accuracy(found: Counts) -> np.ndarray:
    return _ratio(found.right.sum(axis=1), found.support.sum(axis=1))


def _uar(found: Counts) -> np.ndarray:
    return _over_present(_ratio(found.right, found.support), found)


def _macro_f1(found: Counts) -> np.ndarray:
    return _over_present(_f1(found), found)


def _weighted_f1(found: Counts) -> np.ndarray:
    return _ratio((np.nan_to_num(_f1(found)) * found.support).sum(axis=1), found.support.sum(axis=1))


def _f1(found: Counts) -> np.ndarray:
    return _ratio(2.0 * found.right, found.support + found.called)


def _over_present(values: np.ndarray, found: Counts) -> np.ndarray:
    present = found.support > 0
    return _ratio(np.where(present, np.nan_to_num(values), 0.0).sum(axis=1), present.sum(axis=1))


def _ratio(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.full(np.shape(part), np.nan), where=np.asarray(whole) > 0)


_MEANS: Mapping[str, Callable[[Counts], np.ndarray]] = {
    "accuracy": _accuracy,
    "uar": _uar,
    "war": _accuracy,
    "macro_f1": _macro_f1,
    "weighted_f1": _weighted_f1,
}
