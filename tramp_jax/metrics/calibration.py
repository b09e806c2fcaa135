"""Whether a predicted distribution over the grades means what it says.

Axes: N clips, G = 5 grades, K levels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tramp_jax.metrics.severity import GRADES, to_grade

# Of the diagram and of the central intervals (ours).
BINS = 10
LEVELS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


def reliability(truth: np.ndarray, distribution: np.ndarray, bins: int = BINS) -> list[dict[str, Any]]:
    """What was said of "grade k or more" against how often it was so, k = 1..4 taken together.

    Ordinal: a distribution that is off by one grade errs in one of the four statements, one off by three in three.

    Args:
      truth: (N,) rated grades, rounded here.
      distribution: (N, G), divided by their sum here.

    Returns:
      for each bin of equal width that holds a statement: "low", "high", the mean "predicted" probability, the "observed"
      share, "count".
    """
    said = _above(_normalised(distribution)).ravel()
    so = (to_grade(truth)[:, None] >= np.array(GRADES[1:])).ravel()
    place = np.minimum((said * bins).astype(np.int64), bins - 1)
    return [
        {
            "low": i / bins,
            "high": (i + 1) / bins,
            "predicted": float(said[place == i].mean()),
            "observed": float(so[place == i].mean()),
            "count": int(np.sum(place == i)),
        }
        for i in np.unique(place).tolist()
    ]


def calibration_error(rows: Sequence[dict[str, Any]]) -> float:
    """Mean distance of "observed" and "predicted" over the statements of `reliability`: 0 is best."""
    total = sum(row["count"] for row in rows)
    return sum(row["count"] * abs(row["observed"] - row["predicted"]) for row in rows) / total


def grade_shares(truth: np.ndarray, distribution: np.ndarray) -> tuple[list[float], list[float]]:
    """Share of each grade among the ratings (rounded), and its mean predicted probability."""
    rated = np.bincount(to_grade(truth), minlength=len(GRADES)) / len(truth)
    return rated.tolist(), _normalised(distribution).mean(axis=0).tolist()


def central_coverage(truth: np.ndarray, distribution: np.ndarray, levels: Sequence[float] = LEVELS) -> list[float]:
    """How many ratings lie in the middle `level` of their distribution, for each level: where it is calibrated, that many.

    Grades are steps, so no interval of whole grades holds just 90 percent. The probability integral transform of a rating is
    therefore spread evenly over its step from F(y - 1) to F(y) (Czado, Gneiting and Held 2009), and the share of the step that
    lies in the middle counts. A rating that was given no probability lies at a point.

    Args:
      truth: (N,) rated grades, rounded here.
      distribution: (N, G), divided by their sum here.
      levels: K in (0, 1).
    """
    p = _normalised(distribution)
    grade = to_grade(truth)[:, None]
    top = np.take_along_axis(np.cumsum(p, axis=1), grade, axis=1)[:, 0]
    width = np.take_along_axis(p, grade, axis=1)[:, 0]
    bottom = top - width
    found = []
    for level in levels:
        low, high = (1 - level) / 2, (1 + level) / 2
        inside = np.clip(np.minimum(top, high) - np.maximum(bottom, low), 0.0, None)
        at_point = ((low <= top) & (top <= high)).astype(np.float64)
        found.append(float(np.mean(np.divide(inside, width, out=at_point, where=width > 1e-12))))
    return found


def _normalised(distribution: np.ndarray) -> np.ndarray:
    return distribution / distribution.sum(axis=1, keepdims=True)


def _above(p: np.ndarray) -> np.ndarray:
    """(N, G - 1) P(grade >= k), k = 1..4."""
    return np.clip(np.cumsum(p[:, ::-1], axis=1)[:, ::-1][:, 1:], 0.0, 1.0)
