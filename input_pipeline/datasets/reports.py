"""Reports beside a data set, in a file of one's own: CSV, JSON or JSONL with a clip's id and its text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from input_pipeline.datasets.tables import lines, rows
from input_pipeline.errors import UserError

STEM, COLUMNS = "reports", ("clip_id", "report")
_EXPECTED = 'expected {"clip_id": "...", "report": "..."}'


def read_reports(folder: Path) -> dict[str, str]:
    """Clip id -> report, of the one file reports.csv, reports.json (a list of objects) or reports.jsonl (one on each line).

    Returns:
      Nothing where there is no such file.

    Raises:
      UserError: several files, one that cannot be read, a clip twice, or a clip without a text.
    """
    found = [path for suffix in _READERS if (path := folder / f"{STEM}{suffix}").exists()]
    if len(found) > 1:
        raise UserError(f"{found[0]} and {found[1]}: keep one file of reports")
    reports: dict[str, str] = {}
    for where, entry in _READERS[found[0].suffix](found[0]) if found else ():
        values = [entry.get(name) for name in COLUMNS] if isinstance(entry, dict) else []
        if len(values) != 2 or not all(isinstance(value, str) and value.strip() for value in values):
            raise UserError(f"{where}: {_EXPECTED}, both with something in it: fill them, or take the row out")
        if values[0] in reports:
            raise UserError(f"{where}: a second report of {values[0]!r}: keep one of them")
        reports[values[0]] = values[1]
    return reports


def _read_json(path: Path) -> Iterator[tuple[str, Any]]:
    entries = _parse(str(path), "\n".join(line for _, line in lines(path)))
    if not isinstance(entries, list):
        raise UserError(f"{path}: expected a list of objects, each {_EXPECTED.removeprefix('expected ')}")
    yield from ((f"{path} entry {place}", entry) for place, entry in enumerate(entries, 1))


def _read_jsonl(path: Path) -> Iterator[tuple[str, Any]]:
    yield from ((where, _parse(where, line)) for where, line in lines(path))


def _parse(where: str, text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where}: not JSON ({error}): write it again") from error


_READERS = {".csv": lambda path: rows(path, COLUMNS), ".json": _read_json, ".jsonl": _read_jsonl}
