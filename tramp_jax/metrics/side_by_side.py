"""Several models on the same clips: the results of each, and of each but the first its differences from the first.

Axes: N clips, G = 5 grades.

The numbers are those of results.json and comparison.json: both draw the same people.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from input_pipeline.errors import UserError
from tramp_jax.metrics import agreement, calibration
from tramp_jax.metrics.bootstrap import DRAWS, SubjectDraws
from tramp_jax.metrics.comparison import check_same, compare, join, name_of
from tramp_jax.metrics.evaluation import SIMULATED, direction_f1
from tramp_jax.metrics.prediction_results import evaluate_predictions
from tramp_jax.metrics.predictions import Predictions
from tramp_jax.metrics.severity import expressions_of

# How many clips are told of each model's largest errors (ours).
WORST = 15


@dataclasses.dataclass(frozen=True)
class Model:
    """One input among the others.

    Attributes:
      name: distinct among the inputs.
      found: its predictions, the same clips in the same order as every other's.
      results: of `evaluate_predictions`.
      minus_first: of `comparison.compare` with the first as "two"; None for the first itself.
      agreement: of `agreement.bland_altman` over all rated clips.
      people: of `agreement.by_person`.
      calibration: see `_calibration`; None without a distribution.
      worst: see `_worst`.
    """

    name: str
    found: Predictions
    results: dict[str, Any]
    minus_first: dict[str, Any] | None
    agreement: dict[str, Any]
    people: list[dict[str, Any]]
    calibration: dict[str, Any] | None
    worst: list[dict[str, Any]]


def side_by_side(files: Sequence[Predictions], *, common_clips: bool = False, draws: int = DRAWS, seed: int = 0) -> list[Model]:
    """Evaluates every file on the clips of the first.

    Args:
      files: at least one, of `predictions.read_predictions`.
      common_clips: whether clips that one of them lacks are left out of all; otherwise they are refused.
      draws: of subjects.
      seed: of the draws.

    Raises:
      UserError: the clips differ, a clip is another person, expression or grade in another file, or none is rated.
    """
    files = align(files, common_clips=common_clips)
    first = files[0]
    if not first.clips.rated.any():
        raise UserError(f"{first.path}: none of the {len(first)} clips has a score: expected rated grades to compare with")
    models = []
    for name, found in zip(distinct_names(files), files, strict=True):
        clips = found.clips.take(found.clips.rated)
        models.append(
            Model(
                name=name,
                found=found,
                # Without the parts by group, which the page does not tell.
                results=evaluate_predictions(dataclasses.replace(found, groups={}), draws=draws, seed=seed),
                minus_first=None if found is first else compare(found, first, draws=draws, seed=seed),
                agreement=agreement.bland_altman(clips, SubjectDraws.of(clips.subject, draws, seed)),
                people=agreement.by_person(clips),
                calibration=_calibration(found),
                worst=_worst(found, files),
            )
        )
    return models


def align(files: Sequence[Predictions], *, common_clips: bool) -> list[Predictions]:
    """The same clips in the same order in each, the first's; people, data sets and missing references are the first's too."""
    kept = np.arange(len(files[0]))
    for other in files[1:]:
        mine, theirs = join(files[0], other, common_clips=common_clips)
        check_same(files[0], other, mine, theirs)
        kept = np.intersect1d(kept, mine)
    if not len(kept):
        raise UserError(f"{files[0].path}: no clip is in all {len(files)} files: expected predictions for the same clips")
    first = files[0].take(kept)
    return [first, *(_labelled_as(first, other.take(join(first, other, common_clips=True)[1])) for other in files[1:])]


def _labelled_as(first: Predictions, other: Predictions) -> Predictions:
    """So that a file without the column `dataset` draws the same people."""
    references = [mine or theirs for mine, theirs in zip(other.references, first.references, strict=True)]
    clips = dataclasses.replace(other.clips, subject=first.clips.subject)
    return dataclasses.replace(other, dataset=first.dataset, clips=clips, references=references)


def distinct_names(files: Sequence[Predictions]) -> list[str]:
    """`comparison.name_of` each, with a number where several have the same."""
    names = [name_of(found.path) for found in files]
    return [name if names.count(name) == 1 else f"{name} ({names[:i].count(name) + 1})" for i, name in enumerate(names)]


def simulated_share(found: Predictions) -> str:
    """ "all", "some" or "none" of the clips are said to be simulated."""
    of = found.dataset == SIMULATED
    return "all" if of.all() else "some" if of.any() else "none"


def expressions(found: Predictions) -> list[str]:
    """Those that occur, in the order of the results."""
    return expressions_of(found.clips.expression)


def _calibration(found: Predictions) -> dict[str, Any] | None:
    """Of all rated clips: "reliability", its "error", shares "rated" and "expected" of each grade, "coverage" of LEVELS."""
    clips = found.clips.take(found.clips.rated)
    if clips.distribution is None:
        return None
    rows = calibration.reliability(clips.truth, clips.distribution)
    rated, expected = calibration.grade_shares(clips.truth, clips.distribution)
    return {
        "reliability": rows,
        "error": calibration.calibration_error(rows),
        "rated": rated,
        "expected": expected,
        "coverage": calibration.central_coverage(clips.truth, clips.distribution),
    }


def _worst(found: Predictions, files: Sequence[Predictions]) -> list[dict[str, Any]]:
    """The clips with the largest absolute errors, with what every file predicts of them; without whom they show."""
    clips = found.clips
    error = np.where(clips.rated, np.abs(clips.prediction - clips.truth), -1.0)
    order = np.argsort(-error, kind="stable")[: min(WORST, int(clips.rated.sum()))]
    return [_clip(found, files, int(i)) | {"error": float(error[i])} for i in order]


def _clip(found: Predictions, files: Sequence[Predictions], i: int) -> dict[str, Any]:
    report, reference = None if found.reports is None else found.reports[i], found.references[i]
    return {
        "clip": str(found.clip_id[i]),
        "expression": str(found.clips.expression[i]),
        "rated": float(found.clips.truth[i]),
        "predicted": float(found.clips.prediction[i]),
        "interval": None if found.clips.interval is None else found.clips.interval[i].tolist(),
        "others": [float(other.clips.prediction[i]) for other in files],
        "report": report,
        "reference": reference,
        "fact_f1": None if report is None or reference is None else direction_f1(report, reference),
    }
