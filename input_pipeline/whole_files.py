"""Results that are there whole or as they were, however the process that writes them ends."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from input_pipeline.paths import is_remote


def write_whole(contents: Mapping[Path, str | bytes], instead_of: Sequence[Path] = ()) -> None:
    """Writes files, texts in UTF-8, with their ends of lines as they are.

    All of them are on the disk under other names before the first is renamed: a full disk or a kill before that leaves
    everything as it was, and what goes together changes together but for the moment of the renames.

    Args:
      contents: of each file, in the order in which they appear.
      instead_of: files that do not belong beside the new ones; deleted, where they are there, before the first appears.

    Raises:
      OSError: one cannot be written, which it names; nothing has changed.
    """
    blobs = {path: text.encode() if isinstance(text, str) else text for path, text in contents.items()}
    local = [path for path in blobs if not is_remote(path)]
    temporary = {path: path.with_name(f"{path.name}.tmp") for path in local}
    try:
        for path in local:
            _write(temporary[path], blobs[path])
        for old in instead_of:
            old.unlink(missing_ok=True)
        for path, blob in blobs.items():
            if path in temporary:
                temporary[path].replace(path)
            else:
                path.write_bytes(blob)  # an object of a bucket is there whole or as before
    finally:
        for path in temporary.values():
            path.unlink(missing_ok=True)


def check_writable(folder: Path) -> None:
    """Refuses a folder that files cannot be put into, before the work whose results are to lie there; makes nothing.

    Raises:
      PermissionError: neither the folder, where it is there, nor the first above it that is, may be written into.
    """
    if is_remote(folder):
        return
    there = next(place for place in (folder.absolute(), *folder.absolute().parents) if place.exists())
    if not os.access(there, os.W_OK | os.X_OK):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(there))


def _write(path: Path, blob: bytes) -> None:
    try:
        with path.open("wb") as file:
            file.write(blob)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        # Of a full disk Python names no file.
        raise OSError(error.errno, error.strerror, str(path)) from error
