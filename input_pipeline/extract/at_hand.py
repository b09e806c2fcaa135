"""Files of a bucket, copied to this machine for as long as they are read."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from input_pipeline.errors import ClipError
from input_pipeline.extract.item import Item
from input_pipeline.paths import is_remote

_CHUNK = 16 * 2**20


@contextlib.contextmanager
def at_hand(item: Item) -> Iterator[Item]:
    """The item, with its file on this machine: itself, or one whose file is a copy that is removed afterwards.

    Raises:
      ClipError: there is no such file in the bucket.
    """
    if not is_remote(item.path):
        yield item
        return
    with copied(item.path) as path:
        yield dataclasses.replace(item, path=path)


@contextlib.contextmanager
def copied(path: Path) -> Iterator[Path]:
    """A copy of a file of a bucket under its own name, removed afterwards.

    Raises:
      ClipError: there is no such file.
    """
    with tempfile.TemporaryDirectory(prefix="tramp-jax-") as folder:
        copy = Path(folder) / path.name
        try:
            with path.open("rb") as source, copy.open("wb") as target:
                shutil.copyfileobj(source, target, _CHUNK)
        except (FileNotFoundError, IsADirectoryError) as error:
            raise ClipError(path, "missing", "no such file in the bucket: check the path") from error
        yield copy
