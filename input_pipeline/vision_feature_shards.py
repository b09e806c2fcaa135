"""Writing the features of `vision_features`, shard by shard, so that a killed run goes on where it was.

A shard is what a kill loses at most: small, and named in making.json once it is whole and on the disk.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import os
import pathlib
import shutil
import weakref
from collections.abc import Iterator
from typing import Any

from array_record.python import array_record_module

from input_pipeline.errors import UserError
from input_pipeline.manifest import File, seal, verify_file
from input_pipeline.vision_features import MADE, MAKING, SCHEMA, About, Family, read_family
from input_pipeline.vision_records import Seen, encode_vision_record
from input_pipeline.whole_files import write_whole

SHARD_BYTES = 256 * 2**20  # of one kind (ours): 13 clips of 32 frames of a SigLIP so400m
_RECORD_BYTES, _FILE_BYTES = 512, 2**17  # more than headers and ArrayRecord add to a record and to a file
_OPTIONS = "group_size:1,uncompressed"


class FeatureWriter:
    """Makes one family of features; at most one process at a time writes to its folder.

    Args:
      folder: of the family; made if it is not there.
      about: what is to be made.

    Attributes:
      done: whether all of it is there already.

    Raises:
      UserError: the folder holds something else, cannot be made, has too little space, or another process makes it now.
    """

    def __init__(self, folder: pathlib.Path, about: About):
        self.folder, self.about = folder, about
        self.num_shards = -(-about.clips // about.clips_per_shard)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(folder, os.O_RDONLY)  # the folder itself, so that no file is left
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(f"{folder}: another process makes these features now: wait for it, or end it") from error
        except OSError as error:
            raise UserError(f"{folder}: cannot hold features ({error.strerror}): mend its rights") from error
        weakref.finalize(self, os.close, self._lock)
        self.done = (folder / MADE).is_file()
        self._files = self._found(MADE if self.done else MAKING)

    def missing(self) -> list[tuple[int, range]]:
        """(number, clips) of the shards that are not there yet, in order."""
        size = self.about.clips_per_shard
        shards = [(k, range(k * size, min((k + 1) * size, self.about.clips))) for k in range(self.num_shards)]
        return [(k, clips) for k, clips in shards if not all(self._name(kind, k) in self._files for kind in self.about.kinds)]

    def bytes_to_write(self) -> int:
        """About how many, rather more."""
        shards = [len(clips) for _, clips in self.missing()]
        each = self.about.bytes_per_clip + _RECORD_BYTES
        return len(self.about.kinds) * (sum(shards) * each + len(shards) * _FILE_BYTES)

    def check_space(self) -> None:
        """Raises UserError where the disk has less room than is needed."""
        needed, free = self.bytes_to_write(), shutil.disk_usage(self.folder).free
        if needed > free:
            raise UserError(
                f"{self.folder}: needs {needed / 1e9:.1f} GB, the disk has {free / 1e9:.1f}: make room, or take fewer frames "
                "(data.num_frames) or no flips (data.flip_probability=0)"
            )

    @contextlib.contextmanager
    def shard(self, number: int) -> Iterator[Shard]:
        """To write one shard of each kind; whole once the block ends, nothing where it fails."""
        paths = {kind: self.folder / self._name(kind, number) for kind in self.about.kinds}
        writers = {
            kind: array_record_module.ArrayRecordWriter(str(path.with_name(f"{path.name}.tmp")), _OPTIONS)
            for kind, path in paths.items()
        }
        shard = Shard(writers)
        try:
            yield shard
            for writer in writers.values():
                writer.close()
        except BaseException as error:
            for writer in writers.values():
                with contextlib.suppress(RuntimeError):
                    writer.close()
            if isinstance(error, RuntimeError):
                reason = " ".join(str(error).split())
                raise UserError(f"{self.folder}: {reason}; check space and rights of the folder, then go on") from error
            raise
        made = {path.name: seal(path, shard.clips) for path in paths.values()}
        self._files |= made
        self._write(MAKING)

    def finish(self) -> None:
        """Writes features.json, the last word, and clears away what killed runs left."""
        self._write(MADE)
        names = {*self._files, MADE}
        for path in self.folder.iterdir():
            if path.name not in names:
                path.unlink()
        self.done = True

    def _found(self, name: str) -> dict[str, File]:
        """File name -> file, of what is there and whole."""
        if not (self.folder / name).is_file():
            return {}
        family = read_family(self.folder, name)
        if differing := [field for field, value in _plain(self.about).items() if _plain(family.about)[field] != value]:
            there, here = (", ".join(str(_shown(about, field)) for field in differing) for about in (family.about, self.about))
            raise UserError(
                f"{self.folder}: holds features of something else ({', '.join(differing)}: {there} there, {here} here): delete "
                "the folder, or give them another name with --config.data.vision_features=NAME"
            )
        files = {file.name: file for kind in family.about.kinds for file in family.files[kind]}
        return {name: file for name, file in files.items() if not verify_file(self.folder, file)}

    def _write(self, name: str) -> None:
        names = {kind: [self._name(kind, k) for k in range(self.num_shards)] for kind in self.about.kinds}
        files = {kind: tuple(self._files[name] for name in found if name in self._files) for kind, found in names.items()}
        content = {"schema": SCHEMA, **dataclasses.asdict(Family(self.about, files))}
        write_whole({self.folder / name: json.dumps(content, indent=1, ensure_ascii=False) + "\n"})

    def _name(self, kind: str, number: int) -> str:
        return f"{kind}-{number:05d}-of-{self.num_shards:05d}.arrayrecord"


class Shard:
    """One shard of each kind, open; `clips` counts what has been added."""

    def __init__(self, writers: dict[str, Any]):
        self._writers, self.clips = writers, 0

    def add(self, features: dict[str, Seen]) -> None:
        """The next clip: kind -> what was seen."""
        for kind, writer in self._writers.items():
            writer.write(encode_vision_record(features[kind]))
        self.clips += 1


def _plain(about: About) -> dict[str, Any]:
    """As JSON has it."""
    return json.loads(json.dumps(dataclasses.asdict(about)))


def _shown(about: About, field: str) -> Any:
    value = _plain(about)[field]
    if field == "vit":
        return f"ViT {value['digest'][:12]}…"
    return f"{value[:12]}…" if isinstance(value, str) else value
