"""What a model must beat, fitted on its training clips, on its test clips (references: seke_and_evaluation.md B.2, B.3).

Axes: N clips, F kinematic features.

A severity baseline predicts a score for every test clip, a report baseline a text; SEVERITY_BASELINES and REPORT_BASELINES
list them by the names used in results. All look at one expression at a time, as the published per-expression models do.
"""

from __future__ import annotations

import dataclasses
import functools
import multiprocessing
import os
import pathlib
import weakref
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from typing import NamedTuple

import numpy as np
from scipy.spatial.distance import cdist

from input_pipeline.dataset import Dataset
from input_pipeline.errors import UserError
from input_pipeline.mixture import Data
from input_pipeline.motion.facts import FACT_TABLE, Fact, measured_facts, normal_facts
from input_pipeline.motion.kinematics import FEATURE_NAMES, feature_vector, measure
from input_pipeline.motion.wording import write
from input_pipeline.records import Label
from tramp_jax.metrics import ordinal_regression
from tramp_jax.metrics.ordinal_regression import standardisation
from tramp_jax.metrics.scored import persons

# Two worker processes start in a few seconds, in which one process measures some hundred clips.
POOL_FROM = 600
_MOST_WORKERS = 8

Measurement = tuple[np.ndarray, tuple[Fact, ...]]
_MEASURED: weakref.WeakKeyDictionary[Data, dict[int, Measurement]] = weakref.WeakKeyDictionary()
_BLINK_RATE = [i for i, name in enumerate(FEATURE_NAMES) if name.endswith(" rate/eye/both")]


@dataclasses.dataclass(frozen=True)
class MeasuredClips:
    """Labels of some clips with what was measured in each.

    Attributes:
      labels: N labels.
      features: (N, F) float64 in the order of FEATURE_NAMES; a row of NaN where the clip could not be measured.
      facts: N tuples of measured facts, empty where the clip could not be measured, or its expression has no facts.
    """

    labels: tuple[Label, ...]
    features: np.ndarray
    facts: tuple[tuple[Fact, ...], ...]

    @property
    def expression(self) -> np.ndarray:
        """(N,) names."""
        return np.array([label.expression for label in self.labels], dtype=str)

    @property
    def subject(self) -> np.ndarray:
        """(N,) keys."""
        return np.array([label.subject for label in self.labels], dtype=str)

    @property
    def person(self) -> np.ndarray:
        """(N,) people: the same subject's key in two data sets is two."""
        return persons(np.array([label.dataset for label in self.labels], dtype=str), self.subject)

    @property
    def score(self) -> np.ndarray:
        """(N,) rated grades, NaN where nobody rated."""
        return np.array([np.nan if label.score is None else label.score for label in self.labels], dtype=np.float64)

    @property
    def measured(self) -> np.ndarray:
        """(N,) bool."""
        return np.isfinite(self.features).all(axis=1)


class BaselinePredictions(NamedTuple):
    """Of all test clips: `scores` name -> (N,), empty where no training clip is rated; `reports` name -> N texts."""

    scores: dict[str, np.ndarray]
    reports: dict[str, list[str]]


def measure_clips(dataset: Data, indices: Sequence[int]) -> MeasuredClips:
    """Measures clips from the landmark shards, each once per process however often it is asked for.

    From POOL_FROM clips on, worker processes share the work; as always with these, the calling script's main code then needs
    its `if __name__ == "__main__":`.
    """
    known = _MEASURED.setdefault(dataset, {})
    missing = [int(index) for index in indices if index not in known]
    known.update(zip(missing, _measure_many(dataset, missing), strict=True))
    found = [known[index] for index in indices]
    features = np.stack([row for row, _ in found]) if found else np.zeros((0, len(FEATURE_NAMES)))
    return MeasuredClips(tuple(dataset.labels[i] for i in indices), features, tuple(facts for _, facts in found))


def kinematic_features(dataset: Data, indices: Sequence[int]) -> np.ndarray:
    """(N, F) float64 in the order of FEATURE_NAMES; a row of NaN where a clip has too few tracked frames to measure."""
    return measure_clips(dataset, indices).features


def _measure_many(dataset: Data, indices: list[int]) -> list[Measurement]:
    workers = min(os.cpu_count() or 1, _MOST_WORKERS)
    if len(indices) < POOL_FROM or workers < 2:
        return [_measure(dataset, index) for index in indices]
    # Threads would wait for each other (many small NumPy calls), and a fork of a process that runs JAX can hang.
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        return list(pool.map(_measure_at, *zip(*map(dataset.place, indices), strict=True), chunksize=32))


def _measure_at(path: pathlib.Path, index: int) -> Measurement:
    return _measure(_open(path), index)


_open = functools.lru_cache(maxsize=1)(Dataset.open)


