"""RGB frames of a head that stays in one place, and what changes in them.

Where a ViT has to learn from few clips, the place of the head and the looks of a person, which say nothing of severity, are
most of what differs between frames. Landmarks say where the head is. Everything here is ours.

Axes: T landmark frames, F RGB frames, V = 63 landmark tokens, S pixels of a frame's side.
"""

from __future__ import annotations

import numpy as np

# Frames show this square of the head: its middle and its side in inter-ocular distances, the origin between the eyes. From
# the lines of the forehead to the chin, from temple to temple.
_MIDDLE, _SIDE = (0.0, 0.375), 2.4
# Pixels of a whole frame for one that is shown: the square is about 0.6 of a face crop's side, so that linear sampling has
# more than a pixel for a pixel, and leaves none out.
DENSITY = 2
_GREY = 127.5


def align_frames(images: np.ndarray, tokens: np.ndarray, head: np.ndarray, size: int) -> np.ndarray:
    """Moves every frame so that the head has the same place, size and direction in each.

    What turning the head does to a flat face is an affine map; it is fitted on all tokens between where they are in the frame
    and where they are on the head. Both have the frame's expression, which so stays in the picture.

    Args:
      images: (F, H, H, 3) uint8 RGB face crops, H about DENSITY x size.
      tokens: (F, 63, 3) in units of the crop's side, origin in its centre: those of each image's moment.
      head: (F, 63, 3) the same without head motion, in inter-ocular distances, origin between the eyes.
      size: S.

    Returns:
      (F, S, S, 3) uint8; what lies outside a frame is its border.
    """
    on_head = np.concatenate([head[..., :2], np.ones((*head.shape[:2], 1))], axis=-1).astype(np.float64)
    maps = np.linalg.pinv(on_head) @ tokens[..., :2].astype(np.float64)  # (F, 3, 2)
    across = ((np.arange(size) + 0.5) / size - 0.5) * _SIDE
    x, y = np.meshgrid(across + _MIDDLE[0], across + _MIDDLE[1])
    wanted = np.stack([x.ravel(), y.ravel(), np.ones(size * size)], axis=-1)
    shown = [_sample(image, wanted @ to_crop) for image, to_crop in zip(images, maps, strict=True)]
    return np.stack(shown).reshape(len(images), size, size, 3)


def change_of_frames(images: np.ndarray, counts: np.ndarray, gain: float) -> np.ndarray:
    """What is other in each frame than in the mean frame of the clip, on middle grey: skin, light and background cancel.

    Args:
      images: (F, S, S, 3) uint8.
      counts: (F,) bool, at least one: the frames that the mean is of.
      gain: by how much the change is enlarged, so that a fold of skin does not stay a shade of grey.

    Returns:
      (F, S, S, 3) uint8.
    """
    values = images.astype(np.float32)
    change = np.float32(gain) * (values - values[counts].mean(axis=0)) + np.float32(_GREY)
    return np.clip(np.round(change), 0, 255).astype(np.uint8)


def _sample(image: np.ndarray, places: np.ndarray) -> np.ndarray:
    """(H, H, 3) uint8 at (N, 2) places in crop units, linear between pixels: (N, 3) uint8."""
    side = len(image)
    pixels = np.clip((places + 0.5) * side - 0.5, 0, side - 1)
    first = np.minimum(pixels.astype(np.int32), side - 2)
    x, y = (pixels - first).astype(np.float32)[:, :, None].transpose(1, 0, 2)
    flat, corner = image.reshape(-1, 3), first[:, 1] * side + first[:, 0]
    upper = flat[corner] * (1 - x) + flat[corner + 1] * x
    lower = flat[corner + side] * (1 - x) + flat[corner + side + 1] * x
    return (upper * (1 - y) + lower * y + np.float32(0.5)).astype(np.uint8)
