"""A data set folder: two ArrayRecord shard families with the same keys in the same order, and a manifest.

landmarks-00000-of-00004.arrayrecord   everything but the pixels, one record per clip (see `input_pipeline.records`)
frames-00000-of-00004.arrayrecord      JPEG face crops, one record per clip; absent in landmark-only data sets
labels.jsonl                           the label of every clip in record order, so that opening reads no shard
dead_letter.jsonl                      clips that were left out, each with its reason
manifest.json                          counts, layout, schema, size and SHA-256 of every file; written last
splits/NAME.json                       subject -> fold (see `input_pipeline.splits`)
"""

from __future__ import annotations

import collections
import dataclasses
import hashlib
import json
import math
import os
import pathlib
import re
from collections.abc import Iterable
from typing import Any

from input_pipeline import records
from input_pipeline.errors import UserError
from input_pipeline.paths import size_of
from input_pipeline.records import Label

SCHEMA = "tramp-jax/dataset/1"
MANIFEST, LABELS, DEAD_LETTER = "manifest.json", "labels.jsonl", "dead_letter.jsonl"
FAMILIES = ("landmarks", "frames")
# Of shards, and of the labels of each while a data set is made.
SHARD_NAME = re.compile(r"(landmarks|frames)-\d{5}-of-\d{5}\.arrayrecord(\.tmp)?|labels-\d{5}-of-\d{5}\.jsonl\.tmp")


@dataclasses.dataclass(frozen=True)
class File:
    """One file of the data set: its name in the folder, records (or lines), bytes and SHA-256."""

    name: str
    records: int
    bytes: int
    sha256: str


@dataclasses.dataclass(frozen=True)
class Rejected:
    """A clip that could not be used, why, and a word for the kind of fault; goes to the dead-letter list."""

    clip_id: str
    reason: str
    code: str = "unfit"


@dataclasses.dataclass(frozen=True)
class Manifest:
    """What `manifest.json` holds.

    Attributes:
      schema: SCHEMA; a folder of another schema is refused.
      record_schema: schema of the records (`records.SCHEMA`).
      name: data set name, "simulated" for the simulator's.
      layout: landmark layout of every clip.
      has_frames: whether the frame family exists.
      clips, rejected: number of clips kept and left out.
      subjects: clips of each subject.
      expressions: clips of each expression.
      grades: clips of each rounded grade, "unrated" for those without a score.
      source: what made the data: extractor or simulator, versions, settings.
      landmarks, frames: the shards in order (`frames` empty without pixels).
      labels, dead_letter: the two line files.
    """

    schema: str
    record_schema: str
    name: str
    layout: str
    has_frames: bool
    clips: int
    rejected: int
    subjects: dict[str, int]
    expressions: dict[str, int]
    grades: dict[str, int]
    source: dict[str, Any]
    landmarks: tuple[File, ...]
    frames: tuple[File, ...]
    labels: File
    dead_letter: File

    def files(self) -> tuple[File, ...]:
        """Every file that the manifest vouches for."""
        return (*self.landmarks, *self.frames, self.labels, self.dead_letter)

    def sha256(self) -> str:
        """One hash for the whole data set: same hash, same bytes of data."""
        return hashlib.sha256("".join(file.sha256 for file in self.files()).encode()).hexdigest()


def shard_name(family: str, index: int, num_shards: int) -> str:
    """File name of a shard, for example landmarks-00000-of-00004.arrayrecord."""
    return f"{family}-{index:05d}-of-{num_shards:05d}.arrayrecord"


def labels_name(index: int, num_shards: int) -> str:
    """File name of a shard's labels while the data set is made."""
    return f"labels-{index:05d}-of-{num_shards:05d}.jsonl.tmp"


