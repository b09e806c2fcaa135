"""What is behind the procedural face: background, shoulders, neck, ears, hair. Soft shapes in the head's own coordinates."""

from __future__ import annotations

import numpy as np

from input_pipeline.simulate.face import mean_plane
from input_pipeline.simulate.skin import Light, Skin

# Landmarks that hardly move with expressions, to find the head in the image: temples, forehead, nose root, cheekbones.
_ANCHORS = (127, 356, 10, 168, 234, 454, 54, 284)


def paint(points: np.ndarray, skin: Skin, light: Light, size: int) -> np.ndarray:
    """Paints everything behind the face.

    Args:
      points: (478, 3) crop coordinates.

    Returns:
      (3, size, size) float32, 0..1.
    """
    x, y = _head_coordinates(points, size)
    down = np.linspace(0.0, 1.0, size, dtype=np.float32)[:, None]
    image = np.empty((3, size, size), np.float32)
    for plane, top, bottom in zip(image, *light.background, strict=True):
        plane[:] = top + (bottom - top) * down
    bright = 0.85 + np.float32(0.25 * light.direction[0]) * x
    side, edge = np.abs(x), 9.0 / size
    tone, hair = skin.tone * light.gain * 0.9, skin.hair * light.gain
    if skin.hair_length > 1.0:
        locks = (side / 1.42) ** 4 + ((y - 0.1) / skin.hair_length) ** 4
        _cover(image, _soft(1.0 - locks, 4 * edge), 0.9 * hair, bright)
    _cover(image, _soft(y - 2.02 - 0.16 * np.square(np.maximum(side - 0.5, 0.0)), edge), skin.clothes, bright)
    neck = np.minimum(_soft(0.72 - side, edge), _soft(2.18 - 0.4 * side * side - y, edge)) * (y > 1.0)
    _cover(image, neck, 0.72 * tone, bright)
    ears = ((side - 1.17) / 0.15) ** 2 + ((y - 0.18) / 0.30) ** 2
    _cover(image, _soft(1.0 - ears, 8 * edge), 0.85 * tone, bright)
    skull = (x / 1.24) ** 2 + ((y + 0.02) / 1.28) ** 2
    _cover(image, np.minimum(_soft(1.0 - skull, 2 * edge), _soft(0.35 - y, edge)), tone, bright)
    if skin.hair_length > 0.0:
        cap = (x / 1.32) ** 2 + ((y + 0.05) / 1.34) ** 2
        strands = 1.0 + 0.08 * np.sin(31.0 * x + 5.0 * y * y)
        _cover(
            image,
            np.minimum(_soft(1.0 - cap, 2 * edge), _soft(min(skin.hair_length, 0.1) - y, 2 * edge)),
            hair,
            bright * strands,
        )
    return image


def _head_coordinates(points: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    # Affine map from crop to the mean face's plane, by least squares over the anchors.
    seen = np.concatenate([points[list(_ANCHORS), :2], np.ones((len(_ANCHORS), 1))], axis=1)
    matrix = np.linalg.lstsq(seen, mean_plane()[list(_ANCHORS)], rcond=None)[0].astype(np.float32)
    axis = (np.arange(size, dtype=np.float32) + 0.5) / size - 0.5
    x = matrix[0, 0] * axis[None, :] + matrix[1, 0] * axis[:, None] + matrix[2, 0]
    y = matrix[0, 1] * axis[None, :] + matrix[1, 1] * axis[:, None] + matrix[2, 1]
    return x, y


def _soft(inside: np.ndarray, edge: float) -> np.ndarray:
    return np.minimum(np.maximum(inside * (1.0 / edge) + 0.5, 0.0), 1.0)


def _cover(image: np.ndarray, mask: np.ndarray, colour: np.ndarray, bright: np.ndarray) -> None:
    for plane, value in zip(image, colour.tolist(), strict=True):
        plane += mask * (bright * value - plane)
