"""Predictions files as columns of raw values, and their conversion with errors that name file, line and column.

Axes: N rows.
"""

from __future__ import annotations

import csv
import dataclasses
import io
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from input_pipeline.csv_header import check_separator
from input_pipeline.errors import UserError, unreadable
from input_pipeline.groups import MOST_CHARACTERS
from input_pipeline.paths import size_of

SUFFIXES = (".csv", ".jsonl", ".json")  # the last for JSON Lines too, as some tools name them
# The most bytes of one file (ours): a million clips with reports and distributions are under half of it.
MOST_BYTES = 2**30
# The largest that float32 holds, so that any model's score is read: beyond it, squares and their products overflow to inf.
MOST = float(np.finfo(np.float32).max)


@dataclasses.dataclass(frozen=True)
class RawTable:
    """The rows of a file by column.

    Attributes:
      path: for errors.
      lines: N line numbers, from 1.
      columns: name -> N values as the file has them; None where a field is empty, null or missing.
    """

    path: Path
    lines: tuple[int, ...]
    columns: dict[str, list[Any]]

    def __len__(self) -> int:
        return len(self.lines)

    def wrong(self, row: int, column: str, expected: str) -> UserError:
        """The error for one field."""
        value = self.columns[column][row]
        found = "nothing" if value is None else repr(value)
        found = found if len(found) <= 60 else f"{found[:57]}..."
        return UserError(f"{self.path} line {self.lines[row]}, column '{column}': found {found}, expected {expected}")

    def texts(self, column: str) -> np.ndarray:
        """(N,) text, none of it empty or long."""
        found = self.optional_labels(column)
        for row in np.flatnonzero(found == ""):
            raise self.wrong(int(row), column, "a text")
        return found

    def optional_labels(self, column: str) -> np.ndarray:
        """(N,) text, none of it long, "" where the field is empty."""
        found = self.optional_texts(column)
        for row, text in enumerate(found):
            if text is not None and len(text) > MOST_CHARACTERS:
                raise self.wrong(row, column, f"a text of at most {MOST_CHARACTERS} characters, not {len(text)}")
        return np.array([text or "" for text in found], dtype=str)

    def optional_texts(self, column: str) -> list[str | None]:
        """N texts, None where the field is empty; whole numbers become text."""
        found: list[str | None] = []
        for row, value in enumerate(self.columns[column]):
            if isinstance(value, bool) or not isinstance(value, (str, int, type(None))):
                raise self.wrong(row, column, "a text")
            found.append(value if value is None else str(value))
        return found

    def numbers(self, column: str, expected: str, low: float = -math.inf, high: float = math.inf) -> np.ndarray:
        """(N,) float64 in [low, high], none of it empty."""
        found = self.optional_numbers(column, expected, low, high)
        for row in np.flatnonzero(np.isnan(found)):
            raise self.wrong(int(row), column, expected)
        return found

    def optional_numbers(self, column: str, expected: str, low: float = -math.inf, high: float = math.inf) -> np.ndarray:
        """(N,) float64 in [low, high], NaN where the field is empty."""
        found = np.full(len(self), np.nan)
        for row, value in enumerate(self.columns[column]):
            if value is None:
                continue
            found[row] = number = self.number(row, column, value, expected)
            if not low <= number <= high:
                raise self.wrong(row, column, expected)
        return found

    def number(self, row: int, column: str, value: object, expected: str) -> float:
        """One finite number, or the error for it."""
        if isinstance(value, (int, float, str)) and not isinstance(value, bool) and "_" not in str(value):
            try:
                number = float(value)
            except (ValueError, OverflowError):
                number = math.nan
            if math.isfinite(number) and abs(number) > MOST:
                raise self.wrong(row, column, f"a number of at most {MOST:.2g} in size, as float32 holds")
            if math.isfinite(number):
                return number
        raise self.wrong(row, column, expected)


def read_table(path: Path, required: Sequence[str]) -> RawTable:
    """The rows of a .csv file with a header line, or of a .jsonl (or .json) file with an object a line.

    Raises:
      UserError: no such file, another kind, not well formed, empty, or without one of the columns.
    """
    if path.suffix.lower() not in SUFFIXES:
        found = "folder" if path.is_dir() else f"'{path.suffix}' file"
        raise UserError(f"{path}: found a {found}, expected {' or '.join(SUFFIXES)} with predictions")
    try:
        if (size_of(path) or 0) > MOST_BYTES:
            raise UserError(f"{path}: more than {MOST_BYTES} bytes: cut it into several files")
        # Ends of lines inside a quoted text stay as they are; opening a file in a bucket knows no `newline`.
        lines = io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")
        rows = list((_csv_rows if path.suffix.lower() == ".csv" else _json_rows)(path, lines, required))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise unreadable(path, error, f"cannot be read as {path.suffix.lower()} in UTF-8 ({error}): export it anew") from error
    if not rows:
        raise UserError(f"{path}: found no rows, expected a prediction a line under the columns {', '.join(required)}")
    names = list(dict.fromkeys(name for _, fields in rows for name in fields))
    columns = {name: [_filled(fields.get(name)) for _, fields in rows] for name in names}
    return RawTable(path, tuple(line for line, _ in rows), columns)


def _csv_rows(path: Path, lines: io.StringIO, required: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(lines, strict=True)
    names = [name.strip() for name in reader.fieldnames or []]
    if not names:
        raise UserError(f"{path}: found an empty file, expected a header line with {', '.join(required)}")
    check_separator(path, names)
    for name in required:
        _check_there(f"{path} line 1", name, names, required)
    for name in names:
        if name and names.count(name) > 1:  # spreadsheets leave unnamed columns at the end
            raise UserError(f"{path} line 1: found the column '{name}' {names.count(name)} times, expected once")
    reader.fieldnames = names
    for fields in reader:
        if None in fields or None in fields.values():
            found = len([x for x in fields.values() if isinstance(x, str)]) + len(fields.get(None) or [])
            raise UserError(
                f"{path} line {reader.line_num}: found {found} fields, expected the header's {len(names)}: put texts with "
                "commas into double quotes"
            )
        yield reader.line_num, fields


def _json_rows(path: Path, lines: io.StringIO, required: Sequence[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{path} line {number}"
        try:
            fields = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UserError(f"{where}: found no JSON ({error}), expected an object a line") from error
        # "\\ud800" alone is JSON, and no text that could be written again; the search first, as most lines have none.
        if r"\ud" in line.lower() and not _is_text(fields):
            raise UserError(f"{where}: found half of a surrogate pair, expected text in Unicode: export it anew")
        if not isinstance(fields, dict):
            raise UserError(f"{where}: found a {type(fields).__name__}, expected an object with {', '.join(required)}")
        for name in required:
            _check_there(where, name, list(fields), required)
        yield number, fields


def _is_text(fields: Any) -> bool:
    try:
        json.dumps(fields, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _check_there(where: str, name: str, names: Sequence[str], required: Sequence[str]) -> None:
    if name not in names:
        shown = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
        raise UserError(f"{where}: no column '{name}': found {shown or 'none'}, expected {', '.join(required)}")


def _filled(value: Any) -> Any:
    """A field as it is, without spaces around; None for one of nothing else."""
    if not isinstance(value, str):
        return value
    return value.strip() or None
