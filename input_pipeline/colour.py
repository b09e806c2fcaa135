"""One change of light and camera for a whole clip, the same for its RGB frames and for the colours under its landmarks.

A change maps each colour on its own, (r, g, b) -> (r, g, b), wherever and whenever it is: so what lies under a landmark is
changed alike in the frame and in the landmark's record. It is a 3x3 matrix and an offset in fixed point, since int16 is what
NumPy is fastest at: see `ColourChange.of_images`. All of it is ours.
"""

from __future__ import annotations

import dataclasses

import numpy as np

LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as JPEG's and Pillow's grey
_GREY = 127.5
_BLOCK = 3 * 25_000  # values at a time, so that what is worked on stays in the processor's cache


@dataclasses.dataclass(frozen=True)
class ColourChange:
    """new = (matrix @ old + offset) / 2^bits, rounded half up, within 0 to 255.

    Attributes:
      matrix: (3, 3) int16, row: new r, g, b; column: old r, g, b.
      offset: (3,) int16.
      bits: of the fraction, at least 1: as many as the largest result leaves of 16.
    """

    matrix: np.ndarray
    offset: np.ndarray
    bits: int

    def of_colours(self, colours: np.ndarray) -> np.ndarray:
        """(..., 3) of 0 to 255, also means of several frames -> (..., 3) float32, not rounded.

        Rounded half up it is what `of_images` makes of the same colour.
        """
        changed = colours.astype(np.float32) @ self.matrix.T.astype(np.float32) + self.offset
        return np.clip(changed / np.float32(2**self.bits), 0, 255)

    def of_images(self, images: np.ndarray) -> np.ndarray:
        """(..., 3) uint8 -> the same shape, uint8.

        In the flat array r, g, b, r, g, b, ... a new value is a sum over old values up to two places before and after it, with
        factors that repeat every three places: five products of whole arrays, not one of 3x3 matrices for each pixel.
        """
        old = np.ascontiguousarray(images).reshape(-1)
        new = np.empty_like(old)
        size = min(_BLOCK, len(old))
        around, total, product = np.zeros(size + 4, np.int16), np.empty(size, np.int16), np.empty(size, np.int16)
        factors = {shift: np.tile(row, size // 3) for shift, row in self._factors().items()}
        offset = np.tile(self.offset + np.int16(1 << (self.bits - 1)), size // 3)
        for start in range(0, len(old), size):
            n = len(old[start : start + size])
            around[2 : 2 + n] = old[start : start + n]
            # Sums on the way may pass int16 and wrap around; the last one is within it, and so is right.
            np.copyto(total[:n], offset[:n])
            for shift, factor in factors.items():
                np.multiply(around[2 + shift : 2 + shift + n], factor[:n], out=product[:n])
                np.add(total[:n], product[:n], out=total[:n])
            np.right_shift(total[:n], self.bits, out=total[:n])
            np.clip(total[:n], 0, 255, out=total[:n])
            new[start : start + n] = total[:n]
        return new.reshape(images.shape)

    def _factors(self) -> dict[int, np.ndarray]:
        """Shift -> (3,) factor of the value that many places on, for new r, g, b; shifts that nothing comes from left out."""
        rows = {
            shift: np.array([self.matrix[c, c + shift] if 0 <= c + shift < 3 else 0 for c in range(3)], np.int16)
            for shift in range(-2, 3)
        }
        return {shift: row for shift, row in rows.items() if row.any()}


def colour_change(brightness: float, contrast: float, saturation: float, cast: np.ndarray) -> ColourChange:
    """The change as a photographer names it; 1 changes nothing.

    Args:
      brightness: factor of all channels.
      contrast: factor of the distance from middle grey. A picture's own mean, as others take, would differ between frames.
      saturation: factor of the distance from the pixel's own grey; 0 makes a grey picture.
      cast: (3,) factors of r, g, b: the colour of the light. Scaled to leave a grey pixel's brightness.

    Returns:
      The nearest change in fixed point; grey stays grey where the cast is even.
    """
    mixing = saturation * np.eye(3) + (1 - saturation) * LUMA
    gain = contrast * brightness * np.asarray(cast) / (LUMA @ cast)
    matrix, offset = gain[:, None] * mixing, np.full(3, _GREY * (1 - contrast))
    bits = _bits(matrix, offset)
    whole = np.round(matrix * 2**bits).astype(np.int16)
    # Rounding each factor alone would give a grey pixel a tint.
    np.fill_diagonal(whole, whole.diagonal() + np.round(matrix.sum(axis=1) * 2**bits).astype(np.int16) - whole.sum(axis=1))
    return ColourChange(whole, np.round(offset * 2**bits).astype(np.int16), bits)


def _bits(matrix: np.ndarray, offset: np.ndarray) -> int:
    """The finest fraction with which no result passes int16, roundings included."""
    reach = np.abs(offset).max() + 255 * np.abs(matrix).sum(axis=1).max()
    return max(1, int(np.log2((32767 - 4 * 255) / (reach + 1))))
