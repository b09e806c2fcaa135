"""ArrayRecord files of a folder, opened once and read from any thread."""

from __future__ import annotations

import pathlib
import threading

from array_record.python import array_record_module

from input_pipeline.errors import UserError, unreadable
from input_pipeline.manifest import File


class RecordFiles:
    """Reads single records of the files that a manifest lists.

    Args:
      folder: where they lie, here or in a bucket.
    """

    def __init__(self, folder: pathlib.Path):
        self._folder = folder
        self._readers: dict[str, array_record_module.ArrayRecordReader] = {}
        self._lock = threading.Lock()

    def read(self, file: File, position: int) -> bytes:
        """One record.

        Raises:
          UserError: not a whole file of as many records, or one that may not be read.
          RuntimeError, IndexError: the record is damaged.
        """
        return self._reader(file).read([position])[0]

    def _reader(self, file: File) -> array_record_module.ArrayRecordReader:
        with self._lock:
            if file.name not in self._readers:
                path = str(self._folder / file.name)
                reader = array_record_module.ArrayRecordReader(path, "readahead_buffer_size:0", file_reader_buffer_size=32768)
                if not reader.ok() or reader.num_records() != file.records:
                    _check_readable(self._folder / file.name)
                    raise UserError(f"{path}: not a whole ArrayRecord file of {file.records} records; copy it again or rebuild")
                self._readers[file.name] = reader
            return self._readers[file.name]


def _check_readable(path: pathlib.Path) -> None:
    """Raises UserError for a file that may not be read: to ArrayRecord it is as one that is damaged."""
    try:
        path.open("rb").close()
    except OSError as error:
        raise unreadable(path, error, "cannot be read: copy it again or rebuild") from error
