"""Directions in which the procedural face moves: one displacement field per muscle-like unit, all of our own making.

Axes: K units, L=478 landmarks. Displacements are in the face's unit of length (see face.py); an activation of 1 is a full
movement of a healthy average face. Names ending in _right and _left are the subject's sides.
"""

from __future__ import annotations

import functools

import numpy as np

from input_pipeline.simulate.face import LIP_PARTS, MIDLINE, NUM_LANDMARKS, PAIRS, bump, fill, index, mean_plane

UNITS = (
    "smile_right",
    "smile_left",
    "frown_right",
    "frown_left",
    "close_right",
    "close_left",
    "cheek_right",
    "cheek_left",
    "clench_right",
    "clench_left",
    "raise_right",
    "raise_left",
    "depress_right",
    "depress_left",
    "lips_part",
    "jaw_open",
    "chin_raise",
    "nose_wrinkle",
    "gaze_x",
    "gaze_y",
)
UNIT = {name: i for i, name in enumerate(UNITS)}
# Share of the closing that the upper lid does.
_UPPER_LID = 0.85


def unit_fields(neutral: np.ndarray) -> np.ndarray:
    """Displacement fields for one person.

    Args:
      neutral: (478, 3) resting landmarks; the closing of the eyes depends on their opening.

    Returns:
      (K, 478, 3) float32.
    """
    fields = np.array(_common_fields())
    for side, column in (("right", 0), ("left", 1)):
        fields[UNIT[f"close_{side}"]] = _closing(neutral, column)
    return fields.astype(np.float32)


def _closing(neutral: np.ndarray, column: int) -> np.ndarray:
    upper = np.array(PAIRS["eye_upper"][column][1:-1])
    lower = np.array(PAIRS["eye_lower"][column])
    gap = neutral[lower, 1] - neutral[upper, 1]
    field = np.zeros((NUM_LANDMARKS, 3))
    field[upper, 1] = _UPPER_LID * gap
    field[lower, 1] = (_UPPER_LID - 1.0) * gap
    # The closed lids bulge over the eyeball.
    field[upper, 2] = -0.02
    return fill(field)


@functools.cache
def _common_fields() -> np.ndarray:
    fields = np.zeros((len(UNITS), NUM_LANDMARKS, 3))
    for side, sign in (("right", -1.0), ("left", 1.0)):
        for name, draw in (
            ("smile", _smile),
            ("frown", _frown),
            ("cheek", _cheek),
            ("clench", _clench),
            ("raise", _raise),
            ("depress", _depress),
        ):
            fields[UNIT[f"{name}_{side}"]] = draw(sign)
    for name, draw in (
        ("lips_part", _lips_part),
        ("jaw_open", _jaw_open),
        ("chin_raise", _chin_raise),
        ("nose_wrinkle", _nose_wrinkle),
    ):
        fields[UNIT[name]] = draw()
    iris = index("iris")
    # The bulges of skin near the eyes do not move the eyeballs.
    fields[:, iris] = 0.0
    fields[UNIT["gaze_x"], iris, 0] = 0.07
    fields[UNIT["gaze_y"], iris, 1] = 0.05
    lids = index("eye_upper")
    fields[UNIT["gaze_y"]] = fill(_placed(fields[UNIT["gaze_y"]], lids, (0.0, 0.025, 0.0)))
    fields.setflags(write=False)
    return fields


def _placed(field: np.ndarray, points, vector, weight: np.ndarray | float = 1.0) -> np.ndarray:
    points = np.asarray(points)
    field[points] += np.multiply.outer(np.broadcast_to(weight, len(points)), np.asarray(vector, float))
    return field


def _lips(*parts: str) -> tuple[np.ndarray, np.ndarray]:
    points = index(*parts)
    return points, mean_plane()[points, 0]


def _towards_corner(x: np.ndarray, sign: float) -> np.ndarray:
    return np.clip((sign * x + 0.08) / 0.48, 0.0, 1.0) ** 1.3


def _on_side(name: str, sign: float) -> tuple[np.ndarray, np.ndarray]:
    points = np.array(PAIRS[name][0 if sign < 0 else 1])
    return points, np.abs(mean_plane()[points, 0])


def _spread(sign: float, x: float, y: float, sx: float, sy: float) -> np.ndarray:
    return bump(x, y, sx, sy) * (mean_plane()[:, 0] * sign > 0)


def _smile(sign: float) -> np.ndarray:
    field = np.zeros((NUM_LANDMARKS, 3))
    points, x = _lips(*LIP_PARTS, "lip_skin")
    _placed(field, points, (0.125 * sign, -0.135, 0.06), _towards_corner(x, sign))
    points, x = _on_side("nose_side", sign)
    _placed(field, points, (0.03 * sign, -0.02, 0.0), x / 0.26)
    return fill(field) + np.multiply.outer(_spread(sign, 0.62, 0.60, 0.22, 0.18), (0.01 * sign, -0.03, -0.06))


