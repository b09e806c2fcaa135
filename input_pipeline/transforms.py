"""From stored landmarks and colours to the features of a trajectory, and the augmentations of both.

Axes: T frames, V = 63 landmark tokens, C features.

A pixel here is 1/256 of the face crop's side, TraMP-Former's unit (it crops to 256 x 256; references: tramp_lineage.md
section 2.1). Coordinates as in `input_pipeline.records`: x right in the image, y down, z away from the camera.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from input_pipeline.errors import UserError
from input_pipeline.motion.alignment import remove_head_motion
from input_pipeline.motion.layouts import NOSE_REFERENCE, TOKEN_MIRROR
from input_pipeline.motion.mirrored_words import swap_sides

CROP_PIXELS = 256.0
# Inter-ocular distance that faces get once head motion is removed, in pixels: about what the extractor's crop gives (ours).
HEAD_FREE_IOD = 72.0
COLOUR_CHANGE_UNIT = 16.0
FEATURES = ("x", "y", "z", "dx", "dy", "dz", "r", "g", "b", "dr", "dg", "db")


def to_pixels(tokens: np.ndarray) -> np.ndarray:
    """(T, 63, 3) in units of the crop's side -> (T, 63, 3) float32 in pixels; the head moves as filmed."""
    return tokens.astype(np.float32) * np.float32(CROP_PIXELS)


def to_head_free_pixels(tokens: np.ndarray, times: np.ndarray, tracked: np.ndarray) -> np.ndarray:
    """Positions relative to the head, every face with an inter-ocular distance of HEAD_FREE_IOD pixels (ours).

    Args:
      tokens: (T, 63, 3) of the whole clip, any unit.
      times: (T,) seconds.
      tracked: (T,) bool.

    Returns:
      (T, 63, 3) float32 pixels, origin between the eyes, axes as the image's for a frontal face.

    Raises:
      UserError: the eyes coincide.
    """
    face = remove_head_motion(tokens.astype(np.float64), times, tracked)
    return (face.tokens * HEAD_FREE_IOD).astype(np.float32)


def make_features(
    pixels: np.ndarray, colours: np.ndarray, names: Sequence[str], position_unit: float, displacement_unit: float
) -> np.ndarray:
    """The trajectory that the motion encoder reads.

    x, y, z: position relative to the nose reference point in the window's FIRST frame, so head translation stays
      (TraMP-Former; there the nose tip, here the nearest token).
    dx, dy, dz: displacement of each token from the window's first frame (ours).
    r, g, b: colour under the landmark (TraMP-Former) from -1 to 1 (ours: the reference's scale is unknown).
    dr, dg, db: change of colour since the window's first frame, COLOUR_CHANGE_UNIT of 255 counts as 1 (ours): skin folds that
      form darken, whatever skin and light are.

    Args:
      pixels: (T, 63, 3) positions in pixels, the window's frames.
      colours: (T, 63, 3) RGB 0..255.
      names: out of FEATURES, in the order wanted.
      position_unit, displacement_unit: pixels that count as 1.

    Returns:
      (T, 63, C) float32.
    """
    features = np.empty((*pixels.shape[:2], len(names)), np.float32)
    for place, name in enumerate(names):
        channel = "xyzrgb".index(name[-1])
        if channel < 3:
            values = pixels[..., channel]
            start = values[0] if name[0] == "d" else values[0, NOSE_REFERENCE]
            features[..., place] = (values - start) / np.float32(displacement_unit if name[0] == "d" else position_unit)
        else:
            colour = np.asarray(colours[..., channel - 3], np.float32) / np.float32(127.5) - 1
            change = np.float32(127.5 / COLOUR_CHANGE_UNIT)
            features[..., place] = (colour - colour[0]) * change if name[0] == "d" else colour
    return features


def check_features(names: Sequence[str]) -> None:
    """Refuses unknown or repeated feature names.

    Raises:
      UserError: with the names that exist.
    """
    unknown = [name for name in names if name not in FEATURES]
    if unknown or not names or len(set(names)) != len(names):
        wrong = repr(unknown[0]) if unknown else repr(tuple(names))
        raise UserError(f"data.features: {wrong} is not usable; choose each at most once out of {', '.join(FEATURES)}")


def flip_tokens(tokens: np.ndarray) -> np.ndarray:
    """The 63 tokens of the mirrored video: x negated, right-hand tokens in the left-hand places. (T, 63, 3), crop units."""
    return tokens[:, TOKEN_MIRROR] * np.array([-1, 1, 1], tokens.dtype)


def flip_colours(colours: np.ndarray) -> np.ndarray:
    """Colours under the tokens of the mirrored video, (T, 63, 3)."""
    return colours[:, TOKEN_MIRROR]


def flip_images(images: np.ndarray) -> np.ndarray:
    """(F, H, W, 3) mirrored left to right."""
    return images[:, :, ::-1]


def flip_report(report: str) -> str:
    """The report of the mirrored video: left and right change places."""
    return swap_sides(report)


def add_noise(pixels: np.ndarray, rng: np.random.Generator, deviation: float) -> np.ndarray:
    """Independent Gaussian noise on every coordinate, `deviation` in pixels: a shakier tracker (ours)."""
    return pixels + np.float32(deviation) * rng.standard_normal(pixels.shape, np.float32)
