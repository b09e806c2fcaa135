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

from input_pipeline.dataset import WITHDRAWN, Dataset
from input_pipeline.errors import UserError
from input_pipeline.motion.facts import Fact
from input_pipeline.paths import absolute
from input_pipeline.records import Label
from input_pipeline.splits import load_split
from tramp_jax.metrics.baselines import BaselinePredictions, measure_clips, predict_baselines
from tramp_jax.metrics.evaluation import latent_of
from tramp_jax.metrics.predictions import Predictions
from tramp_jax.metrics.scored import persons

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


def measure_predictions(found: Predictions, dataset: Dataset, split: str) -> MeasuredPredictions:
    """Measures the clips of a file and fits the baselines on the training fold of a split.

    A baseline that the file has itself, by the same name, is kept: it is what the file's maker compared with.

    Args:
      found: of `predictions.read_predictions`.
      dataset: that all of its clips are of.
      split: name of a split of the data set; only its training fold is used.

    Raises:
      UserError: no such split, or a row is of a clip that is not there, of another person, expression or grade than there, or
        of a person in the training fold.
    """
    train = load_split(dataset, split, need=("train",))["train"]
    left = without_withdrawn(found, dataset)
    places = _places(left, dataset)
    _check_there(left, places, dataset)
    labels = [dataset.labels[index] for index in places]
    _check_labels(left, labels, dataset)
    people = {dataset.labels[index].subject for index in train}
    _check_held_out(left, people, split)
    test = measure_clips(dataset, places)
    fitted = predict_baselines(measure_clips(dataset, train), test)
    about = {
        "folder": absolute(dataset.path).name,
        "split": split,
        "sha256": dataset.manifest.sha256(),
        "training_clips": len(train),
        "training_subjects": len(people),
    }
    notes = [*_left_out(found, left), *_label_notes(left, labels), *_baseline_notes(left, fitted)]
    return MeasuredPredictions(_with_baselines(_filled(left, labels), fitted), test.facts, about, notes)


def without_withdrawn(found: Predictions, dataset: Dataset) -> Predictions:
    """The file without the clips of subjects who have withdrawn from the data set; clips that are not there stay.

    Raises:
      UserError: nothing is left.
    """
    gone = [index >= 0 and dataset.labels[index].subject in dataset.withdrawn for index in _places(found, dataset)]
    if all(gone):
        raise UserError(
            f"{found.path}: the subjects of all {len(found)} rows are in {dataset.path / WITHDRAWN}: nothing is left"
        )
    return found.take(np.flatnonzero(~np.array(gone)))


def _places(found: Predictions, dataset: Dataset) -> list[int]:
    """The index of each row's clip in the data set, -1 for none; a file without data sets goes by clip_id alone."""
    wanted = set(found.clip_id.tolist())
    at: dict[tuple[str, str], int] = {}
    for index, label in enumerate(dataset.labels):
        if label.clip_id in wanted:
            at |= {("", label.clip_id): index, (label.dataset, label.clip_id): index}
    return [at.get(key, -1) for key in zip(found.dataset.tolist(), found.clip_id.tolist(), strict=True)]


def _check_there(found: Predictions, places: Sequence[int], dataset: Dataset) -> None:
    absent = np.flatnonzero(np.array(places) < 0)
    for row in absent:
        of = f" of data set {str(found.dataset[row])!r}" if found.dataset[row] else ""
        raise UserError(
            f"{found.path} line {found.lines[row]}: clip {str(found.clip_id[row])!r}{of} is not in {dataset.path} "
            f"({dataset.name!r}), nor are {len(absent) - 1} other of {len(found)} rows: leave them out or name their data set"
        )


def _check_labels(found: Predictions, labels: Sequence[Label], dataset: Dataset) -> None:
    """Refuses rows of which file and data set say different things."""
    _check_same(found, "subject", found.subject, np.array([x.subject for x in labels], dtype=str), dataset)
    _check_same(found, "expression", found.clips.expression, np.array([x.expression for x in labels], dtype=str), dataset)
    if not found.clips.rated.any():
        return
    here, there = found.clips.truth, _grades(labels)
    # A clip that is rated there and not here would be left out of every figure: leaving out hard clips flatters.
    differ = ~np.isnan(there) & ~(np.abs(here - there) <= _SAME_GRADE)
    for row in np.flatnonzero(differ):
        said = "nothing" if np.isnan(here[row]) else f"{here[row]:.10g}"
        raise _other(found, row, "score", said, f"{there[row]:.10g}", int(differ.sum()), dataset)


def _check_same(found: Predictions, column: str, here: np.ndarray, there: np.ndarray, dataset: Dataset) -> None:
    for row in np.flatnonzero(here != there):
        raise _other(found, row, column, repr(str(here[row])), repr(str(there[row])), int((here != there).sum()), dataset)


def _other(found: Predictions, row: int, column: str, here: str, there: str, rows: int, dataset: Dataset) -> UserError:
    return UserError(
        f"{found.path} line {found.lines[row]}, column '{column}': found {here}, but {dataset.path} has {there} for clip "
        f"{str(found.clip_id[row])!r} ({rows} such rows): write what the data set has, or name the one that the file is of"
    )


def _check_held_out(found: Predictions, trained: set[str], split: str) -> None:
    rows = [row for row, subject in enumerate(found.subject.tolist()) if subject in trained]
    if not rows:
        return
    first, people = rows[0], len({str(found.subject[row]) for row in rows})
    raise UserError(
        f"{found.path} line {found.lines[first]}: subject {str(found.subject[first])!r} is in the training fold of split "
        f"{split!r} ({len(rows)} of {len(found)} rows, {people} such subjects), so the baselines would know the person: leave "
        "these rows out, or name a split that holds them out with --split=NAME"
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
