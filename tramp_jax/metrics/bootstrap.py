"""Subject-cluster bootstrap: percentile intervals, and the difference of two predictions on the same draws.

Axes: N clips, S subjects, D draws.

Clips of one person are not independent, so whole subjects are drawn (references: seke_and_evaluation.md B.2). A draw is a count
per subject; drawing a clip w times is the same as giving it weight w, so a statistic here is a function of weights (d, N) that
handles many draws at once and equals the plain metric on the repeated rows. It is NaN for a draw in which there is nothing to
measure (no clip of the expression); `interval` leaves such draws out.
"""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from threadpoolctl import ThreadpoolController

from tramp_jax.metrics.severity import Interval, expressions_of, to_grade

Statistic = Callable[[np.ndarray], np.ndarray]

DRAWS = 2000
CONFIDENCE = 0.95
# Percentile intervals over few clusters are too narrow; below this many the interval says so (the number is ours).
FEW_SUBJECTS = 10
# Draws are handled in blocks of about this many weights, which fit a cache better than the whole (D, N).
_BLOCK = 1 << 18


@dataclasses.dataclass(frozen=True)
class SubjectDraws:
    """Which subjects every draw holds, and how often. Statistics of the same clips share one, which makes them paired.

    Attributes:
      counts: (D, S) int32, rows sum to S.
      subject: (N,) int32, the subject of each clip.
    """

    counts: np.ndarray
    subject: np.ndarray

    @classmethod
    def of(cls, subjects: Sequence[str] | np.ndarray, draws: int = DRAWS, seed: int = 0) -> SubjectDraws:
        """Draws S of the S subjects with replacement, `draws` times.

        Args:
          subjects: (N,) the subject's key of each clip.
        """
        keys, index = np.unique(np.asarray(subjects, dtype=str), return_inverse=True)
        count = max(len(keys), 1)
        counts = np.random.default_rng(seed).multinomial(count, np.full(count, 1.0 / count), size=draws)
        return cls(counts.astype(np.int32), index.astype(np.int32))

    @property
    def subjects(self) -> int:
        """People with clips here."""
        return len(np.unique(self.subject))

    def of_clips(self, mask: np.ndarray) -> SubjectDraws:
        """The same draws, of some of the clips: people without any stay in them, as they would where rows are drawn."""
        return dataclasses.replace(self, subject=self.subject[mask])

    def by_expression(self, expression: np.ndarray, names: Sequence[str], mean: str) -> dict[str, SubjectDraws]:
        """Whose people an interval is of: those with clips of each expression, and under `mean` all."""
        return {name: self.of_clips(expression == name) for name in names} | {mean: self}

    def evaluate(self, statistic: Statistic) -> np.ndarray:
        """The statistic of every draw, (D,) float, NaN where a draw has nothing to measure."""
        return self.evaluate_all({"": statistic})[""]

    def evaluate_all(self, statistics: Mapping[str, Statistic]) -> dict[str, np.ndarray]:
        """Several statistics of the same clips, name -> (D,), each block of weights made once."""
        step = max(1, _BLOCK // max(len(self.subject), 1))
        found: dict[str, list[np.ndarray]] = {name: [] for name in statistics}
        # These products are small: threads of the BLAS only wait for each other, for seconds where the cores are busy.
        with _threads().limit(limits=1, user_api="blas"):
            for start in range(0, len(self.counts), step):
                weights = self.counts[start : start + step][:, self.subject].astype(np.float64)
                for name, statistic in statistics.items():
                    found[name].append(statistic(weights))
        return {name: np.concatenate(blocks) for name, blocks in found.items()}

    def interval(self, statistic: Statistic, confidence: float = CONFIDENCE) -> Interval:
        """Percentile interval of a statistic over the draws; (None, None) with a flag where no draw could be measured.

        Of one subject there is none either: every draw holds the same clips, so that the interval would have no width.
        """
        if not len(self.subject):
            return Interval(None, None, "no clips")
        return self.interval_of(self.evaluate(statistic), confidence)

    def interval_of(self, values: np.ndarray, confidence: float = CONFIDENCE) -> Interval:
        """As `interval`, from the values of the draws (D,)."""
        if not len(self.subject):
            return Interval(None, None, "no clips")
        subjects = self.subjects
        if subjects == 1:
            return Interval(None, None, "one subject: no interval")
        values = values[~np.isnan(values)]
        if not len(values):
            return Interval(None, None, "no draw could be measured")
        low, high = np.percentile(values, [50 * (1 - confidence), 50 * (1 + confidence)])
        doubt = f"{subjects} subjects: the interval is too narrow" if subjects < FEW_SUBJECTS else ""
        return Interval(float(low), float(high), doubt)

    def paired_interval(self, one: Statistic, two: Statistic, confidence: float = CONFIDENCE) -> Interval:
        """Percentile interval of `one` minus `two`, both on the same draws."""
        return self.interval(lambda weights: one(weights) - two(weights), confidence)


def mean_of(values: np.ndarray) -> Statistic:
    """The mean of per-clip values (N,), such as absolute errors or the F1 of each report."""
    return ratio_of(values, np.ones(len(values)))


def ratio_of(part: np.ndarray, whole: np.ndarray) -> Statistic:
    """sum(part) / sum(whole) over per-clip counts (N,) each, such as sides named correctly out of sides named."""
    part, whole = np.asarray(part, np.float64), np.asarray(whole, np.float64)
    return lambda weights: _divide(weights @ part, weights @ whole, np.nan)


def spearman_of(truth: np.ndarray, prediction: np.ndarray) -> Statistic:
    """Spearman with average ranks over arrays (N,); 0 for a draw in which one side is constant, as `severity.spearman`."""
    rank_truth, rank_prediction = _ranker(truth), _ranker(prediction)

    def statistic(weights: np.ndarray) -> np.ndarray:
        one, two = rank_truth(weights), rank_prediction(weights)
        weighted = weights * one
        covariance = np.einsum("dn,dn->d", weighted, two)
        variance_one = np.einsum("dn,dn->d", weighted, one)
        variance_two = np.einsum("dn,dn,dn->d", weights, two, two)
        value = _divide(covariance, np.sqrt(variance_one * variance_two), 0.0)
        return np.where(weights.any(axis=1), np.clip(value, -1.0, 1.0), np.nan)

    return statistic


def quadratic_kappa_of(truth: np.ndarray, prediction: np.ndarray) -> Statistic:
    """Quadratic kappa of rounded grades over arrays (N,); 0 for a draw with one grade only, as `severity.quadratic_kappa`."""
    one, two = to_grade(truth).astype(np.float64), to_grade(prediction).astype(np.float64)
    moments = np.stack([np.ones_like(one), one, two, one**2, two**2, one * two], axis=1)

    def statistic(weights: np.ndarray) -> np.ndarray:
        total, sum_one, sum_two, square_one, square_two, product = (weights @ moments).T
        # 1 - observed / expected, both times total^2: products of whole numbers, so a constant draw is exactly 0/0.
        agreement = total * product - sum_one * sum_two
        expected = 0.5 * total * (square_one + square_two) - sum_one * sum_two
        return np.where(total > 0, _divide(agreement, expected, 0.0), np.nan)

    return statistic


def expression_mean_of(
    make: Callable[..., Statistic], expression: np.ndarray, *arrays: np.ndarray, names: Sequence[str] | None = None
) -> Statistic:
    """The plain mean over expressions of a statistic, over the expressions that a draw holds.

    Args:
      make: one of this file's makers, such as `spearman_of`.
      expression: (N,) names.
      *arrays: the maker's arguments, (N,) each.
      names: one name gives that expression's own statistic; None for those that occur.
    """
    names = expressions_of(expression) if names is None else names
    masks = [mask for name in names if (mask := np.asarray(expression) == name).any()]
    parts = [(mask, make(*(np.asarray(array)[mask] for array in arrays))) for mask in masks]

    def statistic(weights: np.ndarray) -> np.ndarray:
        if not parts:
            return np.full(len(weights), np.nan)
        return mean_of_present(np.stack([part(weights[:, mask]) for mask, part in parts]))

    return statistic


def mean_of_present(values: np.ndarray) -> np.ndarray:
    """The mean over the rows of (E, d) of what is not NaN, (d,); NaN where all is."""
    held = ~np.isnan(values)
    return _divide(np.where(held, values, 0.0).sum(axis=0), held.sum(axis=0), np.nan)


@functools.cache
def _threads() -> ThreadpoolController:
    """Looks at every loaded library, so once."""
    return ThreadpoolController()


def _ranker(values: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """Average ranks of repeated rows, minus their mean, as a function of the repeats (d, N) -> (d, N)."""
    values = np.asarray(values, np.float64)
    order = np.argsort(values, kind="stable")
    distinct, group = np.unique(values, return_inverse=True)
    starts = np.searchsorted(values[order], distinct)

    def ranks(weights: np.ndarray) -> np.ndarray:
        tied = np.add.reduceat(weights[:, order], starts, axis=1)
        # The middle of a group of w rows after c others is c + (w + 1) / 2, and the mean rank of n rows is (n + 1) / 2.
        middle = np.cumsum(tied, axis=1) - 0.5 * tied
        return (middle - 0.5 * weights.sum(axis=1, keepdims=True))[:, group]

    return ranks


def _divide(part: np.ndarray, whole: np.ndarray, otherwise: float) -> np.ndarray:
    return np.divide(part, whole, out=np.full(np.shape(part), otherwise), where=whole > 0)
