"""The label index of a data set, `labels.jsonl`: one line a clip, parsed when it is asked for.

A hundred thousand labels as objects take half a gigabyte in every process; as lines of a file, none.
"""

from __future__ import annotations

import functools
import io
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

from input_pipeline.errors import UserError, unreadable
from input_pipeline.records import Label, label_fields, label_of

_KEPT = 1024  # labels, 3 MB
_LINES = 1024  # read at once by whoever goes through all


class Labels(Sequence[Label]):
    """The labels of a file, in its order; those asked for last are kept.

    Args:
      path: a file as `to_line` makes its lines, here or in a bucket.

    Raises:
      UserError: not such a file.
    """

    def __init__(self, path: Path):
        self._path = path
        self._file = _open(path)
        self._ends = np.cumsum([len(line) for line in self._file], dtype=np.int64)
        self._at = functools.lru_cache(_KEPT)(self._parsed)  # a clip's label is asked for several times as it is read
        for _ in self:  # so that what is no label is told when the data set is opened
            pass

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, index: int) -> Label:
        if not -len(self) <= index < len(self):
            raise IndexError(f"label {index} of {len(self)}")
        return self._at(index % len(self))

    def __iter__(self) -> Iterator[Label]:
        for first in range(0, len(self), _LINES):
            ends = self._ends[first : first + _LINES]
            start = int(self._ends[first - 1]) if first else 0
            content, starts = self._read(start, int(ends[-1])), (start, *ends[:-1])
            yield from (self._parse(content[begin - start : end - start]) for begin, end in zip(starts, ends, strict=True))

    def _parsed(self, index: int) -> Label:
        start = int(self._ends[index - 1]) if index else 0
        return self._parse(self._read(start, int(self._ends[index])))

    def _read(self, start: int, end: int) -> bytes:
        """Safe to share between threads: nobody's place in the file moves."""
        if isinstance(self._file, io.BytesIO):
            return self._file.getbuffer()[start:end].tobytes()
        return os.pread(self._file.fileno(), end - start, start)

    def _parse(self, line: bytes) -> Label:
        try:
            return from_line(line)
        except (ValueError, TypeError, KeyError) as error:
            raise UserError(f"{self._path}: not a label index ({error}); copy it again or rebuild the data") from error


def to_line(label: Label) -> str:
    """One line of JSON, its end included."""
    return json.dumps(label_fields(label), sort_keys=True, ensure_ascii=False) + "\n"


def from_line(line: str | bytes) -> Label:
    """The inverse of `to_line`.

    Raises:
      ValueError, TypeError, KeyError: not such a line.
    """
    return label_of(json.loads(line))


def labels_of(paths: Iterable[Path]) -> Iterator[Label]:
    """The labels of several files of ours, read line by line."""
    for path in paths:
        with path.open(encoding="utf-8") as lines:
            yield from map(from_line, lines)


def _open(path: Path) -> BinaryIO:
    """The file, open; of a bucket, what is in it."""
    try:
        return path.open("rb") if isinstance(path, Path) else io.BytesIO(path.read_bytes())
    except OSError as error:
        raise unreadable(path, error, f"cannot be read ({error}): copy it again or rebuild the data") from error
