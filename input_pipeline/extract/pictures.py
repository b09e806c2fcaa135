"""Pictures as the frames of a clip: data sets often come as numbered frames, or as one face each.

Axes: H picture height, W picture width.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from input_pipeline.errors import ClipError
from input_pipeline.extract.extra import import_extra
from input_pipeline.extract.video import Limits, check_file

SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".webp"})
# First bytes -> FFmpeg's reader of one such picture: by content, since names are not to be trusted nor to be patterns.
_READERS = {b"\xff\xd8": "jpeg_pipe", b"\x89PNG": "png_pipe", b"RIFF": "webp_pipe", b"BM": "bmp_pipe"}


class Frame:
    """One picture; see `video.Frame`."""

    def __init__(self, index: int, time: float, rgb: np.ndarray):
        self.index, self.time, self._rgb = index, time, rgb

    @property
    def picture(self) -> Any:
        """The same as an `av.VideoFrame`."""
        return import_extra("av").VideoFrame.from_numpy_buffer(self._rgb, format="rgb24")

    def rgb(self) -> np.ndarray:
        """(H, W, 3) uint8, contiguous."""
        return self._rgb


class Pictures:
    """A clip's frames as picture files, all of one size; as `video.Video` to those who read frames.

    Args:
      paths: in the order of time.
      fps: frames per second.
      limits: the largest that is read.

    Attributes:
      path: the first picture's.
      width, height: of the first picture.
      rotation, mirrored, interlaced, orientation, damaged, seconds_expected: as of an upright video without faults.
      coded_size: (width, height).
      frames_expected: how many pictures there are.

    Raises:
      ClipError: no pictures, too many, or the first cannot be read.
    """

    rotation, mirrored, interlaced, damaged, seconds_expected = 0, False, False, 0, 0.0
    orientation = (False, False, False)

    def __init__(self, paths: Sequence[str | Path], fps: float, limits: Limits | None = None):
        if not paths:
            raise ClipError("", "no-frame", "has no pictures: check the folder of the clip")
        self._paths, self._fps, self._limits = [Path(path) for path in paths], fps, limits or Limits()
        self.path, self.frames_expected = self._paths[0], len(self._paths)
        if len(paths) > self._limits.frames:
            reason = f"has {len(paths)} pictures, at most {self._limits.frames} are read: cut it into clips"
            raise ClipError(self.path, "too-many-frames", reason)
        self.height, self.width = self._read(self.path).shape[:2]
        self.coded_size = (self.width, self.height)

    def frames(self) -> Iterator[Frame]:
        """The pictures in order.

        Raises:
          ClipError: one cannot be read, or is of another size.
        """
        for index, path in enumerate(self._paths):
            rgb = self._read(path)
            if rgb.shape[:2] != (self.height, self.width):
                found, expected = (f"{side[1]} x {side[0]}" for side in (rgb.shape, (self.height, self.width)))
                raise ClipError(
                    path, "sizes-differ", f"is {found} pixels, the clip's first picture {expected}: crop them alike"
                )
            yield Frame(index, index / self._fps, rgb)

    def _read(self, path: Path) -> np.ndarray:
        av = import_extra("av")
        check_file(path)
        with path.open("rb") as file:
            head = file.read(4)
        reader = next((reader for magic, reader in _READERS.items() if head.startswith(magic)), None)
        if reader is None:
            raise ClipError(path, "not-a-picture", f"not a picture, expected one of {' '.join(sorted(SUFFIXES))}: convert it")
        options = {"protocol_whitelist": "file", "format_whitelist": reader}
        try:
            with av.open(f"file:{path}", format=reader, options=options) as container:
                return self._decode(path, container)
        except MemoryError:  # FFmpeg's own is an FFmpegError as well
            raise
        except (av.error.FFmpegError, ValueError, IndexError) as error:
            reason = getattr(error, "strerror", None) or "no picture in it"
            raise ClipError(path, "not-a-picture", f"cannot be decoded ({reason}): save it again as JPEG or PNG") from error

    def _decode(self, path: Path, container: Any) -> np.ndarray:
        stream = container.streams.video[0]
        pixels = stream.codec_context.width * stream.codec_context.height
        if pixels > self._limits.pixels:
            reason = f"a picture of {pixels} pixels, at most {self._limits.pixels} are read: scale it down"
            raise ClipError(path, "too-large", reason)
        stream.codec_context.options = {"max_pixels": str(self._limits.pixels)}
        picture = next(container.decode(stream), None)
        if picture is None:
            raise ValueError("no picture in it")
        return picture.to_ndarray(format="rgb24")
