"""What a face was made to do is what is measured, however the head moves and the camera records."""

import time

import numpy as np
import pytest
from face_factory import bell, blink_wave, face, frame_times, ramp, turn_head

from input_pipeline.errors import UserError
from input_pipeline.motion import layouts
from input_pipeline.motion.kinematics import FEATURE_NAMES, VALUES, Kinematics, feature_vector, measure

BLINKS = (0.8, 2.6, 4.2)
# Values that the frame rate and a little noise may change in the last digits only, with what they must be.
EXPECTED = {
    "amplitude/mouth_corner/left": (0.20, 0.012),
    "amplitude/mouth_corner/right": (0.10, 0.012),
    "symmetry/mouth_corner/both": (-1 / 3, 0.04),
    "amplitude/brow/left": (0.06, 0.008),
    "amplitude/brow/right": (0.06, 0.008),
    "symmetry/brow/both": (0.0, 0.06),
    # The fastest moment of the right, 0.1 * 1.875 / 0.4, a little smoothed.
    "peak_speed/mouth_corner/right": (0.46, 0.07),
    "onset/mouth_corner/both": (0.25, 0.03),
    "hold/mouth_corner/both": (0.71, 0.02),
    "decrement/mouth_corner/both": (0.0, 0.01),
    "lag/mouth_corner/both": (0.1, 0.01),
    "rate/eye/both": (30.0, 0.5),
    "aperture/eye/left": (0.095, 0.004),
    "closure/eye/left": (0.0, 0.1),
    "duty_cycle/lips/both": (0.5, 0.02),
    "longest_run/lips/both": (3.0, 0.1),
    "amplitude/lips/both": (0.11, 0.008),
}


def performance(times):
    """A smile from 1 s to 4.5 s, 0.1 IOD on the right and, 0.1 s late, 0.2 on the left; brows; blinks; lips apart from 3 s."""

    def smile(size, late=0.0):
        return size * (bell(times, 1 + late, 0.4) - bell(times, 4.5, 0.5))

    brow = 0.06 * bell(times, 1.2, 0.5)
    blink = blink_wave(times, BLINKS)
    return face(
        times,
        smile_left=smile(0.2, 0.1),
        smile_right=smile(0.1),
        brow_left=brow,
        brow_right=brow,
        part=0.1 * ramp(times, 2.97, 0.06),
        blink_left=blink,
        blink_right=blink,
    )


def record(fps=30.0, degrees=(0, 0, 0), noise=0.0, jitter=0.0, lost=0.0, dropped=0.0, unit=100.0):
    """Measures the performance as a camera and a tracker would give it."""
    rng = np.random.default_rng(0)
    times = frame_times(6, fps) + jitter / fps * rng.uniform(-0.5, 0.5, int(6 * fps))
    tokens = turn_head(performance(times), times, degrees) if any(degrees) else performance(times)
    tokens = unit * (tokens + noise * rng.standard_normal(tokens.shape)) + 3 * unit
    tracked = (rng.uniform(size=len(times)) >= lost) | np.isin(np.arange(len(times)), [0, 1])
    tokens[~tracked] = rng.normal(scale=unit, size=tokens[~tracked].shape)
    kept = rng.uniform(size=len(times)) >= dropped
    return measure(tokens[kept], "tokens63", times[kept], tracked[kept])


@pytest.mark.parametrize(
    "camera",
    [
        {},
        {"unit": 0.01},
        {"degrees": (12, 20, 15)},
        {"noise": 0.003},
        {"degrees": (10, 15, 10), "noise": 0.003},
        {"fps": 60.0, "noise": 0.003},
        {"fps": 24.0, "jitter": 0.5, "degrees": (5, 10, 5)},
        {"dropped": 0.15},
    ],
    ids=str,
)
def test_the_performance_is_recovered(camera):
    values = record(**camera).values
    found = {key: values[key] for key in EXPECTED}
    wrong = {key: value for key, value in found.items() if abs(value - EXPECTED[key][0]) > EXPECTED[key][1]}
    assert not wrong


def test_twelve_frames_a_second_suffice_for_all_but_speed():
    values = record(fps=12.0).values
    for key, (value, tolerance) in EXPECTED.items():
        if not key.startswith("peak_speed"):
            assert values[key] == pytest.approx(value, abs=1.5 * tolerance), key


