"""Metrics of a predicted distribution over the grades and of a predicted interval (references: seke_and_evaluation.md B.2).

Axes: N clips, G = 5 grades.
"""

from __future__ import annotations

import numpy as np

from tramp_jax.metrics.severity import GRADES, NO_CLIPS, Metric


def ranked_probability_scores(truth: np.ndarray, distribution: np.ndarray) -> np.ndarray:
    """The integral over the scale of (F(x) - [x >= truth])^2 for each clip (N,), in grades.

    For a rated grade that is whole it is the sum over k = 0..3 of (P(grade <= k) - [truth <= k])^2, not divided by their
    number as some authors do: a distribution that is sure of one grade then scores its absolute error. A truth between two
    grades (the mean of raters) is the same integral.

    Args:
      truth: (N,) rated grades.
      distribution: (N, G) probabilities, divided by their sum here: files round them.
    """
    below = np.cumsum(distribution / distribution.sum(axis=1, keepdims=True), axis=1)[:, :-1]
    # The part of each step [k, k + 1) that lies below the truth, where the step function of the truth is still 0.
    part = np.clip(truth[:, None] - np.arange(GRADES[-1]), 0.0, 1.0)
    return np.sum(part * below**2 + (1.0 - part) * (below - 1.0) ** 2, axis=1)


def ranked_probability_score(truth: np.ndarray, distribution: np.ndarray) -> Metric:
    """The mean of `ranked_probability_scores`; 0 is best."""
    return Metric(float(np.mean(ranked_probability_scores(truth, distribution)))) if len(truth) else NO_CLIPS


def covered(truth: np.ndarray, interval: np.ndarray) -> np.ndarray:
    """(N,) 1 where low <= truth <= high, else 0."""
    return ((interval[:, 0] <= truth) & (truth <= interval[:, 1])).astype(np.float64)


def interval_coverage(truth: np.ndarray, interval: np.ndarray) -> Metric:
    """Share of clips whose rated grade lies in the interval, ends included. Read it beside `interval_width`."""
    return Metric(float(np.mean(covered(truth, interval)))) if len(truth) else NO_CLIPS


def interval_width(truth: np.ndarray, interval: np.ndarray) -> Metric:
    """Mean of high - low in grades; the truth does not matter."""
    return Metric(float(np.mean(widths(interval)))) if len(truth) else NO_CLIPS


def widths(interval: np.ndarray) -> np.ndarray:
    """(N,) high - low."""
    return interval[:, 1] - interval[:, 0]


def entropies(distribution: np.ndarray) -> np.ndarray:
    """(N,) entropy in nats of each row of (N, G) probabilities."""
    p = distribution / distribution.sum(axis=1, keepdims=True)
    return -np.sum(p * np.log(np.where(p > 0, p, 1.0)), axis=1)
