"""Clips that come as folders of numbered pictures."""

from __future__ import annotations

import re
from pathlib import Path

from input_pipeline.extract.pictures import SUFFIXES


def find_frames(folder: Path) -> tuple[Path, ...]:
    """The pictures of a folder in the order of time: of the last number in their names, so 2.jpg comes before 10.jpg.

    None where there is no such folder: the clip is told as missing when it is extracted.
    """
    if not folder.is_dir():
        return ()
    found = (path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and not path.name.startswith("."))
    return tuple(sorted(found, key=lambda path: (int((re.findall(r"\d+", path.stem) or ["-1"])[-1]), path.name)))
