"""Many videos through several extraction processes: what is there already is taken, what fails is told, the rest goes on."""

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

from input_pipeline.errors import ClipError
from input_pipeline.extract.batch import Item
from input_pipeline.extract.clip import EXTRACTOR, Progress
from input_pipeline.extract.isolated import ClipExtractor
from input_pipeline.extract.parts import Fault, PartStore
from input_pipeline.extract.video import Limits, check_file, content_sha256
from input_pipeline.pseudonyms import Pseudonyms
from input_pipeline.records import Clip

# What says nothing of the file: it is tried again when the command is.
PASSING = frozenset({"missing", "no-file", "unreadable", "empty", "address", "worker-killed", "too-slow"})


@dataclasses.dataclass(frozen=True)
class Settings:
    """What, beside the video and the versions, decides what is made of it; see `extract_clip`."""

    frame_size: int = 256
    max_frames_stored: int = 512


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What came of one item.

    Attributes:
      place: of the item in the list.
      sha256: of the file, empty where it cannot be read.
      result: its part, or why there is none.
      seconds: that it took; 0 where it was there already.
      source: of the clip that was made now (see `extract_clip`), else empty.
    """

    place: int
    item: Item
    sha256: str
    result: Path | Fault
    seconds: float
    source: Mapping[str, Any] = dataclasses.field(default_factory=dict)


class ExtractionPool:
    """Several `ClipExtractor`s, one a core; a context manager.

    Args:
      landmarker: MediaPipe's face_landmarker.task.
      workers: processes. More than one are pinned to a core each, where the system can.
      settings: of the extraction.
      limits: see `Limits`.

    Attributes:
      about: the versions and settings that decide what is made of a video, for the manifest.

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
        first = self._all[0]
        self.about = {
            "extractor": EXTRACTOR,
            "mediapipe": first.version,
            "landmarker_sha256": first.sha256,
            **dataclasses.asdict(self._settings),
        }

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
        pseudonyms: Pseudonyms,
        started: Callable[[Item], Progress] = lambda item: lambda done, expected: None,
    ) -> Iterator[Outcome]:
        """Outcomes as they come, one for each item.

        Args:
          parts: where clips are kept; a video whose part is there is not read again.
          started: called as a video begins, from several threads; what it returns is called after each frame.

        Raises:
          UserError: a part cannot be written, or the settings are wrong.
        """
        with concurrent.futures.ThreadPoolExecutor(len(self._all)) as threads:
            futures = [threads.submit(self._do, place, item, parts, pseudonyms, started) for place, item in enumerate(items)]
            try:
                for future in concurrent.futures.as_completed(futures):
                    yield future.result()
            except BaseException:
                threads.shutdown(wait=False, cancel_futures=True)
                self.close()
                raise

    def key(self, pseudonyms: Pseudonyms, sha256: str) -> str:
        """The name of a video's part."""
        return pseudonyms.part(sha256, *(f"{name}={value}" for name, value in sorted(self.about.items())))

    def _do(
        self, place: int, item: Item, parts: PartStore, pseudonyms: Pseudonyms, started: Callable[[Item], Progress]
    ) -> Outcome:
        begun, sha256, source = time.monotonic(), "", {}
        try:
            sha256 = content_sha256(check_file(item.path))
            key = self.key(pseudonyms, sha256)
            if (found := parts.find(key)) is not None:
                return Outcome(place, item, sha256, found, 0.0)
            clip = self._extract(item, key, started(item))
            source, result = clip.label.source, parts.write(key, clip)
        except ClipError as error:
            result: Path | Fault = Fault(error.code, error.reason)
            # A process that we have ended ourselves says nothing of its file.
            if sha256 and error.code not in PASSING and not self._closed.is_set():
                parts.write_fault(key, result)
        return Outcome(place, item, sha256, result, time.monotonic() - begun, source)

    def _extract(self, item: Item, key: str, progress: Progress) -> Clip:
        extractor = self._idle.get()
        try:
            return extractor.extract(
                item.path, expression=item.expression, subject=key, progress=progress, **dataclasses.asdict(self._settings)
            )
        finally:
            self._idle.put(extractor)
