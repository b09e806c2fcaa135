"""What extraction has made of each video so far: one file per video, so that a killed run goes on where it was.

parts/KEY.part   the clip, as the two records that shards hold, without a label
parts/KEY.bad    why there is none

KEY is a keyed hash of the video's content and of everything that decides what is made of it, so a file is never read twice for
the same result, whatever it is called and whoever it is said to show, and always again once the extractor is another.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import uuid
from pathlib import Path

from input_pipeline.errors import UserError
from input_pipeline.paths import is_remote
from input_pipeline.records import (
    Clip,
    Label,
    decode_frame_record,
    decode_landmark_record,
    encode_frame_record,
    encode_landmark_record,
)

FOLDER = "parts"
_MAGIC = b"tramp-jax/part/1\n"


@dataclasses.dataclass(frozen=True)
class Fault:
    """Why there is no clip: `errors.ClipError`'s code and reason."""

    code: str
    reason: str


class PartStore:
    """The parts of one data set to be; several processes and machines may fill one folder.

    Args:
      folder: of this machine, of a file system that several share, or of a bucket; made if it is not there.

    Raises:
      UserError: it cannot be made.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UserError(f"{folder}: cannot hold a data set ({error.strerror}); choose another --output") from error

    def find(self, key: str) -> Path | Fault | None:
        """The whole part of a video, why there can be none, or None where it has not been tried.

        A damaged part is none; it will be made again.
        """
        path = self.path(key)
        if path.is_file() and _sealed(path):
            return path
        try:
            return Fault(**json.loads((self._folder / f"{key}.bad").read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None

    def path(self, key: str) -> Path:
        """Where the part of that name is, or would be."""
        return self._folder / f"{key}.part"

    def write(self, key: str, clip: Clip) -> Path:
        """Keeps a clip. Raises UserError where the disk refuses it."""
        blank = dataclasses.replace(clip, label=_blank(clip.label))
        records = (encode_landmark_record(blank), encode_frame_record(blank))
        body = b"".join(len(record).to_bytes(8, "little") + record for record in records)
        return self._put(f"{key}.part", _MAGIC + hashlib.sha256(body).digest() + body)

    def write_fault(self, key: str, fault: Fault) -> None:
        """Keeps why there is no clip, so that nobody tries again."""
        self._put(f"{key}.bad", json.dumps(dataclasses.asdict(fault), ensure_ascii=False).encode())

    def remove(self) -> None:
        """Removes the parts, and what a killed process left: half-written parts, and the lists of Beam."""
        for path in self._folder.iterdir():
            if path.suffix in (".part", ".bad", ".tmp", ".json"):
                path.unlink(missing_ok=True)
        self._folder.rmdir()

    def _put(self, name: str, content: bytes) -> Path:
        path = self._folder / name
        if is_remote(path):
            path.write_bytes(content)  # an object of a bucket is there whole or not at all
            return path
        # Under a name of its own, since others, here or on another machine, may be at the same video; all write the same.
        temporary = self._folder / f"{name}.{uuid.uuid4().hex}.tmp"
        try:
            with temporary.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise UserError(
                f"{path}: cannot be written ({error.strerror}); see to the disk and run the command again"
            ) from error
        return path


def read_part(path: Path, label: Label) -> Clip:
    """The clip of a part, with what is known of it; the label's `source` is the part's."""
    body = path.read_bytes()[len(_MAGIC) + 32 :]
    records = []
    while body:
        size = int.from_bytes(body[:8], "little")
        records.append(body[8 : 8 + size])
        body = body[8 + size :]
    clip = decode_landmark_record(records[0])
    frames, index = decode_frame_record(records[1])
    label = dataclasses.replace(label, source=clip.label.source)
    return dataclasses.replace(clip, label=label, frames=frames, frame_index=index)


def _sealed(path: Path) -> bool:
    content = path.read_bytes()
    body = content[len(_MAGIC) + 32 :]
    return content.startswith(_MAGIC) and hashlib.sha256(body).digest() == content[len(_MAGIC) : len(_MAGIC) + 32]


def _blank(label: Label) -> Label:
    """What the video alone says."""
    return Label(clip_id="", subject="", expression="", dataset="", source=label.source)
