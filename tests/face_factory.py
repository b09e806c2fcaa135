"""An analytic face of 63 tokens whose every motion is known, for the tests of `input_pipeline.motion`.

Axes: T frames, V = 63 tokens. Unit of length: inter-ocular distance. x to the subject's left, y down, z backwards.
"""

import numpy as np
from scipy.spatial.transform import Rotation

from input_pipeline.motion import layouts

# (x, y, z) of the right half and the midline; the left half is its mirror image.
_RIGHT_EYE = (
    (-0.5, 0.05),
    (-0.72, 0.0),
    (-0.62, 0.04),
    (-0.38, 0.04),
    (-0.5, 0.0),
    (-0.28, 0.0),
    (-0.5, -0.06),
    (-0.62, -0.05),
    (-0.38, -0.05),
)
_RIGHT_BROW = (
    (-0.9, -0.3),
    (-0.76, -0.34),
    (-0.58, -0.38),
    (-0.2, -0.32),
    (-0.39, -0.37),
    (-0.76, -0.42),
    (-0.58, -0.47),
    (-0.2, -0.4),
    (-0.39, -0.46),
)
_NOSE = ((0, -0.08), (0, 0.36), (-0.14, 0.0), (-0.15, 0.4), (-0.18, 0.75), (0, 0.8), (0.18, 0.75), (0.15, 0.4), (0.14, 0.0))
_LOWER_LIP = (
    (-0.4, 1.12),
    (-0.2, 1.13),
    (0, 1.13),
    (0.2, 1.13),
    (0.4, 1.12),
    (0.25, 1.24),
    (0.12, 1.3),
    (-0.12, 1.3),
    (-0.25, 1.24),
)
_UPPER_LIP = (
    (-0.4, 1.12),
    (-0.12, 0.97),
    (0.12, 0.97),
    (0.4, 1.12),
    (0.35, 1.12),
    (0.2, 1.12),
    (0, 1.12),
    (-0.2, 1.12),
    (-0.35, 1.12),
)


def neutral_face() -> np.ndarray:
    """(63, 3) face at rest, curved backwards towards its sides, the nose in front."""
    plane = np.zeros((layouts.NUM_TOKENS, 2))
    rows = {"right_eye": _RIGHT_EYE, "right_brow": _RIGHT_BROW, "nose": _NOSE, "lower_lip": _LOWER_LIP, "upper_lip": _UPPER_LIP}
    for region, points in rows.items():
        plane[layouts.region_slice(region)] = points
    mirror = plane[layouts.TOKEN_MIRROR] * (-1, 1)
    for region in ("left_eye", "left_brow"):
        plane[layouts.region_slice(region)] = mirror[layouts.region_slice(region)]
    depth = 0.5 * plane[:, 0] ** 2
    depth[layouts.region_slice("nose")] -= 0.35 * np.clip(plane[layouts.region_slice("nose"), 1], 0, 0.4)
    return np.column_stack([plane, depth])


def ramp(times: np.ndarray, start: float, seconds: float) -> np.ndarray:
    """0 to 1 in a straight line."""
    return np.clip((times - start) / seconds, 0, 1)


def bell(times: np.ndarray, start: float, seconds: float) -> np.ndarray:
    """0 to 1 with the minimum-jerk speed, 1.875 / seconds at its fastest."""
    x = ramp(times, start, seconds)
    return x**3 * (10 - 15 * x + 6 * x**2)


def frame_times(seconds: float = 5.0, fps: float = 30.0) -> np.ndarray:
    """(T,) uniform."""
    return np.arange(int(seconds * fps)) / fps


def face(times: np.ndarray, **moves: np.ndarray) -> np.ndarray:
    """(T, 63, 3) with each named motion in IOD: smile_left, smile_right, brow_left, brow_right, jaw, part, and blink_left,
    blink_right as the share of the opening that is closed.
    """
    tokens = np.repeat(neutral_face()[None], len(times), axis=0)
    for side, sign in (("left", 1), ("right", -1)):
        # Outwards and up in the frontal plane: a 3-4-5 triangle.
        direction = np.array([0.8 * sign, -0.6, 0])
        _move(tokens, layouts.MOUTH_CORNER[side], direction, moves.get(f"smile_{side}"))
        _move(tokens, layouts.BROW_INNER[side], np.array([-0.6 * sign, 0.8, 0]), moves.get(f"brow_{side}"))
        closed = moves.get(f"blink_{side}", np.zeros(len(times)))
        for upper, lower in layouts.LID_PAIRS[side]:
            tokens[:, upper] += closed[:, None] * (tokens[:, lower] - tokens[:, upper])
    _move(tokens, layouts.LOWER_LIP_OUTER, np.array([0, 1.0, 0]), moves.get("jaw"))
    _move(tokens, [lower for _, lower in layouts.INNER_LIP_PAIRS], np.array([0, 1.0, 0]), moves.get("part"))
    return tokens


def turn_head(tokens: np.ndarray, times: np.ndarray, degrees: tuple[float, float, float]) -> np.ndarray:
    """Rotates (pitch, yaw, roll of the given sizes), shifts and scales the head smoothly over time."""
    waves = np.sin(times[:, None] * (1.9, 1.3, 2.3) + np.array([0.3, 1.0, 2.0]))
    turned = np.einsum("tij,tvj->tvi", Rotation.from_euler("xyz", waves * degrees, degrees=True).as_matrix(), tokens)
    scale = 1 + 0.1 * np.sin(0.9 * times)[:, None, None]
    return scale * turned + np.array([0.4, -0.2, 0.3]) * np.sin(1.1 * times)[:, None, None]


def blink_wave(times: np.ndarray, moments: tuple[float, ...], depth: float = 0.9) -> np.ndarray:
    """Share of the opening that is closed: a bell of about 0.2 s around each moment."""
    return depth * np.exp(-0.5 * ((times[:, None] - np.array(moments)) / 0.06) ** 2).sum(axis=1)


def _move(tokens: np.ndarray, which, direction: np.ndarray, amount: np.ndarray | None) -> None:
    if amount is not None:
        tokens[:, list(which)] += amount[:, None, None] * direction
