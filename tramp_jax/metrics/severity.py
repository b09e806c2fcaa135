"""Metrics for severity scores against rated grades (references: seke_and_evaluation.md B.2).

Axes: N clips.

Every metric takes rated grades `truth` (N,) and unclipped predicted scores `prediction` (N,), and returns a `Metric`: a finite
value, and a flag that says why the value is a convention where the formula has none (a constant input, no clips). Nothing here
returns NaN: a NaN in a table hides which of two models collapsed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from input_pipeline.records import POSED

GRADES = (0, 1, 2, 3, 4)
SCALE_RANGE = 4.0


class Metric(NamedTuple):
    """A finite value, or None where there is nothing to measure; `flag` is "" unless the value is a convention."""

    value: float | None
    flag: str = ""


class Interval(NamedTuple):
    """Lower and upper end; None and None where there is nothing to measure."""

    low: float | None
    high: float | None
    flag: str = ""


NO_CLIPS = Metric(None, "no clips")


def spearman(truth: np.ndarray, prediction: np.ndarray) -> Metric:
    """Spearman's rank correlation with average ranks for ties; 0 with a flag where either side is constant."""
    if flag := _degenerate(truth, prediction):
        return _undefined(flag)
    return Metric(_correlation(stats.rankdata(truth), stats.rankdata(prediction)))


def tie_ceiling(truth: np.ndarray) -> Metric:
    """The largest Spearman that predictions without ties can reach against these tied grades.

    Exact for N clips, sqrt((N^3 - N - sum(t^3 - t)) / (N^3 - N)) over the tie counts t; for large N it is
    sqrt(1 - sum p^3) over the shares p of the grades. Predictions with ties can exceed it.
    """
    if flag := _degenerate(truth):
        return _undefined(flag)
    ties = np.unique(truth, return_counts=True)[1].astype(np.float64)
    whole = float(len(truth)) ** 3 - len(truth)
    return Metric(float(np.sqrt((whole - np.sum(ties**3 - ties)) / whole)))


def pearson(truth: np.ndarray, prediction: np.ndarray) -> Metric:
    """Pearson's correlation; 0 with a flag where either side is constant."""
    if flag := _degenerate(truth, prediction):
        return _undefined(flag)
    return Metric(_correlation(truth, prediction))


def kendall_tau_b(truth: np.ndarray, prediction: np.ndarray) -> Metric:
    """Kendall's tau-b, which corrects for ties on both sides; 0 with a flag where either side is constant."""
    if flag := _degenerate(truth, prediction):
        return _undefined(flag)
    return Metric(float(stats.kendalltau(truth, prediction, variant="b").statistic))


def mae(truth: np.ndarray, prediction: np.ndarray) -> Metric:
    """Mean absolute error in grades."""
    return Metric(float(np.mean(np.abs(prediction - truth)))) if len(truth) else NO_CLIPS


def macro_mae(truth: np.ndarray, prediction: np.ndarray) -> Metric:
    """The mean over the grades present of the mean absolute error within each, since low grades dominate the plain one."""
    if not len(truth):
        return NO_CLIPS
    grades = to_grade(truth)
    error = np.abs(prediction - truth)
    return Metric(float(np.mean([error[grades == grade].mean() for grade in np.unique(grades)])))


def rmse(truth: np.ndarray, prediction: np.ndarray) -> Metric:
    """Root of the mean squared error in grades."""
    return Metric(float(np.sqrt(np.mean((prediction - truth) ** 2)))) if len(truth) else NO_CLIPS


def relative_l2(truth: np.ndarray, prediction: np.ndarray) -> Metric:
    """100 * mean(((prediction - truth) / 4)^2), as papers on action quality print it.

    On the fixed scale 0-4: CoRe's code divides by the range of the evaluated set, which lets a small fold change the metric.
    """
    return Metric(float(100.0 * np.mean(((prediction - truth) / SCALE_RANGE) ** 2))) if len(truth) else NO_CLIPS


def quadratic_kappa(truth: np.ndarray, prediction: np.ndarray) -> Metric:
    """Cohen's kappa with quadratic weights on rounded grades 0-4.

    With these weights the formula is 1 - observed / expected squared disagreement, so grades that nobody used add nothing. 0
    with a flag where both sides are the same one grade (0/0), or the truth is one grade (0 whatever the prediction).
    """
    if not len(truth):
        return NO_CLIPS
    one, two = to_grade(truth).astype(np.float64), to_grade(prediction).astype(np.float64)
    if np.ptp(one) == 0:
        return Metric(0.0, "constant truth")
    expected = one.var() + two.var() + (one.mean() - two.mean()) ** 2
    return Metric(float(1.0 - np.mean((one - two) ** 2) / expected))


def icc_a1(truth: np.ndarray, prediction: np.ndarray) -> Metric:
    """ICC(A,1) of rated grade and unclipped score as two raters: absolute agreement, so that an offset or a scale costs.

    0 with a flag where either side is constant: no variance between clips is left to be agreed on.
    """
    if flag := _degenerate(truth, prediction):
        return _undefined(flag)
    return intraclass_correlation(np.stack([truth, prediction], axis=1))


