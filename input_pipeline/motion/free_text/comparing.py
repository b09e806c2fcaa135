"""One side against the other: which is the weaker one, and by how much."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from input_pipeline.motion.facts import is_abnormal
from input_pipeline.motion.free_text.numbers import Number
from input_pipeline.motion.free_text.subjects import OTHER, Carried, named_sides
from input_pipeline.motion.free_text.tagging import Tag

_WORSE = (
    ("level", "reduced"),
    ("level", "markedly_reduced"),
    ("is", "peak_speed:reduced"),
    ("is", "peak_speed:markedly_reduced"),
    ("is", "onset:increased"),
)
_MARKED = 0.5


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What a statement says about left against right.

    Attributes:
      weaker: "left", "right", or "none" where it is not told.
      attribute: what is compared where it is speed or timing, else None.
      marked: whether by much.
      equal: a difference is denied.
    """

    weaker: str
    attribute: str | None
    marked: bool
    equal: bool = False


def compared(tags: Sequence[Tag], numbers: Sequence[Number], attributes: Sequence[str], carried: Carried) -> Comparison | None:
    """The comparison of the sides that these tags make, if they make one."""
    kinds = {tag.kind for tag in tags}
    if "ref" in kinds:
        return None
    how = next((tag for tag in tags if tag.kind in ("less", "more", "weaker", "stronger", "same")), None)
    share = next((tag for tag in tags if tag.kind == "number" and numbers[int(tag.name)].unit in ("share", "%")), None)
    if share is not None and (how is None or how.kind == "same"):
        return _by_share(tags, share, numbers[int(share.name)], carried)
    if how is None and "than" in kinds:
        # Slow compared with the left.
        how = next((tag for tag in tags if _is_worse(tag)), None)
    if how is None:
        one_only = "only" in kinds and any(tag.kind == "side" and tag.name == "one" for tag in tags)
        return Comparison("none", None, False) if one_only else None
    subject, object_ = _two_sides(tags, how, carried)
    if subject is None:
        return None
    if how.kind == "same" and how.name:
        denied = any(tag.kind == "neg" and tag.start < how.start for tag in tags)
        return Comparison(subject, how.name, False) if denied else None
    if how.kind == "same":
        denied = any(tag.kind == "neg" and tag.start < how.start for tag in tags)
        return Comparison(subject, None, False) if denied else Comparison("none", None, False, equal=True)
    attribute = (
        how.name.partition(":")[0]
        if how.kind == "is"
        else how.name
        if how.name in ("peak_speed", "onset", "decrement", "hold")
        else None
    )
    attribute = attribute or next((name for name in attributes if name in ("peak_speed", "onset", "hold", "decrement")), None)
    less = how.kind not in ("more", "stronger")
    if (
        how.text in ("more", "less")
        and not kinds & {"attr", "move", "level", "task", "close"}
        and any(is_abnormal(fact) and fact.attribute in ("amplitude", "closure") for fact in carried.last)
    ):
        # Both are weak, the right more than the left.
        less = how.text == "more"
    if how.kind == "more" and any((tag.kind, tag.name) in _WORSE[:2] for tag in tags):
        # The reduction is greater on the left.
        less = True
    if "decrement" in attributes:
        attribute, less = (
            "decrement",
            how.kind in ("more", "stronger", "finding") or how.name == "decrement" or how.text in ("worse", "poorer"),
        )
    elif attribute == "onset" and how.kind in ("less", "more") and how.name not in ("onset", "peak_speed"):
        less = not less
    weaker = subject if less else object_
    marked = "strong" in kinds or how.text.endswith("times") or bool({"well", "far"} & set(how.text.split()))
    if any(tag.kind == "neg" for tag in tags) and how.name != "verb" and weaker in OTHER:
        return Comparison("none", attribute, False, equal=True)
    return Comparison(weaker, attribute, marked)


def _two_sides(tags: Sequence[Tag], how: Tag, carried: Carried) -> tuple[str | None, str]:
    """(the side of which "less" or "more" is said, the other); None where this is no comparison of sides."""
    than = next((tag for tag in tags if tag.kind == "than"), None)
    verb = how.name == "verb"
    if how.kind in ("weaker", "stronger"):
        after = named_sides([tag for tag in tags if tag.start >= how.stop], carried)
        before = named_sides([tag for tag in tags if tag.stop <= how.start], carried)
        return _pair(after or before, [])
    same = next((tag for tag in tags if tag.kind == "same"), None)
    mark = than or same or (how if verb or how.text in ("before", "after", "ahead of") else None)
    if mark is None and any(tag.kind == "side" and tag.name == "one" for tag in tags):
        return "none", "none"
    if mark is None:
        sides = _sides(tags)
        return _pair(sides, []) if sides else (None, "none")
    after = [tag for tag in tags if tag.start >= mark.stop]
    before = [tag for tag in tags if tag.stop <= mark.start]
    if than is not None and than.start < how.start:
        # Compared with the left, the right moves less.
        stop = next((tag for tag in after if tag.kind == "side"), None)
        after, before = ([stop], [tag for tag in after if tag is not stop] + before) if stop else ([], before)
    subject, object_ = _sides(before), _sides(after)
    if any(tag.kind == "side" and tag.name == "one" for tag in before) and not set(subject) & set(OTHER):
        return "none", "none"
    if verb and not object_ and any(tag.name == "normal" for tag in after):
        return None, "none"
    if not object_ and not any(tag.kind == "side" and tag.name == "other" for tag in after):
        return (None, "none") if not (verb and subject) else _pair(subject, [])
    if not subject and not object_ and carried.side in OTHER:
        subject = [carried.side]
    return _pair(subject, object_)


def _is_worse(tag: Tag) -> bool:
    if tag.kind == "finding":
        return tag.name in ("onset", "decrement")
    return (tag.kind, tag.name) in _WORSE


def _sides(tags: Sequence[Tag]) -> list[str]:
    return [tag.name for tag in tags if tag.kind == "side" and tag.name in OTHER]


def _pair(subject: list[str], object_: list[str]) -> tuple[str | None, str]:
    if subject:
        return subject[-1], OTHER.get(subject[-1], "none")
    if object_:
        return OTHER[object_[0]], object_[0]
    return None, "none"


def _by_share(tags: Sequence[Tag], share: Tag, number: Number, carried: Carried) -> Comparison | None:
    """Two thirds of the height of the right."""
    before, after = _sides([t for t in tags if t.stop <= share.start]), [t for t in tags if t.start >= share.stop]
    object_ = _sides(after) or (["other"] if any(t.kind == "side" and t.name == "other" for t in after) else [])
    subject = before[-1] if before else carried.side
    if not object_ or number.value is None or (object_[0] != "other" and object_[0] == subject):
        return None
    weaker = OTHER.get(object_[0], subject)
    if weaker not in OTHER:
        return None
    if not before and carried.side not in OTHER:
        return None
    value = number.value / 100.0 if number.unit == "%" else number.value
    return Comparison(weaker, None, value < _MARKED)