def test_untracked_frames_are_interpolated_and_never_counted():
    clean, lossy = record(), record(lost=0.1)
    assert lossy.values["tracked_share/global/none"] == pytest.approx(0.9, abs=0.04)
    assert lossy.tracked.mean() == lossy.values["tracked_share/global/none"]
    for key in ("amplitude/mouth_corner/left", "amplitude/brow/right", "aperture/eye/left"):
        assert lossy.values[key] == pytest.approx(clean.values[key], abs=0.005)
    # Their landmarks were random, so one of them would have shown.
    for curve in lossy.curves.values():
        assert np.abs(curve).max() < 0.3


def test_blinks_per_minute_are_counted_over_tracked_time():
    times = frame_times(6)
    tracked = times < 3.5
    found = measure(performance(times), "tokens63", times, tracked)
    assert found.values["rate/eye/both"] == pytest.approx(2 / 3.5 * 60, rel=0.02)


def test_landmarks_that_are_not_numbers_count_as_untracked():
    times = frame_times(6)
    tokens = performance(times)
    tokens[20:25, 7] = np.nan
    found = measure(tokens, "tokens63", times)
    assert not found.tracked[20:25].any()
    assert np.isfinite(list(found.values.values())).all()


def test_a_rigid_head_shake_is_no_motion_of_the_face():
    times = frame_times(6)
    found = measure(turn_head(face(times), times, (15, 25, 15)), "tokens63", times)
    for name, value in found.values.items():
        if name.split("/")[0] in ("amplitude", "peak_speed", "energy", "tremor") and "lips" not in name:
            assert value == pytest.approx(0, abs=1e-6), name
    assert found.values["head_rotation/global/none"] > 25


def test_without_depth_scale_and_roll_are_still_removed():
    times = frame_times(6)
    flat = turn_head(performance(times) * (1, 1, 0), times, (0, 0, 20))
    flat[..., 2] = 0
    values = measure(flat, "tokens63", times).values
    assert values["amplitude/mouth_corner/left"] == pytest.approx(0.2, abs=0.01)
    assert values["amplitude/brow/right"] == pytest.approx(0.06, abs=0.005)


def test_the_mirrored_clip_has_left_and_right_swapped():
    times = frame_times(6)
    tokens = performance(times)
    mirrored = tokens[:, layouts.TOKEN_MIRROR] * (-1, 1, 1)
    a, b = measure(tokens, "tokens63", times).values, measure(mirrored, "tokens63", times).values
    other = {"left": "right", "right": "left"}
    for key, value in a.items():
        attribute, region, side = key.split("/")
        sign = -1 if attribute in ("symmetry", "speed_symmetry", "lag") else 1
        assert sign * b[f"{attribute}/{region}/{other.get(side, side)}"] == pytest.approx(value, abs=1e-6), key


def test_a_squeeze_is_a_closure_and_no_blink():
    times = frame_times(5)
    left, right = (share * (bell(times, 1, 0.4) - bell(times, 4, 0.3)) for share in (0.5, 0.85))
    values = measure(face(times, blink_left=left, blink_right=right), "tokens63", times).values
    assert values["rate/eye/both"] == 0
    assert values["closure/eye/right"] == pytest.approx(1, abs=0.02)
    assert values["closure/eye/left"] == pytest.approx(0.5 / 0.85, abs=0.03)
    assert values["amplitude/eye/right"] == pytest.approx(0.85 * 0.095, rel=0.05)
    assert values["symmetry/eye/both"] == pytest.approx(0.35 / 1.35, abs=0.03)
    assert values["onset/eye/both"] == pytest.approx(0.25, abs=0.05)
    assert values["hold/eye/both"] == pytest.approx(2.9 / 3.7, abs=0.05)
    assert values["peak_speed/eye/both"] == pytest.approx(0.675 * 0.095 * 1.875 / 0.4, rel=0.15)


def test_tremor_of_the_lower_lip_is_found_under_noise_and_a_movement():
    times = frame_times(6)
    noise = 0.003 * np.random.default_rng(0).standard_normal((len(times), 63, 3))
    slow = 0.1 * bell(times, 2, 0.5)
    trembling = slow + 0.02 * np.sin(2 * np.pi * 5 * times)
    tremor = [measure(face(times, jaw=jaw) + noise, "tokens63", times).values["tremor/jaw/both"] for jaw in (slow, trembling)]
    assert tremor[0] < 0.002
    assert tremor[1] == pytest.approx(0.02 / np.sqrt(2), rel=0.1)


