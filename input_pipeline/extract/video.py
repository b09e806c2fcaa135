"""Video files to upright RGB frames at their true times.

Axes: H picture height, W picture width (upright, square pixels).

Local files only: FFmpeg gets a whitelist of containers without playlists and no protocol but `file`, and a file that exceeds
the limits is refused from its header, before anything is decoded.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from input_pipeline.errors import ClipError, UserError
from input_pipeline.extract.extra import import_extra
from input_pipeline.paths import path_of

SUFFIXES = frozenset(
    {".3gp", ".asf", ".avi", ".flv", ".gif", ".m2ts", ".m4v", ".mkv", ".mov", ".mp4"}
    | {".mpeg", ".mpg", ".mts", ".mxf", ".ogv", ".ts", ".webm", ".wmv"}
)
_DEMUXERS = "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,asf,flv,ogg,gif,mxf,dv,mp3,wav,flac,aac"
# Two frames closer than this are one frame stored twice; it also keeps float32 times strictly increasing up to an hour.
_SHORTEST_STEP = 0.0005


@dataclasses.dataclass(frozen=True)
class Limits:
    """The largest video that is read (ours).

    Attributes:
      frames: more is refused. 36,000 are 10 minutes at 60 frames per second.
      seconds: longer is refused.
      pixels: larger pictures are refused. 8.8 million are a 4K picture.
      memory: bytes of memory that a `worker` may take beyond what it holds idle.
      stall: seconds that a worker may take for one frame.
      work: seconds that a worker may take for one file. 40,000 frames at MediaPipe's 60 a second are 700.
    """

    frames: int = 40_000
    seconds: float = 1200.0
    pixels: int = 4096 * 4096
    memory: int = 4 * 2**30
    stall: float = 60.0
    work: float = 7200.0


@dataclasses.dataclass(frozen=True)
class Frame:
    """One decoded frame; the RGB picture is made when asked for.

    Attributes:
      index: 0 for the first.
      time: seconds since the first frame.
      picture: as the decoder gave it, an `av.VideoFrame`.
    """

    index: int
    time: float
    picture: Any
    _video: Video

    def rgb(self) -> np.ndarray:
        """The upright picture, (H, W, 3) uint8, contiguous.

        Raises:
          UserError: its pixel format has no conversion to RGB.
        """
        return self._video.to_upright_rgb(self.picture)


class Video:
    """A video file, decoded from its start on each call of `frames`.

    Attributes:
      path: the file.
      width, height: of the upright picture in square pixels.
      rotation: degrees counterclockwise that the file asks players to turn the stored picture by.
      mirrored: whether the file also asks for a mirror image. Like players, we follow.
      coded_size: (width, height) of the picture before it is turned, in square pixels.
      orientation: how it is turned upright: (transpose, then flip x, then flip y).
      interlaced: whether its pictures are of two moments, every other line each; they are taken as they are.
      frames_expected: from the header, 0 if it does not say; for progress displays.
      seconds_expected: from the header, 0 if it does not say.
      damaged: packets and frames of the last pass that could not be decoded, or only in part.
    """

    def __init__(self, path: str | Path, limits: Limits | None = None):
        """Opens the file, checks its header, decodes its first frame.

        Raises:
          UserError: no file, no video in it, not decodable, or larger than the limits.
        """
        self.path = check_file(path)
        self.limits = limits or Limits()
        self.damaged = 0
        # A picture that is asked itself keeps a converter of its own, of 17 MB.
        self._to_rgb = import_extra("av").video.reformatter.VideoReformatter()
        with self._open() as (container, stream):
            self.frames_expected, self.seconds_expected = self._check_header(container, stream)
            picture = next((picture for packet in self._packets(container, stream) for picture in self._decode(packet)), None)
            if picture is None:
                codec = stream.codec_context.name
                raise ClipError(
                    self.path, "no-frame", f"no frame can be decoded ({codec}): the file is damaged or cut off; export it again"
                )
            # One size for the whole clip: recordings of calls change theirs half-way.
            self.coded_size = (_square_width(picture.width, stream.sample_aspect_ratio), picture.height)
            self.rotation, self.interlaced = int(picture.rotation), bool(picture.interlaced_frame)
            self.orientation = _orientation(picture)
        transpose, flip_x, flip_y = self.orientation
        self.mirrored = transpose ^ flip_x ^ flip_y
        self.width, self.height = self.coded_size[::-1] if transpose else self.coded_size

    def frames(self) -> Iterator[Frame]:
        """Decodes the file from its start, in display order, with strictly increasing times.

        A frame that is not later than the one before it is left out. Frames that the container gives no time for follow at the
        average rate.

        Raises:
          UserError: the video turns out to be larger than the limits.
        """
        self.damaged = 0
        with self._open() as (container, stream):
            stream.thread_type = "AUTO"
            first = last = None
            index = 0
            for picture, seconds in self._timed(container, stream):
                if last is not None and seconds - last < _SHORTEST_STEP:
                    continue
                first, last = (seconds if first is None else first), seconds
                self._check_limits(index + 1, seconds - first, picture.width * picture.height)
                yield Frame(index, seconds - first, picture, self)
                index += 1

    def to_upright_rgb(self, picture: Any) -> np.ndarray:
        """A decoded picture of this video as (H, W, 3) uint8; see `Frame.rgb`."""
        av = import_extra("av")
        width, height = self.coded_size
        try:
            rgb = self._to_rgb.reformat(picture, width=width, height=height, format="rgb24").to_ndarray()
        except MemoryError:  # FFmpeg's own is an FFmpegError as well
            raise
        except (av.error.FFmpegError, ValueError) as error:
            name = picture.format.name
            reason = f"pixel format {name} has no conversion to RGB: convert it to H.264 in MP4"
            raise ClipError(self.path, "pixel-format", reason) from error
        transpose, flip_x, flip_y = self.orientation
        if transpose:
            rgb = rgb.transpose(1, 0, 2)
        return np.ascontiguousarray(rgb[:: -1 if flip_y else 1, :: -1 if flip_x else 1])

    @contextlib.contextmanager
    def _open(self) -> Iterator[tuple[Any, Any]]:
        av = import_extra("av")
        options = {"protocol_whitelist": "file", "format_whitelist": _DEMUXERS}
        try:
            container = av.open(f"file:{self.path}", options=options)
        except MemoryError:  # FFmpeg's own is an FFmpegError as well
            raise
        except (av.error.FFmpegError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "unknown format"
            text = f"not a video that can be read ({reason}): convert it to MP4 and try again"
            raise ClipError(self.path, "not-a-video", text) from error
        with container:
            streams = [stream for stream in container.streams.video if not _is_cover(stream)]
            if not streams:
                raise ClipError(
                    self.path, "no-video-stream", "has no video stream, only sound or pictures: expected a video file"
                )
            if streams[0].codec_context is None:
                raise ClipError(self.path, "no-decoder", "no decoder for its video: convert it to H.264 in MP4 and try again")
            # FFmpeg's own guard, against a stream whose pictures grow after the header.
            streams[0].codec_context.options = {"max_pixels": str(self.limits.pixels)}
            yield container, streams[0]

    def _check_header(self, container: Any, stream: Any) -> tuple[int, float]:
        seconds = container.duration / 1e6 if container.duration else 0.0
        frames = stream.frames or round(seconds * float(stream.average_rate or 0))
        self._check_limits(frames, seconds, stream.codec_context.width * stream.codec_context.height)
        return frames, seconds

    def _check_limits(self, frames: int, seconds: float, pixels: int) -> None:
        limits = self.limits
        if frames > limits.frames:
            reason = f"has {frames} frames or more, at most {limits.frames} are read: cut it into clips"
            raise ClipError(self.path, "too-many-frames", reason)
        if seconds > limits.seconds:
            reason = f"lasts {seconds:.0f} s or more, at most {limits.seconds:g} s are read: cut it into clips"
            raise ClipError(self.path, "too-long", reason)
        if pixels > limits.pixels:
            reason = f"pictures of {pixels} pixels, at most {limits.pixels} are read: scale it down"
            raise ClipError(self.path, "too-large", reason)

    def _timed(self, container: Any, stream: Any) -> Iterator[tuple[Any, float]]:
        step = 1 / float(stream.average_rate or 25)
        # AVI stores no presentation times: its n-th chunk shows when the n-th picture does, whatever the decoding order.
        chunks = deque() if container.format.name == "avi" else None
        last = -step
        for packet in self._packets(container, stream):
            if chunks is not None and packet.dts is not None:
                chunks.append(packet.dts)
            for picture in self._decode(packet):
                stamp = picture.pts if chunks is None else (chunks.popleft() if chunks else None)
                last = last + step if stamp is None else float(stamp * stream.time_base)
                yield picture, last

    def _packets(self, container: Any, stream: Any) -> Iterator[Any]:
        av = import_extra("av")
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
            except MemoryError:
                raise
            except av.error.FFmpegError:
                self.damaged += 1
                return
            if packet is None:
                return
            yield packet

    def _decode(self, packet: Any) -> list[Any]:
        av = import_extra("av")
        try:
            pictures = packet.decode()
        except MemoryError:
            raise
        except av.error.FFmpegError:
            self.damaged += 1
            return []
        self.damaged += sum(picture.is_corrupt for picture in pictures)
        return pictures


def check_file(path: str | Path) -> Path:
    """The path, if it names a local file with something in it.

    Raises:
      UserError: an address, a missing file, a folder, an empty file, or one that may not be read.
    """
    if "://" in str(path):
        raise ClipError(path, "address", "an address, expected a local file: download it first")
    path = Path(path)
    if not path.exists():
        raise ClipError(path, "missing", "no such file: check the path")
    if not path.is_file():
        raise ClipError(path, "no-file", "not a file but a folder or device: give the path of one video file")
    try:
        with path.open("rb") as file:
            empty = not file.read(1)
    except OSError as error:
        raise ClipError(path, "unreadable", f"cannot be read ({error.strerror}): check its permissions") from error
    if empty:
        raise ClipError(path, "empty", "is empty: copy the video again")
    return path


def content_sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def find_videos(folder: str | Path) -> list[Path]:
    """The video files of a folder, by suffix, sorted by name; subfolders and hidden files are not looked at.

    Raises:
      UserError: no folder there, or no video in it.
    """
    folder = path_of(folder)
    if not folder.is_dir():
        raise UserError(f"{folder}: no such folder: check the path")
    found = (path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES and not path.name.startswith("."))
    videos = sorted(path for path in found if path.is_file())
    if not videos:
        raise UserError(f"{folder}: no video files in it, expected files ending in {' '.join(sorted(SUFFIXES))}")
    return videos


def _is_cover(stream: Any) -> bool:
    return "attached_pic" in str(stream.disposition.name or "").lower()


def _square_width(width: int, aspect: Any) -> int:
    ratio = float(aspect) if aspect else 1.0
    return round(width * ratio) if 0.25 <= ratio <= 4 else width


def _orientation(picture: Any) -> tuple[bool, bool, bool]:
    """How to make the stored picture upright: (transpose, then flip x, then flip y).

    FFmpeg's display matrix [a b u; c d v; x y w] sends (p, q) to (a p + c q, b p + d q), y down; arbitrary angles go to the
    nearest quarter turn.
    """
    side_data = picture.side_data.get("DISPLAYMATRIX")
    if side_data is None:
        return False, False, False
    a, b, _, c, d = np.frombuffer(bytes(side_data), np.int32)[:5].tolist()
    if abs(a) + abs(d) >= abs(b) + abs(c):
        return False, a < 0, d < 0
    return True, c < 0, b < 0
