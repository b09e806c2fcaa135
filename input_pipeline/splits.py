"""Subject-disjoint splits: `splits/NAME.json` in the data set folder maps each subject to one fold.

Shards know no split, so another split, k-fold or leave-one-subject-out rebuilds nothing.
"""

from __future__ import annotations

import json
import os
import pathlib
import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np

from input_pipeline.dataset import Dataset
from input_pipeline.errors import UserError
from input_pipeline.paths import path_of
from input_pipeline.whole_files import write_whole

FOLDS = ("train", "validation", "test")
_FORM = '{"folds": {"SUBJECT": "train"}}, each subject in one of train, validation and test'
# The split that a build writes: its name, and the share of subjects of each fold (ours).
SPLIT = "default"
FRACTIONS = {"train": 0.7, "validation": 0.1, "test": 0.2}


def make_split(subjects: Iterable[str], fractions: Mapping[str, float], seed: int) -> dict[str, str]:
    """Deals subjects to folds at random; the same subjects, fractions and seed give the same split.

    Args:
      subjects: in any order, repeats allowed.
      fractions: share of subjects of each fold, adding up to 1, for example {"train": 0.7, "validation": 0.15, "test": 0.15}.

    Returns:
      {subject: fold}; every fold of `fractions` gets at least one subject.

    Raises:
      UserError: fractions do not add up to 1, unknown folds, or fewer subjects than folds.
    """
    people, folds = sorted(set(subjects)), list(fractions)
    if not set(folds) <= set(FOLDS) or abs(sum(fractions.values()) - 1) > 1e-6 or min(fractions.values()) <= 0:
        raise UserError(f"split fractions {dict(fractions)}: expected positive shares of {', '.join(FOLDS)} that add up to 1")
    if len(people) < len(folds):
        raise UserError(f"{len(people)} subjects cannot fill the folds {', '.join(folds)}; add subjects or drop a fold")
    cuts = np.round(np.cumsum([fractions[fold] for fold in folds]) * len(people)).astype(int)
    for k in range(len(folds)):
        # At least one subject for this fold, and one left for each fold after it.
        cuts[k] = min(max(cuts[k], cuts[k - 1] + 1 if k else 1), len(people) - (len(folds) - 1 - k))
    order = np.random.default_rng(seed).permutation(len(people))
    fold_of = np.searchsorted(cuts, np.arange(len(people)), side="right")
    return {people[i]: folds[fold_of[rank]] for rank, i in sorted(enumerate(order), key=lambda pair: pair[1])}


def write_split(path: str | os.PathLike[str], name: str, folds: Mapping[str, str]) -> pathlib.Path:
    """Writes `splits/NAME.json` in the data set folder `path` and returns its path."""
    target = split_path(path, name)
    target.parent.mkdir(parents=True, exist_ok=True)
    write_whole({target: json.dumps({"folds": dict(sorted(folds.items()))}, indent=1, ensure_ascii=False) + "\n"})
    return target


def split_path(path: str | os.PathLike[str], name: str) -> pathlib.Path:
    """Where the split NAME of a data set folder lies.

    Raises:
      UserError: NAME is no name but a path.
    """
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise UserError(f"split {name!r}: expected a name of letters, digits, dots and dashes, as of splits/NAME.json")
    return path_of(path) / "splits" / f"{name}.json"


def read_split(path: pathlib.Path) -> dict[str, str]:
    """Reads a split file.

    Returns:
      {subject: fold}.

    Raises:
      UserError: no such file, not of this form, an unknown fold, or a subject in two folds.
    """
    if not path.is_file():
        known = sorted(file.stem for file in path.parent.glob("*.json"))
        raise UserError(
            f"{path}: no such split; this data set has: {', '.join(known) or 'none'}: "
            f"{'name one of them' if known else 'copy its splits folder as well'}, or write it as {_FORM}"
        )
    try:
        content = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=lambda pairs: _unique(path, pairs))
        folds = content["folds"]
        strange = [fold for fold in folds.values() if fold not in FOLDS]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{path}: not a split ({error}), expected {_FORM}") from error
    if strange:
        raise UserError(f"{path}: unknown fold {strange[0]!r}; the folds are {', '.join(FOLDS)}: write one of them")
    return folds


def load_split(dataset: Dataset, name: str, need: Collection[str] = FOLDS) -> dict[str, list[int]]:
    """Clip indices of each fold.

    Args:
      dataset: its labels say whose clip each is.
      name: split name, `splits/NAME.json`.
      need: folds that must hold clips; evaluation needs only its own.

    Returns:
      {fold: ascending clip indices} for all of FOLDS, without those of withdrawn subjects.

    Raises:
      UserError: no such split, a subject in two folds or in none, or a needed fold without clips.
    """
    path = split_path(dataset.path, name)
    folds = read_split(path)
    subjects = [label.subject for label in dataset.labels]
    homeless = sorted(set(subjects) - set(folds))
    if homeless:
        raise UserError(f"{path}: subject {homeless[0]!r} is in no fold ({len(homeless)} such); give each subject a fold")
    indices: dict[str, list[int]] = {fold: [] for fold in FOLDS}
    for index, subject in enumerate(subjects):
        if subject not in dataset.withdrawn:
            indices[folds[subject]].append(index)
    empty = [fold for fold in FOLDS if fold in need and not indices[fold]]
    if empty:
        raise UserError(f"{path}: fold {empty[0]!r} has no clips; give it at least one subject of this data set")
    return indices


def _unique(path: pathlib.Path, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # A plain JSON reader keeps the last of two equal keys in silence: a subject in two folds would go unseen.
    seen = dict(pairs)
    for key, value in pairs:
        if seen[key] != value:
            raise UserError(f"{path}: subject {key!r} is in two folds ({value} and {seen[key]}); keep one, splits are disjoint")
    return seen
