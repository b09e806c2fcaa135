"""NPY and NPZ files: named arrays of numbers, never of Python objects."""

from __future__ import annotations

import io
import math
import tokenize
import zipfile
import zlib
from pathlib import Path

import numpy as np

from input_pipeline.errors import UserError
from input_pipeline.landmark_files.track import MOST_BYTES, shown

# The name that the one array of an NPY file gets.
ALONE = "landmarks"
_NOT_ARRAYS = (ValueError, SyntaxError, TypeError, EOFError, OverflowError, MemoryError, RecursionError, tokenize.TokenError)
_NOT_ZIP = (zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError, ValueError)


def load_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays of a file; an NPY file's is called ALONE.

    Shapes are held against the bytes that are there before anything of that size is made.

    Raises:
      UserError: not such a file, damaged, arrays of objects, or larger than MOST_BYTES once unpacked.
    """
    if path.suffix.lower() == ".npy":
        return {ALONE: _parse(path, ALONE, path.read_bytes())}
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            size = sum(member.file_size for member in members)
            if size > MOST_BYTES:
                raise UserError(f"{path}: unpacks to {size} bytes, at most {MOST_BYTES} are read: cut it into clips")
            blobs = {member.filename.removesuffix(".npy"): archive.read(member) for member in members}
    except _NOT_ZIP as error:
        raise UserError(f"{path}: not an NPZ file ({shown(error, 100)}): save it again with numpy.savez") from error
    return {name: _parse(path, name, blob) for name, blob in blobs.items()}


def _parse(path: Path, name: str, blob: bytes) -> np.ndarray:
    stream = io.BytesIO(blob)
    try:
        read_header = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }[np.lib.format.read_magic(stream)]
        shape, _, dtype = read_header(stream)
    except (KeyError, *_NOT_ARRAYS) as error:
        reason = shown(error, 100)
        raise UserError(f"{path}: '{shown(name)}' is not a NumPy array ({reason}): save it again with numpy.save") from error
    where = f"{path}: '{shown(name)}'"
    if dtype.hasobject or dtype.kind not in "fiub":
        raise UserError(
            f"{where} holds {shown(dtype)}, expected numbers: objects could run code and are not read; save frames without a"
            " face as NaN"
        )
    if min(shape, default=0) < 0 or math.prod(shape) * dtype.itemsize != len(blob) - stream.tell():
        raise UserError(f"{where} says shape {shown(shape)} but has other bytes: the file is damaged or cut off; copy it again")
    stream.seek(0)
    return np.load(stream, allow_pickle=False)