def read_manifest(folder: pathlib.Path) -> Manifest:
    """The manifest of a data set folder.

    Raises:
      UserError: no folder, no manifest, not JSON, or another schema.
    """
    path = folder / MANIFEST
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder; make a data set with `python -m input_pipeline.simulate` or `extract`")
    if not path.is_file():
        raise UserError(f"{folder}: no {MANIFEST}, so not a data set or a build that never finished; build it again")
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path}: not JSON ({error}); build the data set again") from error
    found = (fields.get("schema"), fields.get("record_schema")) if isinstance(fields, dict) else (None, None)
    if found != (SCHEMA, records.SCHEMA):
        expected = f"{SCHEMA!r} with records {records.SCHEMA!r}"
        raise UserError(f"{path}: schema is {found[0]!r} with records {found[1]!r}, expected {expected}; build it again")
    return _parse(path, fields)


def _parse(path: pathlib.Path, fields: dict[str, Any]) -> Manifest:
    try:
        for family in FAMILIES:
            fields[family] = tuple(File(**file) for file in fields[family])
        fields["labels"], fields["dead_letter"] = File(**fields["labels"]), File(**fields["dead_letter"])
        manifest = Manifest(**fields)
        _check_names(path, manifest)
    except (TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{path}: fields are missing or unknown ({error}); build the data set again") from error
    return manifest


def _check_names(path: pathlib.Path, manifest: Manifest) -> None:
    """A manifest from elsewhere must not make us read, or say anything of, files outside its folder."""
    expected = {LABELS: manifest.labels.name, DEAD_LETTER: manifest.dead_letter.name}
    for family in FAMILIES:
        files = getattr(manifest, family)
        expected |= {shard_name(family, k, len(files)): file.name for k, file in enumerate(files)}
    for name, found in expected.items():
        if found != name:
            raise UserError(f"{path}: names the file {found!r}, expected {name!r}; build the data set again")


def check_size(folder: pathlib.Path, file: File) -> str | None:
    """What is wrong with a file's presence or size, in one line, or None."""
    path = folder / file.name
    size = size_of(path)
    if size == file.bytes:
        return None
    found = "missing" if size is None else f"{size} bytes"
    return f"{path}: {found}, expected {file.bytes} bytes; copy it again or rebuild the data"


def verify_file(folder: pathlib.Path, file: File) -> str | None:
    """What is wrong with a file's presence, size or SHA-256, in one line, or None."""
    if problem := check_size(folder, file):
        return problem
    with (folder / file.name).open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    if digest == file.sha256:
        return None
    found = f"SHA-256 is {digest[:12]}…, {MANIFEST} says {file.sha256[:12]}…"
    return f"{folder / file.name}: {found}; copy it again or rebuild the data"


def count_labels(labels: Iterable[Label]) -> dict[str, dict[str, int]]:
    """The manifest's counts: clips of each subject, expression and rounded grade ("unrated" without a score)."""
    counts: dict[str, collections.Counter[str]] = {
        name: collections.Counter() for name in ("subjects", "expressions", "grades")
    }
    for label in labels:
        counts["subjects"][label.subject] += 1
        counts["expressions"][label.expression] += 1
        counts["grades"]["unrated" if label.score is None else str(math.floor(label.score + 0.5))] += 1
    return {name: dict(sorted(found.items())) for name, found in counts.items()}


def write_lines(path: pathlib.Path, lines: Iterable[str]) -> File:
    """Writes a file of lines, each with its end, and describes it."""
    count = 0
    with path.with_name(f"{path.name}.tmp").open("w", encoding="utf-8") as file:
        for line in lines:
            file.write(line)
            count += 1
    return seal(path, count)


def seal(path: pathlib.Path, count: int) -> File:
    """Flushes PATH.tmp to the disk, renames it to PATH and describes it."""
    temporary = path.with_name(f"{path.name}.tmp")
    with open(temporary, "rb") as file:
        os.fsync(file.fileno())
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    os.replace(temporary, path)
    return File(path.name, count, path.stat().st_size, digest)
