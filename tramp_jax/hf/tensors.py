"""Folders of safetensors: read tensor by tensor, written shard by shard.

Reading maps files into memory; a tensor takes anonymous memory only while it is held.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePath
from typing import Any

import ml_dtypes
import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from input_pipeline.errors import UserError, unreadable

INDEX = "model.safetensors.index.json"
SHARD_BYTES = 5 * 10**9  # what peers upload to the Hub
PICKLES = (".bin", ".pth", ".pt", ".ckpt", ".pkl")
# safetensors' names of the dtypes that weights come in.
DTYPES = {
    "F32": np.dtype(np.float32),
    "F16": np.dtype(np.float16),
    "BF16": np.dtype(ml_dtypes.bfloat16),
    "F64": np.dtype(np.float64),
}


class TensorFolder:
    """The tensors of one safetensors file, or of a folder of them, by name.

    Args:
      path: the file, or a folder with model.safetensors, with an index and its shards, or with any *.safetensors.

    Attributes:
      shapes: name -> shape.
      dtypes: name -> safetensors' name of the dtype, "BF16".

    Raises:
      UserError: no safetensors there, a shard missing, or a file damaged.
    """

    def __init__(self, path: Path):
        self.path = path
        self._handles: dict[str, Any] = {}
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.dtypes: dict[str, str] = {}
        owner: dict[str, Path] = {}
        files, named = _files(path)
        for file in files:
            handle = _open(file)
            for name in handle.keys():  # noqa: SIM118 - not a dict
                if owner.setdefault(name, file) != file:
                    raise UserError(f"{path}: {owner[name].name} and {file.name} both hold {name}: remove one of them")
                tensor = handle.get_slice(name)
                self._handles[name] = handle
                self.shapes[name], self.dtypes[name] = tuple(tensor.get_shape()), str(tensor.get_dtype())
        missing = sorted(named - self.shapes.keys())
        if missing:
            raise UserError(f"{path}: the index names tensors that no shard holds: {_some(missing)}: fetch the folder again")

    def read(self, name: str) -> np.ndarray:
        """A tensor as stored."""
        return self._handles[name].get_tensor(name)

    def read_slice(self, name: str, index: tuple[slice, ...]) -> np.ndarray:
        """A part of a tensor; nothing else of it is read."""
        return self.read(name) if not self.shapes[name] else self._handles[name].get_slice(name)[index]


def _files(path: Path) -> tuple[list[Path], set[str]]:
    """The files to read, and the tensors that an index among them names."""
    if path.is_file():
        if path.suffix in PICKLES:
            raise UserError(_pickle_message(path, path))
        return [path], set()
    if not path.is_dir():
        raise UserError(f"{path}: no such file or folder: pass a folder with safetensors")
    single = path / "model.safetensors"
    if single.is_file():  # before the index, as in transformers: an index may be left over from an earlier save
        return [single], set()
    if (path / INDEX).is_file():
        weight_map = _weight_map(path)
        outside = [name for name in weight_map.values() if PurePath(name).is_absolute() or ".." in PurePath(name).parts]
        if outside:
            raise UserError(f"{path / INDEX}: names {outside[0]!r}, which is not in the folder: fetch the folder again")
        files = sorted({path / name for name in weight_map.values()})
        missing = [file.name for file in files if not file.is_file()]
        if missing:
            raise UserError(f"{path}: shards missing that {INDEX} names: {_some(missing)}: fetch the folder again")
        return files, set(weight_map)
    files = sorted(path.glob("*.safetensors"))
    if not files:
        pickles = sorted(file for file in path.iterdir() if file.suffix in PICKLES)
        if pickles:
            raise UserError(_pickle_message(path, pickles[0]))
        raise UserError(f"{path}: no *.safetensors in it: pass the folder of a model")
    return files, set()


def _pickle_message(path: Path, pickle: Path) -> str:
    return (
        f"{path}: {'only pickle files' if path.is_dir() else 'a pickle file'} ({pickle.name}), which can run code when opened: "
        f"rewrite it first with python -m tramp_jax.hf.pytorch.convert_pickle {path} --output=FOLDER"
    )


def _weight_map(path: Path) -> dict[str, str]:
    try:
        weight_map = json.loads((path / INDEX).read_text())["weight_map"]
        return {str(name): str(file) for name, file in weight_map.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path / INDEX}: not an index of safetensors ({error}): fetch the folder again") from error


def _open(file: Path) -> Any:
    try:
        file.open("rb").close()  # safetensors tells a file that may not be read as one that is not there
        return safe_open(file, framework="np")
    except (SafetensorError, OSError) as error:
        raise unreadable(file, error, f"not a whole safetensors file ({error}): fetch or copy it again") from error


def _some(names: list[str], count: int = 6) -> str:
    shown = ", ".join(names[:count])
    return shown if len(names) <= count else f"{shown} and {len(names) - count} more"


def all_finite(tensor: np.ndarray) -> bool:
    """Whether a floating point tensor is free of NaN and infinity; looks at the bits, which is fast in half precision too."""
    bits = {2: np.uint16, 4: np.uint32, 8: np.uint64}[tensor.dtype.itemsize]
    exponent = np.asarray(np.inf, tensor.dtype).view(bits)
    return not np.any((np.ascontiguousarray(tensor).view(bits) & exponent) == exponent)


def check_tensors(source: TensorFolder, expected: dict[str, tuple[int, ...]], is_ignored: Callable[[str], bool]) -> None:
    """Compares a folder with what a model needs, before anything is read.

    Raises:
      UserError: one line with every kind of difference: missing, unexpected, misshaped, no floating point numbers.
    """
    missing = [name for name in expected if name not in source.shapes]
    unexpected = sorted(name for name in source.shapes if name not in expected and not is_ignored(name))
    both = [name for name in expected if name in source.shapes]
    misshaped = [
        f"{name} is {source.shapes[name]}, expected {expected[name]}" for name in both if source.shapes[name] != expected[name]
    ]
    dtypes = [f"{name} is {source.dtypes[name]}" for name in both if source.dtypes[name] not in DTYPES]
    problems = [
        f"{kind}: {_some(names)}"
        for kind, names in (
            ("missing", missing),
            ("unexpected", unexpected),
            ("wrong shape", misshaped),
            (f"dtype none of {', '.join(DTYPES)}", dtypes),
        )
        if names
    ]
    if problems:
        raise UserError(
            f"{source.path}: not the tensors that were expected; {'; '.join(problems)}. Pass the folder of one whole model, "
            "with the config.json that it was saved with"
        )


def write_shards(folder: Path, tensors: Iterable[tuple[str, Callable[[], np.ndarray]]], max_bytes: int = SHARD_BYTES) -> None:
    """Writes model.safetensors, or numbered shards of at most `max_bytes` (or one tensor) and their index.

    Args:
      folder: exists.
      tensors: names, and functions that make the values: called one after the other, so that only one shard is ever held.
      max_bytes: of a shard.

    Raises:
      UserError: the disk is full, or the folder cannot be written.
    """
    writer = _ShardWriter(folder, max_bytes)
    for name, make in tensors:
        writer.add(name, make)
    writer.close()


class _ShardWriter:
    def __init__(self, folder: Path, max_bytes: int):
        self._folder, self._max_bytes = folder, max_bytes
        self._waiting: dict[str, np.ndarray] = {}
        self._shards: list[list[str]] = []
        self._bytes = self._values = 0

    def add(self, name: str, make: Callable[[], np.ndarray]) -> None:
        tensor = np.asarray(make(), order="C")
        self._bytes, self._values = self._bytes + tensor.nbytes, self._values + tensor.size
        if self._held() + tensor.nbytes > self._max_bytes:
            self._flush()
        self._waiting[name] = tensor
        if self._held() >= self._max_bytes:
            self._flush()  # now, so that the next tensor is not made beside this one

    def close(self) -> None:
        self._flush()
        if len(self._shards) == 1:
            self._part(0).rename(self._folder / "model.safetensors")
            return
        names = [f"model-{i + 1:05}-of-{len(self._shards):05}.safetensors" for i in range(len(self._shards))]
        for i, name in enumerate(names):
            self._part(i).rename(self._folder / name)
        metadata = {"total_size": self._bytes, "total_parameters": self._values}
        weight_map = {tensor: file for file, shard in zip(names, self._shards, strict=True) for tensor in shard}
        (self._folder / INDEX).write_text(json.dumps({"metadata": metadata, "weight_map": weight_map}, indent=2) + "\n")

    def _held(self) -> int:
        return sum(tensor.nbytes for tensor in self._waiting.values())

    def _part(self, number: int) -> Path:
        return self._folder / f"{number + 1:05}.part"

    def _flush(self) -> None:
        if self._waiting:
            _save(self._waiting, self._part(len(self._shards)))
            self._shards.append(list(self._waiting))
            self._waiting = {}


def _save(tensors: dict[str, np.ndarray], file: Path) -> None:
    try:
        save_file(tensors, file, metadata={"format": "pt"})
        file.chmod(0o644)  # safetensors leaves it readable by the owner alone
    except (SafetensorError, OSError) as error:
        raise UserError(f"{file.parent}: cannot be written ({error}): free some space or choose another --output") from error


@contextlib.contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """A folder to fill that gets its name only when all of it is written, so that half an export never looks like one.

    Raises:
      UserError: there is something under that name already, or it cannot be made.
    """
    try:
        place = path.resolve()
        if place.is_file() or (place.is_dir() and any(place.iterdir())):
            raise UserError(f"--output={path}: exists and is not empty: remove it or choose another")
        place.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{place.name[:100]}."))
        partial.chmod(0o755)
    except OSError as error:
        raise UserError(f"--output={path}: cannot be made ({error.strerror}): choose another folder") from error
    try:
        yield partial
        if place.is_dir():
            place.rmdir()
        partial.rename(place)
    except OSError as error:
        raise UserError(
            f"--output={path}: cannot be written ({error.strerror}): free some space or choose another folder"
        ) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
