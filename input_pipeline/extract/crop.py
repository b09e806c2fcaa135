"""The square face crop: one box for a whole clip, so that motion in the crop is motion of the face.

Axes: N tracked frames, L landmarks.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import simplejpeg

from input_pipeline.extract.extra import import_extra

# Side of the box over the extent of the face mesh, which ends at the hairline and has no ears (ours).
MARGIN = 1.3
_JPEG_QUALITY = 90
_SMALLEST_SIDE = 16

Orientation = tuple[bool, bool, bool]


@dataclasses.dataclass(frozen=True)
class Box:
    """A square of whole pixels; it may reach over the picture's border.

    Attributes:
      x, y: the left and the upper edge, pixels.
      side: its side, pixels.
    """

    x: int
    y: int
    side: int

    def to_crop_units(self, landmarks: np.ndarray) -> np.ndarray:
        """Pixels (..., 3) to the coordinates of `records.Clip`: origin at the box's centre, unit = its side."""
        centre = np.array([self.x + self.side / 2, self.y + self.side / 2, 0], np.float32)
        units = landmarks - centre
        units /= np.float32(self.side)
        return units

    def to_pixels(self, landmarks: np.ndarray) -> np.ndarray:
        """The inverse of `to_crop_units`, in float32."""
        centre = np.array([self.x + self.side / 2, self.y + self.side / 2, 0], np.float32)
        return landmarks.astype(np.float32) * np.float32(self.side) + centre


def face_box(landmarks: np.ndarray, margin: float = MARGIN) -> Box:
    """The square that holds the face in (nearly) all frames.

    Edges are the 2nd percentile over frames of the face's left and upper ends and the 98th of its right and lower ones, so a
    few wild frames do not widen the box; the longer extent times the margin is its side (ours). All are even, so that colours
    that are stored once for two pixels are cut where pixels are.

    Args:
      landmarks: (N, L, 3) pixels, tracked frames only, N >= 1.
    """
    low = np.percentile(landmarks[..., :2].min(axis=1), 2, axis=0)
    high = np.percentile(landmarks[..., :2].max(axis=1), 98, axis=0)
    side = max(int(np.ceil((high - low).max() * margin)), _SMALLEST_SIDE)
    side += side % 2
    x, y = (2 * np.round(((low + high) / 2 - side / 2) / 2)).astype(int).tolist()
    return Box(x, y, side)


def whole_box(width: int, height: int) -> Box:
    """The smallest square around a whole picture."""
    side = max(width, height)
    return Box((width - side) // 2, (height - side) // 2, side)


class Cropper:
    """Cuts one box out of decoded pictures: the part alone is scaled, turned upright and stored, as JPEG.

    Pictures stay in the decoder's own format (most have half as many numbers as RGB) and go through one of FFmpeg's filter
    graphs. What a JPEG takes comes out: full range, BT.601, chroma halved.

    Args:
      box: in pixels of the upright picture.
      size: side of what is stored, pixels.
      coded_size: (width, height) that stored pictures have or are brought to, before they are turned.
      orientation: how these are turned upright: (transpose, then flip x, then flip y).
    """

    def __init__(self, box: Box, size: int, coded_size: tuple[int, int], orientation: Orientation = (False, False, False)):
        self._size, self._coded_size, self._orientation = size, coded_size, orientation
        self._box = _as_coded(box, coded_size, orientation)
        self._graphs: dict[Any, Any] = {}

    def __call__(self, picture: Any) -> bytes:
        """A JPEG of size x size pixels, black beyond the picture's border.

        Args:
          picture: an `av.VideoFrame`.

        Raises:
          av.error.FFmpegError, ValueError: its pixel format has no conversion.
        """
        planes = self.planes(picture)
        return simplejpeg.encode_jpeg_yuv_planes(*planes, quality=_JPEG_QUALITY)

    def planes(self, picture: Any) -> list[np.ndarray]:
        """Y (size, size), U and V (half, half), uint8."""
        key = (picture.width, picture.height, picture.format.name, picture.colorspace, picture.color_range)
        if key not in self._graphs:
            self._graphs[key] = self._graph(picture)
        self._graphs[key].push(picture)
        cut = self._graphs[key].pull()
        rows = ((np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size), plane) for plane in cut.planes)
        return [np.ascontiguousarray(values[: plane.height, : plane.width]) for values, plane in rows]

    def _graph(self, picture: Any) -> Any:
        graph = import_extra("av").filter.Graph()
        graph.threads = 1
        node = graph.add_buffer(
            width=picture.width, height=picture.height, format=picture.format.name, time_base=Fraction(1, 1000)
        )
        for name, arguments in (*self._filters(picture), ("buffersink", "")):
            before, node = node, graph.add(name, arguments)
            before.link_to(node)
        graph.configure()
        return graph

    def _filters(self, picture: Any) -> Iterator[tuple[str, str]]:
        box, (width, height), (transpose, flip_x, flip_y) = self._box, self._coded_size, self._orientation
        if (picture.width, picture.height) != self._coded_size:
            yield "scale", f"{width}:{height}"
        left, top = max(box.x, 0), max(box.y, 0)
        right, bottom = min(box.x + box.side, width), min(box.y + box.side, height)
        if right > left and bottom > top:
            yield "crop", f"{right - left}:{bottom - top}:{left}:{top}:exact=1"
            if (right - left, bottom - top) != (box.side, box.side):
                yield "pad", f"{box.side}:{box.side}:{left - box.x}:{top - box.y}:black"
        else:
            yield "drawbox", "color=black:thickness=fill"
        yield "scale", f"{self._size}:{self._size}:flags=area:out_range=pc:out_color_matrix=smpte170m"
        yield "format", "yuvj420p"
        if transpose:
            yield "transpose", "cclock_flip"
        if flip_x:
            yield "hflip", ""
        if flip_y:
            yield "vflip", ""


def _as_coded(box: Box, coded_size: tuple[int, int], orientation: Orientation) -> Box:
    """A box of the upright picture in pixels of the picture as it is stored."""
    transpose, flip_x, flip_y = orientation
    width, height = coded_size[::-1] if transpose else coded_size
    x = width - box.x - box.side if flip_x else box.x
    y = height - box.y - box.side if flip_y else box.y
    return Box(y, x, box.side) if transpose else Box(x, y, box.side)
