"""JPEG frames to pixel arrays of one size, with simplejpeg and NumPy alone."""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np
import simplejpeg

from input_pipeline.errors import UserError

MAX_PIXELS = 4096 * 4096  # of a stored frame, before it is decoded; extraction stores 256 x 256


def decode_frames(jpegs: Sequence[bytes], size: int) -> np.ndarray:
    """Decodes JPEG images and resizes them to a square.

    Args:
      jpegs: F encoded images, at least one.
      size: side of the result in pixels.

    Returns:
      (F, size, size, 3) uint8 RGB.

    Raises:
      UserError: bytes that are no JPEG.
    """
    return np.stack([resize(_decode(jpeg, size), size) for jpeg in jpegs])


def resize(image: np.ndarray, size: int) -> np.ndarray:
    """Bilinear with anti-aliasing, as Pillow's and PyTorch's: (H, W, 3) uint8 -> (size, size, 3) uint8."""
    height, width = image.shape[:2]
    if (height, width) == (size, size):
        return image
    rows = (_weights(height, size) @ image.reshape(height, -1).astype(np.float32)).reshape(size, width, 3)
    return np.clip(np.matmul(_weights(width, size), rows) + 0.5, 0, 255).astype(np.uint8)


def _decode(jpeg: bytes, size: int) -> np.ndarray:
    try:
        height, width, _, _ = simplejpeg.decode_jpeg_header(jpeg)
        if height * width > MAX_PIXELS:
            raise UserError(f"a frame of {width} x {height} pixels, at most {MAX_PIXELS} are read; extract the clip again")
        # The decoder can halve, quarter and so on as it goes; it never goes below the size asked for.
        return simplejpeg.decode_jpeg(jpeg, "RGB", min_height=size, min_width=size, min_factor=1)
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
