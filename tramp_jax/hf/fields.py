"""Values of other people's JSON: each of the right kind and in range, or one line that names it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from input_pipeline.errors import UserError

_MISSING = object()


def whole(values: Mapping[str, Any], name: str, where: str, default: Any = _MISSING, low: int = 1) -> int:
    """A whole number of at least `low`; null and absence give the default.

    Raises:
      UserError: absent without a default, or something else.
    """
    value = _value(values, name, where, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value) or value < low:
        raise UserError(
            f"{where}: {name}={value!r}, expected a whole number from {low}: pass the config.json of the model itself"
        )
    return int(value)


def number(values: Mapping[str, Any], name: str, where: str, default: Any = _MISSING) -> float:
    """A finite number above 0, or 0 where the default is; see `whole`."""
    value = _value(values, name, where, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 0:
        raise UserError(f"{where}: {name}={value!r}, expected a number from 0: pass the config.json of the model itself")
    return float(value)


def colour(values: Mapping[str, Any], name: str, where: str, default: tuple[float, ...]) -> tuple[float, ...]:
    """Three numbers, of red, green and blue; those of `image_std` above 0."""
    value = _value(values, name, where, default)
    numbers = isinstance(value, list | tuple) and len(value) == 3 and all(isinstance(x, int | float) for x in value)
    if not numbers or (name == "image_std" and min(value) <= 0):
        raise UserError(f"{where}: {name}={value!r}, expected three numbers: fetch preprocessor_config.json again")
    return tuple(float(x) for x in value)


def part(values: Mapping[str, Any], name: str, where: str) -> dict[str, Any]:
    """An object inside; empty where it is absent or null."""
    value = values.get(name) or {}
    if not isinstance(value, dict):
        raise UserError(f"{where}: {name}={value!r}, expected an object: fetch the file again")
    return value


def _value(values: Mapping[str, Any], name: str, where: str, default: Any) -> Any:
    value = values.get(name)
    if value is not None:
        return value
    if default is _MISSING:
        raise UserError(f"{where}: no {name!r} in it: pass the config.json of the model itself")
    return default
