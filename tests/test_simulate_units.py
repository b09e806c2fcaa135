"""Each unit moves what it names, on its side, and nothing far away."""

import numpy as np
import pytest

from input_pipeline.simulate import face
from input_pipeline.simulate.units import UNIT, UNITS, unit_fields

NEUTRAL = face.neutral_face(face.sample_identity(np.random.default_rng(3)))
FIELDS = unit_fields(NEUTRAL)
CORNER, INNER_BROW = {"right": 61, "left": 291}, {"right": 55, "left": 285}


@pytest.mark.parametrize("side", ["right", "left"])
def test_closing_shuts_the_lids_of_its_eye_only(side):
    moved = NEUTRAL + FIELDS[UNIT[f"close_{side}"]]
    gaps = {name: moved[b, 1] - moved[a, 1] for name, a, b in (("right", 159, 145), ("left", 386, 374))}
    other = "left" if side == "right" else "right"
    assert abs(gaps[side]) < 1e-6
    assert gaps[other] > 0.1


@pytest.mark.parametrize("side", ["right", "left"])
def test_smiling_pulls_its_corner_up_and_out(side):
    field = FIELDS[UNIT[f"smile_{side}"]]
    outwards = -1 if side == "right" else 1
    assert field[CORNER[side], 0] * outwards > 0.05
    assert field[CORNER[side], 1] < -0.05
    other = CORNER["left" if side == "right" else "right"]
    assert np.linalg.norm(field[other]) < 0.1 * np.linalg.norm(field[CORNER[side]])


@pytest.mark.parametrize("side", ["right", "left"])
def test_frowning_draws_its_brow_down_and_together(side):
    field = FIELDS[UNIT[f"frown_{side}"]]
    inwards = 1 if side == "right" else -1
    assert field[INNER_BROW[side], 0] * inwards > 0.02
    assert field[INNER_BROW[side], 1] > 0.04


def test_parting_the_lips_opens_the_mouth_and_leaves_the_eyes():
    field = FIELDS[UNIT["lips_part"]]
    assert field[14, 1] - field[13, 1] > 0.06
    assert np.abs(field[face.index("eye_upper", "eye_lower")]).max() == 0


def test_only_gaze_moves_the_irises():
    iris = face.index("iris")
    moving = {name for name in UNITS if np.abs(FIELDS[UNIT[name]][iris]).max() > 0}
    assert moving == {"gaze_x", "gaze_y"}


@pytest.mark.parametrize("name", [unit[: -len("_right")] for unit in UNITS if unit.endswith("_right") and "close" not in unit])
def test_left_and_right_units_mirror_each_other(name):
    right, left = FIELDS[UNIT[f"{name}_right"]], FIELDS[UNIT[f"{name}_left"]]
    for pair in face.PAIRS.values():
        np.testing.assert_allclose(right[list(pair[0])], left[list(pair[1])] * (-1, 1, 1), atol=1e-6)
