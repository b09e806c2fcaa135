"""JPEG frames to pixel arrays of one size, with simplejpeg and NumPy alone."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import simplejpeg

from input_pipeline.errors import UserError

MAX_PIXELS = 4096 * 4096  # of a stored frame, before it is decoded; extraction stores 256 x 256


def decode_frames(jpegs: Sequence[bytes], size: int, out: np.ndarray | None = None) -> np.ndarray:
    """Decodes JPEG images and resizes them to a square.

    Args:
      jpegs: F encoded images.
      size: side of the result in pixels.
      out: (F, size, size, 3) uint8, contiguous, to write them to; None makes a new array.

    Returns:
      (F, size, size, 3) uint8 RGB.

    Raises:
      UserError: bytes that are no JPEG.
    """
    out = np.empty((len(jpegs), size, size, 3), np.uint8) if out is None else out
    for jpeg, image in zip(jpegs, out, strict=True):
        _decode_to(jpeg, size, image)
    return out


def resize(image: np.ndarray, size: int) -> np.ndarray:
    """Bilinear with anti-aliasing, as Pillow's and PyTorch's: (H, W, 3) uint8 -> (size, size, 3) uint8."""
    height, width = image.shape[:2]
    if (height, width) == (size, size):
        return image
    rows = (_weights(height, size) @ image.reshape(height, -1).astype(np.float32)).reshape(size, width, 3)
    return np.clip(np.matmul(_weights(width, size), rows) + 0.5, 0, 255).astype(np.uint8)


def _decode_to(jpeg: bytes, size: int, image: np.ndarray) -> None:
    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(jpeg)
        if height * width > MAX_PIXELS:
            raise UserError(f"a frame of {width} x {height} pixels, at most {MAX_PIXELS} are read; extract the clip again")
        if (height, width) == (size, size):
            simplejpeg.decode_jpeg(jpeg, "RGB", buffer=image)
            return
        # The decoder can halve, quarter and so on as it goes; it never goes below the size asked for.
        image[:] = resize(simplejpeg.decode_jpeg(jpeg, "RGB", min_height=size, min_width=size, min_factor=1), size)
    except ValueError as error:
        raise UserError(f"a frame is not a readable JPEG ({error}); extract the clip again") from error


@functools.lru_cache(maxsize=32)
def _weights(before: int, after: int) -> np.ndarray:
    """(after, before): row i holds the share of each input pixel in output pixel i (a triangle as wide as the scale)."""
    scale = before / after
    reach = max(scale, 1.0)
    centre = (np.arange(after) + 0.5) * scale
    distance = np.abs(np.arange(before) + 0.5 - centre[:, None]) / reach
    weights = np.maximum(1 - distance, 0)
    return (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
