"""The private ledger beside the source: which file and person each key in the data set stands for."""

from __future__ import annotations

import csv
import dataclasses
import os
from pathlib import Path
from types import TracebackType

from input_pipeline.errors import UserError


@dataclasses.dataclass(frozen=True)
class Entry:
    """One video.

    Attributes:
      path, name: the file, with the frames where the clip is a part of it, and the person as the source calls them.
      expression: what they pose.
      clip_id, subject: what the data set calls them.
      sha256: of the file, empty where it cannot be read.
      status: "ok", or the code of what is wrong.
      reason: in a line, where something is; of a clip that is ok, the warnings about its file.
      seconds: that reading it took; 0 where its part was there already.
      key_id: which key the names were hashed with.
    """

    path: str
    name: str
    expression: str
    clip_id: str
    subject: str
    sha256: str
    status: str
    reason: str
    seconds: float
    key_id: str


COLUMNS = tuple(field.name for field in dataclasses.fields(Entry))


def ledger_path(source: Path) -> Path:
    """`clips.ledger.csv` beside `clips.csv`, `clips.mp4` or the folder `clips`."""
    whole = source.absolute()
    return whole.with_name(f"{whole.name if whole.is_dir() else whole.stem}.ledger.csv")


class Ledger:
    """Appends to a CSV file that its owner alone may read; rows of earlier calls stay. A context manager."""

    def __init__(self, path: Path):
        """Raises UserError where the file cannot be written, or is something else."""
        self._path = path
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
            os.fchmod(descriptor, 0o600)
            self._file = os.fdopen(descriptor, "r+", newline="", encoding="utf-8")
            header = self._file.readline().strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or "it is no text"
            raise UserError(f"--ledger={path}: cannot be written ({reason}): name a file in a folder of yours") from error
        if header not in ("", ",".join(COLUMNS)):
            raise UserError(f"--ledger={path}: is another file, expected the columns {', '.join(COLUMNS)}: name another one")
        self._rows = csv.DictWriter(self._file, COLUMNS)
        if not header:
            self._rows.writeheader()

    def add(self, entry: Entry) -> None:
        """One row, on the disk when this returns; a UserError where it cannot be."""
        try:
            self._rows.writerow(dataclasses.asdict(entry))
            self._file.flush()
        except OSError as error:
            raise self._refused(error) from error

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        try:
            self._file.close()
        except OSError as failed:  # with what could not be written before
            raise self._refused(failed) from failed

    def _refused(self, error: OSError) -> UserError:
        return UserError(
            f"--ledger={self._path}: cannot be written ({error.strerror}): see to the disk, and run the same command again"
        )
