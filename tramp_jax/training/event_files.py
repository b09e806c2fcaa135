"""TensorBoard's event files on a disk that may be full.

tensorboardX writes from a thread of its own. An error there ends the thread with a traceback, and once its queue is full the
run would wait for it for ever; so the file keeps the error to itself, for the run to ask for.
"""

from __future__ import annotations

import os
from pathlib import Path

from tensorboardX import SummaryWriter
from tensorboardX.record_writer import register_writer_factory

_PREFIX = "tramp-jax"


class EventFiles:
    """The event files of one folder, written by `writer`.

    Attributes:
      writer: tensorboardX's.
      error: the first that a file has met, None for none; what came after it is not in the files.
    """

    def __init__(self, folder: Path, purge_step: int):
        self.error: OSError | None = None
        # tensorboardX asks who opens a file by what is before the colon, and does so in this constructor.
        register_writer_factory(_PREFIX, self)
        self.writer = SummaryWriter(f"{_PREFIX}:{folder}", purge_step=purge_step, write_to_disk=True)

    def directory_check(self, path: str) -> None:
        """Makes the folder, for tensorboardX."""
        Path(path.removeprefix(f"{_PREFIX}:")).mkdir(parents=True, exist_ok=True)

    def open(self, path: str) -> _EventFile:
        """A new file, for tensorboardX."""
        return _EventFile(path.removeprefix(f"{_PREFIX}:"), self)


class _EventFile:
    def __init__(self, path: str, owner: EventFiles):
        self._file, self._owner = Path(path).open("wb"), owner  # noqa: SIM115 - tensorboardX closes it

    def write(self, data: bytes) -> None:
        if self._owner.error is None:
            try:
                self._file.write(data)
            except OSError as error:
                self._owner.error = error

    def flush(self) -> None:
        if self._owner.error is None:
            try:
                self._file.flush()
                os.fsync(self._file.fileno())
            except OSError as error:
                self._owner.error = error

    def close(self) -> None:
        self.flush()
        try:
            self._file.close()
        except OSError as error:
            self._owner.error = error
