"""From rated clips with predictions to the "severity" part of results.json.

Axes: N clips, D draws.

Every dict made here goes to JSON as it is: numbers, texts, lists and None, never NaN. A value that is a convention rather than
a measurement is named in the "flags" beside it. Intervals are 95 percent over subjects, [low, high].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tramp_jax.metrics import abstention, distribution, grade_table, severity
from tramp_jax.metrics.bootstrap import DRAWS, SubjectDraws
from tramp_jax.metrics.scored import ScoredClips
from tramp_jax.metrics.severity_table import MEAN, metric_table, metrics_of, resampled_tables

Ends = list[float | None]
# Of a baseline, drawn as well: what it is compared by.
COMPARED = ("spearman", "mae")


def severity_results(
    clips: ScoredClips,
    baselines: Mapping[str, np.ndarray],
    latent: np.ndarray | None = None,
    subsets: Mapping[str, np.ndarray] | None = None,
    *,
    expressions: Sequence[str] | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[str, Any]:
    """Every severity metric per expression with the plain mean, beside the tie ceiling, the oracle and the baselines.

    Args:
      clips: N rated clips.
      baselines: name -> (N,) scores of the same clips.
      latent: (N,) hidden severity of simulated clips: its Spearman with the rated grade is the oracle.
      subsets: name -> (N,) which part each clip belongs to, "" for none: data sets, or groups of people.
      expressions: the names to tell of; None for those that occur.
      draws: of subjects.
      seed: of the draws.

    Returns:
      one {expression and "mean": value} for each of `severity_table.metrics_of` and for "tie_ceiling" and "oracle_spearman";
      "intervals": metric -> {expression and "mean": [low, high]}; "spearman_interval", the same of Spearman;
      "confusion": expression and "all" -> rows of counts, see `grade_table.confusion`;
      "oracle_spearman_mean", "share_of_oracle"; "risk_coverage", see `_risk_coverage`; "baselines"; "model_minus_baseline";
      "subsets": name -> part -> see `_part_results`; "counts", "flags".
    """
    rows = SubjectDraws.of(clips.subject, draws, seed)
    expressions = severity.expressions_of(clips.expression) if expressions is None else expressions
    flags: list[str] = []
    results: dict[str, Any] = {"counts": count(clips.subject, clips.expression, expressions)}
    drawn = _estimates(results, rows, clips, expressions, flags)
    results["tie_ceiling"] = told(
        "tie_ceiling", severity.by_expression(severity.tie_ceiling, clips.expression, clips.truth, names=expressions), flags
    )
    results["confusion"] = grade_table.confusion_tables(clips, expressions)
    results |= _oracle(clips, latent, results["spearman"][MEAN], expressions, flags)
    results["risk_coverage"] = _risk_coverage(clips)
    results["baselines"], results["model_minus_baseline"] = {}, {}
    for name, scores in baselines.items():
        own, other = _baseline(rows, clips, scores, expressions)
        results["baselines"][name] = own
        results["model_minus_baseline"][name] = _over_baseline(rows, results, own, drawn, other)
    results["subsets"] = {
        name: {
            part: _part_results(clips.take(of == part), expressions, draws, seed) for part in sorted(set(of.tolist()) - {""})
        }
        for name, of in (subsets or {}).items()
    }
    flags += [f"{name}: {np.sum(of == '')} clips have no label" for name, of in (subsets or {}).items() if (of == "").any()]
    return results | {"flags": flags}


def count(subject: np.ndarray, expression: np.ndarray, names: Sequence[str]) -> dict[str, Any]:
    """How many clips and subjects, and how many clips of each expression."""
    clips = {name: int(np.sum(np.asarray(expression) == name)) for name in names}
    return {"clips": len(subject), "subjects": len(set(np.asarray(subject).tolist())), "clips_of_expression": clips}


def told(name: str, found: tuple[dict[str, float | None], list[str]], flags: list[str]) -> dict[str, float | None]:
    """The values of `severity.by_expression`; its flags go to `flags` under the metric's name."""
    values, said = found
    flags.extend(f"{name}/{flag}" for flag in said)
    return values


def ends(name: str, interval: severity.Interval, flags: list[str]) -> Ends:
    """[low, high]; a doubt goes to `flags`."""
    if interval.flag:
        flags.append(f"{name}: {interval.flag}")
    return [interval.low, interval.high]


