"""One clip to be: where its frames or landmarks are, and what is known of it."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from input_pipeline.extract.video import check_file, content_sha256


@dataclasses.dataclass(frozen=True)
class Item:
    """See `records.Label` for what is not told here.

    Attributes:
      path: a video, a file of landmarks, or of pictures the first, or their folder.
      subject: the person as the source calls them; of a data set that does not say who it shows, the clip's own key.
      key: what a data set calls the clip; empty for files that a user lists, of which one content counts once.
      pictures: all of them in the order of time, where the clip is pictures; one is a still.
      fps: pictures per second.
      folds: split name -> fold, where the data set has official ones.
    """

    path: Path
    subject: str
    expression: str
    score: float | None = None
    report: str | None = None
    key: str = ""
    pictures: tuple[Path, ...] = ()
    fps: float = 1.0
    scale_id: str = ""
    turns: tuple[dict[str, str], ...] = ()
    targets: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    folds: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def sha256(self) -> str:
        """Of the file, or of the hashes of the pictures, hexadecimal.

        Raises:
          ClipError: a file is not there or cannot be read.
        """
        if not self.pictures:
            return content_sha256(check_file(self.path))
        hashes = "".join(content_sha256(check_file(path)) for path in self.pictures)
        return hashlib.sha256(f"{self.fps:g} {hashes}".encode()).hexdigest()
