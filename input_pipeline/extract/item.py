"""One clip to be: where its frames or landmarks are, and what is known of it."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from input_pipeline.extract.video import check_file, content_sha256
from input_pipeline.landmark_files import is_landmark_file


@dataclasses.dataclass(frozen=True)
class Item:
    """See `records.Label` for what is not told here.

    Attributes:
      path: a video, a file of landmarks, or of pictures the first, or their folder.
      subject: the person as the source calls them; of a data set that does not say who it shows, the clip's own key.
      key: what a data set calls the clip; empty for files that a user lists, of which one content counts once.
      pictures: all of them in the order of time, where the clip is pictures; one is a still.
      start, end: of a part of a video, the index of its first frame and the one after its last, from 0; end 0 is the whole.
      fps: pictures per second, 1 where nothing is said; or landmarks per second, for files that say no times.
      folds: split name -> fold, where the data set has official ones.
    """

    path: Path
    subject: str
    expression: str
    score: float | None = None
    report: str | None = None
    key: str = ""
    pictures: tuple[Path, ...] = ()
    start: int = 0
    end: int = 0
    fps: float | None = None
    scale_id: str = ""
    turns: tuple[dict[str, str], ...] = ()
    targets: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    folds: Mapping[str, str] = dataclasses.field(default_factory=dict)
    groups: Mapping[str, str] = dataclasses.field(default_factory=dict)

    @property
    def name(self) -> str:
        """The path as people are told it, with the frames where it is a part of a video."""
        return f"{self.path} frames {self.start} to {self.end - 1}" if self.end else str(self.path)

    @property
    def keep_frame(self) -> int | None:
        """A frame whose picture is to be stored: of the greatest movement, where the data set names it."""
        return self.targets.get("peak_frame")

    @property
    def still(self) -> bool:
        """Whether it is one picture."""
        return len(self.pictures) == 1 or self.end - self.start == 1

    @functools.cached_property
    def is_landmarks(self) -> bool:
        """Whether it is a file of landmarks; a CSV file is looked into for that, so once."""
        return is_landmark_file(self.path)

    def sha256(self) -> str:
        """Of the file, hexadecimal; where more decides what is seen of it, of its hash and that; of pictures, of theirs.

        Raises:
          ClipError: a file is not there or cannot be read.
        """
        if self.pictures:
            hashes = "".join(content_sha256(check_file(path)) for path in self.pictures)
            return _sha256(f"{self.fps or 1.0:g} {hashes}")
        whole = check_file(self.path)
        if self.end:
            status = whole.stat()
            return _sha256(f"{self.start}:{self.end} {_known(whole, status.st_size, status.st_mtime_ns)}")
        return content_sha256(whole) if self.fps is None else _sha256(f"{self.fps:g} {content_sha256(whole)}")


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@functools.lru_cache(maxsize=64)
def _known(path: Path, size: int, modified: int) -> str:
    """A video's hash, of which thousands of parts may be asked for one after the other."""
    return content_sha256(path)
