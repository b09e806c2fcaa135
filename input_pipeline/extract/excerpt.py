"""Parts of a video: data sets cut recordings by frame numbers, or label single frames of them.

Frame k is the k-th that `video.Video.frames` gives, from 0. All before it are decoded: they are what it is made of, and what
containers say of places to jump to is not to be trusted.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator
from pathlib import Path

from input_pipeline.errors import ClipError
from input_pipeline.extract.video import Frame, Limits, Video


class Excerpt:
    """Consecutive frames of a video; as `video.Video` to those who read frames, which count from 0 at its start.

    Args:
      start, end: the first frame, and the one after the last.
      waiting: called for each frame that is passed over.

    Attributes:
      path, width, height, rotation, mirrored, interlaced, coded_size, orientation: of the video.
      frames_expected: how many there are.
      seconds_expected: 0, the file does not say it of a part.

    Raises:
      ClipError: not a video that can be read.
    """

    seconds_expected = 0.0

    def __init__(
        self,
        path: str | Path,
        start: int,
        end: int,
        limits: Limits | None = None,
        waiting: Callable[[], None] = lambda: None,
    ):
        self._video, self._start, self._end, self._waiting = Video(path, limits), start, end, waiting
        self.path, self.width, self.height = self._video.path, self._video.width, self._video.height
        self.rotation, self.mirrored, self.interlaced = self._video.rotation, self._video.mirrored, self._video.interlaced
        self.coded_size, self.orientation = self._video.coded_size, self._video.orientation
        self.frames_expected = end - start

    @property
    def damaged(self) -> int:
        """Of the last pass, those before the part included."""
        return self._video.damaged

    def frames(self) -> Iterator[Frame]:
        """The frames in order.

        Raises:
          ClipError: the video ends before the part does, or is over the limits.
        """
        begun, last = 0.0, -1
        with contextlib.closing(self._video.frames()) as frames:
            for frame in frames:
                last = frame.index
                if last < self._start:
                    self._waiting()
                    continue
                begun = frame.time if last == self._start else begun
                yield dataclasses.replace(frame, index=last - self._start, time=frame.time - begun)
                if last == self._end - 1:
                    return
        raise _too_short(self.path, self._end, last + 1)


class Still:
    """One frame; as `video.Video` to those who read frames."""

    seconds_expected, frames_expected = 0.0, 1

    def __init__(self, video: Video, frame: Frame):
        self.path, self.rotation, self.mirrored, self.damaged = video.path, video.rotation, video.mirrored, video.damaged
        self.interlaced = video.interlaced
        self.width, self.height = video.width, video.height
        self.coded_size, self.orientation = video.coded_size, video.orientation
        self._frame = frame

    def frames(self) -> Iterator[Frame]:
        """The one."""
        yield dataclasses.replace(self._frame, index=0, time=0.0)


class Reel:
    """A video that is read on where the last still was taken, so that thousands of them take one pass, not one each.

    Args:
      waiting: called for each frame that is passed over.
    """

    def __init__(self, limits: Limits | None = None, waiting: Callable[[], None] = lambda: None):
        self._limits, self._waiting = limits, waiting
        self._path, self._video, self._frames, self._next = "", None, None, 0

    def still(self, path: str, index: int) -> Still:
        """Frame `index` of a video.

        Raises:
          ClipError: not a video that can be read, or it ends before.
        """
        if path != self._path or index < self._next:
            self._path, self._video = "", Video(path, self._limits)
            self._path, self._frames, self._next = path, self._video.frames(), 0
        try:
            for frame in self._frames:
                self._next = frame.index + 1
                if frame.index == index:
                    return Still(self._video, frame)
                self._waiting()
        except BaseException:
            self._path = ""  # what is left of a pass that has failed is not to be read on
            raise
        self._path = ""
        raise _too_short(self._video.path, index + 1, self._next)


def _too_short(path: Path, wanted: int, found: int) -> ClipError:
    reason = f"has {found} frames, {wanted} are needed: is this the video that the labels were made for?"
    return ClipError(path, "too-short", reason)
