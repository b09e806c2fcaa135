"""What abstaining buys: the error on the clips that a model is most certain of (references: seke_and_evaluation.md B.2).

Axes: N clips, D draws.

Clips are taken from the most certain to the least. Where several are equally certain, every order among them is as good as
another, so risks here are the expectation over those orders: they do not depend on the order of the file.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tramp_jax.metrics.bootstrap import Statistic
from tramp_jax.metrics.severity import NO_CLIPS, Metric

# At which shares of the clips kept the results tell the risk (ours).
COVERAGES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5)


def risk_coverage_area(truth: np.ndarray, prediction: np.ndarray, uncertainty: np.ndarray) -> Metric:
    """Area under the risk-coverage curve: the mean over k = 1..N of the mean absolute error of the k most certain clips.

    Without knowledge of its errors a model has about its MAE here.
    """
    if not len(truth):
        return NO_CLIPS
    statistic = risk_coverage_area_of(truth, prediction, uncertainty)
    return Metric(float(statistic(np.ones((1, len(truth))))[0]))


def risk_coverage_area_of(truth: np.ndarray, prediction: np.ndarray, uncertainty: np.ndarray) -> Statistic:
    """As `risk_coverage_area`, of repeated clips: a function of weights (d, N), see `bootstrap`."""
    order, starts = _groups(uncertainty)
    loss = np.abs(prediction - truth)[order]

    def statistic(weights: np.ndarray) -> np.ndarray:
        weights = weights[:, order]
        count = np.add.reduceat(weights, starts, axis=1)
        loss_sum = np.add.reduceat(weights * loss, starts, axis=1)
        last = np.cumsum(count, axis=1)
        first = last - count
        before = np.cumsum(loss_sum, axis=1) - loss_sum
        harmonic = _harmonic(int(last[:, -1].max()))
        mean = np.divide(loss_sum, count, out=np.zeros_like(count), where=count > 0)
        # A group of t clips of mean m after c clips of sum R: the sum over j = 1..t of (R + j m) / (c + j).
        ranks = harmonic[last.astype(np.int64)] - harmonic[first.astype(np.int64)]
        area = np.sum((before - first * mean) * ranks + loss_sum, axis=1)
        total = last[:, -1]
        return np.divide(area, total, out=np.full(len(total), np.nan), where=total > 0)

    return statistic


def selective_risk(loss: np.ndarray, uncertainty: np.ndarray, coverages: Sequence[float] = COVERAGES) -> list[float | None]:
    """Mean loss of the most certain share of the clips, for each share; None for all where there are no clips.

    Args:
      loss: (N,).
      uncertainty: (N,), larger is less certain.
      coverages: shares in (0, 1]; at least one clip is kept, and k = ceil(share * N).
    """
    if not len(loss):
        return [None] * len(coverages)
    order, starts = _groups(uncertainty)
    sizes = np.diff([*starts, len(loss)])
    expected = np.repeat(np.add.reduceat(loss[order], starts) / sizes, sizes)
    sums = np.cumsum(expected)
    # The margin keeps 0.7 * 10 at 7 clips.
    kept = [max(1, int(np.ceil(share * len(loss) - 1e-9))) for share in coverages]
    return [float(sums[k - 1] / k) for k in kept]


def _groups(uncertainty: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The order from certain to uncertain, and where in it each group of equals starts."""
    order = np.argsort(uncertainty, kind="stable")
    ordered = np.asarray(uncertainty, np.float64)[order]
    return order, np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])


def _harmonic(count: int) -> np.ndarray:
    """H_0..H_count."""
    return np.concatenate([[0.0], np.cumsum(1.0 / np.arange(1, count + 1))])
