"""From a predictions file to the results that an evaluated run has; no checkpoint is needed, and no data set.

Axes: N clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from input_pipeline.errors import UserError
from input_pipeline.motion.facts import Fact, normal_facts
from input_pipeline.motion.wording import write
from input_pipeline.records import EXPRESSIONS
from tramp_jax.metrics.bootstrap import DRAWS
from tramp_jax.metrics.evaluation import SIMULATED, direction_f1, report_results
from tramp_jax.metrics.predictions import Predictions
from tramp_jax.metrics.scored import ScoredClips
from tramp_jax.metrics.severity import expressions_of
from tramp_jax.metrics.severity_results import count, severity_results
from tramp_jax.metrics.text_severity import words_and_scores

_SAME_CLIPS = "baselines/constant_median: of these very clips, for lack of training clips; the best constant in MAE"


def evaluate_predictions(
    found: Predictions, measured: Sequence[Sequence[Fact]] | None = None, *, draws: int = DRAWS, seed: int = 0
) -> dict[str, Any]:
    """The results of a file.

    Args:
      found: of `predictions.read_predictions`.
      measured: facts measured in each clip, which reports are grounded against (`predictions_data.measure_predictions`).
      draws: of subjects.
      seed: of the draws.

    Returns:
      as `evaluation.evaluate_clips`; "data" is the names of the data sets, else the file's. The expressions are those that
      occur. Baselines are those of the file, else the constant median of the same clips and the always-normal report.

    Raises:
      UserError: no clip has a rated grade, none a reference report, and nothing was measured.
    """
    clips, facts = found.clips, [()] * len(found) if measured is None else measured
    if not clips.rated.any() and (found.reports is None or not (any(facts) or any(x is not None for x in found.references))):
        raise UserError(
            f"{found.path}: column 'score' is empty in all {len(found)} rows: expected rated grades to compare with"
        )
    names = expressions_of(clips.expression)
    sets = sorted(set(found.dataset.tolist()) - {""})
    results: dict[str, Any] = {"data": " + ".join(sets) or found.path.name, "simulated": sets == [SIMULATED]}
    results |= {"counts": count(clips.subject, clips.expression, names)}
    results["severity"] = _severity(found, names, draws=draws, seed=seed)
    results["report"] = None
    if found.reports is not None:
        of_clip = (clips.subject, clips.expression, found.reports, found.references, facts)
        rivals = found.baseline_reports or _always_normal(clips)
        results["report"] = report_results(*of_clip, rivals, _subsets(found), draws=draws, seed=seed)
        of_clip = (clips.subject, clips.expression, clips.truth, clips.prediction, found.reports, found.references)
        results["report"] |= words_and_scores(*of_clip, draws=draws, seed=seed)
    return results


def constant_of_same_clips(clips: ScoredClips) -> np.ndarray:
    """The median rated grade of each clip's expression (N,), of rated clips.

    A rival that knows these clips' grades, so no constant fitted elsewhere has a lower MAE. The median of the other subjects
    would not do: where it moves at all, it moves against the subject's own grade, so its rank correlation is negative, and
    every model would seem to gain on it.
    """
    prediction = np.zeros(len(clips))
    for name in np.unique(clips.expression):
        of_name = clips.expression == name
        prediction[of_name] = np.median(clips.truth[of_name])
    return prediction


def prediction_rows(found: Predictions) -> list[dict[str, Any]]:
    """The lines of `samples.jsonl`: the file's own rows, with the fact F1 of each report."""
    rows = []
    clips = found.clips
    for i, clip_id in enumerate(found.clip_id.tolist()):
        row: dict[str, Any] = {"clip_id": clip_id, "subject": str(found.subject[i]), "expression": str(clips.expression[i])}
        if found.dataset[i]:
            row["dataset"] = str(found.dataset[i])
        row["score"] = float(clips.truth[i]) if clips.rated[i] else None
        if found.latent is not None:
            row["latent"] = float(found.latent[i])
        row["prediction"] = float(clips.prediction[i])
        if found.baselines:
            row["baseline_predictions"] = {name: float(values[i]) for name, values in found.baselines.items()}
        if clips.distribution is not None:
            row |= {f"p{grade}": float(share) for grade, share in enumerate(clips.distribution[i])}
        if clips.interval is not None:
            row |= {"low": float(clips.interval[i][0]), "high": float(clips.interval[i][1])}
        row |= {name: str(labels[i]) or None for name, labels in found.groups.items()}
        rows.append(row | _report_fields(found, i))
    return rows


def _report_fields(found: Predictions, i: int) -> dict[str, Any]:
    if found.reports is None:
        return {}
    said, reference = found.reports[i], found.references[i]
    fields: dict[str, Any] = {"report": said, "reference": reference}
    if found.baseline_reports:
        fields["baseline_reports"] = {name: texts[i] for name, texts in found.baseline_reports.items()}
    return fields | {"fact_f1_direction": None if reference is None else direction_f1(said, reference)}


def _severity(found: Predictions, names: list[str], *, draws: int, seed: int) -> dict[str, Any]:
    rated = found.clips.rated
    clips = found.clips.take(rated)
    own = {name: values[rated] for name, values in found.baselines.items()}
    latent = None if found.latent is None else found.latent[rated]
    subsets = {name: labels[rated] for name, labels in _subsets(found).items()}
    baselines = own or {"constant_median": constant_of_same_clips(clips)}
    results = severity_results(clips, baselines, latent, subsets, expressions=names, draws=draws, seed=seed)
    results["flags"] += [] if own else [_SAME_CLIPS]
    return results


def _subsets(found: Predictions) -> dict[str, np.ndarray]:
    """Which data set and which part of each group a clip is of."""
    sets = {"dataset": found.dataset} if len(set(found.dataset.tolist())) > 1 else {}
    return sets | found.groups


def _always_normal(clips: ScoredClips) -> dict[str, list[str]]:
    """The baseline where every expression has a report without findings, else none."""
    if set(clips.expression.tolist()) - set(EXPRESSIONS):
        return {}
    return {"always_normal": [write(normal_facts(name), name) for name in clips.expression.tolist()]}
