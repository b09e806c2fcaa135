"""Several data set folders as one: `data.sources`, each with its weight, its cap and the tasks that it is there for.

`input_pipeline.epochs` says how many clips of each an epoch has, and in which order they come is `sampling.Order`'s.
"""

from __future__ import annotations

import bisect
import dataclasses
import itertools
import math
import os
import pathlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence

from ml_collections import ConfigDict

from input_pipeline.dataset import Dataset
from input_pipeline.errors import UserError
from input_pipeline.paths import absolute, path_of
from input_pipeline.records import Clip, Label
from input_pipeline.splits import FOLDS, load_split


def source(
    path: str,
    *,
    split: str = "default",
    weight: float = 0.0,
    cap: int = 0,
    tasks: Sequence[str] = (),
    own_people: bool = False,
) -> ConfigDict:
    """One of `data.sources`; all but the folder may be left away, and changed by `--config.data.sources.NAME.weight=3`."""
    about = ConfigDict()
    about.path = path  # the data set folder
    about.split = split  # splits/NAME.json in it; a fold may be empty as long as another source fills it
    # Its share of an epoch is this over the sum of the weights of the task's sources; 0 = by its number of clips, see
    # `data.mixture_exponent`. Either all sources have a weight or none.
    about.weight = float(weight)
    about.cap = cap  # most clips of it in one epoch of a task; 0 = no limit
    about.tasks = (tasks,) if isinstance(tasks, str) else tuple(tasks)  # that it is there for; () = all that its labels serve
    # False: a subject key means the same person in every source, as the keys of one house do. True: here it means another, as
    # where two published data sets both number their subjects 1, 2, 3.
    about.own_people = own_people
    return about


class Mixture:
    """The clips of several data sets under one index, those of the first source first; safe to share between threads.

    Clip ids become "SOURCE/ID", and so do subjects where a source has people of its own.

    Attributes:
      parts: {source: its data set}, in the order of the names.
      labels: label of every clip, in index order.
      withdrawn: subjects that have withdrawn from a source; see `Dataset.withdrawn`.
    """

    def __init__(self, parts: Mapping[str, Dataset], own_people: Collection[str] = (), unrated: Collection[str] = ()):
        self.parts, self._own_people = dict(sorted(parts.items())), frozenset(own_people)
        self._names = tuple(self.parts)
        # A folder that is named twice, for other tasks, has the same people both times.
        first = {part.manifest.sha256(): name for name, part in reversed(self.parts.items())}
        self._homes = {name: first[part.manifest.sha256()] for name, part in self.parts.items()}
        self.ends = tuple(itertools.accumulate(len(part) for part in self.parts.values()))
        bare = {"score": None, "scale_id": ""}
        self.labels: list[Label] = [
            dataclasses.replace(
                label,
                clip_id=f"{name}/{label.clip_id}",
                subject=self._subject(name, label.subject),
                **(bare if name in unrated else {}),
            )
            for name, part in self.parts.items()
            for label in part.labels
        ]
        self.withdrawn = frozenset(self._subject(name, who) for name, part in self.parts.items() for who in part.withdrawn)

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def name(self) -> str:
        """The names of the data sets; "simulated" where all are the simulator's."""
        return " + ".join(sorted({part.name for part in self.parts.values()}))

    def without_scores(self, names: Collection[str]) -> Mixture:
        """The same with the clips of some sources unrated: what a source is not there for, it is not judged by either."""
        return Mixture(self.parts, self._own_people, names)

    def part_of(self, index: int) -> str:
        """The source that a clip is of."""
        return self._names[self._locate(index)[0]]

    def place(self, index: int) -> tuple[pathlib.Path, int]:
        """See `Dataset.place`."""
        part, local = self._of(index)
        return part.place(local)

    def clip(self, index: int, with_frames: bool = False) -> Clip:
        """See `Dataset.clip`."""
        part, local = self._of(index)
        return dataclasses.replace(part.clip(local, with_frames), label=self.labels[index])

    def has_withdrawn(self, index: int) -> bool:
        """Whether the clip's subject has withdrawn from its own folder; another may still hold the person, see `notices`."""
        part, local = self._of(index)
        return part.has_withdrawn(local)

    def where(self, family: str, index: int) -> str:
        """See `Dataset.where`."""
        part, local = self._of(index)
        return part.where(family, local)

    def indices(self, name: str, local: Sequence[int]) -> list[int]:
        """Indices here of clips of a source."""
        start = self.ends[self._names.index(name)] - len(self.parts[name])
        return [start + index for index in local]

    def notices(self) -> Iterator[str]:
        """What cannot be known of people who may be in several sources, a line each."""
        shared = {name: part for name, part in self.parts.items() if name not in self._own_people}
        keys = {name: part.manifest.source["subject_key_id"] for name, part in shared.items() if _has_key(part)}
        for (one, key), (other, another) in itertools.pairwise(keys.items()):
            if key != another:
                yield (
                    f"data.sources: {one} and {other} were built with different --subject-key-file: a person in both is taken "
                    "for two, who may be in different folds"
                )
        for (one, part), (other, holding) in itertools.permutations(shared.items(), 2):
            if still := (part.withdrawn & holding.manifest.subjects.keys()) - holding.withdrawn:
                yield f"data.sources.{other}: still read, {len(still)} of its subjects have withdrawn from {one}"

    def _of(self, index: int) -> tuple[Dataset, int]:
        number, local = self._locate(index)
        return self.parts[self._names[number]], local

    def _locate(self, index: int) -> tuple[int, int]:
        if not 0 <= index < len(self):
            raise IndexError(f"clip {index} of {len(self)}")
        number = bisect.bisect_right(self.ends, index)
        return number, index - (self.ends[number - 1] if number else 0)

    def _subject(self, name: str, key: str) -> str:
        return f"{self._homes[name]}/{key}" if name in self._own_people else key


