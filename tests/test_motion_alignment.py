"""Head motion goes, motion of the face stays."""

import numpy as np
import pytest
from face_factory import bell, face, frame_times, neutral_face, turn_head
from scipy.spatial.transform import Rotation

from input_pipeline.errors import UserError
from input_pipeline.motion import alignment, layouts

TIMES = frame_times(4)
ALL = np.ones(len(TIMES), bool)


def smiling():
    wave = 0.2 * bell(TIMES, 1.0, 0.4)
    return face(TIMES, smile_left=wave, smile_right=wave)


def test_a_turning_moving_approaching_head_looks_like_a_still_one():
    still = alignment.remove_head_motion(smiling(), TIMES, ALL)
    moving = alignment.remove_head_motion(50 * turn_head(smiling(), TIMES, (15, 25, 20)) + 7, TIMES, ALL)
    np.testing.assert_allclose(moving.tokens, still.tokens, atol=1e-9)
    assert np.degrees(moving.rotation.max()) > 20
    assert still.rotation.max() < 1e-6


def test_the_head_frame_has_its_origin_between_the_eyes_and_the_subjects_left_at_positive_x():
    tilted = smiling() @ Rotation.from_euler("xyz", (20, -15, 30), degrees=True).as_matrix()
    aligned = alignment.remove_head_motion(9 * tilted, TIMES, ALL)
    assert aligned.iod == pytest.approx(9)
    eyes = aligned.neutral[[point for table in (layouts.EYE_OUTER, layouts.EYE_INNER) for point in table.values()]]
    np.testing.assert_allclose(eyes.mean(axis=0), 0, atol=1e-9)
    assert aligned.neutral[layouts.EYE_OUTER["left"]][0] == pytest.approx(0.72)
    corners = aligned.neutral[[points[0] for points in layouts.MOUTH_CORNER.values()]].mean(axis=0)
    np.testing.assert_allclose(corners[[0, 2]], 0, atol=1e-9)
    assert corners[1] == pytest.approx(1.12, abs=0.01)
    # The nose is in front of the eyes: nearer to the camera, so its z is smaller.
    assert aligned.neutral[layouts.NOSE_REFERENCE][2] < -0.1


def test_the_fit_equals_scipys_rotation():
    rng = np.random.default_rng(1)
    source, target = rng.normal(size=(5, 63, 3)), neutral_face()
    moved, rotation = alignment.fit_similarity(source, target, fits=1)
    weight = alignment.STABLE_WEIGHT
    for t in range(5):
        a, b = source[t, alignment.STABLE], target[alignment.STABLE]
        a, b = (points - weight @ points / weight.sum() for points in (a, b))
        expected, _ = Rotation.align_vectors(b, a, weights=weight)
        np.testing.assert_allclose(rotation[t], expected.as_matrix(), atol=1e-9)
        turned = a @ rotation[t].T
        scale = np.sum(weight[:, None] * turned * b) / np.sum(weight[:, None] * turned**2)
        centre = weight @ moved[t, alignment.STABLE] / weight.sum()
        np.testing.assert_allclose(moved[t, alignment.STABLE] - centre, scale * turned, atol=1e-9)


def test_a_stable_point_that_jumps_in_one_frame_is_weighted_down():
    tokens = turn_head(smiling(), TIMES, (5, 5, 5))
    clean = alignment.remove_head_motion(tokens, TIMES, ALL)
    spoiled = tokens + 0.002 * np.random.default_rng(0).normal(size=tokens.shape)
    spoiled[60, layouts.EYE_OUTER["left"]] += 0.3
    robust = alignment.remove_head_motion(spoiled, TIMES, ALL).tokens[60, layouts.MOUTH_CORNER["right"][0]]
    plain = alignment.fit_similarity(spoiled, clean.neutral, fits=1)[0][60, layouts.MOUTH_CORNER["right"][0]]
    truth = clean.tokens[60, layouts.MOUTH_CORNER["right"][0]]
    assert np.linalg.norm(robust - truth) < 0.3 * np.linalg.norm(plain - truth)


def test_flat_landmarks_are_never_matched_by_their_mirror_image():
    flat = smiling() * (1, 1, 0)
    rolled = turn_head(flat, TIMES, (0, 0, 40))
    rolled[..., 2] = 0
    aligned = alignment.remove_head_motion(rolled, TIMES, ALL)
    np.testing.assert_allclose(aligned.tokens, alignment.remove_head_motion(flat, TIMES, ALL).tokens, atol=1e-9)


@pytest.mark.parametrize("onset", [0.2, 0.5, 1.0, 2.5])
def test_the_neutral_face_is_the_one_before_the_movement(onset):
    wave = 0.25 * bell(TIMES, onset, 0.3)
    tokens = face(TIMES, smile_left=wave, smile_right=wave)
    tokens += 0.003 * np.random.default_rng(0).normal(size=tokens.shape)
    found = alignment.remove_head_motion(tokens, TIMES, ALL).neutral
    corner = layouts.MOUTH_CORNER["left"][0]
    assert np.linalg.norm(found[corner, :2] - neutral_face()[corner, :2]) < 0.02


def test_untracked_frames_do_not_make_the_neutral_face():
    tokens, tracked = smiling(), ALL.copy()
    tokens[:10] = 5 * np.random.default_rng(0).normal(size=tokens[:10].shape)
    tracked[:10] = False
    found = alignment.remove_head_motion(tokens, TIMES, tracked)
    assert found.iod == pytest.approx(1)
    np.testing.assert_allclose(found.neutral, alignment.remove_head_motion(smiling(), TIMES, ALL).neutral, atol=1e-9)


def test_eyes_in_one_place_are_told():
    with pytest.raises(UserError, match="both eyes"):
        alignment.remove_head_motion(np.zeros((5, 63, 3)), np.arange(5.0), np.ones(5, bool))
