"""The file of predictions that `tramp_jax.benchmark` scores: one row for each item, CSV with a header or JSON Lines.

Columns: `truth` and `prediction`; where wanted `dataset`, `task`, `id`, `subject`, `emotion` (of EI-reg and EI-oc), `reference`
(a text, of REGE). What `truth` and `prediction` hold depends on the task: see docs/evaluation_emotion.md.
"""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

from input_pipeline.errors import UserError
from tramp_jax.metrics.predictions_table import RawTable, read_table

REQUIRED = ("truth", "prediction")


@dataclasses.dataclass(frozen=True)
class Row:
    """One item.

    Attributes:
      where: file and line, for errors.
      truth, prediction: text of a CSV field; of JSON Lines also numbers, lists and objects. "" where there is nothing: an
        answer that says nothing is an answer.
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
      path: see `predictions_table.read_table`.
      task, dataset: of the rows that do not tell theirs.

    Raises:
      UserError: the file is not as `read_table` expects it, a field is not as it should be, or an id is there twice.
    """
    table = read_table(path, REQUIRED)
    columns = (
        [f"{path} line {line}" for line in table.lines],
        _words(table, "dataset", dataset),
        _words(table, "task", task),
        _words(table, "id"),
        _words(table, "subject"),
        _values(table, "truth"),
        _values(table, "prediction"),
        _words(table, "emotion"),
        _words(table, "reference"),
    )
    rows = [Row(*fields) for fields in zip(*columns, strict=True)]
    for row in rows:
        if not row.task:
            raise UserError(f"{row.where}: says no task: add the column `task`, or --task for all rows")
    _refuse_twins(rows)
    return rows


def _words(table: RawTable, column: str, absent: str = "") -> list[str]:
    """N texts, `absent` where the field is empty or there is no such column; numbers become text."""
    found = table.columns.get(column, [None] * len(table))
    for row, value in enumerate(found):
        if isinstance(value, (dict, list, bool)):
            raise table.wrong(row, column, "a word")
    return [absent if value is None else str(value) for value in found]


def _values(table: RawTable, column: str) -> list[Any]:
    """N texts, numbers, lists or objects, the numbers in them checked."""
    found = table.columns[column]
    for row, value in enumerate(found):
        if isinstance(value, str):
            continue
        for part in value.values() if isinstance(value, dict) else value if isinstance(value, list) else (value,):
            if isinstance(part, (dict, list)) or (isinstance(part, float) and not math.isfinite(part)):
                raise table.wrong(row, column, f"text or finite numbers, not {str(part)[:60]}")
    return ["" if value is None else value for value in found]


def _refuse_twins(rows: list[Row]) -> None:
    seen: dict[tuple[str, str, str], str] = {}
    for row in rows:
        key = (row.dataset, row.task, row.id)
        if row.id and key in seen:
            raise UserError(f"{row.where}: id {row.id!r} is there already, at {seen[key]}: an item counts once for a task")
        seen[key] = row.where
