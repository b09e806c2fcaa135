"""How predictions and rated grades agree, clip by clip and person by person.

Axes: N clips, D draws.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tramp_jax.metrics.bootstrap import Statistic, SubjectDraws, mean_of
from tramp_jax.metrics.scored import ScoredClips

# Bland and Altman (1986): of differences that are normally distributed 95 percent lie within.
_LIMIT = 1.96


def bland_altman(clips: ScoredClips, rows: SubjectDraws) -> dict[str, Any]:
    """Bias and limits of agreement of prediction less rated grade, with intervals over subjects.

    The limits describe single clips. With rated grades that are whole, the points lie on lines, and a model that predicts
    the middle has differences that fall with the grade: read them beside the confusion matrix.

    Args:
      clips: N rated clips, at least one.
      rows: draws of their subjects.

    Returns:
      "bias", "sd" (0 for one clip), "low" and "high": bias -+ 1.96 sd; "intervals": name -> [low, high] of bias, low, high.
    """
    difference = clips.prediction - clips.truth
    bias = float(difference.mean())
    sd = float(difference.std(ddof=1)) if len(difference) > 1 else 0.0
    found: dict[str, Any] = {"bias": bias, "sd": sd, "low": bias - _LIMIT * sd, "high": bias + _LIMIT * sd}
    statistics = {"bias": mean_of(difference), "low": _limit(difference, -_LIMIT), "high": _limit(difference, _LIMIT)}
    drawn = {name: rows.interval_of(values) for name, values in rows.evaluate_all(statistics).items()}
    return found | {"intervals": {name: [interval.low, interval.high] for name, interval in drawn.items()}}


def by_person(clips: ScoredClips) -> list[dict[str, Any]]:
    """For each person, in the order of the clips: "clips", mean "rated" and "predicted" grade, "mae"."""
    _, first, place = np.unique(clips.subject, return_index=True, return_inverse=True)
    count = np.bincount(place)
    means = {
        name: np.bincount(place, values) / count
        for name, values in (
            ("rated", clips.truth),
            ("predicted", clips.prediction),
            ("mae", np.abs(clips.prediction - clips.truth)),
        )
    }
    return [
        {"clips": int(count[i]), **{name: float(values[i]) for name, values in means.items()}}
        for i in np.argsort(first, kind="stable")
    ]


def _limit(difference: np.ndarray, factor: float) -> Statistic:
    # Around their mean, so that the squares keep their digits.
    centre = float(difference.mean())
    moments = np.stack([np.ones_like(difference), difference - centre, (difference - centre) ** 2], axis=1)

    def statistic(weights: np.ndarray) -> np.ndarray:
        total, once, twice = (weights @ moments).T
        mean = once / total
        variance = np.maximum(twice - total * mean**2, 0.0) / np.maximum(total - 1.0, 1.0)
        return centre + mean + factor * np.sqrt(variance)

    return statistic
