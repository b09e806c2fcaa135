"""A sentence of free English to facts.

What a statement leaves out (region, side, attribute) it takes from the one before; what the vocabulary cannot say is left
out. The rules are those of the annotated sentences that the extractor is measured on.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

from input_pipeline.motion.facts import ATTRIBUTES, Fact
from input_pipeline.motion.free_text.clauses import HEADS, Statement, statements_of
from input_pipeline.motion.free_text.comparing import Comparison, compared
from input_pipeline.motion.free_text.levels import _NEGATED, Words, level, nearest
from input_pipeline.motion.free_text.normalise import normalise
from input_pipeline.motion.free_text.numbers import Number, take_numbers
from input_pipeline.motion.free_text.subjects import EXPRESSION, OTHER, Carried, attribute_of, named_sides, regions_of, side_of
from input_pipeline.motion.free_text.tagging import Tag, tag

_QUESTION = re.compile(r"^(?:does|do|did|is|are|was|were|can|could|has|have|had|how|what|when|which|why|who|where|will|would|should)\b.*\?$")
_ORDER_GIVEN = re.compile(
    r"^(?:please|kindly|now|next|then|try|ask|repeat|remember|note that you|look|keep|hold|close|open|squeeze|smile|frown|clench|raise|"
    r"relax|show|check|let|make|put|press|bite)\b(?! (?:of|is|was|at|speed|velocity|amplitude|onset|range|rate|symmetry|excursion|:))"
)


_PRONOUN = re.compile(r"^(?:and )?(?:it|they|this|that|these|both|here|there)\b")


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


def read_sentence(sentence: str, carried: Carried) -> tuple[list[Stated], bool]:
    """What one sentence states, and whether it speaks of motion at all; brings `carried` up to date."""
    plain = normalise(sentence)
    if not plain.startswith("?") and _QUESTION.match(plain):
        return [], False
    text, numbers = take_numbers(plain)
    carried.task, carried.sides = None, ()
    carried.fresh = not _PRONOUN.match(plain)
    carried.side = "both" if carried.fresh else carried.side
    tags = _without_occasions(tag(text), carried)
    if any(t.kind == "if" for t in tags[:1]):
        return [], False
    tags, denied_side = _not_this_side(tags)
    stated: list[Stated] = []
    negated = False
    for statement in statements_of(tags):
        passed = negated and statement.word in ("or", "nor") and not any(t.kind == "neg" for t in statement.tags)
        found = _read(statement, numbers, carried, passed)
        negated = passed or any(t.kind == "neg" for t in statement.tags)
        stated.extend(found)
    stated = [one for one in _merged(_levels_afterwards(stated)) if not one.open]
    stated += [_other_side(one, denied_side) for one in stated if one.fact.side == OTHER.get(denied_side)]
    return stated, bool(stated) or _is_of_motion(tags)


def _is_of_motion(tags: Sequence[Tag]) -> bool:
    kinds = {t.kind for t in tags}
    return bool(kinds & {"region", "task"} and kinds & {"move", "attr", "finding", "is", "close", "apart", "opening", "less", "more"})


def _without_occasions(tags: list[Tag], carried: Carried) -> list[Tag]:
    """Without "when asked to smile", "on smiling", "during the task": they name the task and state nothing."""
    kept: list[Tag] = []
    tags = _without_topic(_with_one_side(tags))
    occasion = False
    named = False
    for t in tags:
        if t.kind == "task":
            after = kept and kept[-1].kind == "prep" and kept[-1].stop == t.start
            carried.task = EXPRESSION[t.name] if occasion or after or t.name == "rest" or carried.task is None else carried.task
        if t.kind == "context":
            occasion, named = True, False
        elif occasion and t.kind in ("cut", "comma", "colon"):
            occasion = False
        elif occasion and named and t.kind in ("side", "region"):
            occasion = False
        named = named or t.kind == "task"
        if not occasion or t.kind in ("number", "time", "early", "ref"):
            kept.append(t)
    return [t for t in kept if (t.kind, t.name) != ("task", "rest")]


def _with_one_side(tags: list[Tag]) -> list[Tag]:
    """One brow is a side that is not told; "the left one" and "one sees" are none."""
    following = [*tags[1:], None]
    one = [t._replace(kind="side", name="one") if t.kind == "one" and n and n.kind == "region" and n.start == t.stop else t for t, n in zip(tags, following, strict=True)]
    return [t for t in one if t.kind != "one"]


def _without_topic(tags: list[Tag]) -> list[Tag]:
    """Without "as for the lower face," where the sentence goes on to name a region of its own."""
    if not tags or tags[0].kind != "topic":
        return tags
    stop = next((i for i, t in enumerate(tags) if t.kind == "comma"), 0)
    return tags[stop:] if any(t.kind in ("region", "task") for t in tags[stop:]) else tags


def _not_this_side(tags: list[Tag]) -> tuple[list[Tag], str]:
    """Takes "not the left but" and ", not the left," out, and returns that side."""
    for i, t in enumerate(tags):
        if t.kind != "neg" or i + 1 >= len(tags) or tags[i + 1].name not in OTHER or tags[i + 1].start != t.stop:
            continue
        stop = i + 2 + (i + 2 < len(tags) and tags[i + 2].kind == "region")
        ends = stop == len(tags) or tags[stop].kind in ("cut", "comma")
        if ends and (i == 0 or tags[i - 1].kind in ("comma", "cut") or (stop < len(tags) and tags[stop].text == "but")):
            return tags[:i] + tags[stop + (stop < len(tags)) :], tags[i + 1].name
    return tags, ""


def _read(statement: Statement, numbers: Sequence[Number], carried: Carried, negation: bool) -> list[Stated]:
    tags = statement.tags
    for was in [t.name for t in tags if t.kind == "was"]:
        carried.regions, carried.fresh, carried.foreign = (was if was != "mouth" else "mouth_corner",), False, False
    if _is_of_others(tags):
        carried.foreign = True
        return []
    if any(t.kind in ("region", "task") for t in tags):
        carried.foreign = False
    elif carried.foreign or (carried.fresh and not _stands_alone(tags)):
        return []
    _remember_sides(tags, carried)
    if any(t.kind == "also" for t in tags):
        return _likewise(statement, carried)
    attributes = attribute_of(statement, numbers, carried)
    found: list[Stated] = []
    comparison = compared(tags, numbers, attributes, carried)
    if comparison is not None:
        found = _of_comparison(comparison, statement, attributes, numbers, carried)
    elif any(chunk.headed for chunk in statement.chunks):
        for attribute in attributes:
            found += _of_attribute(attribute, statement, numbers, carried, negation)
    _carry(statement, found, attributes, comparison, carried)
    return found


def _is_of_others(tags: Sequence[Tag]) -> bool:
    """Whether it speaks of something outside the vocabulary, or of somebody else."""
    ours = ("region", "task", "attr", "close", "apart")
    for i, t in enumerate(tags):
        following = tags[i + 1] if i + 1 < len(tags) else None
        if t.kind == "person" and following and following.kind in (*ours, "side", "move") and following.start == t.stop:
            return True
        if t.kind != "foreign":
            continue
        before = tags[i - 1] if i else None
        if before and before.kind in ("level", "is", "finding", "apart") and t.start - before.stop <= 1:
            return True
        head = next((k for k, other in enumerate(tags) if other.kind in HEADS or other.kind == "neg"), None)
        if head is not None and not any(other.kind in ("region", "task", "attr") for other in tags[i + 1 : head + 1]) and i < head:
            return True
        if not any(other.kind in ("region", "task") for other in tags):
            return True
    return False


def _stands_alone(tags: Sequence[Tag]) -> bool:
    """Whether a statement that names no region says enough to be taken of the last one."""
    return any(t.kind in ("attr", "finding", "is", "side", "move", "former", "latter", "close", "apart", "number") for t in tags)


def _remember_sides(tags: Sequence[Tag], carried: Carried) -> None:
    for t in tags:
        if t.kind == "side" and (order := [word for word in t.text.split() if word in OTHER]):
            carried.sides = (*carried.sides, *(side for side in order if side not in carried.sides[-1:]))[-2:]


def _likewise(statement: Statement, carried: Carried) -> list[Stated]:
    """And so do the lips."""
    found = []
    for fact in carried.last:
        for region, named in regions_of(statement, fact.attribute, carried):
            side = side_of(region, named, statement, fact.attribute, carried, inherit=False)
            if side and (region, side) != (fact.region, fact.side):
                found.append(Stated(Fact(region, side, fact.attribute, fact.level)))
    return found


def _of_comparison(
    comparison: Comparison, statement: Statement, attributes: Sequence[str], numbers: Sequence[Number], carried: Carried
) -> list[Stated]:
    found = []
    attribute = comparison.attribute or "symmetry"
    for region, _ in regions_of(statement, attribute, carried):
        if comparison.attribute is not None:
            bad = "increased" if attribute in ("decrement", "onset") else "markedly_reduced" if comparison.marked else "reduced"
            if comparison.weaker in OTHER and region in ATTRIBUTES[attribute].regions:
                side = comparison.weaker if region != "jaw" else "both"
                found.append(Stated(Fact(region, side, attribute, bad)))
            continue
        value, unit = _value("symmetry", statement, numbers)
        if comparison.equal:
            found.append(Stated(Fact(region, "both", "symmetry", "normal", value, unit)))
            continue
        found.append(Stated(Fact(region, comparison.weaker, "symmetry", "reduced", value, unit)))
        if comparison.weaker in OTHER:
            found.append(_implied(region, comparison.weaker, comparison.marked, attributes))
    return found


def _implied(region: str, side: str, marked: bool, attributes: Sequence[str]) -> Stated:
    extent = "closure" if region == "eye" and "amplitude" not in attributes else "amplitude"
    return Stated(Fact(region, side, extent, "markedly_reduced" if marked else "reduced"), implied=True)


def _of_attribute(
    attribute: str, statement: Statement, numbers: Sequence[Number], carried: Carried, negation: bool
) -> list[Stated]:
    words = Words(statement.tags, negation)
    found: list[Stated] = []
    bare = not any(t.kind in ("region", "task", "side", "attr", "move", "number", "former", "latter") for t in statement.tags)
    for region, named in regions_of(statement, attribute, carried):
        pairs = _two_numbers(attribute, statement, numbers, carried)
        value, valued_in = _value(attribute, statement, numbers)
        if attribute == "symmetry":
            found += _of_symmetry(region, words, statement, (value, valued_in), carried)
            continue
        side = side_of(region, named, statement, attribute, carried, inherit=named is None)
        if side is None:
            continue
        for one, number in pairs or [(side, value)]:
            said = level(attribute, words, region, None, carried.task) or _of_ratio(attribute, statement, numbers)
            told = said or (level(attribute, words, region, number, carried.task) if number is not None else None)
            if told or number is not None:
                unit = ATTRIBUTES[attribute].unit if number is not None else ""
                fact = Fact(region, one, attribute, told or ATTRIBUTES[attribute].normal, number, unit)
                found.append(Stated(fact, worded=said is not None, bare=bare, open=told is None))
        found += _of_only(found[-1:], region, attribute, statement)
    return found


def _of_symmetry(
    region: str, words: Words, statement: Statement, number: tuple[float | None, str], carried: Carried
) -> list[Stated]:
    told = level("symmetry", words, region, number[0], carried.task)
    if told is None or region not in ATTRIBUTES["symmetry"].regions:
        return []
    if told == "normal":
        return [Stated(Fact(region, "both", "symmetry", told, *number))]
    sides = [side for side in named_sides(statement.tags, carried) if side in OTHER]
    side = sides[0] if len(sides) == 1 else "none"
    extent = [_implied(region, side, False, ())] if side in OTHER else []
    return [Stated(Fact(region, side, "symmetry", told, *number)), *extent]


def _of_only(found: Sequence[Stated], region: str, attribute: str, statement: Statement) -> list[Stated]:
    """Only the right one moves: the left does not."""
    tags = statement.tags
    for t, following in zip(tags, tags[1:], strict=False):
        if t.kind == "only" and following.kind == "side" and following.start == t.stop and following.name in OTHER:
            other = OTHER[following.name]
            if attribute in ("amplitude", "closure") and not found and region in ATTRIBUTES["symmetry"].regions:
                return [Stated(Fact(region, other, attribute, "absent"))]
            return [_other_side(one, other) for one in found if one.fact.side == following.name]
    return []


def _other_side(stated: Stated, side: str) -> Stated:
    fact = stated.fact
    told = nearest(fact.attribute, _NEGATED[fact.level]) or fact.level
    return Stated(Fact(fact.region, side, fact.attribute, told))


def _value(attribute: str, statement: Statement, numbers: Sequence[Number]) -> tuple[float | None, str]:
    """The number of the statement that is in the attribute's unit."""
    if any(t.kind == "ref" for t in statement.tags):
        return None, ""
    unit = ATTRIBUTES[attribute].unit
    for t in statement.tags:
        if t.kind == "number" and (number := numbers[int(t.name)]).value is not None:
            if number.unit == unit or (number.unit == "share" and unit == "%"):
                factor = 100.0 if number.unit == "share" else 1.0
                value = 100.0 - number.value if _is_of_closed(attribute, statement) else factor * number.value
                return round(value, ATTRIBUTES[attribute].decimals), unit
    return None, ""


