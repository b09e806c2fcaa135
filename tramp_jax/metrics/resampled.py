"""Severity metrics of repeated clips, many draws at once: what `bootstrap` needs of each metric of `severity`.

Axes: N clips, d draws.

A draw repeats each clip a whole number of times, its weight. Every function here returns a statistic of weights (d, N) that is
the metric of the same name on the repeated rows, conventions included (0 where a side is constant); NaN for no clips.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from tramp_jax.metrics import severity
from tramp_jax.metrics.bootstrap import Statistic, mean_of
from tramp_jax.metrics.severity import Metric, to_grade

# A variance below this share of the mean square has lost its digits to rounding: such draws are computed from their rows.
_LOST = 1e-6


def pearson_of(truth: np.ndarray, prediction: np.ndarray) -> Statistic:
    """`severity.pearson`."""
    one, two = _unit(truth), _unit(prediction)
    moments = _moments(one, two)

    def statistic(weights: np.ndarray) -> np.ndarray:
        total, sum_one, sum_two, square_one, square_two, product = (weights @ moments).T
        variance_one, variance_two = total * square_one - sum_one**2, total * square_two - sum_two**2
        lost = (variance_one <= _LOST * total * square_one) | (variance_two <= _LOST * total * square_two)
        value = _divide(total * product - sum_one * sum_two, np.sqrt(np.where(lost, 1.0, variance_one * variance_two)))
        return _from_rows(severity.pearson, truth, prediction, weights, lost, np.clip(value, -1.0, 1.0))

    return statistic


def icc_a1_of(truth: np.ndarray, prediction: np.ndarray) -> Statistic:
    """`severity.icc_a1`, of two raters: 2 C / (V1 + V2 + (m1 - m2)^2 - (V1 + V2 - 2 C) / n), with n - 1 in V and C."""
    centres = [np.median(x) if len(x) else 0.0 for x in (truth, prediction)]
    one, two = truth - centres[0], prediction - centres[1]
    moments = _moments(one, two)

    def statistic(weights: np.ndarray) -> np.ndarray:
        total, sum_one, sum_two, square_one, square_two, product = (weights @ moments).T
        variance_one, variance_two = total * square_one - sum_one**2, total * square_two - sum_two**2
        lost = (variance_one <= _LOST * total * square_one) | (variance_two <= _LOST * total * square_two) | (total < 3)
        scale = np.where(lost, 1.0, total * (total - 1.0))
        covariance = (total * product - sum_one * sum_two) / scale
        both = (variance_one + variance_two) / scale
        offset = np.where(lost, 0.0, _divide(sum_one - sum_two, total) + centres[0] - centres[1])
        whole = both + offset**2 - _divide(both - 2 * covariance, total)
        return _from_rows(severity.icc_a1, truth, prediction, weights, lost, _divide(2 * covariance, whole))

    return statistic


def kendall_tau_b_of(truth: np.ndarray, prediction: np.ndarray) -> Statistic:
    """`severity.kendall_tau_b`: concordant less discordant pairs over the geometric mean of the pairs untied on each side.

    Two clips of different truth differ first in one binary digit of its rank. For each digit, the clips that agree in those
    above stand in the order of the prediction, and running sums count, for each clip with a 1, those with a 0 below and after.
    """
    level = np.unique(truth, return_inverse=True)[1]
    place = np.unique(prediction, return_inverse=True)[1]
    digits = [_digit_pairs(level, place, digit) for digit in range(int(level.max(initial=0)).bit_length())]
    untied_truth, untied_prediction = _untied_pairs(level), _untied_pairs(place)

    def statistic(weights: np.ndarray) -> np.ndarray:
        surplus = np.zeros(len(weights))
        for low, high, edges in digits:
            sums = np.zeros((len(weights), len(low) + 1))
            np.cumsum(weights[:, low], axis=1, out=sums[:, 1:])
            start, end, block_start, block_end = (sums[:, edge] for edge in edges)
            surplus += np.einsum("dn,dn->d", weights[:, high], start + end - block_start - block_end)
        pairs = np.sqrt(untied_truth(weights)) * np.sqrt(untied_prediction(weights))
        return np.where(weights.any(axis=1), np.clip(_divide(surplus, pairs), -1.0, 1.0), np.nan)

    return statistic


def macro_mae_of(truth: np.ndarray, prediction: np.ndarray) -> Statistic:
    """`severity.macro_mae`."""
    of_grade = (to_grade(truth)[:, None] == np.array(severity.GRADES)).astype(np.float64)
    error_of_grade = of_grade * np.abs(prediction - truth)[:, None]

    def statistic(weights: np.ndarray) -> np.ndarray:
        count = weights @ of_grade
        means, present = _divide(weights @ error_of_grade, count), (count > 0).sum(axis=1)
        return np.where(present > 0, _divide(means.sum(axis=1), present.astype(np.float64)), np.nan)

    return statistic


def mae_of(truth: np.ndarray, prediction: np.ndarray) -> Statistic:
    """`severity.mae`."""
    return mean_of(np.abs(prediction - truth))


def rmse_of(truth: np.ndarray, prediction: np.ndarray) -> Statistic:
    """`severity.rmse`."""
    squares = mean_of((prediction - truth) ** 2)
    return lambda weights: np.sqrt(squares(weights))


def relative_l2_of(truth: np.ndarray, prediction: np.ndarray) -> Statistic:
    """`severity.relative_l2`."""
    return mean_of(100.0 * ((prediction - truth) / severity.SCALE_RANGE) ** 2)


def accuracy_of(truth: np.ndarray, prediction: np.ndarray) -> Statistic:
    """`severity.accuracy`."""
    return mean_of(to_grade(truth) == to_grade(prediction))


def within_one_of(truth: np.ndarray, prediction: np.ndarray) -> Statistic:
    """`severity.within_one`."""
    return mean_of(np.abs(to_grade(truth) - to_grade(prediction)) <= 1)


def _digit_pairs(level: np.ndarray, place: np.ndarray, digit: int) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
    """Clips whose rank has a 0 in this digit, those with a 1, and per clip with a 1 four places in the order of the former.

    The places are those of the clips of the same block that the prediction puts level with it (first, past the last) and of the
    whole block.
    """
    block, one = level >> (digit + 1), (level >> digit) & 1
    # A clip's key in the common order; places are below `width`.
    width = int(place.max(initial=0)) + 1
    key = block.astype(np.int64) * width + place
    low, high = np.flatnonzero(one == 0), np.flatnonzero(one == 1)
    low = low[np.argsort(key[low], kind="stable")]
    ordered, asked, blocks = key[low], key[high], block[high].astype(np.int64)
    edges = [
        np.searchsorted(ordered, asked, "left"),
        np.searchsorted(ordered, asked, "right"),
        np.searchsorted(ordered, blocks * width, "left"),
        np.searchsorted(ordered, (blocks + 1) * width, "left"),
    ]
    return low, high, edges


def _untied_pairs(group: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """How many pairs of the repeated rows lie in different groups, as a function of weights (d, N) -> (d,)."""
    order = np.argsort(group, kind="stable")
    starts = np.searchsorted(group[order], np.arange(int(group.max(initial=-1)) + 1))

    def pairs(weights: np.ndarray) -> np.ndarray:
        if not len(group):
            return np.zeros(len(weights))
        tied = np.add.reduceat(weights[:, order], starts, axis=1)
        return 0.5 * (weights.sum(axis=1) ** 2 - np.einsum("dn,dn->d", tied, tied))

    return pairs


def _from_rows(
    metric: Callable[[np.ndarray, np.ndarray], Metric],
    truth: np.ndarray,
    prediction: np.ndarray,
    weights: np.ndarray,
    lost: np.ndarray,
    values: np.ndarray,
) -> np.ndarray:
    """`values` (d,), with the draws that are `lost` computed by the metric on their rows."""
    empty = ~weights.any(axis=1)
    for draw in np.flatnonzero(lost & ~empty):
        rows = np.repeat(np.arange(len(truth)), weights[draw].astype(np.int64))
        values[draw] = metric(truth[rows], prediction[rows]).value
    return np.where(empty, np.nan, values)


def _unit(values: np.ndarray) -> np.ndarray:
    """Around 0 and at most 1, which Pearson's correlation does not feel, so that no square vanishes or overflows."""
    if not len(values):
        return values
    centred = values - np.median(values)
    largest = np.abs(centred).max()
    return centred / largest if largest > 0 else centred


def _moments(one: np.ndarray, two: np.ndarray) -> np.ndarray:
    return np.stack([np.ones_like(one), one, two, one**2, two**2, one * two], axis=1)


def _divide(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    return np.divide(part, whole, out=np.zeros(np.shape(part)), where=whole > 0)
