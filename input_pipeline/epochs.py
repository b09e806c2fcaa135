"""What an epoch of a task consists of: which clips the task may take, and how many of each group and source are drawn."""

from __future__ import annotations

import collections
import dataclasses
from collections.abc import Mapping, Sequence

from ml_collections import ConfigDict

from input_pipeline.errors import UserError
from input_pipeline.examples import ClipSource
from input_pipeline.records import Label
from input_pipeline.sampling import apportion, group_of


@dataclasses.dataclass(frozen=True)
class Epoch:
    """An epoch of one task, before its clips are put in order.

    Attributes:
      groups: of each clip, "SOURCE/GROUP", either side empty; no groups at all where every clip comes once.
      drawn: how many clips of each group an epoch has.
      sets: clips that may stand in for each other where a record is damaged: those of one source.
    """

    groups: list[str]
    drawn: dict[str, int]
    sets: list[list[int]]


def usable_clips(source: ClipSource, indices: Sequence[int], config: ConfigDict, task: str, needs: frozenset[str]) -> list[int]:
    """Those of `indices` that a task may be trained on: they have what it needs, and their source is there for it."""
    allowed = {name: not about.tasks or task in about.tasks for name, about in config.sources.items()} or {"": True}
    return [index for index in indices if has(source.labels[index], needs) and allowed[source.part_of(index)]]


def has(label: Label, needs: frozenset[str]) -> bool:
    """Whether a clip has the report or the grade that a task needs."""
    return not ("text" in needs and not (label.report or label.turns)) and not ("score" in needs and label.score is None)


def epoch_of(source: ClipSource, usable: Sequence[int], config: ConfigDict) -> Epoch:
    """The epoch of a task that may take the clips `usable`.

    Raises:
      UserError: a source has fewer places in an epoch than `data.balance_by` makes groups of its clips.
    """
    members: dict[str, list[int]] = {}
    for index in usable:
        members.setdefault(source.part_of(index), []).append(index)
    groups, drawn = _groups(source, usable, config), {}
    if not config.sources and not config.balance_by:
        return Epoch([], {}, list(members.values()))
    of_source = source_quotas({name: len(clips) for name, clips in members.items()}, config)
    counts = collections.Counter(groups)
    for name, quota in of_source.items():
        own = {group: count for group, count in sorted(counts.items()) if group.split("/")[0] == name}
        if quota < len(own):
            raise UserError(
                f"data.sources.{name}: {quota} clips of an epoch cannot hold all {len(own)} groups of data.balance_by="
                f"{config.balance_by}: raise its weight or cap"
            )
        drawn |= apportion(quota, {group: count**config.balance_exponent for group, count in own.items()})
    return Epoch(groups, drawn, list(members.values()))


def source_quotas(counts: Mapping[str, int], config: ConfigDict) -> dict[str, int]:
    """How many clips of each source an epoch has.

    Together as many as the sources have, each counted up to its cap. They are dealt out by `weight`, or, where no source has
    one, by these counts to the power `mixture_exponent`; what is above a cap goes to the others.

    Args:
      counts: clips of each source that a task may take.
      config: `config.data`.
    """
    if not config.sources:
        return dict(counts)
    most = {name: config.sources[name].cap for name in counts if config.sources[name].cap}
    sizes = {name: min(count, most.get(name, count)) for name, count in sorted(counts.items())}
    weights = {name: config.sources[name].weight or size**config.mixture_exponent for name, size in sizes.items()}
    return apportion(sum(sizes.values()), weights, most)


def shares(
    source: ClipSource, indices: Sequence[int], config: ConfigDict, needs: frozenset[str], *, task: str
) -> dict[str, tuple[int, int]]:
    """Group -> (clips of it, times that an epoch of training takes one of them); empty where every clip comes once.

    Groups are those of `data.balance_by`, or, with `data.sources`, the sources and, under "SOURCE/GROUP", the groups of each.
    """
    usable = usable_clips(source, indices, config, task, needs)
    epoch, counts = epoch_of(source, usable, config), collections.Counter(_groups(source, usable, config))
    found = {name: (counts[name], drawn) for name, drawn in sorted(epoch.drawn.items())}
    if not config.sources:
        return {name.removeprefix("/"): pair for name, pair in found.items()}
    told: dict[str, tuple[int, int]] = {}
    for name, (count, drawn) in found.items():
        part = name.split("/")[0]
        counted, taken = told.get(part, (0, 0))
        told[part] = (counted + count, taken + drawn)
        if config.balance_by:
            told[name] = (count, drawn)
    return told


def _groups(source: ClipSource, usable: Sequence[int], config: ConfigDict) -> list[str]:
    of_label = {index: group_of(source.labels[index], config.balance_by) if config.balance_by else "" for index in usable}
    return [f"{source.part_of(index)}/{of_label[index]}" for index in usable]
