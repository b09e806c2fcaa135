"""The number of a statement as the value, or the level, of an attribute."""

from __future__ import annotations

from collections.abc import Sequence

from input_pipeline.motion.facts import ATTRIBUTES
from input_pipeline.motion.free_text.clauses import Statement
from input_pipeline.motion.free_text.levels import nearest, of_number
from input_pipeline.motion.free_text.numbers import Number
from input_pipeline.motion.free_text.subjects import OTHER


def value_of(attribute: str, statement: Statement, numbers: Sequence[Number]) -> tuple[float | None, str]:
    """The number of the statement that is in the attribute's unit."""
    if any(t.kind == "ref" for t in statement.tags):
        return None, ""
    unit = ATTRIBUTES[attribute].unit
    for t in statement.tags:
        if t.kind != "number" or (number := numbers[int(t.name)]).value is None:
            continue
        if number.unit == unit or (number.unit == "share" and unit == "%"):
            value = number.value * (100.0 if number.unit == "share" else 1.0)
            value = 100.0 - value if _is_of_closed(attribute, statement) else value
            return round(value, ATTRIBUTES[attribute].decimals), unit
    return None, ""


def _is_of_closed(attribute: str, statement: Statement) -> bool:
    """The lips are closed for 90 percent of the time: apart for 10."""
    kinds = {t.kind for t in statement.tags}
    return attribute == "duty_cycle" and "closed" in kinds and not kinds & {"apart", "open"}


def values_of(attribute: str, statement: Statement, numbers: Sequence[Number], sides: Sequence[str]) -> list[tuple[str, float]]:
    """0.03 and 0.06 for the right and the left."""
    unit = ATTRIBUTES[attribute].unit
    values = [numbers[int(t.name)].value for t in statement.tags if t.kind == "number" and numbers[int(t.name)].unit == unit]
    order = [side for side in sides if side in OTHER]
    if len(values) == 2 and len(set(order)) == 2 and None not in values:
        return [
            (side, round(value, ATTRIBUTES[attribute].decimals))
            for side, value in zip(order, values, strict=True)
            if value is not None
        ]
    return []


def of_ratio(attribute: str, statement: Statement, numbers: Sequence[Number]) -> str | None:
    """The level of 60% of normal."""
    if not any(t.kind == "ref" for t in statement.tags):
        return None
    for t in statement.tags:
        if t.kind == "number" and (number := numbers[int(t.name)]).unit in ("share", "%") and number.value is not None:
            ratio = number.value / (100.0 if number.unit == "%" else 1.0)
            return nearest(attribute, "markedly_reduced" if ratio < 0.5 else "reduced" if ratio < 0.9 else "normal")
    return None


def near_of(attribute: str, region: str, statement: Statement, numbers: Sequence[Number], task: str | None) -> str | None:
    """The level of a bound: fewer than 4 blinks per minute."""
    unit = ATTRIBUTES[attribute].unit
    for t in statement.tags:
        if t.kind != "number" or (number := numbers[int(t.name)]).near is None:
            continue
        if number.unit == unit or (number.unit == "share" and unit == "%"):
            near = number.near * (100.0 if number.unit == "share" else 1.0)
            return nearest(attribute, of_number(attribute, region, near, task))
    return None
