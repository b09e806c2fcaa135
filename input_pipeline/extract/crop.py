"""The square face crop: one box for a whole clip, so that motion in the crop is motion of the face.

Axes: N tracked frames, L landmarks.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import simplejpeg

from input_pipeline.extract.extra import import_extra

# Side of the box over the extent of the face mesh, which ends at the hairline and has no ears (ours).
MARGIN = 1.3
_JPEG_QUALITY = 90
_SMALLEST_SIDE = 16


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
    few wild frames do not widen the box; the longer extent times the margin is its side (ours).

    Args:
      landmarks: (N, L, 3) pixels, tracked frames only, N >= 1.
    """
    low = np.percentile(landmarks[..., :2].min(axis=1), 2, axis=0)
    high = np.percentile(landmarks[..., :2].max(axis=1), 98, axis=0)
    side = max(int(np.ceil((high - low).max() * margin)), _SMALLEST_SIDE)
    x, y = np.round((low + high) / 2 - side / 2).astype(int).tolist()
    return Box(x, y, side)


def whole_box(width: int, height: int) -> Box:
    """The smallest square around a whole picture."""
    side = max(width, height)
    return Box((width - side) // 2, (height - side) // 2, side)


def crop_jpeg(rgb: np.ndarray, box: Box, size: int) -> bytes:
    """The box's part of a picture (H, W, 3) as a JPEG of size x size pixels; black beyond the picture's border."""
    return simplejpeg.encode_jpeg(resize_area(_cut(rgb, box), size), quality=_JPEG_QUALITY, colorsubsampling="420")


def resize_area(square: np.ndarray, size: int) -> np.ndarray:
    """(S, S, 3) uint8 to (size, size, 3) uint8: each pixel is the mean over the area that it covers; linear when enlarging."""
    frame = import_extra("av").VideoFrame.from_numpy_buffer(np.ascontiguousarray(square), format="rgb24")  # copies nothing
    return frame.reformat(width=size, height=size, interpolation="AREA").to_ndarray()


def _cut(rgb: np.ndarray, box: Box) -> np.ndarray:
    height, width = rgb.shape[:2]
    left, top = max(box.x, 0), max(box.y, 0)
    right, bottom = min(box.x + box.side, width), min(box.y + box.side, height)
    inside = rgb[top:bottom, left:right]
    if inside.shape[:2] == (box.side, box.side):
        return inside
    square = np.zeros((box.side, box.side, 3), np.uint8)
    square[top - box.y : bottom - box.y, left - box.x : right - box.x] = inside
    return square
