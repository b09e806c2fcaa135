"""Facts in the making: what several statements of a sentence say of one thing becomes one fact."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from input_pipeline.motion.facts import Fact, is_abnormal


@dataclasses.dataclass
class Stated:
    """A fact in the making.

    Attributes:
      fact: as far as it is known.
      worded: whether its level comes from words rather than from its number.
      implied: whether it is an extent that only a comparison tells.
      bare: whether the statement has nothing but a level.
      open: whether nothing has told the level yet.
    """

    fact: Fact
    worded: bool = True
    implied: bool = False
    bare: bool = False
    open: bool = False


def in_turns(groups: Sequence[list[Stated]], sides: Sequence[str]) -> list[Stated]:
    """With "respectively", the first level is of the first subject and the second of the second."""
    full = [group for group in groups if group]
    if len(full) == 2 and len(sides) == 2 and all(len(group) == 1 and group[0].fact.side == "both" for group in full):
        return [_with(group[0], side=side) for group, side in zip(full, sides, strict=True)]
    if (
        len(full) > 1
        and all(len(group) == len(full) for group in full)
        and all(one.bare for group in full[1:] for one in group)
    ):
        return [group[i] for i, group in enumerate(full)]
    return [one for group in groups for one in group]


def levels_afterwards(stated: list[Stated]) -> list[Stated]:
    """0.05 left and 0.13 right, reduced and normal: the words that come after the numbers belong to them in turn."""
    first = next((i for i, one in enumerate(stated) if one.bare and one.worded), None)
    if first is None:
        return stated
    after = [one for one in stated[first:] if one.bare and one.worded]
    open_ = [one for one in stated[:first] if not one.worded]
    if len(after) < 2 or len(after) != len(open_):
        return stated
    pairs = zip(open_, after, strict=True)
    told = {id(one): dataclasses.replace(_with(one, level=word.fact.level), worded=True, open=False) for one, word in pairs}
    return [told.get(id(one), one) for one in stated if one not in after]


def with_weaker_side(stated: Sequence[Stated]) -> list[Stated]:
    """ "The smile is lopsided, weak on the right": the side of an asymmetry is that of the only weak extent beside it."""
    kept = []
    for one in stated:
        fact = one.fact
        if fact.attribute == "symmetry" and fact.side == "none":
            weak = [
                other.fact
                for other in stated
                if other.fact.region == fact.region and other.fact.attribute in ("amplitude", "closure")
            ]
            sides = {other.side for other in weak if is_abnormal(other)}
            if len(sides) == 1 and len(weak) == 1 and sides <= {"left", "right"}:
                one = _with(one, side=sides.pop())
        kept.append(one)
    return kept


def merged(stated: Sequence[Stated]) -> list[Stated]:
    """One statement for each region, side and attribute: words tell the level, numbers the value."""
    kept: list[Stated] = []
    for one in stated:
        same = next((i for i, other in enumerate(kept) if _is_same(one.fact, other.fact)), None)
        if same is None:
            kept.append(one)
            continue
        other = kept[same]
        better = one if (one.worded and not other.worded) or (other.open and not one.open) else other
        side = other.fact.side if other.fact.side != "none" or one.fact.attribute != "symmetry" else one.fact.side
        valued = other.fact if other.fact.value is not None else one.fact
        fact = Fact(other.fact.region, side, other.fact.attribute, better.fact.level, valued.value, valued.unit)
        kept[same] = Stated(fact, better.worded, implied=one.implied and other.implied, open=better.open)
    return kept


def _is_same(one: Fact, other: Fact) -> bool:
    if (one.region, one.attribute) != (other.region, other.attribute):
        return False
    return one.side == other.side or (one.attribute == "symmetry" and "none" in (one.side, other.side))


def _with(stated: Stated, **changes: str) -> Stated:
    return dataclasses.replace(stated, fact=dataclasses.replace(stated.fact, **changes))
