"""Pictures and videos of no one, for fixtures: small sets in the true layout, to try a builder without the data."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from input_pipeline.extract.extra import import_extra


def drawn_face(height: int, width: int, seed: int, openness: float = 0.3) -> np.ndarray:
    """(H, W, 3) uint8: an oval with eyes and a mouth on a plain ground, unlike for every seed."""
    rng = np.random.default_rng(seed)
    ground, skin, dark = rng.integers(60, 200, (3, 3))
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    image = np.broadcast_to(ground, (height, width, 3)).astype(np.float32)
    parts = [(0, 0, 0.7, 0.9, skin), (-0.3, -0.2, 0.12, 0.06, dark), (0.3, -0.2, 0.12, 0.06, dark)]
    for cx, cy, rx, ry, colour in [*parts, (0, 0.45, 0.3, 0.05 + 0.15 * openness, dark)]:
        inside = ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 < 1
        image = np.where(inside[..., None], colour, image)
    return image.astype(np.uint8)


def write_picture(path: Path, height: int, width: int, seed: int, openness: float = 0.3, pixel_format: str = "") -> None:
    """A drawn face as a picture in the format of the name's suffix: .jpg, .png or .bmp; its folder is made.

    Args:
      pixel_format: FFmpeg's name of another than the usual one, such as "gray".
    """
    av = import_extra("av")
    codec, usual = {".jpg": ("mjpeg", "yuvj420p"), ".png": ("png", "rgb24"), ".bmp": ("bmp", "bgr24")}[path.suffix]
    path.parent.mkdir(parents=True, exist_ok=True)
    _encode(path, "image2", codec, pixel_format or usual, [drawn_face(height, width, seed, openness)], 1, av)


def write_video(path: Path, height: int, width: int, frames: int, fps: int, seed: int) -> None:
    """A drawn face that opens its mouth, as .mp4 or .avi; its folder is made."""
    av = import_extra("av")
    path.parent.mkdir(parents=True, exist_ok=True)
    pictures = [drawn_face(height, width, seed, k / max(frames - 1, 1)) for k in range(frames)]
    _encode(path, None, "mpeg4", "yuv420p", pictures, fps, av)


def _encode(path: Path, container, codec: str, pixel_format: str, pictures: list[np.ndarray], fps: int, av) -> None:
    # "update" writes one file under this very name instead of taking it for a pattern.
    options = {"update": "1"} if container else {}
    with av.open(str(path), "w", format=container, options=options) as output:
        stream = output.add_stream(codec, rate=fps)
        stream.height, stream.width, stream.pix_fmt = *pictures[0].shape[:2], pixel_format
        for picture in pictures:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")))
        output.mux(stream.encode(None))
