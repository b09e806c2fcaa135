"""Action units: F1 of each unit's occurrence, agreement on its intensity, and which units a text names.

Axes: N frames, U units, d draws.

Truth (N, U) is NaN where nobody coded the unit (BP4D's 9, Aff-Wild2's -1): such cells count nowhere. Occurrence is 0 or 1.
Intensity is 0 to 5 (A to E are 1 to 5), present from 2 on: the field's rule for DISFA, not its authors' (references:
seke_and_evaluation.md A.8). A predicted occurrence may be a probability, present from 0.5 on (ours).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from tramp_jax.metrics.bootstrap import Statistic
from tramp_jax.metrics.severity import Metric, mean_squares

PRESENT_INTENSITY = 2.0
PRESENT_PROBABILITY = 0.5
MOST_INTENSITY = 5.0
# Over which units published figures average (references: facial_emotion_systems.md 3.4; Aff-Wild2's: all that it codes).
REPORTED: Mapping[str, tuple[str, ...]] = {
    "disfa": ("1", "2", "4", "6", "9", "12", "25", "26"),
    "bp4d": ("1", "2", "4", "6", "7", "10", "12", "14", "15", "17", "23", "24"),
    "gft": ("1", "2", "4", "6", "10", "12", "14", "15", "23", "24"),
    "emotionet": ("1", "2", "4", "5", "6", "9", "12", "17", "20", "25", "26", "43"),
    "aff_wild2": ("1", "2", "4", "6", "7", "10", "12", "15", "23", "24", "25", "26"),
    "faba_instruct": ("1", "2", "4", "5", "6", "10", "12", "17", "24", "25", "26", "43"),
}
_NAMED = re.compile(r"\bAU\s?-?0*(\d{1,2})(?!\d)", re.IGNORECASE)
NO_FRAMES = Metric(None, "no frames")


def named_units(text: str) -> list[str]:
    """Units that a text names as AU12, AU 12, AU-12 or AU04, each once, in its order. Negations are not looked at."""
    return list(dict.fromkeys(_NAMED.findall(text)))


def f1_scores(truth: np.ndarray, present: np.ndarray) -> list[Metric]:
    """F1 of each unit, 2 TP / (2 TP + FP + FN), over the frames where it was coded.

    Args:
      truth: (N, U) 0, 1 or NaN.
      present: (N, U) bool, as predicted.

    Returns:
      U metrics: None with a flag where no frame was coded; 0 with a flag where the unit is never there and never predicted
      (0 / 0), or never there at all (0 whatever the prediction).
    """
    known = np.isfinite(truth)
    right, truly, called = _sums(truth, present, np.ones((1, len(truth))))
    found = []
    for unit in range(truth.shape[1]):
        if not known[:, unit].any():
            found.append(NO_FRAMES)
        elif not truly[0, unit]:
            found.append(Metric(0.0, "never present" if called[0, unit] else "never present, never predicted"))
        else:
            found.append(Metric(float(2.0 * right[0, unit] / (truly[0, unit] + called[0, unit]))))
    return found


def mean_f1_of(truth: np.ndarray, present: np.ndarray) -> Statistic:
    """The plain mean over the units of their F1 as a function of weights (d, N): a unit that a draw codes nowhere is out."""
    known = np.isfinite(truth).astype(np.float64)

    def statistic(weights: np.ndarray) -> np.ndarray:
        right, truly, called = _sums(truth, present, weights)
        f1 = np.divide(2.0 * right, truly + called, out=np.zeros_like(right), where=truly + called > 0)
        coded = weights @ known > 0
        return _mean_where(f1, coded)

    return statistic


def icc_3_1(ratings: np.ndarray) -> Metric:
    """ICC(3,1) of Shrout and Fleiss: two-way mixed, consistency, one rater. What papers on AU intensity print as ICC.

    (MSR - MSE) / (MSR + (k - 1) MSE). Blind to a constant offset between the raters: see `icc_a_1`.

    Args:
      ratings: (n, k) of n frames by k raters, here truth and prediction.
    """
    return _icc(ratings, lambda rows, columns, error, n, k: (rows - error, rows + (k - 1) * error))


def icc_a_1(ratings: np.ndarray) -> Metric:
    """ICC(A,1) of McGraw and Wong, which is ICC(2,1) of Shrout and Fleiss: two-way, absolute agreement, one rater.

    (MSR - MSE) / (MSR + (k - 1) MSE + k / n (MSC - MSE)).

    Args:
      ratings: (n, k) of n frames by k raters, here truth and prediction.
    """
    return _icc(
        ratings,
        lambda rows, columns, error, n, k: (rows - error, rows + (k - 1) * error + k / n * (columns - error)),
    )


def mean_icc_3_1_of(truth: np.ndarray, prediction: np.ndarray) -> Statistic:
    """The plain mean over the units of ICC(3,1) as a function of weights (d, N); 0 for a unit that a draw holds constant.

    Of two raters it is (Var(sum) - Var(difference)) / (Var(sum) + Var(difference)).
    """
    known = np.isfinite(truth)
    one = np.where(known, truth, 0.0)
    two = np.where(known, prediction, 0.0)
    both, apart, coded = one + two, one - two, known.astype(np.float64)

    def spread(weights: np.ndarray, values: np.ndarray, count: np.ndarray) -> np.ndarray:
        mean = np.divide(weights @ values, count, out=np.zeros_like(count), where=count > 0)
        return np.maximum(weights @ (values**2) - count * mean**2, 0.0)

    def statistic(weights: np.ndarray) -> np.ndarray:
        count = weights @ coded
        rows, error = spread(weights, both, count), spread(weights, apart, count)
        # Below rounding, a spread is none.
        icc = np.divide(rows - error, rows + error, out=np.zeros_like(rows), where=rows + error > 1e-9 * np.maximum(count, 1))
        return _mean_where(icc, count > 1)

    return statistic


def _icc(ratings: np.ndarray, parts: Callable[[float, float, float, int, int], tuple[float, float]]) -> Metric:
    n, k = ratings.shape
    if n < 2:
        return Metric(0.0, "fewer than 2 frames") if n else NO_FRAMES
    constant = np.ptp(ratings, axis=0) == 0
    if constant.all():
        return Metric(0.0, "constant truth and prediction")
    part, whole = parts(*mean_squares(ratings), n, k)
    if whole <= 1e-12 * np.ptp(ratings) ** 2:
        return Metric(0.0, "no spread over frames or raters")
    flag = "constant truth" if constant[0] else "constant prediction" if constant[1] else ""
    return Metric(float(part / whole), flag)


def _sums(truth: np.ndarray, present: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(d, U) each: frames where a unit is there and predicted, is there, is predicted; among the coded ones."""
    known, there = np.isfinite(truth), truth == 1
    called = np.asarray(present, bool) & known
    return tuple(weights @ part.astype(np.float64) for part in (there & called, there, called))  # type: ignore[return-value]


def _mean_where(values: np.ndarray, counted: np.ndarray) -> np.ndarray:
    count = counted.sum(axis=1)
    total = np.where(counted, values, 0.0).sum(axis=1)
    return np.divide(total, count, out=np.full(len(values), np.nan), where=count > 0)


def columns_of(rows: Sequence[Mapping[str, float]], units: Sequence[str]) -> np.ndarray:
    """(N, U) float64 of rows that map a unit to its value, NaN where a row does not tell."""
    return np.array([[row.get(unit, np.nan) for unit in units] for row in rows], np.float64).reshape(len(rows), len(units))
