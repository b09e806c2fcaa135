"""The files that a path stands for, and what is known of each: a video or a file of landmarks, a folder, or a CSV list."""

from __future__ import annotations

import csv
import difflib
import io
import math
import re
from collections.abc import Sequence
from pathlib import Path

from input_pipeline.csv_header import check_separator
from input_pipeline.errors import UserError, unreadable
from input_pipeline.extract.clip import check_expression
from input_pipeline.extract.item import Item
from input_pipeline.extract.video import SUFFIXES, check_file, find_videos
from input_pipeline.groups import ANY_GROUP, check_few, is_group, read_groups
from input_pipeline.landmark_files import is_landmark_file
from input_pipeline.paths import is_remote, path_of

COLUMNS = ("path", "subject", "expression", "score", "report")
_KNOWN = (*COLUMNS, ANY_GROUP)


def list_items(source: str | Path, expression: str = "", subject: str = "") -> list[Item]:
    """The videos and files of landmarks that a path stands for.

    Args:
      source: one such file, a folder of them, or a CSV file with the columns COLUMNS, of which only `path` must be there, and
        any number of `group_NAME` (see `groups`); paths in it are relative to its folder. Of this machine or of a bucket.
      expression: of every file that the CSV says nothing else of.
      subject: likewise; empty means the stem of the file's name.

    Raises:
      UserError: nothing there, or a label in the CSV is wrong: found before hours of extraction, not after.
    """
    source = path_of(source)
    if source.suffix.lower() == ".csv" and source.is_file() and not is_landmark_file(source):
        return _read_csv(source, expression, subject)
    paths = _find_files(source) if source.is_dir() else [source if is_remote(source) else check_file(source)]
    if not expression:
        raise UserError(f"{source}: which expression do the faces pose? add --expression=smile, for example")
    check_expression(expression)
    return [Item(path, subject or path.stem, expression) for path in paths]


def _find_files(folder: Path) -> list[Path]:
    """The videos; only where there are none, files of landmarks: beside videos a JSON file may be anything."""
    shown = sorted(path for path in folder.iterdir() if not path.name.startswith(".") and path.is_file())
    if any(path.suffix.lower() in SUFFIXES for path in shown):
        return find_videos(folder)
    return [path for path in shown if is_landmark_file(path)] or find_videos(folder)


def _read_csv(source: Path, expression: str, subject: str) -> list[Item]:
    try:
        with io.TextIOWrapper(source.open("rb"), encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            _check_columns(source, reader.fieldnames or [])
            items = [_parse_row(f"{source} line {reader.line_num}", source.parent, row, expression, subject) for row in reader]
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        raise unreadable(
            source, error, f"not a CSV file in UTF-8 ({error}): expected the columns {', '.join(COLUMNS)}"
        ) from error
    if not items:
        raise UserError(f"{source}: has no rows below its header: expected one video each")
    check_few(f"{source}", (item.groups for item in items))
    return items


def _check_columns(source: Path, names: Sequence[str]) -> None:
    check_separator(source, names)
    for name in names:
        if name not in COLUMNS and not is_group(name):
            near = difflib.get_close_matches(name.lower(), _KNOWN, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise UserError(f"{source}: unknown column '{name}', expected {', '.join(_KNOWN)}{hint}")
    if "path" not in names:
        raise UserError(f"{source}: no column 'path', expected {', '.join(COLUMNS)} with a header line")


def _parse_row(where: str, folder: Path, row: dict[str | None, str | None], expression: str, subject: str) -> Item:
    if None in row:
        raise UserError(f"{where}: more fields than the header names: put texts with commas into double quotes")
    fields = {name: (value or "").strip() for name, value in row.items()}
    if not fields["path"]:
        raise UserError(f"{where}: no path: name the file of the clip, or take the row out")
    path = folder / fields["path"]
    try:
        check_expression(fields.get("expression") or expression)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    name, report = fields.get("subject") or subject or path.stem, fields.get("report") or None
    check_report(where, report, name)
    return Item(
        path=path,
        subject=name,
        expression=fields.get("expression") or expression,
        score=parse_score(where, fields.get("score", "")),
        report=report,
        groups=read_groups(where, fields, name),
    )


def check_report(where: str, report: str | None, name: str) -> None:
    """Raises UserError for a report that names the subject, since reports are stored as they are.

    A number or a letter may stand in one for something else than a person.
    """
    if report and len(name) > 2 and not name.isdigit() and re.search(rf"\b{re.escape(name)}\b", report, re.IGNORECASE):
        raise UserError(f"{where}: the report names the subject '{name}', and is stored as it is: write of 'the face' instead")


def parse_score(where: str, text: str) -> float | None:
    """A score, None for an empty field. Raises UserError where it is no number."""
    if not text:
        return None
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        raise UserError(f"{where}: score '{text}' is not a number: expected one like 2 or 2.5, or nothing")
    return score
