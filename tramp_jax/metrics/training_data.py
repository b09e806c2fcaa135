"""What the clips of a file of predictions are of, and whom its baselines are fitted on: a data set folder, or a run's data."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from input_pipeline.dataset import Dataset
from input_pipeline.errors import UserError
from input_pipeline.mixture import Data, Mixture, place_of
from input_pipeline.paths import absolute, path_of
from input_pipeline.splits import SPLIT, load_split

# Of a run's folder, and of no data set's.
_CONFIG = "config.json"


@dataclasses.dataclass(frozen=True)
class TrainingData:
    """Clips, and which of them train.

    Attributes:
      clips: of a data set folder, or of several as a run has them.
      train: indices of the training clips.
      splits: name of the split by source; "" is the source of one folder.
      place: the folder, or the run with its folders, for errors.
      chosen: what put people into the training fold, for errors.
      otherwise: what to do about them, other than to leave them out.
    """

    clips: Data
    train: Sequence[int]
    splits: Mapping[str, str]
    place: str
    chosen: str
    otherwise: str

    def about(self) -> dict[str, Any]:
        """Folder, split and checksum, by source where there are several, and how many clips and people train: for JSON."""
        if isinstance(self.clips, Mixture):
            of: dict[str, Any] = {"sources": {name: _about(part, self.splits[name]) for name, part in self.clips.parts.items()}}
        else:
            of = _about(self.clips, self.splits[""])
        return of | {"training_clips": len(self.train), "training_subjects": len(self.people())}

    def people(self) -> set[str]:
        """Subjects of the training fold."""
        return {self.clips.labels[index].subject for index in self.train}


def open_training_data(folder: str, split: str | None = None) -> TrainingData:
    """Opens what `--data` names.

    Args:
      folder: a data set folder, or a run's, which stands for the data that it was trained on.
      split: of a data set folder, None for "default"; a run has its own.

    Raises:
      UserError: neither, a split beside a run, or data that cannot be read.
    """
    if folder and (path_of(folder) / _CONFIG).is_file():
        return _of_run(folder, split)
    name = SPLIT if split is None else split
    dataset = Dataset.open(folder)
    train = load_split(dataset, name, need=("train",))["train"]
    otherwise = "name a split that holds them out with --split=NAME"
    return TrainingData(dataset, train, {"": name}, str(dataset.path), f"split {name!r}", otherwise)


def _of_run(folder: str, split: str | None) -> TrainingData:
    if split is not None:
        raise UserError(f"--split={split}: {folder} is a run, which keeps the split that it was trained on: leave --split away")
    # The tasks of a run, which decide what of each source is used, are JAX's; a data set folder needs none of it.
    from tramp_jax.config import load_config
    from tramp_jax.tasks.sources import open_run_data
    from tramp_jax.tasks.table import active_tasks

    config = load_config(path_of(folder))
    clips, folds = open_run_data(config, active_tasks(config))
    splits = {name: about.split for name, about in config.data.sources.items()} or {"": config.data.split}
    otherwise = "name a run that holds them out"
    return TrainingData(clips, folds["train"], splits, f"{folder}: {place_of(config.data)}", f"run {folder}", otherwise)


def _about(part: Dataset, split: str) -> dict[str, Any]:
    return {"folder": absolute(part.path).name, "split": split, "sha256": part.manifest.sha256()}
