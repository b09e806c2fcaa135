"""Kinematic features of clips as a model input: measured once per clip and process, standardised, 0 where not measured.

Axes: F features, in the order of `motion.kinematics.FEATURE_NAMES`.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from typing import Any

import numpy as np

from input_pipeline.errors import RecordError, UserError
from input_pipeline.motion.kinematics import FEATURE_NAMES, feature_vector, measure, mirrored_features

# Beyond this many deviations a feature is cut: a clip that failed in part must not drown the others.
LIMIT = 4.0
_KNOWN: weakref.WeakKeyDictionary[Any, dict[int, np.ndarray]] = weakref.WeakKeyDictionary()


def features_of(source: Any, index: int) -> np.ndarray:
    """(F,) float64 of one clip, NaN where it has too few tracked frames to measure.

    Args:
      source: a `pipeline.ClipSource`; what was measured is kept as long as it lives.
      index: of the clip.
    """
    known = _KNOWN.setdefault(source, {})
    if index not in known:
        clip = source.clip(index)
        try:
            known[index] = feature_vector(measure(clip.landmarks, clip.layout, clip.times, clip.tracked))
        except UserError:
            known[index] = np.full(len(FEATURE_NAMES), np.nan)
    return known[index]


def standardisation(
    source: Any, indices: Sequence[int], most: int = 300, max_bad: int = 0
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """(centre, scale) of each feature over at most `most` of the clips, evenly spread.

    Args:
      max_bad: how many clips with a damaged record are left out before one is an error (`data.max_bad_clips`).

    Raises:
      UserError: none of them could be measured.
      RecordError: a damaged record too many.
    """
    chosen = np.asarray(indices)[np.unique(np.linspace(0, len(indices) - 1, min(most, len(indices))).astype(int))]
    measured, bad = [], 0
    for index in chosen:
        try:
            measured.append(features_of(source, int(index)))
        except RecordError:
            bad += 1
            if bad > max_bad:
                raise
    features = np.array(measured).reshape(-1, len(FEATURE_NAMES))
    features = features[np.isfinite(features).all(axis=1)]
    if not len(features):
        raise UserError(f"none of {len(chosen)} training clips has enough tracked frames to measure: check the data set")
    scale = features.std(axis=0)
    return tuple(features.mean(axis=0).tolist()), tuple(np.where(scale > 1e-6, scale, 1.0).tolist())


def standardised(features: np.ndarray, centre: Sequence[float], scale: Sequence[float], mirrored: bool) -> np.ndarray:
    """(F,) float32 in deviations from the training clips' mean, within LIMIT; 0 where not measured."""
    features = mirrored_features(features) if mirrored else features
    values = (features - np.asarray(centre)) / np.asarray(scale)
    return np.clip(np.nan_to_num(values), -LIMIT, LIMIT).astype(np.float32)
