"""The severity metrics by name: how each is computed, once and on draws of subjects, and of what. A new metric is a row here.

Axes: N clips.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from tramp_jax.metrics import abstention, bootstrap, distribution, grade_table, resampled, severity
from tramp_jax.metrics.bootstrap import Statistic, SubjectDraws
from tramp_jax.metrics.scored import ScoredClips
from tramp_jax.metrics.severity import Metric

MEAN = "mean"


class Row(NamedTuple):
    """One metric.

    Attributes:
      metric: of the arrays.
      resampled: the same of the arrays, as a statistic of weights.
      arrays: what both take, None where the clips do not have it.
      better: 1 where more is better, -1 where less is, 0 where neither: the width of an interval and its coverage.
    """

    metric: Callable[..., Metric]
    resampled: Callable[..., Statistic]
    arrays: Callable[[ScoredClips], tuple[np.ndarray, ...] | None]
    better: int


def _points(clips: ScoredClips) -> tuple[np.ndarray, ...]:
    return clips.truth, clips.prediction


def _with_distribution(clips: ScoredClips) -> tuple[np.ndarray, ...] | None:
    return None if clips.distribution is None else (clips.truth, clips.distribution)


def _with_interval(clips: ScoredClips) -> tuple[np.ndarray, ...] | None:
    return None if clips.interval is None else (clips.truth, clips.interval)


def _by_width(clips: ScoredClips) -> tuple[np.ndarray, ...] | None:
    return None if clips.interval is None else (*_points(clips), _uncertainty(distribution.widths(clips.interval)))


def _by_entropy(clips: ScoredClips) -> tuple[np.ndarray, ...] | None:
    return None if clips.distribution is None else (*_points(clips), _uncertainty(distribution.entropies(clips.distribution)))


def _uncertainty(values: np.ndarray) -> np.ndarray:
    """Rounded, so that what is equal but for the rounding of a difference or a sum is level."""
    return np.round(values, 9)


ROWS: Mapping[str, Row] = {
    "spearman": Row(severity.spearman, bootstrap.spearman_of, _points, 1),
    "pearson": Row(severity.pearson, resampled.pearson_of, _points, 1),
    "kendall_tau_b": Row(severity.kendall_tau_b, resampled.kendall_tau_b_of, _points, 1),
    "mae": Row(severity.mae, resampled.mae_of, _points, -1),
    "macro_mae": Row(severity.macro_mae, resampled.macro_mae_of, _points, -1),
    "rmse": Row(severity.rmse, resampled.rmse_of, _points, -1),
    "relative_l2": Row(severity.relative_l2, resampled.relative_l2_of, _points, -1),
    "quadratic_kappa": Row(severity.quadratic_kappa, bootstrap.quadratic_kappa_of, _points, 1),
    "icc_a1": Row(severity.icc_a1, resampled.icc_a1_of, _points, 1),
    "accuracy": Row(severity.accuracy, resampled.accuracy_of, _points, 1),
    "within_one": Row(severity.within_one, resampled.within_one_of, _points, 1),
    "macro_f1": Row(grade_table.macro_f1, grade_table.macro_f1_of, _points, 1),
    "rps": Row(
        distribution.ranked_probability_score,
        lambda truth, p: bootstrap.mean_of(distribution.ranked_probability_scores(truth, p)),
        _with_distribution,
        -1,
    ),
    "interval_coverage": Row(
        distribution.interval_coverage,
        lambda truth, interval: bootstrap.mean_of(distribution.covered(truth, interval)),
        _with_interval,
        0,
    ),
    "interval_width": Row(
        distribution.interval_width,
        lambda truth, interval: bootstrap.mean_of(distribution.widths(interval)),
        _with_interval,
        0,
    ),
    "aurc_interval_width": Row(abstention.risk_coverage_area, abstention.risk_coverage_area_of, _by_width, -1),
    "aurc_entropy": Row(abstention.risk_coverage_area, abstention.risk_coverage_area_of, _by_entropy, -1),
}


def metrics_of(clips: ScoredClips) -> list[str]:
    """The names of the metrics that these clips have what is needed for."""
    return [name for name, row in ROWS.items() if row.arrays(clips) is not None]


def metric_table(name: str, clips: ScoredClips, expressions: Sequence[str]) -> tuple[dict[str, float | None], list[str]]:
    """One metric per expression, and "mean": see `severity.by_expression`."""
    row = ROWS[name]
    arrays = row.arrays(clips)
    assert arrays is not None, name
    return severity.by_expression(row.metric, clips.expression, *arrays, names=expressions)


def resampled_tables(
    draws: SubjectDraws, clips: ScoredClips, expressions: Sequence[str], names: Sequence[str]
) -> dict[str, dict[str, np.ndarray]]:
    """Metrics on every draw: name -> expression or "mean" -> (D,), NaN where a draw holds nothing to measure.

    Args:
      draws: of the subjects of these clips.
      clips: rated ones.
      expressions: as of `metric_table`; those without clips are NaN.
      names: keys of ROWS.
    """
    found: dict[str, dict[str, np.ndarray]] = {name: {} for name in names}
    for expression in expressions:
        mask = clips.expression == expression
        part = clips.take(mask)
        statistics = {name: _statistic(name, part) for name in names} if mask.any() else {}
        values = draws.of_clips(mask).evaluate_all(statistics)
        for name in names:
            found[name][expression] = values[name] if mask.any() else np.full(len(draws.counts), np.nan)
    for table in found.values():
        table[MEAN] = bootstrap.mean_of_present(np.stack(list(table.values())))
    return found


def _statistic(name: str, clips: ScoredClips) -> Statistic:
    arrays = ROWS[name].arrays(clips)
    assert arrays is not None, name
    return ROWS[name].resampled(*arrays)
