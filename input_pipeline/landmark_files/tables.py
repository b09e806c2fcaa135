"""CSV files of landmarks: a header line with spaces after its commas or without, then one row per face and frame."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from input_pipeline.csv_header import any_names, check_separator
from input_pipeline.errors import UserError, unreadable
from input_pipeline.extract.video import Limits
from input_pipeline.landmark_files.track import shown

# Rows of one file: several faces in each frame (ours).
_MOST_ROWS = 4 * Limits().frames


class Table:
    """A CSV file, read from its start for each question.

    Attributes:
      path: the file.
      names: of its columns, in order, without the spaces around them.
    """

    def __init__(self, path: Path):
        """Reads the header.

        Raises:
          UserError: not a CSV file in UTF-8.
        """
        self.path = path
        self.names = any_names(next(self._lines(), ()))

    def count(self, prefix: str) -> int:
        """How many columns `prefix`0, `prefix`1, ... there are without a gap."""
        names, count = set(self.names), 0
        while f"{prefix}{count}" in names:
            count += 1
        return count

    def numbers(self, wanted: Sequence[str]) -> np.ndarray:
        """(N, len(wanted)) float64; an empty field is NaN.

        Raises:
          UserError: a column is missing, there is no row, a field is no number, a row is longer or shorter than the header, or
            fields are not between commas.
        """
        rows = [[self._number(line, *cell) for cell in zip(wanted, row, strict=True)] for line, row in self._rows(wanted)]
        if not rows:
            raise UserError(f"{self.path}: has no rows below its header: export it again")
        return np.array(rows)

    def texts(self, name: str) -> list[str]:
        """(N,) fields of one column."""
        return [row[0] for _, row in self._rows([name])]

    def _number(self, line: int, name: str, text: str) -> float:
        try:
            return float(text) if text else math.nan
        except ValueError as error:
            raise UserError(
                f"{self.path} line {line}: {name} is '{shown(text)}', expected a number: export it again"
            ) from error

    def _rows(self, wanted: Sequence[str]) -> Iterator[tuple[int, list[str]]]:
        if missing := [name for name in wanted if name not in self.names]:
            raise UserError(f"{self.path}: no column {missing[0]}, found {_shortened(self.names)}: export it with landmarks")
        places = [self.names.index(name) for name in wanted]
        lines = self._lines()
        check_separator(self.path, next(lines))
        for count, row in enumerate(lines, 2):
            if len(row) != len(self.names):
                found = f"{len(row)} fields, the header has {len(self.names)}"
                raise UserError(f"{self.path} row {count}: {found}: the file is damaged or cut off; export it again")
            if count > _MOST_ROWS:
                raise UserError(f"{self.path}: has more than {_MOST_ROWS} rows: cut it into clips")
            yield count, [row[place] for place in places]

    def _lines(self) -> Iterator[list[str]]:
        try:
            with self.path.open(newline="", encoding="utf-8-sig") as file:
                for row in csv.reader(file, strict=True):
                    if row:
                        yield [field.strip() for field in row]
        except (csv.Error, UnicodeDecodeError, OSError) as error:
            raise unreadable(self.path, error, f"not a CSV file in UTF-8 ({shown(error, 100)}): export it again") from error


def _shortened(names: Sequence[str]) -> str:
    return ", ".join(shown(name) for name in names[:8]) + (f" and {len(names) - 8} more" if len(names) > 8 else "")