def minus(one: float | None, two: float | None) -> float | None:
    """None where either is."""
    return None if one is None or two is None else one - two


def _estimates(
    results: dict[str, Any], rows: SubjectDraws, clips: ScoredClips, expressions: Sequence[str], flags: list[str]
) -> dict[str, dict[str, np.ndarray]]:
    """Puts every metric and its intervals into `results`; returns the draws."""
    names = metrics_of(clips)
    for name in names:
        results[name] = told(name, metric_table(name, clips, expressions), flags)
    drawn = resampled_tables(rows, clips, expressions, names)
    # What makes one metric's interval doubtful makes every one's: it is said once, of Spearman's.
    rows_of = rows.by_expression(clips.expression, expressions, MEAN)
    results["intervals"] = {
        name: {
            of: ends(f"spearman_interval/{of}", rows_of[of].interval_of(values), flags if name == "spearman" else [])
            for of, values in table.items()
        }
        for name, table in drawn.items()
    }
    results["spearman_interval"] = results["intervals"]["spearman"]
    return drawn


def _part_results(clips: ScoredClips, expressions: Sequence[str], draws: int, seed: int) -> dict[str, Any]:
    """Metrics, intervals, counts and flags of some of the clips, on draws of their own subjects."""
    present = [name for name in expressions if (clips.expression == name).any()]
    flags: list[str] = []
    results: dict[str, Any] = {"counts": count(clips.subject, clips.expression, present)}
    _estimates(results, SubjectDraws.of(clips.subject, draws, seed), clips, present, flags)
    return results | {"flags": flags}


def _oracle(
    clips: ScoredClips, latent: np.ndarray | None, reached: float | None, expressions: Sequence[str], flags: list[str]
) -> dict[str, Any]:
    if latent is None:
        absent: dict[str, float | None] = dict.fromkeys((*expressions, MEAN))
        return {"oracle_spearman": absent, "oracle_spearman_mean": None, "share_of_oracle": None}
    found = severity.by_expression(severity.spearman, clips.expression, clips.truth, latent, names=expressions)
    oracle = told("oracle_spearman", found, flags)
    share = reached / oracle[MEAN] if reached is not None and oracle[MEAN] else None
    return {"oracle_spearman": oracle, "oracle_spearman_mean": oracle[MEAN], "share_of_oracle": share}


def _risk_coverage(clips: ScoredClips) -> dict[str, Any]:
    """Mean absolute error of the most certain shares of all clips: {"coverage": shares, and by what is known: errors}."""
    loss = np.abs(clips.prediction - clips.truth)
    found: dict[str, Any] = {"coverage": list(abstention.COVERAGES)}
    if clips.interval is not None:
        found["interval_width"] = abstention.selective_risk(loss, np.round(distribution.widths(clips.interval), 9))
    if clips.distribution is not None:
        found["entropy"] = abstention.selective_risk(loss, np.round(distribution.entropies(clips.distribution), 9))
    return found


def _baseline(
    rows: SubjectDraws, clips: ScoredClips, scores: np.ndarray, expressions: Sequence[str]
) -> tuple[dict[str, Any], dict[str, dict[str, np.ndarray]]]:
    """What a baseline reaches, and its draws of COMPARED."""
    rival = ScoredClips(clips.subject, clips.expression, clips.truth, scores)
    flags: list[str] = []
    own: dict[str, Any] = {}
    for name in metrics_of(rival):
        values = told(name, metric_table(name, rival, expressions), flags)
        own[name], own[f"{name}_mean"] = values, values[MEAN]
    drawn = resampled_tables(rows, rival, expressions, COMPARED)
    own["spearman_interval"] = ends("", rows.interval_of(drawn["spearman"][MEAN]), [])
    return own | {"flags": flags}, drawn


def _over_baseline(
    rows: SubjectDraws,
    results: Mapping[str, Any],
    own: Mapping[str, Any],
    drawn: Mapping[str, Mapping[str, np.ndarray]],
    other: Mapping[str, Mapping[str, np.ndarray]],
) -> dict[str, Any]:
    """The paired difference of the means over expressions; "interval" is Spearman's."""
    found: dict[str, Any] = {}
    for name in COMPARED:
        difference = drawn[name][MEAN] - other[name][MEAN]
        found[f"{name}_mean"] = minus(results[name][MEAN], own[name][MEAN])
        found["interval" if name == "spearman" else f"{name}_interval"] = ends("", rows.interval_of(difference), [])
    return found
