"""What is wrong with the header of a CSV file, told alike wherever one is read."""

from __future__ import annotations

import os
from collections.abc import Sequence

from input_pipeline.errors import UserError

# Between the fields of what spreadsheets export where the comma is the decimal point, and of other tools.
_OTHERS = ";\t|"


def any_names(names: Sequence[str]) -> tuple[str, ...]:
    """The columns of a header, also where another separator leaves it one field: to know the kind of a file by them."""
    if mark := _separator(names):
        return tuple(name.strip().strip('"') for name in names[0].split(mark))
    return tuple(names)


def check_separator(path: str | os.PathLike[str], names: Sequence[str]) -> None:
    """Refuses the header of a file whose fields are not between commas.

    Args:
      names: of the columns, as read with commas.

    Raises:
      UserError: all of the header is one field with another separator in it.
    """
    if mark := _separator(names):
        raise UserError(
            f"{path} line 1: found fields between {mark!r}, expected commas: export it with commas, and points in numbers"
        )


def _separator(names: Sequence[str]) -> str:
    """The other separator, "" for none."""
    return next((mark for mark in _OTHERS if mark in names[0]), "") if len(names) == 1 else ""