def _measure(dataset: Data, index: int) -> Measurement:
    clip = dataset.clip(index, with_frames=False)
    try:
        kinematics = measure(clip.landmarks, clip.layout, clip.times, clip.tracked)
    except UserError:
        return np.full(len(FEATURE_NAMES), np.nan), ()
    expression = clip.label.expression
    return feature_vector(kinematics), measured_facts(kinematics, expression) if expression in FACT_TABLE else ()


def constant_median(train: MeasuredClips, test: MeasuredClips) -> np.ndarray:
    """The median training grade of the clip's expression (N,); of all expressions where training rated none of this one.

    Raises:
      UserError: no training clip has a score.
    """
    score = train.score
    rated = ~np.isnan(score)
    if not rated.any():
        raise UserError("no training clip has a score, so no baseline can be fitted: rate some clips or evaluate reports only")
    prediction = np.full(len(test.labels), np.median(score[rated]))
    for name in np.unique(test.expression):
        if (of_name := rated & (train.expression == name)).any():
            prediction[test.expression == name] = np.median(score[of_name])
    return prediction


def kinematics_ordinal(train: MeasuredClips, test: MeasuredClips) -> np.ndarray:
    """Expected grades (N,) of an ordinal regression on all kinematic features, one per expression.

    The penalty is chosen by cross-validation over the training subjects. A clip that could not be measured gets the constant
    median.
    """
    return _ordinal(train, test, slice(None))


def blink_rate(train: MeasuredClips, test: MeasuredClips) -> np.ndarray:
    """As `kinematics_ordinal`, from the blink rate alone: the anchor of grade 1, and what a clinician counts first."""
    return _ordinal(train, test, _BLINK_RATE)


def always_normal(train: MeasuredClips, test: MeasuredClips) -> list[str]:
    """The report of a face without findings, whatever the clip shows."""
    return [write(normal_facts(label.expression), label.expression) for label in test.labels]


def nearest_report(train: MeasuredClips, test: MeasuredClips) -> list[str]:
    """The report of the training clip of the same expression that is nearest in standardised kinematic features.

    Empty where training holds no report of the expression, or the clip could not be measured.
    """
    has_report = np.array([label.report is not None for label in train.labels], dtype=bool) & train.measured
    texts = [""] * len(test.labels)
    for name in np.unique(test.expression):
        known = np.flatnonzero(has_report & (train.expression == name))
        asked = np.flatnonzero(test.measured & (test.expression == name))
        if not len(known) or not len(asked):
            continue
        centre, scale = standardisation(train.features[known])
        nearest = cdist((test.features[asked] - centre) / scale, (train.features[known] - centre) / scale).argmin(axis=1)
        for clip, neighbour in zip(asked, known[nearest], strict=True):
            texts[clip] = train.labels[neighbour].report
    return texts


def predict_baselines(train: MeasuredClips, test: MeasuredClips) -> BaselinePredictions:
    """Every baseline, fitted on `train`, on every clip of `test`; no `always_normal` where an expression has no facts.

    Raises:
      UserError: a subject is in both.
    """
    shared = sorted({label.subject for label in train.labels} & {label.subject for label in test.labels})
    if shared:
        raise UserError(f"subject {shared[0]!r} is in training and test ({len(shared)} such): make the split subject-disjoint")
    rated = not np.isnan(train.score).all()
    # An empty report in its place would be beaten by anything.
    unknown = {"always_normal"} if set(test.expression.tolist()) - set(FACT_TABLE) else set()
    return BaselinePredictions(
        {name: predict(train, test) for name, predict in SEVERITY_BASELINES.items()} if rated else {},
        {name: predict(train, test) for name, predict in REPORT_BASELINES.items() if name not in unknown},
    )


SeverityBaseline = Callable[[MeasuredClips, MeasuredClips], np.ndarray]
ReportBaseline = Callable[[MeasuredClips, MeasuredClips], list[str]]

SEVERITY_BASELINES: Mapping[str, SeverityBaseline] = {
    "constant_median": constant_median,
    "blink_rate": blink_rate,
    "kinematics_ordinal": kinematics_ordinal,
}
REPORT_BASELINES: Mapping[str, ReportBaseline] = {"always_normal": always_normal, "nearest_report": nearest_report}


def _ordinal(train: MeasuredClips, test: MeasuredClips, columns: slice | list[int]) -> np.ndarray:
    prediction = constant_median(train, test)
    score, subject = train.score, train.subject
    usable = ~np.isnan(score) & train.measured
    for name in np.unique(test.expression):
        rows = usable & (train.expression == name)
        asked = test.measured & (test.expression == name)
        if not rows.any() or not asked.any():
            continue
        features = train.features[rows][:, columns]
        penalty = ordinal_regression.choose_penalty(features, score[rows], subject[rows])
        prediction[asked] = ordinal_regression.fit(features, score[rows], penalty).predict(test.features[asked][:, columns])
    return prediction
