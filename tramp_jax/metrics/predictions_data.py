"""A file of predictions beside the data set that its clips are of: their measured motion, and baselines that were fitted.

Axes: N rows of the file.

The file says what a model answered, the data set what is known of the clips. What both say must be the same, so that no figure
is of other labels than the data set's; and nobody in the file may be a person whom the baselines were fitted on.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from input_pipeline.dataset import WITHDRAWN
from input_pipeline.errors import UserError
from input_pipeline.mixture import Data, Mixture
from input_pipeline.motion.facts import Fact
from input_pipeline.records import Label
from tramp_jax.metrics.baselines import BaselinePredictions, measure_clips, predict_baselines
from tramp_jax.metrics.evaluation import latent_of
from tramp_jax.metrics.predictions import Predictions
from tramp_jax.metrics.scored import persons
from tramp_jax.metrics.training_data import TrainingData

# Two grades are the same up to this (ours): a mean of raters that went through float32 is off by less.
_SAME_GRADE = 1e-6


@dataclasses.dataclass(frozen=True)
class MeasuredPredictions:
    """A file with what a data set adds.

    Attributes:
      predictions: the rows of subjects who have not withdrawn, with every baseline that an evaluated run has; the name of the
        data set, and references and latent severity where the file has none, are the data set's.
      facts: N tuples of measured facts, empty where the clip could not be measured, or its expression has no facts.
      about: which data set, split and training clips, for results.json.
      notes: what was left out, added or kept, a line each.
    """

    predictions: Predictions
    facts: tuple[tuple[Fact, ...], ...]
    about: dict[str, Any]
    notes: list[str]


def measure_predictions(found: Predictions, data: TrainingData) -> MeasuredPredictions:
    """Measures the clips of a file and fits the baselines on the training clips.

    A baseline that the file has itself, by the same name, is kept: it is what the file's maker compared with.

    Args:
      found: of `predictions.read_predictions`.
      data: that all of its clips are of.

    Raises:
      UserError: a row is of a clip that is not there, of another person, expression or grade than there, or of a person in the
        training fold.
    """
    left = without_withdrawn(found, data)
    places = _places(left, data.clips)
    _check_there(left, places, data)
    labels = [data.clips.labels[index] for index in places]
    _check_labels(left, labels, data.place)
    _check_held_out(left, data)
    test = measure_clips(data.clips, places)
    fitted = predict_baselines(measure_clips(data.clips, data.train), test)
    notes = [*_left_out(found, left), *_label_notes(left, labels), *_baseline_notes(left, fitted)]
    return MeasuredPredictions(_with_baselines(_filled(left, labels), fitted), test.facts, data.about(), notes)


def without_withdrawn(found: Predictions, data: TrainingData) -> Predictions:
    """The file without the clips of subjects who have withdrawn from their data set; clips that are not there stay.

    Raises:
      UserError: nothing is left.
    """
    gone = [index >= 0 and data.clips.has_withdrawn(index) for index in _places(found, data.clips)]
    if all(gone):
        raise UserError(
            f"{found.path}: the subjects of all {len(found)} rows are in the {WITHDRAWN} of {data.place}: nothing is left, "
            "name a file of other people"
        )
    return found.take(np.flatnonzero(~np.array(gone)))


def _places(found: Predictions, dataset: Data) -> list[int]:
    """The index of each row's clip in the data set, -1 for none; a file without data sets goes by clip_id alone."""
    wanted = set(found.clip_id.tolist())
    at: dict[tuple[str, str], int] = {}
    for index, label in enumerate(dataset.labels):
        if label.clip_id in wanted:
            at |= {("", label.clip_id): index, (label.dataset, label.clip_id): index}
    return [at.get(key, -1) for key in zip(found.dataset.tolist(), found.clip_id.tolist(), strict=True)]


def _check_there(found: Predictions, places: Sequence[int], data: TrainingData) -> None:
    absent = np.flatnonzero(np.array(places) < 0)
    for row in absent:
        of = f" of data set {str(found.dataset[row])!r}" if found.dataset[row] else ""
        raise UserError(
            f"{found.path} line {found.lines[row]}: clip {str(found.clip_id[row])!r}{of} is not in {data.place} "
            f"({data.clips.name!r}), nor are {len(absent) - 1} other of {len(found)} rows: {_next_step(found, row, data.clips)}"
        )


def _next_step(found: Predictions, row: int, dataset: Data) -> str:
    source, _, own = str(found.clip_id[row]).partition("/")
    if own and not isinstance(dataset, Mixture) and any(label.clip_id == own for label in dataset.labels):
        return f"{source!r} is a source of a run on several folders, name that run with --data=RUN"
    return "leave them out or name their data set"


