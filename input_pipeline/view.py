"""A square part of the frames, enlarged to all of them, landmarks with it: a closer camera that points a little elsewhere.

Axes: F RGB frames, V = 63 landmark tokens.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from input_pipeline.transforms import CROP_PIXELS

_ONE, _BITS = 128, 7  # of the fractions between two pixels: 255 * 128 is within int16


@dataclasses.dataclass(frozen=True)
class View:
    """In pixels of frames of `size`; the default is everything, whatever their size."""

    left: int = 0
    top: int = 0
    side: int = 1
    size: int = 1

    @property
    def is_whole(self) -> bool:
        """Whether nothing is cut away."""
        return self.side == self.size

    def of_pixels(self, pixels: np.ndarray) -> np.ndarray:
        """(..., 63, 3) positions, origin in the frame's centre, CROP_PIXELS to its side -> the same of the part."""
        middle = np.array([self.left, self.top]) + (self.side - self.size) / 2
        centre = np.array([*middle, 0]) * (CROP_PIXELS / self.size)
        return ((pixels - centre) * (self.size / self.side)).astype(np.float32)

    def of_images(self, images: np.ndarray) -> np.ndarray:
        """(F, size, size, 3) uint8 -> the same shape, linear between pixels.

        Within two levels of `images.resize`, which can make pictures smaller as well and takes several times as long.
        """
        rows, columns = slice(self.top, self.top + self.side), slice(self.left, self.left + self.side)
        return np.stack([_enlarged(image[rows, columns], self.size) for image in images])


EVERYTHING = View()


def _enlarged(image: np.ndarray, size: int) -> np.ndarray:
    """(side, side, 3) uint8 -> (size, size, 3) uint8, side <= size."""
    before, share = _taps(image.shape[0], size)
    lines = image.reshape(len(image), -1)
    tall = _between(lines[before], lines[before + 1], share[:, None])
    places = (3 * before[:, None] + np.arange(3)).reshape(-1)
    wide = _between(np.take(tall, places, axis=1), np.take(tall, places + 3, axis=1), np.repeat(share, 3))
    return wide.reshape(size, size, 3)


def _between(first: np.ndarray, second: np.ndarray, share: np.ndarray) -> np.ndarray:
    """uint8 of what lies `share` of _ONE on the way from the first to the second."""
    first, step = first.astype(np.int16), second.astype(np.int16)
    step -= first
    step *= share
    step += _ONE // 2
    step >>= _BITS
    first += step
    return first.astype(np.uint8)


@functools.lru_cache(maxsize=256)
def _taps(side: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """(size,) pixel before each new pixel's centre, and (size,) int16 how far beyond that one's centre it is."""
    place = np.clip((np.arange(size) + 0.5) * side / size - 0.5, 0, side - 1)
    before = np.minimum(place.astype(np.int64), side - 2)
    return before, np.round((place - before) * _ONE).astype(np.int16)
