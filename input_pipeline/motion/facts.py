"""Measured motion as facts of a closed vocabulary: what the simulator's reports say and what generated text is scored on.

A fact is (region, side, attribute, level, value). Sides are the subject's own. Which facts are stated for which posed
expression, and where one level ends and the next begins, is FACT_TABLE and nothing else.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable
from typing import TYPE_CHECKING

from input_pipeline.errors import UserError

if TYPE_CHECKING:
    from input_pipeline.motion.kinematics import Kinematics

REGIONS_OF_FACTS = ("brow", "eye", "mouth_corner", "lips", "jaw", "global")
SIDES = ("left", "right", "both", "none")
# The reference's five levels (seke_and_evaluation.md B.3) and one more, ours: MDS-UPDRS 3.2 tells grade 3 from grade 4 by
# lips that are apart for part or for most of the time, which "increased" alone cannot say.
LEVELS = ("absent", "markedly_reduced", "reduced", "normal", "increased", "markedly_increased")

_PAIRED_REGIONS = ("brow", "eye", "mouth_corner")
_MOVING_REGIONS = (*_PAIRED_REGIONS, "jaw")


@dataclasses.dataclass(frozen=True)
class Attribute:
    """What can be said about one property of a movement.

    Attributes:
      unit: of the stated number.
      factor: stated number = factor * the value of `Kinematics.values`.
      decimals: of the stated number; its last digit is the reporting step.
      regions: regions that have the property.
      levels: levels that it can take.
      normal: the level that is no finding.
    """

    unit: str
    factor: float
    decimals: int
    regions: tuple[str, ...]
    levels: tuple[str, ...]
    normal: str = "normal"


_LESS = ("markedly_reduced", "reduced", "normal")

# The order is the order of the sentences: the task's movement, its timing, symmetry, then eyes and lips.
ATTRIBUTES = {
    "amplitude": Attribute("IOD", 1.0, 3, (*_MOVING_REGIONS, "global"), ("absent", *_LESS)),
    "closure": Attribute("%", 100.0, 0, ("eye",), ("absent", *_LESS)),
    "peak_speed": Attribute("IOD/s", 1.0, 2, _MOVING_REGIONS, _LESS),
    "onset": Attribute("s", 1.0, 2, _MOVING_REGIONS, ("normal", "increased")),
    "hold": Attribute("%", 100.0, 0, _MOVING_REGIONS, _LESS),
    "decrement": Attribute("%/s", 100.0, 0, _MOVING_REGIONS, ("normal", "increased")),
    "symmetry": Attribute("%", 100.0, 0, _PAIRED_REGIONS, ("reduced", "normal")),
    "rate": Attribute("/min", 1.0, 0, ("eye",), ("absent", *_LESS, "increased")),
    "duty_cycle": Attribute("%", 100.0, 0, ("lips",), ("normal", "increased", "markedly_increased")),
    "tremor": Attribute("IOD", 1.0, 4, ("jaw", "lips"), ("absent", "increased"), normal="absent"),
}
UNITS = tuple(dict.fromkeys(attribute.unit for attribute in ATTRIBUTES.values()))

# How far a movement goes, and what one that did not happen does not have.
_EXTENTS = frozenset({"amplitude", "closure"})
_OF_A_MOVEMENT = frozenset({"peak_speed", "onset", "hold", "decrement", "symmetry"})


@dataclasses.dataclass(frozen=True)
class Fact:
    """One statement about the motion.

    Attributes:
      region: one of REGIONS_OF_FACTS.
      side: one of SIDES, the subject's own. Lips, jaw and blinking are "both", the whole face is "none". For symmetry it is
        the weaker side, "both" where the movement is symmetric, "none" where a text does not say which side is weaker.
      attribute: a key of ATTRIBUTES.
      level: one of LEVELS.
      value: the measured number, rounded to the attribute's reporting step, or None.
      unit: of the value, one of UNITS; empty without a value. IOD is the inter-ocular distance.
    """

    region: str
    side: str
    attribute: str
    level: str
    value: float | None = None
    unit: str = ""

    def __post_init__(self):
        known = (REGIONS_OF_FACTS, SIDES, ATTRIBUTES, LEVELS)
        for word, vocabulary in zip((self.region, self.side, self.attribute, self.level), known, strict=True):
            if word not in vocabulary:
                raise ValueError(f"{word!r} is outside the closed vocabulary {tuple(vocabulary)}")
        if (self.value is None) != (self.unit == ""):
            raise ValueError(f"a value and its unit come together, got {self.value!r} and {self.unit!r}")


@dataclasses.dataclass(frozen=True)
class Row:
    """One line of FACT_TABLE.

    Attributes:
      attribute, region, sides: together the keys of `Kinematics.values` that the row reads. Left and right of equal level, or
        of a movement that is symmetric (ASYMMETRIC), become one fact of side "both" with the level and value of their mean.
      scale: a number line, level, bound, level, bound, ..., level, in the units of `Kinematics.values`; a value on a bound
        belongs to the level after it. Symmetry is looked up by its absolute value.
      always: stated whatever the level; otherwise only when the level is not the attribute's normal one.
    """

    attribute: str
    region: str
    sides: tuple[str, ...]
    scale: tuple[str | float, ...]
    always: bool


_EACH = ("left", "right")
_BOTH = ("both",)
_ALWAYS = True
_IF_ABNORMAL = False


def _less(markedly_reduced: float, reduced: float) -> tuple[str | float, ...]:
    return ("markedly_reduced", markedly_reduced, "reduced", reduced, "normal")


def _movement(absent: float, markedly_reduced: float, reduced: float) -> tuple[str | float, ...]:
    return ("absent", absent, *_less(markedly_reduced, reduced))


# From this (R - L) / (R + L) on, left and right are told apart; below, their mean is one statement.
ASYMMETRIC = 0.25
_SYMMETRY = ("normal", ASYMMETRIC, "reduced")
_HOLD = ("reduced", 0.45, "normal")
_BLINKS = _less(4.0, 9.0)
_LIPS_APART = ("normal", 0.2, "increased", 0.5, "markedly_increased")
_TREMOR = ("absent", 0.008, "increased")

# Every choice of rows and every threshold is ours, not a clinical norm. Units: IOD, IOD/s, fractions 0..1, blinks per minute.
# A row is here only where tracked landmarks can tell: what is measured with a simulated tracker's jitter follows what is
# measured without (symmetry least), which rules out the hold of small movements; thresholds lie where the two agree.
FACT_TABLE: dict[str, tuple[Row, ...]] = {
    "rest": (
        Row("amplitude", "mouth_corner", _EACH, _movement(0.004, 0.012, 0.025), _ALWAYS),
        Row("rate", "eye", _BOTH, _BLINKS, _ALWAYS),
        Row("duty_cycle", "lips", _BOTH, _LIPS_APART, _ALWAYS),
        Row("tremor", "jaw", _BOTH, _TREMOR, _IF_ABNORMAL),
    ),
    "smile": (
        Row("amplitude", "mouth_corner", _EACH, _movement(0.02, 0.06, 0.12), _ALWAYS),
        Row("peak_speed", "mouth_corner", _BOTH, _less(0.25, 0.5), _ALWAYS),
        Row("hold", "mouth_corner", _BOTH, _HOLD, _ALWAYS),
        Row("symmetry", "mouth_corner", _BOTH, _SYMMETRY, _IF_ABNORMAL),
        Row("rate", "eye", _BOTH, _BLINKS, _ALWAYS),
        Row("duty_cycle", "lips", _BOTH, _LIPS_APART, _IF_ABNORMAL),
    ),
    "frown": (
        Row("amplitude", "brow", _EACH, _movement(0.015, 0.035, 0.06), _ALWAYS),
        Row("peak_speed", "brow", _BOTH, _less(0.15, 0.3), _ALWAYS),
        Row("symmetry", "brow", _BOTH, _SYMMETRY, _IF_ABNORMAL),
        Row("rate", "eye", _BOTH, _BLINKS, _ALWAYS),
    ),
    "squeeze": (
        Row("closure", "eye", _EACH, _movement(0.1, 0.5, 0.85), _ALWAYS),
        Row("peak_speed", "eye", _BOTH, _less(0.35, 0.7), _ALWAYS),
        Row("hold", "eye", _BOTH, _HOLD, _ALWAYS),
        Row("symmetry", "eye", _BOTH, _SYMMETRY, _IF_ABNORMAL),
        Row("duty_cycle", "lips", _BOTH, _LIPS_APART, _IF_ABNORMAL),
    ),
    "clench": (
        Row("amplitude", "mouth_corner", _EACH, _movement(0.015, 0.04, 0.08), _ALWAYS),
        Row("peak_speed", "mouth_corner", _BOTH, _less(0.15, 0.3), _ALWAYS),
        Row("symmetry", "mouth_corner", _BOTH, _SYMMETRY, _IF_ABNORMAL),
        Row("duty_cycle", "lips", _BOTH, _LIPS_APART, _ALWAYS),
        Row("tremor", "jaw", _BOTH, _TREMOR, _IF_ABNORMAL),
    ),
}


def facts_of(kinematics: Kinematics, expression: str) -> tuple[Fact, ...]:
    """The facts that FACT_TABLE states for this expression, with values, in the order of the sentences.

    What was not measured (key missing, value not finite) is not stated, nor are speed, timing and symmetry of a movement
    that is absent on every measured side or lost in the noise.

    Raises:
      UserError: unknown expression.
    """
    always = {(row.attribute, row.region) for row in _rows(expression) if row.always}
    facts = measured_facts(kinematics, expression)
    return tuple(fact for fact in facts if (fact.attribute, fact.region) in always or is_abnormal(fact))


def measured_facts(kinematics: Kinematics, expression: str) -> tuple[Fact, ...]:
    """Like `facts_of`, but also what a report leaves out because it is normal: what stated facts are grounded against.

    Raises:
      UserError: unknown expression.
    """
    facts: list[Fact] = []
    # Kinematics gives a movement below the noise the speed 0.
    still = {region for region in _MOVING_REGIONS if kinematics.values.get(f"peak_speed/{region}/both") == 0.0}
    for row in _rows(expression):
        if row.attribute in _OF_A_MOVEMENT and row.region in still:
            continue
        found = _facts_of_row(row, kinematics.values)
        if row.attribute in _EXTENTS and found and all(fact.level == "absent" for fact in found):
            still.add(row.region)
        facts.extend(found)
    return in_order(facts)


def normal_facts(expression: str) -> tuple[Fact, ...]:
    """What is stated of a face with no finding, without values: the always-normal baseline.

    Raises:
      UserError: unknown expression.
    """
    rows = [row for row in _rows(expression) if row.always]
    return in_order(Fact(row.region, "both", row.attribute, ATTRIBUTES[row.attribute].normal) for row in rows)


def is_abnormal(fact: Fact) -> bool:
    """Whether the fact is a finding. No tremor is not one, and neither are closed lips."""
    return fact.level != ATTRIBUTES[fact.attribute].normal


def is_paired(fact: Fact) -> bool:
    """Whether the left and the right can differ, so that "both" means left and right. Symmetry compares the two instead."""
    return fact.region in _PAIRED_REGIONS and fact.attribute not in ("rate", "symmetry")


def mirrored(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    """The facts of the mirrored clip, in the same order."""
    other = {"left": "right", "right": "left"}
    return tuple(dataclasses.replace(fact, side=other.get(fact.side, fact.side)) for fact in facts)


def without_values(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    """The facts as a text without numbers can say them."""
    return tuple(dataclasses.replace(fact, value=None, unit="") for fact in facts)


def in_order(facts: Iterable[Fact]) -> tuple[Fact, ...]:
    """Sorted by attribute, region and side in the order of their vocabularies."""
    attributes = list(ATTRIBUTES)
    return tuple(
        sorted(facts, key=lambda f: (attributes.index(f.attribute), REGIONS_OF_FACTS.index(f.region), SIDES.index(f.side)))
    )


def _rows(expression: str) -> tuple[Row, ...]:
    if expression not in FACT_TABLE:
        raise UserError(f"expression {expression!r} has no facts: use one of {', '.join(FACT_TABLE)}")
    return FACT_TABLE[expression]


def _facts_of_row(row: Row, values: dict[str, float]) -> list[Fact]:
    measured = {side: values.get(f"{row.attribute}/{row.region}/{side}", math.nan) for side in row.sides}
    measured = {side: float(value) for side, value in measured.items() if math.isfinite(value)}
    if row.attribute == "symmetry":
        # (R - L) / (R + L): positive where the right moves more.
        measured = {"left" if value > 0 else "right": abs(value) for value in measured.values()}
    levels = {side: level_of(row.scale, value) for side, value in measured.items()}
    if len(measured) == 2:
        mean = sum(measured.values()) / 2
        if len(set(levels.values())) == 1 or abs(values.get(f"symmetry/{row.region}/both", math.inf)) < ASYMMETRIC:
            return [_fact(row, "both", level_of(row.scale, mean), mean)]
    return [_fact(row, side, levels[side], value) for side, value in measured.items()]


def _fact(row: Row, side: str, level: str, value: float) -> Fact:
    attribute = ATTRIBUTES[row.attribute]
    if row.attribute == "symmetry" and level == attribute.normal:
        side = "both"
    # Noise takes a closure or a decrement of nothing slightly below zero.
    stated = round(attribute.factor * max(value, 0.0), attribute.decimals)
    return Fact(row.region, side, row.attribute, level, stated, attribute.unit)


def level_of(scale: tuple[str | float, ...], value: float) -> str:
    """The level of a value on the number line of a row."""
    return scale[2 * sum(value >= bound for bound in scale[1::2])]
