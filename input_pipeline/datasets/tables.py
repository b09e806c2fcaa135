"""The small text files that data sets keep their labels in."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

from input_pipeline.csv_header import check_separator
from input_pipeline.errors import UserError, unreadable


def rows(path: Path, columns: tuple[str, ...], delimiter: str = ",") -> Iterator[tuple[str, dict[str, str]]]:
    """(where, row) of a CSV file with a header that has at least `columns`; `where` names file and line for errors.

    Raises:
      UserError: no such file, not UTF-8, another separator, a column missing, or a row with fields too few.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, delimiter=delimiter, strict=True, skipinitialspace=True)
            names = reader.fieldnames or []
            check_separator(path, names)
            if missing := [name for name in columns if name not in names]:
                raise UserError(
                    f"{path}: no column {missing[0]!r}, found {', '.join(names)}: is this the file of the data set?"
                )
            for row in reader:
                where = f"{path} line {reader.line_num}"
                if any(row[name] is None for name in columns):
                    raise UserError(f"{where}: fewer fields than the header names: copy the file again")
                yield where, {name: (value or "").strip() for name, value in row.items() if name is not None}
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        raise unreadable(path, error, f"cannot be read as CSV in UTF-8 ({error}): copy the file again") from error


def cells(path: Path, least: int) -> Iterator[tuple[str, list[str]]]:
    """(where, row) of a CSV file below its header, whose names are not known: columns go by their place.

    Raises:
      UserError: no such file, not UTF-8, or a row with fewer than `least` fields.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            check_separator(path, next(reader, []))
            for row in reader:
                where = f"{path} line {reader.line_num}"
                if row and len(row) < least:
                    raise UserError(f"{where}: {len(row)} fields, expected {least} or more: copy the file again")
                if row:
                    yield where, [value.strip() for value in row]
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        raise unreadable(path, error, f"cannot be read as CSV in UTF-8 ({error}): copy the file again") from error


def lines(path: Path, other_encoding: str = "") -> Iterator[tuple[str, str]]:
    """(where, line) of a text file, empty lines left out.

    Args:
      other_encoding: what it may be in, where it is not UTF-8.

    Raises:
      UserError: no such file, or in neither encoding.
    """
    try:
        text = _decode(path.read_bytes(), other_encoding)
    except (UnicodeDecodeError, OSError) as error:
        expected = f"UTF-8 or {other_encoding}" if other_encoding else "UTF-8"
        raise unreadable(path, error, f"cannot be read as text in {expected} ({error}): copy the file again") from error
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            yield f"{path} line {number}", line.strip()


def _decode(content: bytes, other_encoding: str) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        if not other_encoding:
            raise
        return content.decode(other_encoding)


def number(where: str, text: str, low: float, high: float) -> float:
    """A number within limits.

    Raises:
      UserError: it is none, or beyond them.
    """
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not low <= value <= high:
        raise UserError(f"{where}: {text!r}, expected a number from {low:g} to {high:g}: copy the file again")
    return value


def whole(where: str, text: str, low: int, high: int) -> int:
    """A whole number within limits, in any spelling: data sets print codes as `7` and as `7.0000000e+00`.

    Raises:
      UserError: it is none, or beyond them.
    """
    value = number(where, text, low, high)
    if value != int(value):
        raise UserError(f"{where}: {text!r}, expected a whole number from {low} to {high}: copy the file again")
    return int(value)


def inside(where: str, folder: Path, name: str) -> Path:
    """A file that a label file names, which must lie below the folder.

    Raises:
      UserError: it lies elsewhere.
    """
    path = Path(name)
    if path.is_absolute() or ".." in path.parts:
        raise UserError(f"{where}: names {name!r}, which is not in {folder}: copy the file again")
    return folder / path
