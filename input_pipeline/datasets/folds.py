"""Official folds as splits: ours has three, most data sets have two."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Sequence

from input_pipeline.errors import UserError

OFFICIAL = "official"
_VALIDATION = 10  # of 100 people of the training fold (ours)


def official_folds(fold: str, subject: str, name: str = "") -> dict[str, str]:
    """Split name -> fold, for `Item.folds`: the authors' own split, and one with a validation fold out of its training fold.

    Which people go there follows from a hash of their name: the same in every copy, whatever else is in it.

    Args:
      fold: the authors': train, validation or test.
      subject: whoever must not be in two folds.
      name: of one of several official splits, "fold1"; empty for the only one, whose other form is "default".
    """
    drawn = "validation" if fold == "train" and _rank(subject) % 100 < _VALIDATION else fold
    return {f"{OFFICIAL}_{name}" if name else OFFICIAL: fold, name or "default": drawn}


@dataclasses.dataclass(frozen=True)
class Listed:
    """A clip that the lists of one or several official splits name.

    Attributes:
      where: file and line that name it first.
      label: as it stands there.
      splits: split name, empty for the only one -> fold.
    """

    where: str
    label: str
    splits: dict[str, str]

    def folds(self, subject: str) -> dict[str, str]:
        """`Item.folds`; of several splits "fold1" is the default as well."""
        folds: dict[str, str] = {}
        for split, fold in self.splits.items():
            folds |= official_folds(fold, subject, split)
        return folds if "default" in folds else folds | {"default": folds["fold1"]}


def gather_lists(rows: Iterable[tuple[str, str, str, str, str]]) -> dict[str, Listed]:
    """Clips by name, in the order of their first lines.

    Args:
      rows: (where, split name, fold, clip, label) of each line of each list.

    Raises:
      UserError: lists contradict each other in a label or a fold, or a split lacks a clip that another has.
    """
    listed: dict[str, Listed] = {}
    for where, split, fold, name, label in rows:
        clip = listed.setdefault(name, Listed(where, label, {}))
        if clip.label != label:
            raise UserError(f"{where}: {name} is {label!r}, but {clip.label!r} at {clip.where}: copy the files again")
        if clip.splits.setdefault(split, fold) != fold:
            raise UserError(f"{where}: {name} is in {fold}, but in {clip.splits[split]} as well: copy the files again")
    splits = {split for clip in listed.values() for split in clip.splits}
    for name, clip in listed.items():
        if missing := splits - clip.splits.keys():
            raise UserError(f"{clip.where}: {name} is in no list of {min(missing)}: copy the files again")
    return listed


def cross_validation(parts: Sequence[Sequence[str]], subject: str) -> dict[str, str]:
    """Split name -> fold, for `Item.folds`, of people dealt to a few parts: fold K tests on the K-th, trains on the rest.

    "foldK" has a tenth of the people it trains on, at least one, as validation (ours): those whose names' hashes are least, so
    they are the same in every copy. "official_foldK" has none. "default" is "fold1".

    Args:
      parts: the names of all people of the data set.
      subject: one of them.
    """
    folds = {}
    for number, tested in enumerate(parts, 1):
        trained = sorted((name for part in parts if part is not tested for name in part), key=_rank)
        fold = "test" if subject in tested else "train"
        drawn = trained[: max(len(trained) * _VALIDATION // 100, 1)]
        folds |= {f"{OFFICIAL}_fold{number}": fold, f"fold{number}": "validation" if subject in drawn else fold}
    return folds | {"default": folds["fold1"]}


def _rank(name: str) -> int:
    return int(hashlib.sha256(name.encode()).hexdigest(), 16)
