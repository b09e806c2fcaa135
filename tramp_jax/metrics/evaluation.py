"""From predictions to the results of a run: pure functions of arrays, texts and facts.

Axes: N clips.

Every dict made here goes to JSON as it is: numbers, texts, lists and None, never NaN. A value that is a convention rather than
a measurement is named in the "flags" beside it. "interval" is always a 95 percent interval over subjects, [low, high].
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from input_pipeline.errors import UserError
from input_pipeline.motion.facts import Fact
from input_pipeline.motion.parsing import parse_facts
from input_pipeline.records import Label
from tramp_jax.metrics import bootstrap, forbidden, report_facts, report_ratios, text, weighted_facts
from tramp_jax.metrics.baselines import BaselinePredictions, MeasuredClips
from tramp_jax.metrics.bootstrap import DRAWS, SubjectDraws
from tramp_jax.metrics.label_groups import group_columns, with_groups
from tramp_jax.metrics.scored import ScoredClips
from tramp_jax.metrics.severity import expressions_of
from tramp_jax.metrics.severity_results import count, ends, minus, severity_results
from tramp_jax.metrics.text_severity import words_and_scores

SIMULATED = "simulated"
# Each text is asked for several times, and baselines repeat theirs.
_facts = functools.lru_cache(maxsize=100_000)(parse_facts)
# Keys that others read by name; `report_facts` has the definitions.
FACT_F1 = report_facts.STRICTNESSES


def evaluate_clips(
    data: str,
    test: MeasuredClips,
    scores: np.ndarray | None,
    reports: Sequence[str] | None,
    baselines: BaselinePredictions,
    *,
    distribution: np.ndarray | None = None,
    interval: np.ndarray | None = None,
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[str, Any]:
    """The results of one run on the clips `test`.

    Args:
      data: name of the data set, "simulated" for the simulator's.
      scores: (N,) unclipped severity of each test clip; None for a run without a severity task.
      reports: N generated reports; None for a run without a report task.
      baselines: of `predict_baselines` on the same clips.
      distribution: (N, 5) probabilities of the grades, None for a model without.
      interval: (N, 2), None for a model without.
      draws: bootstrap draws of subjects.
      seed: of the draws.

    Returns:
      {"data", "simulated", "counts", "severity": see `severity_results` or None, "report": see `report_results` and
      `words_and_scores`, or None}.

    Raises:
      UserError: a score is not finite.
      ValueError: lengths differ.
    """
    names = expressions_of(test.expression)
    people = test.person
    results: dict[str, Any] = {"data": data, "simulated": data == SIMULATED}
    results |= {"counts": count(people, test.expression, names), "severity": None, "report": None}
    sets = np.array([label.dataset for label in test.labels], dtype=str)
    groups, left_out = group_columns(test.labels)
    parts = ({"dataset": sets} if len(set(sets.tolist())) > 1 else {}) | groups
    if scores is not None:
        clips = scored_clips(test, scores, distribution, interval)
        latent = latent_of([label for label in test.labels if label.score is not None])
        rivals = {name: values[clips.rated] for name, values in baselines.scores.items()}
        of_rated = {name: of[clips.rated] for name, of in parts.items()}
        rated = clips.take(clips.rated)
        results["severity"] = severity_results(rated, rivals, latent, of_rated, expressions=names, draws=draws, seed=seed)
        results["severity"]["flags"] += left_out
    if reports is not None:
        references = [label.report for label in test.labels]
        of_clip = (people, test.expression, reports, references, test.facts)
        results["report"] = report_results(*of_clip, baselines.reports, parts, draws=draws, seed=seed)
        of_clip = (people, test.expression, test.score, scores, reports, references)
        results["report"] |= words_and_scores(*of_clip, draws=draws, seed=seed)
    return results


def scored_clips(
    test: MeasuredClips, scores: np.ndarray, distribution: np.ndarray | None = None, interval: np.ndarray | None = None
) -> ScoredClips:
    """Every clip of `test` with its rating and a run's answers, see `evaluate_clips`.

    Raises:
      UserError: a score is not finite.
      ValueError: lengths differ.
    """
    answers = (None if x is None else np.asarray(x, np.float64) for x in (distribution, interval))
    return ScoredClips(test.person, test.expression, test.score, _finite(scores, test.labels), *answers)


def report_results(
    subject: np.ndarray,
    expression: np.ndarray,
    generated: Sequence[str],
    references: Sequence[str | None],
    measured: Sequence[Sequence[Fact]],
    baselines: Mapping[str, Sequence[str]],
    subsets: Mapping[str, np.ndarray] | None = None,
    *,
    draws: int = DRAWS,
    seed: int = 0,
) -> dict[str, Any]:
    """Facts, sides, grounding and n-grams of generated reports, beside the baselines' on the same clips.

    Reference metrics are over the clips that have a reference, grounding over the clips that could be measured.

    Args:
      subject, expression: (N,).
      generated: N texts.
      references: N texts, None where there is none.
      measured: `facts.measured_facts` of each clip, empty where it could not be measured.
      baselines: name -> N texts.
      subsets: name -> (N,) which part each clip belongs to, "" for none: data sets, or groups of people.

    Returns:
      the keys of `_text_metrics`; "text_intervals" of `text.TEXT_SCORES`; "intervals" of each of `report_ratios`, and
      "subsets": name -> part -> `report_ratios.subset_results`; "weighted_facts_interval"; "unparsed_share";
      "forbidden_share": of reports that name a "diagnosis", an "emotion" or "any" of them; "fact_f1_interval" and
      "fact_f1_by_expression" (of "direction"); "errors"; "baselines": name -> {"fact_f1_<strictness>" and the rest};
      "model_minus_baseline"; "counts", "flags".
    """
    kept = [i for i, reference in enumerate(references) if reference is not None]
    names = expressions_of(expression)
    flags = [] if kept else ["no clip has a reference report: only grounding is measured"]
    rows = SubjectDraws.of(np.asarray(subject)[kept], draws, seed)
    meant = [_facts(references[i]) for i in kept]
    results, f1, words = _text_metrics(generated, references, measured, meant)
    results["counts"] = {
        **count(np.asarray(subject)[kept], np.asarray(expression)[kept], names),
        "grounded_clips": sum(map(bool, measured)),
    }
    of_clip = np.asarray(expression)[kept]
    results["fact_f1_interval"] = {"direction": ends("fact_f1_interval", rows.interval(bootstrap.mean_of(f1)), flags)}
    results["fact_f1_by_expression"] = {
        name: float(f1[of_clip == name].mean()) if (of_clip == name).any() else None for name in names
    }
    intervals = {name: rows.interval(statistic) for name, statistic in words.statistics.items()}
    results["text_intervals"] = {name: ends("", interval, []) for name, interval in intervals.items()}
    flags.extend(words.flags)
    results["unparsed_share"] = _defined(report_facts.unparsed_share(generated))
    results["forbidden_share"] = {kind: _defined(share) for kind, share in forbidden.forbidden_share(generated).items()}
    stated = [_facts(generated[i]) for i in kept]
    results["errors"] = {kind: _defined(mean) for kind, mean in report_facts.error_table(stated, meant).items()}
    of_reference = [None if reference is None else _facts(reference) for reference in references]
    ratios = report_ratios.fact_ratios([_facts(said) for said in generated], of_reference, measured)
    ratios |= report_ratios.word_ratios(generated)
    people = np.asarray(subject)
    results["intervals"] = report_ratios.intervals(ratios, people, draws, seed)
    results["weighted_facts_interval"] = results["intervals"]["weighted_facts"]
    results["subsets"] = {
        name: report_ratios.subset_results(ratios, people, labels, draws=draws, seed=seed)
        for name, labels in (subsets or {}).items()
    }
    results["baselines"], results["model_minus_baseline"] = {}, {}
    for name, texts in baselines.items():
        own, own_f1, _ = _text_metrics(texts, references, measured, meant)
        own |= {f"fact_f1_{strictness}": value for strictness, value in own.pop("fact_f1").items()}
        results["baselines"][name] = own
        results["model_minus_baseline"][name] = {
            "fact_f1_direction": minus(results["fact_f1"]["direction"], own["fact_f1_direction"]),
            "interval": ends("", rows.paired_interval(bootstrap.mean_of(f1), bootstrap.mean_of(own_f1)), []),
        }
    if results["laterality_accuracy"] is None and kept:
        flags.append("laterality_accuracy: no one-sided reference fact is mentioned")
    if results["weighted_facts"] is None and kept:
        flags.append("weighted_facts, fact_f1/abnormal: neither the reports nor the references state a finding")
    return results | {"flags": flags}


def sample_rows(
    test: MeasuredClips,
    scores: np.ndarray | None,
    reports: Sequence[str] | None,
    baselines: BaselinePredictions,
    distribution: np.ndarray | None = None,
    interval: np.ndarray | None = None,
) -> list[dict[str, Any]]:
    """One line of `samples.jsonl` per test clip: what was rated, what was predicted, and what the baselines say.

    The lines are a file for `python -m tramp_jax.evaluate --predictions`.
    """
    rows = []
    for i, label in enumerate(test.labels):
        row: dict[str, Any] = {"clip_id": label.clip_id, "subject": label.subject, "expression": label.expression}
        row |= {"dataset": label.dataset, "score": label.score, "latent": label.truth.get("severity")}
        if scores is not None:
            row["prediction"] = float(scores[i])
            if distribution is not None:
                row |= {f"p{grade}": float(share) for grade, share in enumerate(distribution[i])}
            if interval is not None:
                row |= {"low": float(interval[i][0]), "high": float(interval[i][1])}
            row["baseline_predictions"] = {name: float(values[i]) for name, values in baselines.scores.items()}
        if reports is not None:
            row |= {"report": reports[i], "reference": label.report}
            row["baseline_reports"] = {name: texts[i] for name, texts in baselines.reports.items()}
            row["fact_f1_direction"] = None if label.report is None else direction_f1(reports[i], label.report)
        rows.append(row)
    return with_groups(rows, test.labels)


def latent_of(labels: Sequence[Label]) -> np.ndarray | None:
    """Hidden severity (N,) of simulated clips; None if one lacks it."""
    latent = [label.truth.get("severity") for label in labels]
    return None if not latent or None in latent else np.array(latent, np.float64)


def _text_metrics(
    generated: Sequence[str],
    references: Sequence[str | None],
    measured: Sequence[Sequence[Fact]],
    meant: Sequence[Sequence[Fact]],
) -> tuple[dict[str, Any], np.ndarray, text.TextScores]:
    """The metrics of one writer, and the direction F1 of each clip with a reference.

    Keys: "fact_f1" {strictness: value}, "weighted_facts", "laterality_accuracy", each of `text.TEXT_SCORES`, "grounding".
    """
    pairs = [(said, reference) for said, reference in zip(generated, references, strict=True) if reference is not None]
    stated = [_facts(said) for said, _ in pairs]
    scores = report_facts.per_report(stated, meant)
    words = text.score_texts(*zip(*pairs, strict=True)) if pairs else text.NO_SCORES
    grounded = [(_facts(said), signal) for said, signal in zip(generated, measured, strict=True) if signal]
    results = {
        "fact_f1": {strictness: _mean(scores[f"{strictness}_f1"]) for strictness in FACT_F1},
        "weighted_facts": _mean(weighted_facts.per_report(stated, meant)),
        "laterality_accuracy": _defined(report_facts.laterality_accuracy(stated, meant)),
        **words.values,
        "grounding": _defined(report_facts.grounding(*zip(*grounded, strict=True))) if grounded else None,
    }
    return results, scores["direction_f1"], words


def direction_f1(generated: str, reference: str) -> float:
    """Fact F1 (direction) of one report."""
    return report_facts.score_report(_facts(generated), _facts(reference))["direction_f1"]


def _finite(scores: np.ndarray, labels: Sequence[Label]) -> np.ndarray:
    scores = np.asarray(scores, np.float64)
    if scores.shape != (len(labels),):
        raise ValueError(f"scores {scores.shape} for {len(labels)} clips")
    if not np.isfinite(scores).all():
        bad = np.flatnonzero(~np.isfinite(scores))
        raise UserError(
            f"clip {labels[bad[0]].clip_id}: predicted score is {scores[bad[0]]} ({len(bad)} of {len(scores)} such), expected "
            "a number: training has diverged, use an earlier checkpoint or a lower learning rate"
        )
    return scores


def _mean(values: np.ndarray) -> float | None:
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else None


def _defined(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
