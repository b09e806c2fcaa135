"""The file of predictions that `tramp_jax.benchmark` scores: one row for each item, CSV with a header or JSON Lines.

Columns: `truth` and `prediction`; where wanted `dataset`, `task`, `id`, `subject`, `emotion` (of EI-reg and EI-oc), `reference`
(a text, of REGE). What `truth` and `prediction` hold depends on the task: see docs/evaluation_emotion.md.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from input_pipeline.errors import UserError

COLUMNS = ("dataset", "task", "id", "subject", "truth", "prediction", "emotion", "reference")


@dataclasses.dataclass(frozen=True)
class Row:
    """One item.

    Attributes:
      where: file and line, for errors.
      truth, prediction: text of a CSV field; of JSON Lines also numbers, lists and objects.
    """

    where: str
    dataset: str
    task: str
    id: str
    subject: str
    truth: Any
    prediction: Any
    emotion: str
    reference: str


def read_predictions(path: Path, task: str = "", dataset: str = "") -> list[Row]:
    """All rows.

    Args:
      task, dataset: of the rows that do not tell theirs.

    Raises:
      UserError: no such file, not CSV or JSON Lines in UTF-8, a column missing, no row, or an id that is there twice.
    """
    found = _json_rows(path) if path.suffix in (".jsonl", ".json") else _csv_rows(path)
    try:
        rows = [_row(where, fields, task, dataset) for where, fields in found]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: cannot be read as CSV or JSON Lines in UTF-8 ({error})") from error
    if not rows:
        raise UserError(f"{path}: no rows, expected one for each prediction")
    _refuse_twins(rows)
    return rows


def _csv_rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    with path.open(newline="", encoding="utf-8-sig") as file:
        reader = csv.DictReader(file, strict=True)
        for row in reader:
            where = f"{path} line {reader.line_num}"
            if None in row or None in row.values():
                raise UserError(f"{where}: another number of fields than the header: put texts with commas into quotes")
            yield where, row


def _json_rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    with path.open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            where = f"{path} line {number}"
            try:
                fields = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise UserError(f"{where}: not JSON ({error}): write one object on each line") from error
            if not isinstance(fields, dict):
                raise UserError(
                    f"{where}: a {type(fields).__name__}, expected an object as {{'truth': ..., 'prediction': ...}}"
                )
            yield where, fields


def _row(where: str, fields: Mapping[str, Any], task: str, dataset: str) -> Row:
    if missing := [name for name in ("truth", "prediction") if name not in fields]:
        raise UserError(f"{where}: no {missing[0]!r}, found {', '.join(map(str, fields))[:200]}: name the columns so")
    words = {}
    for name in ("dataset", "task", "id", "subject", "emotion", "reference"):
        value = fields.get(name)
        if isinstance(value, (dict, list, bool)):
            raise UserError(f"{where}: {name} is a {type(value).__name__}, expected a word")
        words[name] = "" if value is None else str(value).strip()
    own = words.pop("task") or task
    words["dataset"] = words["dataset"] or dataset
    if not own:
        raise UserError(f"{where}: says no task: add the column `task`, or --task for all rows")
    truth, prediction = (_finite(where, name, fields[name]) for name in ("truth", "prediction"))
    return Row(where=where, task=own, truth=truth, prediction=prediction, **words)


def _finite(where: str, name: str, value: Any) -> Any:
    """The value, numbers in it checked; nothing at all is an empty text."""
    numbers = value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]
    for number in numbers:
        if isinstance(number, (dict, list)) or (isinstance(number, float) and not math.isfinite(number)):
            raise UserError(f"{where}: {name} holds {str(number)[:60]!r}, expected numbers or text")
    return "" if value is None else value


def _refuse_twins(rows: list[Row]) -> None:
    seen: dict[tuple[str, str, str], str] = {}
    for row in rows:
        key = (row.dataset, row.task, row.id)
        if row.id and key in seen:
            raise UserError(f"{row.where}: id {row.id!r} is there already, at {seen[key]}: an item counts once for a task")
        seen[key] = row.where