def _check_labels(found: Predictions, labels: Sequence[Label], place: str) -> None:
    """Refuses rows of which file and data set say different things."""
    _check_same(found, "subject", found.subject, np.array([x.subject for x in labels], dtype=str), place)
    _check_same(found, "expression", found.clips.expression, np.array([x.expression for x in labels], dtype=str), place)
    if not found.clips.rated.any():
        return
    here, there = found.clips.truth, _grades(labels)
    # A clip that is rated there and not here would be left out of every figure: leaving out hard clips flatters.
    differ = ~np.isnan(there) & ~(np.abs(here - there) <= _SAME_GRADE)
    for row in np.flatnonzero(differ):
        said = "nothing" if np.isnan(here[row]) else f"{here[row]:.10g}"
        raise _other(found, row, "score", said, f"{there[row]:.10g}", int(differ.sum()), place)


def _check_same(found: Predictions, column: str, here: np.ndarray, there: np.ndarray, place: str) -> None:
    for row in np.flatnonzero(here != there):
        raise _other(found, row, column, repr(str(here[row])), repr(str(there[row])), int((here != there).sum()), place)


def _other(found: Predictions, row: int, column: str, here: str, there: str, rows: int, place: str) -> UserError:
    return UserError(
        f"{found.path} line {found.lines[row]}, column '{column}': found {here}, but {place} has {there} for clip "
        f"{str(found.clip_id[row])!r} ({rows} such rows): write what the data set has, or name the one that the file is of"
    )


def _check_held_out(found: Predictions, data: TrainingData) -> None:
    trained = data.people()
    rows = [row for row, subject in enumerate(found.subject.tolist()) if subject in trained]
    if not rows:
        return
    first, people = rows[0], len({str(found.subject[row]) for row in rows})
    raise UserError(
        f"{found.path} line {found.lines[first]}: subject {str(found.subject[first])!r} is in the training fold of "
        f"{data.chosen} ({len(rows)} of {len(found)} rows, {people} such subjects), so the baselines would know the person: "
        f"leave these rows out, or {data.otherwise}"
    )


def _grades(labels: Sequence[Label]) -> np.ndarray:
    return np.array([np.nan if label.score is None else label.score for label in labels], dtype=np.float64)


def _filled(found: Predictions, labels: Sequence[Label]) -> Predictions:
    """The file with what it leaves to the data set."""
    names = np.array([label.dataset for label in labels], dtype=str)
    return dataclasses.replace(
        found,
        dataset=names,
        clips=dataclasses.replace(found.clips, subject=persons(names, found.subject)),
        references=[label.report for label in labels] if _no_reference(found) else found.references,
        latent=latent_of(labels) if found.latent is None else found.latent,
    )


def _with_baselines(found: Predictions, fitted: BaselinePredictions) -> Predictions:
    return dataclasses.replace(
        found,
        baselines=fitted.scores | found.baselines,
        baseline_reports=fitted.reports | found.baseline_reports,
    )


def _no_reference(found: Predictions) -> bool:
    return all(reference is None for reference in found.references)


def _left_out(found: Predictions, left: Predictions) -> list[str]:
    clips = len(found) - len(left)
    people = len(set(found.clips.subject.tolist()) - set(left.clips.subject.tolist()))
    return [f"{clips} clips of {people} subjects who have withdrawn are left out"] if clips else []


def _label_notes(found: Predictions, labels: Sequence[Label]) -> list[str]:
    notes = []
    there = ~np.isnan(_grades(labels))
    if not found.clips.rated.any() and there.any():
        notes.append(f"score: empty in the whole file, so severity is not evaluated; the data set rates {there.sum()} clips")
    if alone := int((found.clips.rated & ~there).sum()):
        notes.append(f"score: {alone} of {len(found)} clips are rated in the file and not in the data set: not checked")
    if found.reports is None:
        return notes
    if _no_reference(found):
        told = sum(label.report is not None for label in labels)
        return [*notes, f"reference: the file has none; those of the data set are taken ({told} of {len(found)} clips)"]
    pairs = zip(found.references, (label.report for label in labels), strict=True)
    if other := sum(here is not None and there is not None and here.strip() != there.strip() for here, there in pairs):
        notes.append(f"reference: {other} of {len(found)} are not the data set's; the file's are compared with")
    return notes


def _baseline_notes(found: Predictions, fitted: BaselinePredictions) -> list[str]:
    notes = []
    own = found.baselines | (found.baseline_reports if found.reports is not None else {})
    for name, values in (fitted.scores | fitted.reports).items():
        if name in own and (other := sum(here != there for here, there in zip(own[name], values, strict=True))):
            notes.append(f"baselines/{name}: the file's own is kept; in {other} of {len(found)} clips the fitted one differs")
    return notes