def _is_of_closed(attribute: str, statement: Statement) -> bool:
    """The lips are closed for 90 percent of the time: apart for 10."""
    kinds = {t.kind for t in statement.tags}
    return attribute == "duty_cycle" and "closed" in kinds and not kinds & {"apart", "open"}


def _two_numbers(
    attribute: str, statement: Statement, numbers: Sequence[Number], carried: Carried
) -> list[tuple[str, float]]:
    """0.03 and 0.06 for the right and the left."""
    unit = ATTRIBUTES[attribute].unit
    values = [numbers[int(t.name)].value for t in statement.tags if t.kind == "number" and numbers[int(t.name)].unit == unit]
    order = [side for side in carried.sides if side in OTHER]
    if len(values) == 2 and len(set(order)) == 2 and None not in values:
        return [(side, round(value, ATTRIBUTES[attribute].decimals)) for side, value in zip(order, values, strict=True) if value is not None]
    return []


def _of_ratio(attribute: str, statement: Statement, numbers: Sequence[Number]) -> str | None:
    """The level of 60% of normal."""
    if not any(t.kind == "ref" for t in statement.tags):
        return None
    for t in statement.tags:
        if t.kind == "number" and (number := numbers[int(t.name)]).unit in ("share", "%") and number.value is not None:
            ratio = number.value / (100.0 if number.unit == "%" else 1.0)
            return nearest(attribute, "markedly_reduced" if ratio < 0.5 else "reduced" if ratio < 0.9 else "normal")
    return None


