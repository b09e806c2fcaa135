"""Paths that users name: of this machine, or of a bucket (gs://BUCKET/FOLDER), where data is read and runs are kept.

A bucket's paths are `etils.epath`'s over gcsfs; ArrayRecord and TensorStore read and write theirs by themselves. All three find
credentials as Google's own tools do.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path

from etils import epath

from input_pipeline.errors import UserError

BUCKET = "gs://"


def path_of(path: str | os.PathLike[str]) -> Path:
    """A path to read from or keep a run in; of a bucket it is an `epath.Path`, which has the same methods.

    Raises:
      UserError: another scheme, gcsfs is missing, or the bucket does not answer.
    """
    text = os.fspath(path)
    if text.startswith(BUCKET):
        _check_bucket(text.removeprefix(BUCKET).split("/")[0])
        return epath.Path(text)  # type: ignore[return-value]
    if "://" in text:
        raise UserError(f"{text}: expected a path of this machine or gs://BUCKET/FOLDER")
    return Path(text)


def local_path(path: str | os.PathLike[str], name: str) -> Path:
    """A path of this machine, for what only works there; `name` is the flag or config key.

    Raises:
      UserError: an address.
    """
    if "://" in os.fspath(path):
        raise UserError(f"{name}={path}: expected a path of this machine: copy from or to a bucket with `gcloud storage cp -r`")
    return Path(path)


def is_remote(path: str | os.PathLike[str]) -> bool:
    """Whether a path lies in a bucket."""
    return os.fspath(path).startswith(BUCKET)


def absolute(path: Path) -> Path:
    """The path without "." and ".."; epath would put this machine's folder before a bucket's."""
    return path if is_remote(path) else path.resolve()


def is_folder(path: Path) -> bool:
    """Whether a folder is there. Unlike epath's `is_dir`, a folder that may not be looked into is a PermissionError."""
    return path.is_dir() if is_remote(path) else Path(path).is_dir()


def size_of(path: Path) -> int | None:
    """Bytes of a file, None where there is none."""
    try:
        found = epath.Path(path).stat()
    except FileNotFoundError:
        return None
    return None if found.is_directory else found.length


@functools.cache
def _check_bucket(bucket: str) -> None:
    """Asks once, since TensorStore and ArrayRecord would go on asking for minutes."""
    try:
        import gcsfs  # noqa: F401 - epath asks fsspec for it
    except ImportError as error:
        raise UserError(f"{BUCKET}{bucket}: needs gcsfs: pip install --editable '.[gcs]'") from error
    try:
        found = epath.Path(f"{BUCKET}{bucket}").exists()
    except Exception as error:  # of gcsfs, aiohttp, google.auth: what is wrong stands in the text
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"{BUCKET}{bucket}: cannot be reached ({reason}): check its name, and `gcloud auth application-default login`"
        ) from error
    if not found:
        raise UserError(f"{BUCKET}{bucket}: no such bucket, or none for this account: see `gcloud storage ls`")
