"""Undoing a mirrored picture: selfie cameras and calls show people their mirror image, and tools then swap the sides.

Axes: L landmarks of a layout. `MIRROR[layout][i]` is the landmark that is the mirror image of landmark i.
"""

from __future__ import annotations

import json
from importlib import resources

import numpy as np

from input_pipeline.motion.layouts import TOKEN_MIRROR

_MEDIAPIPE = json.loads(resources.files(__package__).joinpath("mediapipe.json").read_text(encoding="utf-8"))
# MediaPipe's 52 in the order of its enumeration `Blendshapes`; sides are the subject's.
BLENDSHAPES: tuple[str, ...] = tuple(_MEDIAPIPE["blendshapes"])


def _of_pairs(size: int, pairs: list[tuple[int, int]]) -> np.ndarray:
    mirror = np.arange(size)
    for right, left in pairs:
        mirror[right], mirror[left] = left, right
    return mirror


def _ibug68() -> np.ndarray:
    """iBUG's 68 points: jaw 0-16, brows 17-26, nose 27-35, eyes 36-47, outer lips 48-59, inner lips 60-67."""
    pairs = [(i, 16 - i) for i in range(8)] + [(17 + i, 26 - i) for i in range(5)] + [(31, 35), (32, 34)]
    pairs += [(36, 45), (37, 44), (38, 43), (39, 42), (40, 47), (41, 46)]
    pairs += [(48, 54), (49, 53), (50, 52), (59, 55), (58, 56), (60, 64), (61, 63), (67, 65)]
    return _of_pairs(68, pairs)


def _insightface106() -> np.ndarray:
    """Tokens as in `layouts`; the other points from the order 1, 9-16, 2-8, 0 of the contour and the conversion to 68 points
    that users of the model publish (no document of InsightFace names its points)."""
    pairs = [(i, i + 16) for i in range(1, 17)]
    pairs += [(75 + i, 81 + i) for i in range(5)]
    pairs += list(zip((43, 44, 45, 46, 47, 48, 49, 50, 51), (101, 100, 99, 97, 98, 105, 104, 102, 103), strict=True))
    pairs += list(zip((33, 34, 35, 36, 37, 38, 39, 40, 41, 42), (87, 88, 93, 91, 90, 92, 89, 94, 96, 95), strict=True))
    pairs += [(52, 61), (64, 68), (63, 67), (55, 58), (56, 59), (65, 69), (66, 70), (54, 57)]
    return _of_pairs(106, pairs)


MIRROR = {
    "mediapipe478": np.array(_MEDIAPIPE["mirror"]),
    "insightface106": _insightface106(),
    "openface68": _ibug68(),
    "tokens63": TOKEN_MIRROR,
}


def mirror_landmarks(units: np.ndarray, layout: str) -> np.ndarray:
    """The face as it is, from the face as the mirrored picture shows it: (T, L, 3) in crop units (origin in the middle)."""
    return units[:, MIRROR[layout]] * np.array([-1, 1, 1], units.dtype)


def mirror_blendshapes(blendshapes: np.ndarray) -> np.ndarray:
    """(T, 52) with left and right in each other's place."""
    swap = {"Left": "Right", "Right": "Left"}
    partner = [next((name.replace(a, b) for a, b in swap.items() if a in name), name) for name in BLENDSHAPES]
    return blendshapes[:, [BLENDSHAPES.index(name) for name in partner]]
