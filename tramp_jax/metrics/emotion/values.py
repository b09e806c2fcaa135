"""What `truth` and `prediction` of a row hold: a text, a number, valence and arousal, or action units.

In CSV everything is text, in JSON Lines also numbers, lists and objects. Action units are either a list of those that are there
(`1, 4, 12`, `["1", "4"]`, or a text that names AU4), which says of all others that they are not, or a value for each
(`1=0 4=2.5`, `{"1": 0, "4": 2.5}`), which says nothing of the others; 9 and -1 in a truth are "not coded", as BP4D and
Aff-Wild2 write them.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from input_pipeline.errors import UserError
from tramp_jax.metrics.emotion.action_units import named_units
from tramp_jax.metrics.emotion.predictions import Row
from tramp_jax.metrics.emotion.valence_arousal import DIMENSIONS, NUMBER, read_pair, to_float

# What data sets write where nobody rated: AffectNet -2, Aff-Wild2 -5 (references: seke_and_evaluation.md A.8).
_UNRATED = (-2.0, -5.0)
_NOT_CODED = (9.0, -1.0)
_LISTED = re.compile(r"[\s,;]*(?:\d{1,2}[\s,;]*)*")
_VALUES = re.compile(rf"\s*(?:AU)?0*(\d{{1,2}})\s*[=:]\s*({NUMBER})\s*(?:[,;\s]|$)", re.IGNORECASE)


class Units(dict[str, float]):
    """Unit -> value; `listed`: whether units that are left out are said to be absent."""

    listed: bool = False


def text_of(value: Any) -> str:
    """A field as text: a number as it is written, a list with commas between."""
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value).strip()


def number_of(row: Row, side: str, low: float, high: float, read: Callable[[str], float | None]) -> float:
    """A truth within limits: a number, or the text that a model should have said.

    Raises:
      UserError: it is neither.
    """
    text = text_of(getattr(row, side))
    try:
        value: float | None = float(text)
    except ValueError:
        value = read(text)
    if value is None or not low <= value <= high:
        raise UserError(f"{row.where}: {side} {text[:60]!r}, {row.task} expects a number from {low:g} to {high:g}")
    return value


def pair_of(row: Row, side: str) -> tuple[float, float] | None:
    """(valence, arousal); of a truth None where nobody rated it, of a prediction None where it cannot be read.

    Raises:
      UserError: a truth that is no such pair.
    """
    value = getattr(row, side)
    pair = _pair(value)
    if side == "truth" and pair is None:
        raise UserError(f"{row.where}: truth {text_of(value)[:60]!r}, expected valence and arousal as `0.31 -0.2`")
    return None if pair is None or (side == "truth" and any(part in _UNRATED for part in pair)) else pair


def units_of(row: Row, side: str) -> Units:
    """Units of a row; those that a truth says are not coded are left out.

    Raises:
      UserError: a truth that is none of the forms, or a number that is none.
    """
    value = getattr(row, side)
    found = _units(value)
    if found is None and side == "prediction":
        # A sentence of a language model: what it names is there, if nothing, then nothing is.
        found = _listed(named_units(text_of(value)))
    if found is None:
        raise UserError(f"{row.where}: truth {text_of(value)[:60]!r}, expected action units as `1, 4, 12` or `1=0 4=2 12=9`")
    if side == "truth" and not found.listed:
        for unit in [unit for unit, number in found.items() if number in _NOT_CODED]:
            del found[unit]
    return found


def _pair(value: Any) -> tuple[float, float] | None:
    if isinstance(value, dict):
        value = [value.get(name) for name in DIMENSIONS]
    if isinstance(value, list):
        numbers = [part for part in value if isinstance(part, (int, float)) and not isinstance(part, bool)]
        return (float(numbers[0]), float(numbers[1])) if len(value) == len(numbers) == 2 else None
    return read_pair(text_of(value))


def _units(value: Any) -> Units | None:
    if isinstance(value, dict):
        known = {_unit(name): number for name, number in value.items()}
        fine = all(name and isinstance(number, (int, float)) for name, number in known.items()) and len(known) == len(value)
        return Units({name: float(number) for name, number in known.items()}) if fine else None
    if isinstance(value, list):
        names = [_unit(str(part)) for part in value]
        return _listed(names) if all(names) else None
    text = text_of(value)
    if _LISTED.fullmatch(text):
        return _listed([_unit(part) for part in re.findall(r"\d+", text)])
    told = _VALUES.findall(text)
    if told and not _VALUES.sub("", text).strip(" ,;"):
        return Units({_unit(name): to_float(number) for name, number in told})
    named = named_units(text)
    plain = re.sub(r"\bAU\s?-?\d+|[\s,;]|\band\b", "", text, flags=re.IGNORECASE)
    return _listed(named) if named and not plain else None


def _unit(name: str) -> str:
    told = re.fullmatch(r"\s*(?:AU)?\s*0*([1-9]\d?)\s*", name, re.IGNORECASE)
    return told.group(1) if told else ""


def _listed(names: list[str]) -> Units:
    found = Units(dict.fromkeys((name for name in names if name), 1.0))
    found.listed = True
    return found
