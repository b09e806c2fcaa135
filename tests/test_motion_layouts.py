"""Every layout gives the same 63 tokens: sides, mirror and named points."""

import numpy as np
import pytest
from face_factory import neutral_face

from input_pipeline.errors import UserError
from input_pipeline.motion import layouts
from input_pipeline.motion.layouts import LAYOUTS, REGIONS, TOKEN_MIRROR, to_tokens


def connections(name):
    pytest.importorskip("mediapipe", reason="MediaPipe names the landmarks of its mesh; without it nothing to compare with")
    from mediapipe.tasks.python.vision import FaceLandmarksConnections

    edges = getattr(FaceLandmarksConnections, f"FACE_LANDMARKS_{name}")
    return {index for edge in edges for index in (edge.start, edge.end)}


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_has_63_tokens_inside_its_landmarks(name):
    layout = LAYOUTS[name]
    assert layout.name == name
    assert layout.tokens.shape == layout.mirror.shape == (63,)
    assert 0 <= layout.tokens.min() <= layout.tokens.max() < layout.size


@pytest.mark.parametrize("name", ["mediapipe478", "insightface106"])
def test_the_63_tokens_are_61_points_because_the_mouth_corners_are_in_both_lips(name):
    tokens = LAYOUTS[name].tokens
    twice = {point for point in tokens.tolist() if (tokens == point).sum() > 1}
    assert len(set(tokens.tolist())) == 61
    assert twice == {int(tokens[layouts.MOUTH_CORNER[side][0]]) for side in ("left", "right")}
    for side in ("left", "right"):
        lower, upper = layouts.MOUTH_CORNER[side]
        assert tokens[lower] == tokens[upper]


def test_the_mirror_is_an_involution_that_maps_left_to_right():
    assert sorted(TOKEN_MIRROR) == list(range(63))
    np.testing.assert_array_equal(TOKEN_MIRROR[TOKEN_MIRROR], np.arange(63))
    for region in ("eye", "brow"):
        right, left = (np.r_[layouts.region_slice(f"{side}_{region}")] for side in ("right", "left"))
        assert set(TOKEN_MIRROR[right]) == set(left)
    for region in ("nose", "lower_lip", "upper_lip"):
        tokens = np.r_[layouts.region_slice(region)]
        assert set(TOKEN_MIRROR[tokens]) == set(tokens)
    for table in (
        layouts.EYE_OUTER,
        layouts.EYE_INNER,
        layouts.PUPIL,
        layouts.MOUTH_CORNER,
        layouts.BROW_INNER,
        layouts.BROW_OUTER,
    ):
        assert set(TOKEN_MIRROR[np.atleast_1d(table["right"])]) == set(np.atleast_1d(table["left"]))


def test_a_symmetric_face_is_its_own_mirror_image():
    face = neutral_face()
    np.testing.assert_allclose(face[TOKEN_MIRROR] * (-1, 1, 1), face, atol=1e-12)


def test_lids_and_lips_pair_an_upper_with_the_lower_point_below_it():
    face = neutral_face()
    for upper, lower in (*layouts.LID_PAIRS["right"], *layouts.LID_PAIRS["left"], *layouts.INNER_LIP_PAIRS):
        assert face[upper, 0] == pytest.approx(face[lower, 0])
        assert face[upper, 1] < face[lower, 1]
    np.testing.assert_array_equal(TOKEN_MIRROR[np.array(layouts.LID_PAIRS["right"])], layouts.LID_PAIRS["left"])
    np.testing.assert_array_equal(TOKEN_MIRROR[np.array(layouts.INNER_LIP_PAIRS)], layouts.INNER_LIP_PAIRS[::-1])


@pytest.mark.parametrize(
    ("region", "contours"),
    [
        ("left_eye", ("LEFT_EYE", "LEFT_IRIS")),
        ("right_eye", ("RIGHT_EYE", "RIGHT_IRIS")),
        ("left_brow", ("LEFT_EYEBROW",)),
        ("right_brow", ("RIGHT_EYEBROW",)),
        ("lower_lip", ("LIPS",)),
        ("upper_lip", ("LIPS",)),
    ],
)
def test_mediapipe_calls_the_same_points_by_the_same_side(region, contours):
    named = set().union(*(connections(name) for name in contours))
    tokens = set(LAYOUTS["mediapipe478"].tokens[layouts.region_slice(region)].tolist())
    # The iris contour is a ring around the pupil's own point.
    pupils = {468, 473}
    assert tokens - pupils <= named
    assert not tokens & pupils or tokens & pupils == {min(connections(contours[1])) - 1}


def test_the_sixty_eight_points_stay_on_their_side_of_the_face():
    # iBUG's numbering: 36-41 and 17-21 are the image-left, that is the subject's right eye and brow.
    tokens = LAYOUTS["openface68"].tokens
    allowed = {"right_eye": (36, 41), "right_brow": (17, 21), "left_eye": (42, 47), "left_brow": (22, 26), "nose": (27, 35)}
    for region in REGIONS:
        low, high = allowed.get(region, (48, 67))
        own = tokens[layouts.region_slice(region)]
        assert low <= own.min() <= own.max() <= high
    # iBUG's published mirror pairs of eyes and brows: 17 + k with 26 - k, and the eyes' own rings.
    mirror = {17 + k: 26 - k for k in range(10)} | dict(zip(range(36, 42), (45, 44, 43, 42, 47, 46), strict=True))
    for token in np.r_[layouts.region_slice("right_eye"), layouts.region_slice("right_brow")]:
        assert tokens[TOKEN_MIRROR[token]] == mirror[tokens[token]]


def test_tokens_are_picked_from_every_kind_of_array():
    landmarks = np.random.default_rng(0).normal(size=(4, 478, 3)).astype(np.float16)
    tokens = to_tokens(landmarks, "mediapipe478")
    assert tokens.shape == (4, 63, 3)
    assert tokens.dtype == np.float16
    np.testing.assert_array_equal(tokens[:, layouts.EYE_OUTER["right"]], landmarks[:, 33])
    np.testing.assert_array_equal(tokens[:, layouts.EYE_OUTER["left"]], landmarks[:, 263])
    np.testing.assert_array_equal(to_tokens(tokens, "tokens63"), tokens)


@pytest.mark.parametrize(
    ("layout", "points", "told"), [("dlib5", 5, "unknown, expected one of mediapipe478"), ("insightface106", 68, "expects")]
)
def test_a_wrong_layout_is_told_in_one_line(layout, points, told):
    with pytest.raises(UserError, match=told) as caught:
        to_tokens(np.zeros((2, points, 3)), layout)
    assert "\n" not in str(caught.value)


def test_the_unit_of_length_is_the_distance_of_the_eye_centres():
    face = neutral_face()
    assert layouts.inter_ocular_distance(face) == pytest.approx(1.0)
    np.testing.assert_allclose(layouts.inter_ocular_distance(np.stack([face, 3 * face + 1])), [1, 3])