def _frown(sign: float) -> np.ndarray:
    field = np.zeros((NUM_LANDMARKS, 3))
    for name in ("brow_upper", "brow_lower"):
        points, x = _on_side(name, sign)
        _placed(field, points, (-0.055 * sign, 0.085, -0.012), np.exp(-np.clip(x - 0.21, 0, None) / 0.38))
    _placed(field, MIDLINE["forehead"], (0.0, 0.03, -0.012))
    _placed(field, [168], (0.0, 0.014, -0.006))
    return fill(field)


def _cheek(sign: float) -> np.ndarray:
    field = np.zeros((NUM_LANDMARKS, 3))
    points, _ = _on_side("eye_lower", sign)
    _placed(field, points, (0.0, -0.045, -0.005))
    points, _ = _on_side("eye_upper", sign)
    _placed(field, points[1:-1], (0.0, 0.012, 0.0))
    points, _ = _on_side("eye_skin", sign)
    _placed(field, points, (0.0, -0.008, 0.0))
    return fill(field) + np.multiply.outer(_spread(sign, 0.62, 0.40, 0.22, 0.15), (0.0, -0.06, -0.05))


def _clench(sign: float) -> np.ndarray:
    field = np.zeros((NUM_LANDMARKS, 3))
    points, x = _lips(*LIP_PARTS, "lip_skin")
    _placed(field, points, (0.085 * sign, 0.018, 0.03), _towards_corner(x, sign))
    # Pressed lips grow thin: each side presses half.
    _placed(field, index("lip_outer_upper"), (0.0, 0.016, 0.012))
    _placed(field, index("lip_outer_lower"), (0.0, -0.020, 0.012))
    points, _ = _on_side("oval", sign)
    jaw = np.exp(-0.5 * ((mean_plane()[points, 1] - 1.05) / 0.22) ** 2)
    _placed(field, points, (0.055 * sign, 0.0, -0.02), jaw)
    return fill(field)


def _raise(sign: float) -> np.ndarray:
    field = np.zeros((NUM_LANDMARKS, 3))
    for name in ("brow_upper", "brow_lower"):
        points, x = _on_side(name, sign)
        _placed(field, points, (0.0, -0.12, 0.02), 0.8 + 0.2 * x)
    _placed(field, MIDLINE["forehead"], (0.0, -0.04, 0.005))
    points, _ = _on_side("eye_upper", sign)
    _placed(field, points[1:-1], (0.0, -0.014, 0.0))
    return fill(field)


def _depress(sign: float) -> np.ndarray:
    field = np.zeros((NUM_LANDMARKS, 3))
    points, x = _lips(*LIP_PARTS, "lip_skin")
    return fill(_placed(field, points, (0.01 * sign, 0.075, 0.01), _towards_corner(x, sign)))


def _lips_part() -> np.ndarray:
    field = np.zeros((NUM_LANDMARKS, 3))
    for part, vector in (
        ("lip_inner_lower", (0.0, 0.070, 0.0)),
        ("lip_outer_lower", (0.0, 0.055, 0.0)),
        ("lip_inner_upper", (0.0, -0.022, 0.0)),
        ("lip_outer_upper", (0.0, -0.014, 0.0)),
    ):
        points, x = _lips(part)
        _placed(field, points, vector, np.clip(1.0 - (x / 0.39) ** 2, 0.0, None))
    return fill(field)


def _jaw_open() -> np.ndarray:
    field = np.zeros((NUM_LANDMARKS, 3))
    for part, drop in (("lip_inner_lower", 0.17), ("lip_outer_lower", 0.175)):
        points, x = _lips(part)
        _placed(field, points, (0.0, drop, 0.02), np.clip(1.0 - (x / 0.42) ** 2, 0.0, None))
    _placed(field, [61, 291, 78, 308, *index("lip_skin")], (0.0, 0.03, 0.0))
    points = index("oval")
    chin = np.clip((mean_plane()[points, 1] - 0.9) / 0.9, 0.0, 1.0)
    return fill(_placed(field, points, (0.0, 0.19, 0.04), chin**1.5))


def _chin_raise() -> np.ndarray:
    field = np.zeros((NUM_LANDMARKS, 3))
    for part, lift in (("lip_inner_lower", -0.006), ("lip_outer_lower", -0.045)):
        points, x = _lips(part)
        _placed(field, points, (0.0, lift, -0.02), np.clip(1.0 - (x / 0.45) ** 2, 0.0, None))
    return fill(field) + np.multiply.outer(bump(0.0, 1.6, 0.22, 0.14), (0.0, -0.05, -0.03))


def _nose_wrinkle() -> np.ndarray:
    field = np.zeros((NUM_LANDMARKS, 3))
    points = index("nose_side")
    _placed(field, points, (0.0, -0.045, 0.0))
    _placed(field, points, (0.012, 0.0, 0.0), np.sign(mean_plane()[points, 0]))
    _placed(field, [6, 197, 195, 5], (0.0, -0.012, -0.004))
    points, x = _lips("lip_outer_upper")
    _placed(field, points, (0.0, -0.020, 0.0), np.clip(1.0 - (x / 0.40) ** 2, 0.0, None))
    return fill(field)
