"""The camera moves the head rigidly, the crop holds the face, the tracker errs as told."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from scipy.stats import kurtosis

from input_pipeline.simulate import camera, face, signs
from input_pipeline.simulate.units import unit_fields

TIMES = np.arange(100) / 25.0
NEUTRAL = face.neutral_face(face.mean_identity())
HEAD = np.broadcast_to(NEUTRAL, (100, 478, 3)).copy()


def view(seed=0):
    return camera.sample_view(TIMES, np.zeros(100), np.random.default_rng(seed))


def test_rotations_are_those_of_scipy():
    angles = np.random.default_rng(0).uniform(-0.5, 0.5, (20, 3))
    expected = Rotation.from_euler("xyz", angles).as_matrix()
    np.testing.assert_allclose(camera._rotations(angles), expected, atol=1e-12)


def test_from_far_away_a_projected_face_is_only_turned_shifted_and_scaled():
    seen = view()
    far = camera.View(seen.rotations, seen.offsets, seen.scales, 1e7)
    placed = far.project(HEAD)
    before = np.linalg.norm(NEUTRAL[61] - NEUTRAL[10])
    after = np.linalg.norm(placed[:, 61] - placed[:, 10], axis=1)
    np.testing.assert_allclose(after, before * seen.scales, rtol=1e-4)


def test_perspective_makes_what_is_nearer_larger():
    near = camera.View(np.eye(3)[None], np.zeros((1, 2)), np.ones(1), 5.0)
    far = camera.View(np.eye(3)[None], np.zeros((1, 2)), np.ones(1), 1e7)
    nose, ears = [[abs(v.project(NEUTRAL[None])[0, p, 0]) for p in (278, 454)] for v in (near, far)]
    assert nose[0] / nose[1] > ears[0] / ears[1]


def test_the_crop_is_the_mean_box_with_its_margin_and_holds_the_face():
    for seed in range(10):
        placed = view(seed).project(HEAD)
        cropped = camera.fixed_crop(placed).apply(placed)
        box = (cropped[..., :2].max(axis=1) - cropped[..., :2].min(axis=1)).mean(axis=0)
        assert box.max() == pytest.approx(1 / camera.CROP_MARGIN, rel=1e-3)
        assert np.abs(cropped[..., :2]).max() < 0.5


def test_the_tracker_errs_more_in_depth_and_within_its_range():
    fields = unit_fields(NEUTRAL)
    errors = camera.track(HEAD, fields, TIMES, np.random.default_rng(2)) - HEAD
    jitter = np.diff(errors, axis=0).std(axis=(0, 1)) / np.sqrt(2)
    low, high = signs.NUISANCE.white_jitter
    assert low < jitter[0] < 1.5 * high
    assert jitter[2] > 1.5 * jitter[0]


def test_white_noise_is_nearly_normal():
    noise = camera.white_noise((200, 500), np.random.default_rng(0))
    assert noise.mean() == pytest.approx(0, abs=0.01)
    assert noise.std() == pytest.approx(1, abs=0.01)
    assert abs(kurtosis(noise.ravel())) < 0.35
    assert abs(np.corrcoef(noise[:, 0], noise[:, 1])[0, 1]) < 0.2


def test_untracked_frames_are_one_short_run_that_repeats_the_frame_before():
    lost = 0
    for seed in range(60):
        tracked = camera.drop_frames(100, np.random.default_rng(seed))
        runs = np.flatnonzero(np.diff(np.concatenate([[1], tracked, [1]])) == -1)
        assert tracked[0]
        assert len(runs) <= 1
        lost += len(runs)
        if len(runs):
            assert (camera.repeat_last(tracked)[~tracked] == runs[0] - 1).all()
    assert 8 < lost < 32