Data = Dataset | Mixture


def open_data(config: ConfigDict) -> tuple[Data, dict[str, list[int]]]:
    """The clips of a run and the indices of each fold: of the folder `data.path`, or of all of `data.sources`.

    Args:
      config: `config.data`.

    Raises:
      UserError: both are set, a source is not as it should be, a folder or split is none, a person is in two folds, or a fold
        has no clips.
    """
    if not config.sources:
        dataset = Dataset.open(config.path)
        return dataset, load_split(dataset, config.split)
    if config.path:
        raise UserError(
            f"data.path={config.path} and data.sources are both set: name the folder in a source, or set data.path=''"
        )
    _check_sources(config.sources)
    parts = {name: Dataset.open(about.path) for name, about in config.sources.items()}
    mixture = Mixture(parts, [name for name, about in config.sources.items() if about.own_people])
    folds: dict[str, list[int]] = {fold: [] for fold in FOLDS}
    for name, part in mixture.parts.items():
        for fold, local in load_split(part, config.sources[name].split, need=()).items():
            folds[fold] += mixture.indices(name, local)
    _check_people(mixture, folds)
    if empty := [fold for fold in FOLDS if not folds[fold]]:
        raise UserError(f"data.sources: fold {empty[0]!r} has no clips in any of them; give it a subject of one")
    return mixture, folds


def place_of(config: ConfigDict) -> str:
    """Names the data of a run in error messages."""
    return f"data.sources ({', '.join(sorted(config.sources))})" if config.sources else str(config.path)


def split_of(config: ConfigDict, folder: str | os.PathLike[str]) -> str:
    """The split to go by in a folder: where it is a source, that source's, which holds out whom the run was not trained on."""
    paths = {absolute(path_of(about.path)): about.split for about in config.sources.values()}
    return paths.get(absolute(path_of(folder)), config.split)


def _check_sources(sources: ConfigDict) -> None:
    for name, about in sources.items():
        if not re.fullmatch(r"\w+", name):
            raise UserError(
                f"data.sources.{name}: a name has letters, digits and underscores only, as in --config.data.sources.NAME"
            )
        if not isinstance(about, ConfigDict) or about.keys() != source("").keys():
            raise UserError(f"data.sources.{name}: make it with input_pipeline.mixture.source(path=...)")
        if not (0 <= about.weight < math.inf and about.cap >= 0):
            raise UserError(
                f"data.sources.{name}: weight={about.weight:g}, cap={about.cap}: must not be negative, nor infinite"
            )
    weighted = {bool(about.weight): name for name, about in sources.items()}
    if len(weighted) > 1:
        raise UserError(
            f"data.sources: {weighted[True]} has a weight and {weighted[False]} has none: give all of them one, or none (then "
            "data.mixture_exponent decides)"
        )


def _check_people(mixture: Mixture, folds: Mapping[str, Sequence[int]]) -> None:
    first: dict[str, tuple[str, int]] = {}
    for fold, indices in folds.items():
        for index in indices:
            before, other = first.setdefault(mixture.labels[index].subject, (fold, index))
            if before != fold:
                one, two = (mixture.parts[mixture.part_of(i)].path for i in (other, index))
                raise UserError(
                    f"subject {mixture.labels[index].subject!r} is in fold {before} of {one} and in fold {fold} of {two}: give "
                    f"them one fold in both, or, if they are two, set data.sources.{mixture.part_of(index)}.own_people=True"
                )


def _has_key(part: Dataset) -> bool:
    return "subject_key_id" in part.manifest.source
