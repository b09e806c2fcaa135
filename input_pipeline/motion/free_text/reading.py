"""A sentence of free English to facts.

What a statement leaves out (region, side, attribute) it takes from the one before; what the vocabulary cannot say is left
out. The rules are those of the annotated sentences that the extractor is measured on.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

from input_pipeline.motion.facts import ATTRIBUTES, Fact
from input_pipeline.motion.free_text.clauses import Statement, is_elliptic, statements_of
from input_pipeline.motion.free_text.comparing import Comparison, compared
from input_pipeline.motion.free_text.levels import Words, level, nearest, of_number, opposite
from input_pipeline.motion.free_text.measuring import near_of, of_ratio, value_of, values_of
from input_pipeline.motion.free_text.merging import Stated, in_turns, levels_afterwards, merged, with_weaker_side
from input_pipeline.motion.free_text.normalise import normalise
from input_pipeline.motion.free_text.numbers import Number, take_numbers
from input_pipeline.motion.free_text.occasions import not_this_side, with_each_level, without_occasions
from input_pipeline.motion.free_text.others import is_of_others, is_posture, stands_alone
from input_pipeline.motion.free_text.subjects import OTHER, Carried, attribute_of, named_sides, regions_of, side_of
from input_pipeline.motion.free_text.tagging import Tag, tag

_ASKED = r"does|do|did|is|are|was|were|can|could|has|have|had|how|what|when|which|why|who|where|will|would|should"
_QUESTION = re.compile(rf"^(?:{_ASKED})\b.*\?$")
# "Close both eyes." and "Hold the smile", but not "Hold of smile poor".
_VERB = (
    r"keep|close|shut|open|squeeze|raise|lift|lower|hold|show|bite|clench|press|wrinkle|pull|relax|let|repeat|smile|frown|"
    r"blink|look"
)
_WHAT = r"your|the|both|his|her|him|them|to|as|tightly|firmly|wide|up|down|on|for|it|again|with|at|straight|eyes|once|twice"
_INSTRUCTION = re.compile(
    rf"^(?:please|kindly|ask|tell|remind|remember to|try to|make sure|do not|(?:now |then |and )?(?:{_VERB}) (?:{_WHAT}))\b"
    r"(?!.*\b(?:is|are|was|were)\b)"
)
_PRONOUN = re.compile(r"^(?:and )?(?:it|they|this|that|these|both|here|there)\b")


def read_sentence(sentence: str, carried: Carried) -> tuple[list[Stated], bool]:
    """What one sentence states, and whether it speaks of motion at all; brings `carried` up to date."""
    plain = normalise(sentence)
    if _INSTRUCTION.match(plain) or (not plain.startswith("?") and _QUESTION.match(plain)):
        return [], False
    text, numbers = take_numbers(plain)
    carried.task, carried.sides, carried.ahead = None, (), ""
    carried.fresh = not _PRONOUN.match(plain)
    carried.side = "both" if carried.fresh else carried.side
    tags = without_occasions(tag(text), carried)
    if any(t.kind == "if" for t in tags[:1]):
        return [], False
    tags, denied_side = not_this_side(tags)
    groups: list[list[Stated]] = []
    negated = False
    for statement in statements_of(with_each_level(tags)):
        passed = negated and statement.word in ("or", "nor") and not any(t.kind == "neg" for t in statement.tags)
        found = _read(statement, numbers, carried, passed)
        negated = passed or any(t.kind == "neg" for t in statement.tags)
        groups.append(found)
    in_turn = any(t.kind == "respectively" for t in tags)
    stated = in_turns(groups, carried.sides) if in_turn else [one for group in groups for one in group]
    stated = with_weaker_side([one for one in merged(levels_afterwards(stated)) if not one.open])
    stated += [_other_side(one, denied_side) for one in stated if one.fact.side == OTHER.get(denied_side)]
    return stated, bool(stated) or _is_of_motion(tags)


def _is_of_motion(tags: Sequence[Tag]) -> bool:
    kinds = {t.kind for t in tags}
    return bool(
        kinds & {"region", "task"} and kinds & {"move", "attr", "finding", "is", "close", "apart", "opening", "less", "more"}
    )


def _read(statement: Statement, numbers: Sequence[Number], carried: Carried, negation: bool) -> list[Stated]:
    tags = statement.tags
    for was in [t.name for t in tags if t.kind == "was"]:
        carried.regions, carried.fresh, carried.foreign = (was if was != "mouth" else "mouth_corner",), False, False
    if is_posture(tags) or is_of_others(tags):
        carried.foreign = True
        return []
    if any(t.kind in ("region", "task") for t in tags):
        carried.foreign = False
    elif carried.ahead and carried.fresh and not carried.foreign:
        carried.regions, carried.fresh, carried.foreign = (carried.ahead,), False, False
    elif carried.foreign or (carried.fresh and not stands_alone(tags)):
        return []
    _remember_sides(tags, carried)
    if any(t.kind == "also" for t in tags) or (carried.last and not carried.fresh and is_elliptic(tags)):
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
                found.append(
                    Stated(Fact(region, side, fact.attribute, _in_other_degree(fact, {t.kind for t in statement.tags})))
                )
    return found


def _in_other_degree(fact: Fact, kinds: set[str]) -> str:
    """The level of the fact before, denied or in another degree."""
    told = fact.level
    if "neg" in kinds:
        return opposite(fact.attribute, told)
    if told in ("reduced", "markedly_reduced") and kinds & {"mild", "strong"}:
        told = "reduced" if "mild" in kinds else "markedly_reduced"
    return nearest(fact.attribute, told) or fact.level


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
        value, unit = value_of("symmetry", statement, numbers) if "symmetry" in attributes else (None, "")
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
        pairs = values_of(attribute, statement, numbers, carried.sides)
        value, valued_in = value_of(attribute, statement, numbers)
        if attribute == "symmetry":
            found += _of_symmetry(region, words, statement, (value, valued_in), carried)
            continue
        side = side_of(region, named, statement, attribute, carried, inherit=named is None)
        if side is None:
            continue
        for one, number in pairs or [(side, value)]:
            near = near_of(attribute, region, statement, numbers, carried.task)
            if number is not None:
                near = nearest(attribute, of_number(attribute, region, number, carried.task))
            measured = (number is not None or near is not None) and _is_mere_name(attribute, words)
            said = None if measured else level(attribute, words) or of_ratio(attribute, statement, numbers)
            told = said or near
            if told or number is not None:
                unit = ATTRIBUTES[attribute].unit if number is not None else ""
                fact = Fact(region, one, attribute, told or ATTRIBUTES[attribute].normal, number, unit)
                found.append(Stated(fact, worded=said is not None, bare=bare, open=told is None))
        found += _of_only(found[-1:], region, attribute, statement)
    return found


def _is_mere_name(attribute: str, words: Words) -> bool:
    """Whether "tremor" or "apart" only names what the number then tells the level of."""
    if attribute == "tremor":
        return not words.negated
    return attribute == "duty_cycle" and not words.kinds & {"time", "level", "neg", "seldom", "often", "trace", "strong"}


def _of_symmetry(
    region: str, words: Words, statement: Statement, number: tuple[float | None, str], carried: Carried
) -> list[Stated]:
    only_named = number[0] is not None and not words.kinds & {"level", "strong", "neg", "mild"}
    told = (None if only_named else level("symmetry", words)) or (
        None if number[0] is None else of_number("symmetry", region, number[0], carried.task)
    )
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
    for t, following in itertools.pairwise(tags):
        if t.kind == "only" and following.kind == "side" and following.start == t.stop and following.name in OTHER:
            other = OTHER[following.name]
            if attribute in ("amplitude", "closure") and not found and region in ATTRIBUTES["symmetry"].regions:
                return [Stated(Fact(region, other, attribute, "absent"))]
            return [_other_side(one, other) for one in found if one.fact.side == following.name]
    return []


def _other_side(stated: Stated, side: str) -> Stated:
    fact = stated.fact
    return Stated(Fact(fact.region, side, fact.attribute, opposite(fact.attribute, fact.level)))


def _carry(
    statement: Statement, found: Sequence[Stated], attributes: Sequence[str], comparison: Comparison | None, carried: Carried
) -> None:
    tags = statement.tags
    named = any(t.kind in ("region", "task") for t in tags)
    attribute = "symmetry" if comparison is not None and comparison.attribute is None else (attributes or [None])[-1]
    if named:
        regions = [one.fact.region for one in found] or [
            t.name if t.name != "mouth" else "mouth_corner" for t in tags if t.kind in ("region", "task")
        ]
        carried.regions, carried.fresh = tuple(dict.fromkeys(regions)), False
    elif attributes == ["rate"] or (found and found[0].fact.attribute == "duty_cycle"):
        carried.regions, carried.fresh = (("eye",) if attributes == ["rate"] else ("lips",)), False
    if found or named or any(t.kind == "attr" for t in tags):
        carried.attribute = attribute
        # "Slow and reduced" is not a reduced speed; "the speed is normal, then reduced" is one.
        noun = any(t.kind in ("attr", "number") for t in tags) or attribute in ("amplitude", "closure", "tremor", "duty_cycle")
        carried.attributes = tuple(attributes) if noun or not carried.attributes else carried.attributes
        if not noun and named:
            carried.attributes = ()
    if comparison is None and attribute != "symmetry":
        sides = named_sides(tags, carried)
        if sides or named:
            carried.side = sides[0] if len(sides) == 1 else "both"
    elif named:
        carried.side = "both"
    if found:
        carried.last = tuple(one.fact for one in found)
