"""Which points of a landmark layout are the 63 tokens of the trajectory models.

Axes: T frames, L landmarks of a layout, V = 63 landmark tokens.

The tokens are TraMP-Former's: 7 regions of 9 points, region-major, taken from InsightFace's 106 points (its released code;
references: tramp_lineage.md section 2.1). The two mouth corners belong to both lip groups, so 63 tokens are 61 points. The
reference calls the eye on the image's left side "left eye"; here every side is the SUBJECT's, so that one is `right_eye`.
Videos are not mirrored, x grows to the right of the image: the subject's right side has the smaller x.

The tables for the other two layouts are ours: the nearest point in meaning, by position along the same contour.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from input_pipeline.errors import UserError

REGIONS = ("right_eye", "right_brow", "left_eye", "left_brow", "nose", "lower_lip", "upper_lip")
TOKENS_PER_REGION = 9
NUM_TOKENS = len(REGIONS) * TOKENS_PER_REGION

# The order of the nine points within each region, in words. The comment of a layout's row below needs no more than this.
#   right_eye   bottom, outer corner, lower outer, lower inner, pupil, inner corner, top, upper outer, upper inner
#   right_brow  outer end, lower outer, lower middle, lower inner end, lower inner, upper outer, upper middle,
#               upper inner end, upper inner
#   left_eye    bottom, inner corner, lower inner, lower outer, pupil, outer corner, top, upper inner, upper outer
#   left_brow   lower inner end, lower inner, lower middle, lower outer, outer end, upper inner end, upper inner,
#               upper middle, upper outer
#   nose        root, lower bridge, right side of the root, right side, right nostril base, base middle,
#               left nostril base, left side, left side of the root
#   lower_lip   right corner, inner right, inner middle, inner left, left corner, outer left, outer left of the middle,
#               outer right of the middle, outer right
#   upper_lip   right corner, outer right peak, outer left peak, left corner, inner left corner, inner left, inner middle,
#               inner right, inner right corner
_INSIGHTFACE106 = (
    (33, 35, 36, 37, 38, 39, 40, 41, 42),
    (43, 44, 45, 46, 47, 48, 49, 50, 51),
    (87, 89, 90, 91, 92, 93, 94, 95, 96),
    (97, 98, 99, 100, 101, 102, 103, 104, 105),
    (72, 74, 75, 76, 78, 80, 84, 82, 81),
    (52, 54, 60, 57, 61, 58, 59, 56, 55),
    (52, 63, 67, 61, 69, 70, 62, 66, 65),
)
_MEDIAPIPE478 = (
    (145, 33, 163, 154, 468, 133, 159, 161, 157),
    (70, 53, 52, 55, 65, 63, 105, 107, 66),
    (374, 362, 381, 390, 473, 263, 386, 384, 388),
    (285, 295, 282, 283, 300, 336, 296, 334, 293),
    (168, 195, 193, 198, 98, 2, 327, 420, 417),
    (61, 178, 14, 402, 291, 321, 405, 181, 91),
    (61, 37, 267, 291, 308, 311, 13, 81, 78),
)
# iBUG's 68 points, OpenFace's order: no pupils, no lid middles, one row of brow points, no sides of the nose. Those tokens
# repeat their neighbour (pupil: the lower inner lid; root sides: the bridge), so fewer than 61 points are unique here.
_OPENFACE68 = (
    (41, 36, 41, 40, 40, 39, 37, 37, 38),
    (17, 18, 19, 21, 20, 18, 19, 21, 20),
    (46, 42, 47, 46, 47, 45, 44, 43, 44),
    (22, 23, 24, 25, 26, 22, 23, 24, 25),
    (27, 29, 28, 31, 31, 33, 35, 35, 28),
    (48, 67, 66, 65, 54, 55, 56, 58, 59),
    (48, 50, 52, 54, 64, 63, 62, 61, 60),
)
# Row i of a region lists which point of the opposite region is the mirror image of its point i.
_MIRROR_REGION = (2, 3, 0, 1, 4, 5, 6)
_MIRROR_POINT = (
    (0, 5, 3, 2, 4, 1, 6, 8, 7),
    (4, 3, 2, 0, 1, 8, 7, 5, 6),
    (0, 5, 3, 2, 4, 1, 6, 8, 7),
    (3, 4, 2, 1, 0, 7, 8, 6, 5),
    (0, 1, 8, 7, 6, 5, 4, 3, 2),
    (4, 3, 2, 1, 0, 8, 7, 6, 5),
    (3, 2, 1, 0, 8, 7, 6, 5, 4),
)


def region_slice(region: str) -> slice:
    """The tokens of one of REGIONS."""
    start = REGIONS.index(region) * TOKENS_PER_REGION
    return slice(start, start + TOKENS_PER_REGION)


def _token(region: str, point: int) -> int:
    return REGIONS.index(region) * TOKENS_PER_REGION + point


TOKEN_MIRROR = np.array(
    [region * TOKENS_PER_REGION + point for region, row in zip(_MIRROR_REGION, _MIRROR_POINT, strict=True) for point in row]
)
TOKEN_MIRROR.setflags(write=False)

# Named tokens. The right side is the table's, the left its mirror image.
EYE_OUTER = {"right": _token("right_eye", 1), "left": _token("left_eye", 5)}
EYE_INNER = {"right": _token("right_eye", 5), "left": _token("left_eye", 1)}
PUPIL = {"right": _token("right_eye", 4), "left": _token("left_eye", 4)}
# (upper lid, lower lid): outer, middle, inner.
LID_PAIRS = {
    "right": tuple((_token("right_eye", a), _token("right_eye", b)) for a, b in ((7, 2), (6, 0), (8, 3))),
    "left": tuple((_token("left_eye", a), _token("left_eye", b)) for a, b in ((8, 3), (6, 0), (7, 2))),
}
# The four points nearest to the nose: upper and lower, inner end and its neighbour.
BROW_INNER = {
    "right": tuple(_token("right_brow", i) for i in (3, 4, 7, 8)),
    "left": tuple(_token("left_brow", i) for i in (0, 1, 5, 6)),
}
BROW_OUTER = {"right": _token("right_brow", 0), "left": _token("left_brow", 4)}
# Each corner is one point that occurs twice: in the lower lip's and in the upper lip's group.
MOUTH_CORNER = {
    "right": (_token("lower_lip", 0), _token("upper_lip", 0)),
    "left": (_token("lower_lip", 4), _token("upper_lip", 3)),
}
# (upper, lower) inner lip: right, middle, left.
INNER_LIP_PAIRS = tuple((_token("upper_lip", a), _token("lower_lip", b)) for a, b in ((7, 1), (6, 2), (5, 3)))
LOWER_LIP_OUTER = tuple(_token("lower_lip", i) for i in (5, 6, 7, 8))
NOSE_ROOT = _token("nose", 0)
NOSE_BASE = _token("nose", 5)
# The reference subtracts the first frame's nose tip (106-point 86), which is no token; the lower bridge is the nearest one.
NOSE_REFERENCE = _token("nose", 1)


@dataclasses.dataclass(frozen=True)
class Layout:
    """A landmark layout and its 63 tokens.

    Attributes:
      name: its key in LAYOUTS.
      size: L, the number of landmarks.
      tokens: (63,) landmark index of each token.
      mirror: (63,) permutation of the TOKENS under a horizontal flip: flipped[v] = tokens[mirror[v]] with x negated.
    """

    name: str
    size: int
    tokens: np.ndarray
    mirror: np.ndarray


def _layout(name: str, size: int, tokens: np.ndarray) -> Layout:
    tokens.setflags(write=False)
    return Layout(name, size, tokens, TOKEN_MIRROR)


LAYOUTS: dict[str, Layout] = {
    "mediapipe478": _layout("mediapipe478", 478, np.array(_MEDIAPIPE478).reshape(-1)),
    "insightface106": _layout("insightface106", 106, np.array(_INSIGHTFACE106).reshape(-1)),
    "openface68": _layout("openface68", 68, np.array(_OPENFACE68).reshape(-1)),
    "tokens63": _layout("tokens63", NUM_TOKENS, np.arange(NUM_TOKENS)),
}
TOKENS = "tokens63"
NO_LANDMARKS = "none"  # the layout of clips that are pictures alone


def get_layout(name: str) -> Layout:
    """The layout of that name.

    Raises:
      UserError: no such layout.
    """
    if name not in LAYOUTS:
        raise UserError(
            f"landmark layout {name!r} is unknown, expected one of {', '.join(LAYOUTS)}: name the layout of the file"
        )
    return LAYOUTS[name]


def to_tokens(landmarks: np.ndarray, layout: str) -> np.ndarray:
    """Picks the 63 tokens out of a layout's landmarks.

    Args:
      landmarks: (..., L, C), any unit; C is 3 for positions, and colours work as well.
      layout: a key of LAYOUTS.

    Returns:
      (..., 63, C), same type.

    Raises:
      UserError: unknown layout, or L is not the layout's.
    """
    spec = get_layout(layout)
    landmarks = np.asarray(landmarks)
    if landmarks.ndim < 2 or landmarks.shape[-2] != spec.size:
        raise UserError(
            f"landmarks have the shape {landmarks.shape}, layout {layout} expects (..., {spec.size}, 3): "
            "check the file and the layout's name"
        )
    return np.take(landmarks, spec.tokens, axis=-2)


def inter_ocular_distance(tokens: np.ndarray) -> np.ndarray:
    """Distance between the centres of the two eyes, the unit of length of everything measured here.

    An eye's centre is the midpoint of its outer and inner corner: unlike the pupils it does not move with the gaze. In a
    frontal adult face it is about the distance between the pupils (62 mm or so), 0.7 of the outer corners' distance.

    Args:
      tokens: (..., 63, C) positions.

    Returns:
      (...) in the unit of `tokens`.
    """
    centres = [(tokens[..., EYE_OUTER[side], :] + tokens[..., EYE_INNER[side], :]) / 2 for side in ("left", "right")]
    return np.linalg.norm(centres[0] - centres[1], axis=-1)
