"""Clips with a rated grade and a model's answer: what every severity metric is computed from.

Axes: N clips, G = 5 grades.
"""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class ScoredClips:
    """Ratings and predictions of the same N clips.

    Attributes:
      subject: (N,) key of the person, by which clips are drawn together.
      expression: (N,) names.
      truth: (N,) float64 rated grades, NaN where nobody rated.
      prediction: (N,) float64 finite unclipped scores.
      distribution: (N, G) float64 probabilities of the grades, None for a model that gives none.
      interval: (N, 2) float64, low and high, None for a model that gives none.
    """

    subject: np.ndarray
    expression: np.ndarray
    truth: np.ndarray
    prediction: np.ndarray
    distribution: np.ndarray | None = None
    interval: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def rated(self) -> np.ndarray:
        """(N,) bool."""
        return ~np.isnan(self.truth)

    def take(self, rows: np.ndarray) -> ScoredClips:
        """The clips at these places: an index or a mask."""
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return ScoredClips(**{name: None if array is None else array[rows] for name, array in fields.items()})


def persons(dataset: np.ndarray, subject: np.ndarray) -> np.ndarray:
    """(N,) keys of people: the same subject's key in two data sets is two people."""
    return np.array([f"{one}/{two}" for one, two in zip(dataset, subject, strict=True)], dtype=str)