def intraclass_correlation(ratings: np.ndarray) -> Metric:
    """ICC(A,1), Shrout and Fleiss's ICC(2,1): two-way random effects, absolute agreement, a single rater.

    (MSR - MSE) / (MSR + (k - 1) MSE + k (MSC - MSE) / n) over the mean squares of clips (R), raters (C) and the rest (E).

    Args:
      ratings: (n, k) of n clips by the same k raters, without gaps.

    Raises:
      ValueError: fewer than 2 clips or raters.
    """
    n, k = ratings.shape
    between_clips, between_raters, rest = mean_squares(ratings)
    whole = between_clips + (k - 1) * rest + k * (between_raters - rest) / n
    # Two clips that swap places have neither a mean square of clips nor of raters, and so -1/0.
    if whole <= 1e-12 * (between_clips + between_raters + rest):
        return Metric(0.0, "no variance")
    return Metric(float((between_clips - rest) / whole))


def accuracy(truth: np.ndarray, prediction: np.ndarray) -> Metric:
    """Share of clips whose rounded score is the rated grade."""
    return Metric(float(np.mean(to_grade(truth) == to_grade(prediction)))) if len(truth) else NO_CLIPS


def within_one(truth: np.ndarray, prediction: np.ndarray) -> Metric:
    """Share of clips whose rounded score is at most one grade off. Easy on five grades: see the constant median's."""
    return Metric(float(np.mean(np.abs(to_grade(truth) - to_grade(prediction)) <= 1))) if len(truth) else NO_CLIPS


METRICS: Mapping[str, Callable[[np.ndarray, np.ndarray], Metric]] = {
    "spearman": spearman,
    "pearson": pearson,
    "kendall_tau_b": kendall_tau_b,
    "mae": mae,
    "macro_mae": macro_mae,
    "rmse": rmse,
    "relative_l2": relative_l2,
    "quadratic_kappa": quadratic_kappa,
    "icc_a1": icc_a1,
    "accuracy": accuracy,
    "within_one": within_one,
}


def mean_squares(ratings: np.ndarray) -> tuple[float, float, float]:
    """Of clips, of raters and of the rest: the two-way analysis of variance of ratings (n, k) without gaps.

    Raises:
      ValueError: fewer than 2 clips or raters.
    """
    n, k = ratings.shape
    if n < 2 or k < 2:
        raise ValueError(f"{n} clips by {k} raters: expected at least 2 each")
    centred = ratings - ratings.mean()
    clips, raters = centred.mean(axis=1, keepdims=True), centred.mean(axis=0, keepdims=True)
    between_clips = k * np.sum(clips**2) / (n - 1)
    between_raters = n * np.sum(raters**2) / (k - 1)
    return between_clips, between_raters, np.sum((centred - clips - raters) ** 2) / ((n - 1) * (k - 1))


def to_grade(score: np.ndarray) -> np.ndarray:
    """Scores (N,) to grades (N,) int: halves go up, then clipped to 0-4."""
    return np.clip(np.floor(np.asarray(score, np.float64) + 0.5), GRADES[0], GRADES[-1]).astype(np.int64)


def expressions_of(expression: np.ndarray) -> list[str]:
    """The names that occur: those of the known data sets in their order, then others by name."""
    names = set(np.asarray(expression).tolist())
    return [name for name in POSED if name in names] + sorted(names - set(POSED))


def by_expression(
    metric: Callable[..., Metric], expression: np.ndarray, *arrays: np.ndarray, names: Sequence[str] | None = None
) -> tuple[dict[str, float | None], list[str]]:
    """One metric for every expression, and the plain mean over the expressions that have clips.

    The plain mean of per-expression values is how the PFED5 tables average. A degenerate value counts in it (a model that
    predicts a constant earns 0 there, it does not drop out); an expression without clips does not.

    Args:
      metric: one of this file's functions.
      expression: (N,) names.
      *arrays: the metric's arguments, (N, ...) each.
      names: the expressions to tell of; None for those that occur.

    Returns:
      {expression: value or None, "mean": value or None} and the flags as "expression: flag".
    """
    columns = [np.asarray(array, np.float64) for array in arrays]
    names = expressions_of(expression) if names is None else names
    found = {name: metric(*(column[expression == name] for column in columns)) for name in names}
    values: dict[str, float | None] = {name: item.value for name, item in found.items()}
    values["mean"] = mean_of_present(values)
    return values, [f"{name}: {item.flag}" for name, item in found.items() if item.flag]


def mean_of_present(values: Mapping[str, float | None]) -> float | None:
    """Plain mean of the values that are not None; None where all are."""
    present = [value for value in values.values() if value is not None]
    return float(np.mean(present)) if present else None


def _correlation(one: np.ndarray, two: np.ndarray) -> float:
    one, two = one - one.mean(), two - two.mean()
    # Scaled first, so that the squares of tiny or huge predictions neither vanish nor overflow.
    one, two = one / np.abs(one).max(), two / np.abs(two).max()
    return float(np.clip(one @ two / np.sqrt((one @ one) * (two @ two)), -1.0, 1.0))


def _degenerate(truth: np.ndarray, prediction: np.ndarray | None = None) -> str:
    if len(truth) < 2:
        return "fewer than 2 clips" if len(truth) else NO_CLIPS.flag
    if np.ptp(truth) == 0:
        return "constant truth"
    if prediction is not None and np.ptp(prediction) == 0:
        return "constant prediction"
    return ""


def _undefined(flag: str) -> Metric:
    return NO_CLIPS if flag == NO_CLIPS.flag else Metric(0.0, flag)
