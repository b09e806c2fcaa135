"""Whether the features in a data set's folder are whole and fit it; a part of `input_pipeline.validate`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from input_pipeline.dataset import Dataset
from input_pipeline.errors import UserError
from input_pipeline.manifest import verify_file
from input_pipeline.vision_features import FOLDER, VisionFeatures
from input_pipeline.vision_records import KINDS


def find_feature_problems(dataset: Dataset) -> Iterator[str]:
    """Checks every family: its account, the SHA-256 of its files, every record.

    Yields:
      One line per problem, as they are found.
    """
    for name in _names(dataset):
        try:
            features = VisionFeatures(dataset, name)
        except UserError as error:
            yield str(error)
            continue
        for file in features.all_files():
            if problem := verify_file(features.folder, file):
                yield problem
        for index, label in enumerate(dataset.labels):
            if label.subject not in dataset.withdrawn:
                yield from _record_problems(features, index)


def describe_features(dataset: Dataset) -> list[str]:
    """What there is, a few words each."""
    found = ((name, VisionFeatures(dataset, name).about) for name in _names(dataset))
    return [f"features {name}: {about.described()}" for name, about in found]


def _names(dataset: Dataset) -> list[str]:
    return sorted({path.parent.name for path in (dataset.path / FOLDER).glob("*/*.json")})


def _record_problems(features: VisionFeatures, index: int) -> Iterator[str]:
    for kind in features.about.kinds:
        try:
            seen = features.read(index, mirrored=kind == KINDS[1])
        except UserError as error:
            yield str(error)
            continue
        if not np.isfinite(seen["vision"].astype(np.float32)).all():
            yield f"{features.where(kind, index)}: features that are no numbers; make the features again"
