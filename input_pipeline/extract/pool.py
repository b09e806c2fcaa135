"""Many files to parts, on several cores: what is there already is taken, what fails is told, the rest goes on.

Videos go through processes of their own (`isolated`); files of landmarks are small, their readers ours: threads read them.
"""

from __future__ import annotations

import concurrent.futures
import dataclasses
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from input_pipeline.errors import ClipError, UserError
from input_pipeline.extract.at_hand import at_hand
from input_pipeline.extract.clip import EXTRACTOR, Progress
from input_pipeline.extract.isolated import ClipExtractor
from input_pipeline.extract.item import Item
from input_pipeline.extract.parts import Fault, PartStore
from input_pipeline.extract.video import Limits
from input_pipeline.landmark_files import read_landmark_file
from input_pipeline.landmark_files.reader import READER
from input_pipeline.pseudonyms import PartNames
from input_pipeline.records import Clip

# What says nothing of the file: it is tried again when the command is.
KILLED = "worker-killed"
PASSING = frozenset({"missing", "no-file", "unreadable", "empty", "address", KILLED, "too-slow"})


@dataclasses.dataclass(frozen=True)
class Settings:
    """What, beside the file and the versions, decides what is made of it.

    Attributes:
      frame_size, max_frames_stored: of videos, see `extract_clip`.
      fps, image_size, mirrored: of files of landmarks, see `read_landmark_file`.
    """

    frame_size: int = 256
    max_frames_stored: int = 512
    fps: float | None = None
    image_size: tuple[int, int] | None = None
    mirrored: bool = False

    def of_videos(self) -> dict[str, Any]:
        """Those that `extract_clip` takes."""
        return {"frame_size": self.frame_size, "max_frames_stored": self.max_frames_stored}

    def of_landmark_files(self) -> dict[str, Any]:
        """Those that `read_landmark_file` takes."""
        return {"fps": self.fps, "image_size": self.image_size, "mirrored": self.mirrored}


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of one item.

    Attributes:
      place: of the item in the list.
      sha256: of the file, empty where it cannot be read.
      result: its part, a path of this machine or of a bucket, or why there is none.
      seconds: that it took; 0 where it was there already.
      source: of the clip that was made now (see `extract_clip`), else empty.
    """

    place: int
    item: Item
    sha256: str
    result: Path | Fault
    seconds: float
    source: Mapping[str, Any] = dataclasses.field(default_factory=dict)


def _silent(item: Item) -> Progress:
    return lambda done, expected: None


class ExtractionPool:
    """Several `ClipExtractor`s, one a core; a context manager.

    Args:
      landmarker: MediaPipe's face_landmarker.task; empty for clips of whole pictures without landmarks.
      workers: processes, 0 where no item has pictures. More than one are pinned to a core each, where the system can.
      settings: of the extraction.
      limits: see `Limits`.

    Raises:
      UserError: MediaPipe is absent, or the landmarker is none.
    """

    def __init__(self, landmarker: str | Path, workers: int, settings: Settings | None = None, limits: Limits | None = None):
        self._settings = settings or Settings()
        self._idle: queue.SimpleQueue[ClipExtractor] = queue.SimpleQueue()
        self._all: list[ClipExtractor] = []
        self._closed = threading.Event()
        cores = sorted(os.sched_getaffinity(0)) if workers > 1 and hasattr(os, "sched_getaffinity") else [None]
        try:
            for number in range(workers):
                self._all.append(ClipExtractor(landmarker, limits, core=cores[number % len(cores)]))
                self._idle.put(self._all[-1])
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> ExtractionPool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Ends the processes, and what they are at."""
        self._closed.set()
        for extractor in self._all:
            extractor.close()

    def run(
        self,
        items: Sequence[Item],
        parts: PartStore,
        names: PartNames,
        threads: int,
        started: Callable[[Item], Progress] = _silent,
    ) -> Iterator[Outcome]:
        """Outcomes as they come, one for each item.

        Args:
          parts: where clips are kept; a video whose part is there is not read again.
          names: of the parts.
          threads: items at once.
          started: called as a video begins, from several threads; what it returns is called after each frame.

        Raises:
          UserError: a part cannot be written, or the settings are wrong.
        """
        with concurrent.futures.ThreadPoolExecutor(threads) as pool:
            futures = [pool.submit(self.extract, place, item, parts, names, started) for place, item in enumerate(items)]
            try:
                for future in concurrent.futures.as_completed(futures):
                    yield future.result()
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                self.close()
                raise

    def about(self, landmark_file: bool) -> dict[str, Any]:
        """The versions and settings that decide what is made of a file, for its part's name and the manifest."""
        if landmark_file:
            return {"landmark_files": READER, **self._settings.of_landmark_files()}
        first = self._all[0]
        versions = {"mediapipe": first.version, "landmarker_sha256": first.sha256} if first.sha256 else {"landmarks": "none"}
        return {"extractor": EXTRACTOR, **versions, **self._settings.of_videos()}

    def about_all(self, items: Sequence[Item]) -> dict[str, Any]:
        """The same for all kinds of files among the items."""
        kinds = sorted({item.is_landmarks for item in items})
        return {name: value for kind in kinds for name, value in self.about(kind).items()}

    def key(self, names: PartNames, item: Item, sha256: str) -> str:
        """The name of a file's part."""
        about = self.about(item.is_landmarks)
        if item.keep_frame is not None and not item.is_landmarks:
            about |= {"keep_frame": item.keep_frame}
        return names.part(sha256, *(f"{name}={value}" for name, value in sorted(about.items())))

    def extract(
        self, place: int, item: Item, parts: PartStore, names: PartNames, started: Callable[[Item], Progress] = _silent
    ) -> Outcome:
        """What comes of one item; see `run`. Any thread may call it."""
        begun, sha256, source = time.monotonic(), "", {}
        try:
            with at_hand(item) as local:
                sha256 = local.sha256()
                key = self.key(names, local, sha256)
                if (found := parts.find(key)) is not None:
                    return Outcome(place, item, sha256, found, 0.0)
                clip = self._read(local, key) if local.is_landmarks else self._extract(local, key, started(item))
            source, result = clip.label.source, parts.write(key, clip)
        except ClipError as error:
            result: Path | Fault = Fault(error.code, error.reason)
            # A process that we have ended ourselves says nothing of its file.
            if sha256 and error.code not in PASSING and not self._closed.is_set():
                parts.write_fault(key, result)
        return Outcome(place, item, sha256, result, time.monotonic() - begun, source)

    def _read(self, item: Item, key: str) -> Clip:
        about = {"expression": item.expression, "subject": key, "clip_id": key, "dataset": ""}
        try:
            settings = self._settings.of_landmark_files()
            return read_landmark_file(item.path, **about, **(settings | {"fps": settings["fps"] or item.fps}))
        except ClipError:
            raise
        except UserError as error:
            reason = str(error).removeprefix(f"{item.path}: ").replace(str(item.path), "the file")
            raise ClipError(item.path, "no-landmarks", reason) from error

    def _extract(self, item: Item, key: str, progress: Progress) -> Clip:
        extractor = self._idle.get()
        try:
            source, fps = (item.pictures, item.fps or 1.0) if item.pictures else (item.path, None)
            about = {"expression": item.expression, "subject": key, "keep_frame": item.keep_frame}
            about |= self._settings.of_videos()
            return extractor.extract(source, fps=fps, start=item.start, end=item.end, progress=progress, **about)
        finally:
            self._idle.put(extractor)
