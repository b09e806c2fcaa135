"""Whom a run knows: nobody in its training or validation fold may be among the people whom its figures are of."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from pathlib import Path

from ml_collections import ConfigDict

from input_pipeline.dataset import Dataset
from input_pipeline.errors import UserError
from input_pipeline.mixture import place_of
from input_pipeline.records import Label
from input_pipeline.splits import load_split
from tramp_jax.checkpoint.identity import split_digest
from tramp_jax.checkpoint.store import CheckpointStore

# Name of the data set and key of the subject.
Person = tuple[str, str]
TRAIN, VALIDATION = "train", "validation"


def person_of(label: Label) -> Person:
    """The same subject's key in two data sets is two people."""
    return label.dataset, label.subject


def seen_people(config: ConfigDict, moved: str | None = None, folds: Collection[str] = (TRAIN, VALIDATION)) -> set[Person]:
    """The people in these folds of a run, of every one of its data sets.

    Args:
      config: `config.data` of the run.
      moved: where its one data set is now; None for where it was.

    Raises:
      UserError: a data set is not there, or `moved` is given for one of several.
    """
    if config.sources and moved:
        raise UserError(f"--trained-on={moved}: the run has several data sets ({place_of(config)}): leave it away")
    parts = [(about.path, about.split) for about in config.sources.values()] or [(moved or config.path, config.split)]
    found: set[Person] = set()
    for path, split in parts:
        data = Dataset.open(path)
        clips = load_split(data, split, need=())
        found |= {person_of(data.labels[i]) for name in folds for i in clips[name]}
    return found


def check_unseen(config: ConfigDict, data: Dataset, indices: Sequence[int], fold: str) -> list[str]:
    """For an evaluation on another data set than the run's own.

    Args:
      config: `config.data` of the run.
      data, indices: the clips to evaluate on.
      fold: that they are, of the data set's split: where it is validation, that of the run may be the same people.

    Returns:
      What is not known, a line each.

    Raises:
      UserError: one of their people is in the run's training or validation fold.
    """
    try:
        seen = seen_people(config, folds=(TRAIN,) if fold == VALIDATION else (TRAIN, VALIDATION))
    except UserError as error:
        return [f"not known whether the run has seen these people: {error}"]
    people = {person_of(data.labels[i]) for i in indices}
    if known := sorted(people & seen):
        raise UserError(
            f"{data.path}: subject {known[0][1]!r} of fold {fold!r} is in the run's own training or validation fold "
            f"({len(known)} of {len(people)} such): name other people's data, or move them to fold 'train' there"
        )
    return []


def check_same_split(run: Path, config: ConfigDict) -> list[str]:
    """What to tell where the split of a run's own data is another one than it was trained by.

    Args:
      config: of the run.

    Returns:
      A line; none where nothing has changed, or the split, or a record of it, is not there.
    """
    with contextlib.closing(CheckpointStore(run, config.checkpoint.keep, create=False)) as store:
        record = store.record()
    with contextlib.suppress(UserError):
        if record and record.identity.get("split", "") not in ("", split_digest(config.data)):
            return [
                f"the split of {place_of(config.data)} has changed since training: people whom the run has learned from may be "
                "among those evaluated: put the old split back, or train anew"
            ]
    return []
