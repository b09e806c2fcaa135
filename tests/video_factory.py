"""Small video files with known content and times, for the tests of extraction."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

av = pytest.importorskip("av", reason="PyAV is not installed (extra: extract)")

MILLISECOND = Fraction(1, 1000)


def write_video(
    path: Path,
    pictures: Iterable[np.ndarray],
    stamps: Sequence[int],
    *,
    time_base: Fraction = MILLISECOND,
    codec: str = "libx264",
    rotation: float | None = None,
    hflip: bool = False,
    aspect: Fraction | None = None,
    tags: Mapping[str, str] | None = None,
    pixels: str = "yuv420p",
    options: Mapping[str, str] | None = None,
) -> Path:
    """Encodes (H, W, 3) uint8 pictures, one per stamp in units of the time base; `options` are the encoder's."""
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"} if tags else {}) as container:
        container.metadata.update(tags or {})
        stream = None
        for picture, stamp in zip(pictures, stamps, strict=True):
            if stream is None:
                stream = container.add_stream(codec, rate=round(1 / time_base) if time_base > MILLISECOND else 30)
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt, stream.options = pixels, dict(options or {})
                stream.codec_context.time_base = time_base
                if rotation is not None:
                    stream.set_display_rotation(rotation, hflip=hflip)
                if aspect:
                    stream.codec_context.sample_aspect_ratio = aspect
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = stamp, time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def write_sound(path: Path, cover: np.ndarray | None = None) -> Path:
    """A second of silence, no video; `cover` (H, W, 3) uint8 is its picture."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=16000)
        stream.layout = "mono"
        if cover is not None:
            picture = container.add_stream("mjpeg", rate=1)
            picture.height, picture.width = cover.shape[:2]
            picture.pix_fmt, picture.disposition = "yuvj420p", av.stream.Disposition.attached_pic
            container.mux(picture.encode(av.VideoFrame.from_ndarray(cover, format="rgb24")))
            container.mux(picture.encode(None))
        for _ in range(16):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate = 16000
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def quadrants(height: int = 48, width: int = 64) -> np.ndarray:
    """A picture of four grey quadrants, so that every turn and flip of it looks different."""
    picture = np.zeros((height, width, 3), np.uint8)
    picture[: height // 2, width // 2 :] = 80
    picture[height // 2 :, : width // 2] = 160
    picture[height // 2 :, width // 2 :] = 240
    return picture


def face_videos(media: Path, folder: Path, names: Sequence[str], frames: int = 8) -> list[Path]:
    """Short videos of a real face, each another part of one recording."""
    with av.open(str(media / "face_wolfgang_langer_pexels.mp4")) as container:
        wanted = range(len(names) + frames)
        pictures = [picture.to_ndarray(format="rgb24") for picture, _ in zip(container.decode(video=0), wanted, strict=False)]
    stamps = range(0, 40 * frames, 40)
    return [write_video(folder / f"{name}.mp4", pictures[k : k + frames], stamps) for k, name in enumerate(names)]