def test_energy_belongs_to_the_region_that_moves_and_not_to_noise():
    times = frame_times(6)
    noise = 0.003 * np.random.default_rng(0).standard_normal((len(times), 63, 3))
    brow = 0.1 * bell(times, 2, 0.5)
    values = measure(face(times, brow_left=brow, brow_right=brow) + noise, "tokens63", times).values
    # The mean square speed of a minimum-jerk move is 10/7 of its mean speed's square; four tokens on each side.
    assert values["energy/brow/both"] == pytest.approx(8 * 10 / 7 * (0.1 / 0.5) ** 2 * 0.5 / 6, rel=0.25)
    assert max(values[f"energy/{region}/both"] for region in ("mouth_corner", "jaw", "eye")) < 0.003


def test_the_noise_floor_is_the_jitter_in_inter_ocular_distances():
    assert record(noise=0.004, unit=70.0).noise_floor == pytest.approx(0.004, rel=0.15)
    assert record(unit=70.0).iod == pytest.approx(70)


def test_curves_of_every_region_and_side_share_the_time_base():
    found = record(fps=25.0)
    assert set(found.curves) == {
        *(f"{region}/{side}" for region in ("mouth_corner", "brow", "eye") for side in ("left", "right")),
        "lips/both",
        "jaw/both",
    }
    assert {curve.shape for curve in found.curves.values()} == {found.times.shape} == {found.tracked.shape}
    assert found.fps == pytest.approx(25)
    at = np.searchsorted(found.times, 3.0)
    assert found.curves["mouth_corner/left"][at] == pytest.approx(0.2, abs=0.01)
    assert found.curves["eye/left"][np.searchsorted(found.times, BLINKS[1] - 1e-6)] < 0.3 * found.values["aperture/eye/left"]


def test_every_value_is_described_and_finite():
    values = record(noise=0.003).values
    assert {key.split("/")[0] for key in values} == set(VALUES)
    assert all(isinstance(value, float) for value in values.values())
    for region in ("mouth_corner", "brow", "eye", "jaw"):
        for attribute in ("peak_speed", "onset", "hold", "decrement", "smoothness", "energy"):
            assert f"{attribute}/{region}/both" in values


def still_face(times):
    return measure(face(times), "tokens63", times)


def random_points(times):
    tokens = np.random.default_rng(0).normal(size=(len(times), 63, 3))
    tracked = np.random.default_rng(1).uniform(size=len(times)) > 0.6
    tracked[:2] = True
    return measure(tokens, "tokens63", times, tracked)


@pytest.mark.parametrize("make", [still_face, random_points])
@pytest.mark.parametrize("times", [np.arange(2) / 30, np.arange(9) / 12, frame_times(3, 60.0)], ids=len)
def test_features_are_finite_whatever_the_clip(make, times):
    found: Kinematics = make(times)
    features = feature_vector(found)
    assert features.shape == (len(FEATURE_NAMES),)
    assert np.isfinite(features).all()
    assert np.isfinite(list(found.values.values())).all()


def test_features_follow_the_order_of_their_names():
    found = record()
    features = dict(zip(FEATURE_NAMES, feature_vector(found), strict=True))
    assert len(features) == len(FEATURE_NAMES)
    assert features["plain hold/mouth_corner/both"] == found.values["hold/mouth_corner/both"]
    assert features["abs symmetry/mouth_corner/both"] == pytest.approx(1 / 3, abs=0.02)
    assert features["log_length amplitude/brow/left"] == pytest.approx(np.log(0.065), abs=0.05)


def test_wrong_input_is_told_in_one_line():
    times, tokens = frame_times(1), face(frame_times(1))
    cases = {
        "do not belong together": (tokens[:-1], "tokens63", times, None),
        "do not increase": (tokens, "tokens63", times[::-1], None),
        "0 of 30 frames are tracked": (tokens, "tokens63", times, np.zeros(30, bool)),
        "too far apart": (tokens[:2], "tokens63", np.array([0.0, 9.0]), None),
        "is unknown": (tokens, "dlib5", times, None),
    }
    for told, (landmarks, layout, seconds, tracked) in cases.items():
        with pytest.raises(UserError, match=told) as caught:
            measure(landmarks, layout, seconds, tracked)
        assert "\n" not in str(caught.value)


def test_a_clip_of_120_frames_is_measured_within_milliseconds():
    times = frame_times(4)
    tokens = performance(times).astype(np.float16)
    measure(tokens, "tokens63", times)
    spent = []
    for _ in range(15):
        start = time.process_time()
        measure(tokens, "tokens63", times)
        spent.append(time.process_time() - start)
    # 11 ms of processor time on a busy machine; the rest is room for slower ones.
    assert min(spent) < 0.03