def _carry(
    statement: Statement, found: Sequence[Stated], attributes: Sequence[str], comparison: Comparison | None, carried: Carried
) -> None:
    tags = statement.tags
    named = any(t.kind in ("region", "task") for t in tags)
    attribute = "symmetry" if comparison is not None and comparison.attribute is None else (attributes or [None])[-1]
    if named:
        regions = [one.fact.region for one in found] or [t.name if t.name != "mouth" else "mouth_corner" for t in tags if t.kind in ("region", "task")]
        carried.regions, carried.fresh = tuple(dict.fromkeys(regions)), False
    elif attributes == ["rate"] or (found and found[0].fact.attribute == "duty_cycle"):
        carried.regions, carried.fresh = (("eye",) if attributes == ["rate"] else ("lips",)), False
    if found or named or any(t.kind == "attr" for t in tags):
        carried.attribute = attribute
    if comparison is None and attribute != "symmetry":
        sides = named_sides(tags, carried)
        if sides or named:
            carried.side = sides[0] if len(sides) == 1 else "both"
    elif named:
        carried.side = "both"
    if found:
        carried.last = tuple(one.fact for one in found)


def _levels_afterwards(stated: list[Stated]) -> list[Stated]:
    """0.05 left and 0.13 right, reduced and normal: the words that come after the numbers belong to them in turn."""
    first = next((i for i, one in enumerate(stated) if one.bare and one.worded), None)
    if first is None:
        return stated
    after = [one for one in stated[first:] if one.bare and one.worded]
    open_ = [one for one in stated[:first] if not one.worded]
    if len(after) < 2 or len(after) != len(open_):
        return stated
    told = {id(one): dataclasses.replace(one, fact=dataclasses.replace(one.fact, level=word.fact.level), worded=True, open=False) for one, word in zip(open_, after, strict=True)}
    return [told.get(id(one), one) for one in stated if one not in after]


def _merged(stated: Sequence[Stated]) -> list[Stated]:
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
