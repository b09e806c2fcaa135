"""What every task of the benchmark gives: plain numbers for JSON.

A finding has `rows`, `subjects`, `unread` answers, `metrics` name -> value or None, `intervals` name -> [low, high] where all
rows tell subjects, `flags` as "metric: why the value is a convention", and what only its task has.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from tramp_jax.metrics.bootstrap import Statistic, SubjectDraws
from tramp_jax.metrics.emotion import rege
from tramp_jax.metrics.emotion.judge import Judge
from tramp_jax.metrics.emotion.labels import Rule, first_label
from tramp_jax.metrics.emotion.predictions import Row
from tramp_jax.metrics.severity import Metric, mean_of_present

Found = dict[str, Any]


@dataclasses.dataclass(frozen=True)
class Options:
    """What a user may set.

    Attributes:
      rule: how a label is read out of a text.
      lexicon: the words of REGE's classes; None stands for ours.
      judge: None scores overlap by words.
    """

    rule: Rule = first_label
    lexicon: rege.Lexicon | None = None
    judge: Judge | None = None


def found_in(metrics: Mapping[str, Metric], statistics: Mapping[str, Statistic], rows: Sequence[Row], unread: int) -> Found:
    """A finding; intervals are of whole subjects drawn with replacement, for the metrics that have a statistic.

    Args:
      statistics: of `metrics`, over `rows` in their order.
    """
    subjects = [row.subject for row in rows]
    named = bool(subjects) and all(subjects)
    flags = [f"{name}: {metric.flag}" for name, metric in metrics.items() if metric.flag]
    intervals: dict[str, list[float | None]] = {}
    if named and len(set(subjects)) > 1:
        draws = SubjectDraws.of(subjects)
        ends = {name: draws.interval(statistic) for name, statistic in statistics.items()}
        intervals = {name: [interval.low, interval.high] for name, interval in ends.items()}
        flags += sorted({f"intervals: {interval.flag}" for interval in ends.values() if interval.flag})
    elif named:
        flags.append("intervals: none from one subject")
    return {
        "rows": len(rows),
        "subjects": len(set(subjects)) if named else None,
        "unread": unread,
        "metrics": {name: metric.value for name, metric in metrics.items()},
        "intervals": intervals,
        "flags": flags,
    }


def mean_metric(of_part: Mapping[str, Metric]) -> Metric:
    """The plain mean over units or emotions that have a value, with all their flags, each told once."""
    parts: dict[str, list[str]] = {}
    for name, metric in of_part.items():
        if metric.flag:
            parts.setdefault(metric.flag, []).append(name)
    flags = [f"{flag} ({', '.join(names)})" if any(names) else flag for flag, names in parts.items()]
    return Metric(mean_of_present({name: metric.value for name, metric in of_part.items()}), "; ".join(flags))
