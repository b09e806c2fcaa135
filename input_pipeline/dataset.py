"""Reading a data set folder by index."""

from __future__ import annotations

import bisect
import dataclasses
import itertools
import os
import pathlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from input_pipeline import records
from input_pipeline.errors import RecordError, UserError
from input_pipeline.labels import Labels
from input_pipeline.manifest import LABELS, MANIFEST, Manifest, check_size, read_manifest, verify_file
from input_pipeline.paths import path_of
from input_pipeline.record_files import RecordFiles
from input_pipeline.records import Clip, Label

WITHDRAWN = "withdrawn.txt"


class Dataset:
    """A data set folder, read by index; safe to share between threads.

    Attributes:
      path: the folder.
      manifest: what `manifest.json` says.
      labels: label of every clip, in index order.
      withdrawn: subjects in the folder's withdrawn.txt, one in a line: no clip of theirs is read, and no fold holds one.
    """

    def __init__(
        self, path: pathlib.Path, manifest: Manifest, labels: Sequence[Label], withdrawn: frozenset[str] = frozenset()
    ):
        self.path, self.manifest, self.labels, self.withdrawn = path, manifest, labels, withdrawn
        self._ends = list(itertools.accumulate(file.records for file in manifest.landmarks))
        self._files = RecordFiles(path)

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Dataset:
        """Opens a folder, here or in a bucket: reads manifest and label index, checks that every file is there with its size
        and that the label index is what was built.

        Raises:
          UserError: no folder, no manifest, another schema, a file missing or of another size.
        """
        if not str(path):
            raise UserError("no data set folder given; set --config.data.path=FOLDER")
        folder = path_of(path)
        manifest = read_manifest(folder)
        for file in manifest.files():
            # The label index is small and has no checksum of its own; shards check every record that is read.
            if problem := (verify_file if file == manifest.labels else check_size)(folder, file):
                raise UserError(problem)
        labels = _read_labels(folder / LABELS, manifest.clips)
        return cls(folder, manifest, labels, _read_withdrawn(folder / WITHDRAWN, {label.subject for label in labels}))

    def __len__(self) -> int:
        return len(self.labels)

    def clip(self, index: int, with_frames: bool = False) -> Clip:
        """Reads one clip; without frames the frame shards stay untouched.

        Raises:
          UserError: the record is damaged or belongs to another clip, its subject has withdrawn, or frames are asked of a data
            set without them.
        """
        if self.labels[index].subject in self.withdrawn:
            raise UserError(f"{self.where('landmarks', index)}: its subject has withdrawn ({WITHDRAWN}); choose another clip")
        clip = self._decode("landmarks", index, records.decode_landmark_record)
        self._check_key("landmarks", index, clip.label.clip_id)
        if not with_frames:
            return clip
        if not self.manifest.has_frames:
            raise UserError(f"{self.path}: the data set has no frames; train without vision or extract with frames")
        (frames, frame_index), key = self._decode("frames", index, _decode_frames)
        self._check_key("frames", index, key)
        return dataclasses.replace(clip, frames=frames, frame_index=frame_index)

    def record(self, family: str, index: int) -> bytes:
        """The raw record of a clip; `family` is one of FAMILIES.

        Raises:
          UserError: the record is damaged.
        """
        shard, position = self._locate(index)
        try:
            return self._files.read(getattr(self.manifest, family)[shard], position)
        except (RuntimeError, IndexError) as error:
            reason = " ".join(str(error).split())
            raise RecordError(f"{self.where(family, index)} is damaged ({reason}); copy the file again or rebuild") from error

    def where(self, family: str, index: int) -> str:
        """Names file, record and clip, for error messages."""
        shard, position = self._locate(index)
        name = getattr(self.manifest, family)[shard].name
        return f"{self.path / name}: record {position} ({self.labels[index].clip_id})"

    def has_withdrawn(self, index: int) -> bool:
        """Whether the clip's subject has withdrawn."""
        return self.labels[index].subject in self.withdrawn

    def part_of(self, index: int) -> str:
        """Nothing: this is one data set, see `examples.ClipSource`."""
        return ""

    def place(self, index: int) -> tuple[pathlib.Path, int]:
        """The folder that a clip lies in and its index there, for another process to open."""
        return self.path, index

    @property
    def name(self) -> str:
        """Of the data set; "simulated" for the simulator's."""
        return self.manifest.name

    def verify(self) -> list[str]:
        """Reads every file and compares its SHA-256 with the manifest's; one line per file that differs."""
        return [problem for file in self.manifest.files() if (problem := verify_file(self.path, file))]

    def _decode(self, family: str, index: int, decode: Callable[[bytes], Any]) -> Any:
        blob = self.record(family, index)
        try:
            return decode(blob)
        except UserError as error:
            raise RecordError(f"{self.where(family, index)}: {error}") from error

    def _check_key(self, family: str, index: int, found: str) -> None:
        expected = self.labels[index].clip_id
        if found != expected:
            raise RecordError(f"{self.where(family, index)} holds clip {found!r}, {LABELS} says {expected!r}; rebuild the data")

    def _locate(self, index: int) -> tuple[int, int]:
        if not 0 <= index < len(self):
            raise IndexError(f"clip {index} of {len(self)}")
        shard = bisect.bisect_right(self._ends, index)
        return shard, index - (self._ends[shard - 1] if shard else 0)


def _read_withdrawn(path: pathlib.Path, subjects: set[str]) -> frozenset[str]:
    if not path.is_file():
        return frozenset()
    found = [line.strip() for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    if strange := [subject for subject in found if subject not in subjects]:
        raise UserError(f"{path}: no clip here is of subject {strange[0]!r}; write each subject as in {LABELS}")
    return frozenset(found)


def _decode_frames(blob: bytes) -> tuple[tuple[tuple[bytes, ...], np.ndarray], str]:
    content = records.decode_frame_record(blob)
    # A safetensors file is 8 bytes of header length, the header as JSON, the data.
    return content, records.clip_id_of(blob)


def _read_labels(path: pathlib.Path, clips: int) -> Labels:
    labels = Labels(path)
    if len(labels) != clips:
        raise UserError(f"{path}: {len(labels)} labels, {MANIFEST} says {clips} clips; copy it again or rebuild the data")
    return labels
