"""Valence and arousal: concordance and plain correlation, error, and how often the sign is right.

Axes: N clips, d draws.

Truth and prediction (N,) each are of one dimension, -1 to 1. The plain correlation (PCC) and RMSE are `severity.pearson` and
`severity.rmse`. That values are not clipped before they are scored is ours; papers do not say.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np

from tramp_jax.metrics.bootstrap import Statistic, mean_of
from tramp_jax.metrics.resampled import pearson_of, rmse_of
from tramp_jax.metrics.severity import NO_CLIPS, Metric, pearson, rmse

DIMENSIONS = ("valence", "arousal")
LIMITS = (-1.0, 1.0)
NUMBER = r"(?<![\w.])(?<!\d/)[-+−]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[-+]?\d{1,2})?(?!\w|[./]\d|\s?%)"
_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_NUMBER = re.compile(NUMBER, re.IGNORECASE)


def ccc(truth: np.ndarray, prediction: np.ndarray) -> Metric:
    """Lin's concordance correlation: 2 cov / (var + var + (difference of the means)^2), all of them over N, not N - 1.

    0 with a flag where either side is constant, which the formula says too unless both are the same constant (0 / 0).
    """
    if len(truth) < 2:
        return Metric(0.0, "fewer than 2 clips") if len(truth) else NO_CLIPS
    for side, name in ((truth, "truth"), (prediction, "prediction")):
        if np.ptp(side) == 0:
            return Metric(0.0, f"constant {name}")
    return Metric(float(ccc_of(truth, prediction)(np.ones((1, len(truth))))[0]))


def sagr(truth: np.ndarray, prediction: np.ndarray) -> Metric:
    """Sign agreement: the share of clips where both have the same sign. Zero is a sign of its own (as NumPy's sign)."""
    return Metric(float(np.mean(_agrees(truth, prediction)))) if len(truth) else NO_CLIPS


METRICS: Mapping[str, Callable[[np.ndarray, np.ndarray], Metric]] = {"ccc": ccc, "pcc": pearson, "rmse": rmse, "sagr": sagr}


def ccc_of(truth: np.ndarray, prediction: np.ndarray) -> Statistic:
    """CCC as a function of weights (d, N); 0 for a draw in which both sides are the same constant, NaN for one of no clip."""
    moments = _moments(truth, prediction)

    def statistic(weights: np.ndarray) -> np.ndarray:
        count, mean_one, mean_two, var_one, var_two, covariance = moments(weights)
        whole = var_one + var_two + (mean_one - mean_two) ** 2
        value = np.divide(2.0 * covariance, whole, out=np.zeros_like(whole), where=whole > 1e-24)
        return np.where(count > 0, value, np.nan)

    return statistic


def sagr_of(truth: np.ndarray, prediction: np.ndarray) -> Statistic:
    """SAGR as a function of weights (d, N)."""
    return mean_of(_agrees(truth, prediction))


STATISTICS: Mapping[str, Callable[[np.ndarray, np.ndarray], Statistic]] = {
    "ccc": ccc_of,
    "pcc": pearson_of,
    "rmse": rmse_of,
    "sagr": sagr_of,
}


def read_pair(text: str) -> tuple[float, float] | None:
    """(valence, arousal) of a text, None where it does not say both; no paper publishes a parser, so this is ours.

    The number after the word "valence" and the one after "arousal", before any other of these words, brackets with two numbers
    left out, since "(from -1 to 1)" is no answer; where neither word is there, a text of exactly two numbers.
    """
    lowered = text.lower()
    if not any(word in lowered for word in DIMENSIONS):
        found = numbers(text)
        return (found[0], found[1]) if len(found) == 2 else None
    lowered = _BRACKETS.sub(lambda match: " " if len(numbers(match.group())) > 1 else match.group(), lowered)
    values = []
    for word in DIMENSIONS:
        told = re.search(rf"\b{word}\b(?:(?!valence|arousal)[^\d+\-−])*?({NUMBER})", lowered)
        if told is None:
            return None
        values.append(to_float(told.group(1)))
    return values[0], values[1]


def numbers(text: str) -> list[float]:
    """All numbers of a text. A percentage, a fraction as 3/4 and a number inside a word are none."""
    return [to_float(found) for found in _NUMBER.findall(text)]


def to_float(text: str) -> float:
    """A number that NUMBER matched; typographic minus signs are minus signs."""
    return float(text.replace("−", "-"))


def _agrees(truth: np.ndarray, prediction: np.ndarray) -> np.ndarray:
    return (np.sign(truth) == np.sign(prediction)).astype(np.float64)


def _moments(truth: np.ndarray, prediction: np.ndarray) -> Callable[[np.ndarray], tuple[np.ndarray, ...]]:
    """(d,) each: weight, two means, two variances, covariance. Centred first, or squares of offsets drown the spread."""
    one, two = np.asarray(truth, np.float64), np.asarray(prediction, np.float64)
    shift_one, shift_two = (side.mean() if len(side) else 0.0 for side in (one, two))
    one, two = one - shift_one, two - shift_two

    def moments(weights: np.ndarray) -> tuple[np.ndarray, ...]:
        count = weights.sum(axis=1)
        safe = np.where(count > 0, count, 1.0)
        mean_one, mean_two = weights @ one / safe, weights @ two / safe
        var_one = np.maximum(weights @ one**2 / safe - mean_one**2, 0.0)
        var_two = np.maximum(weights @ two**2 / safe - mean_two**2, 0.0)
        covariance = weights @ (one * two) / safe - mean_one * mean_two
        return count, mean_one + shift_one, mean_two + shift_two, var_one, var_two, covariance

    return moments
