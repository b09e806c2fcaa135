"""Each measure recovers what a curve was made with, or agrees with an implementation that is not ours."""

import numpy as np
import pytest
from face_factory import bell, blink_wave, frame_times, ramp
from scipy import stats

from input_pipeline.motion import movements

FPS = 30.0
TIMES = frame_times(6, FPS)
SEEN = np.ones(len(TIMES), bool)
FLOOR = 0.015


def largest(curve):
    return movements.largest_movement(curve, SEEN, FPS, FLOOR)


@pytest.mark.parametrize("seconds", [0.2, 0.5, 1.0])
def test_a_straight_rise_has_its_own_speed_and_onset(seconds):
    found = largest(0.2 * ramp(TIMES, 1.03, seconds))
    assert found.onset == pytest.approx(0.8 * seconds, abs=0.01)
    assert found.peak_speed == pytest.approx(0.2 / seconds, rel=0.02)
    assert found.offset == 0


@pytest.mark.parametrize("released", [2.0, 3.0, 4.5])
def test_hold_is_the_share_of_the_rest_of_the_clip_and_offset_the_way_down(released):
    curve = 0.2 * (ramp(TIMES, 1, 0.2) - ramp(TIMES, released, 0.5))
    found = largest(curve)
    reached, below = 1.18, released + 0.1
    assert found.hold == pytest.approx((below - reached) / (TIMES[-1] - reached), abs=0.015)
    assert found.offset == pytest.approx(0.4, abs=0.01)


@pytest.mark.parametrize("lost", [-0.05, 0.0, 0.04, 0.1])
def test_decrement_is_the_share_lost_per_second_although_the_movement_is_released(lost):
    held = 1 - lost * np.clip(TIMES - 1.2, 0, None)
    curve = 0.2 * ramp(TIMES, 1, 0.2) * held * (1 - ramp(TIMES, 5, 0.4))
    top = max(1.0, curve.max() / 0.2)
    assert largest(curve).decrement == pytest.approx(lost / top, abs=0.01)


def test_decrement_equals_scipys_theil_sen_slope():
    rng = np.random.default_rng(0)
    held = 1 - 0.05 * TIMES[:60] + 0.03 * rng.standard_normal(60)
    expected = -stats.theilslopes(held, TIMES[:60]).slope
    assert movements._decrement(held, SEEN[:60], FPS) == pytest.approx(expected, rel=1e-9)


def test_the_onset_is_the_last_way_up_to_the_first_apex():
    # A failed attempt before, a second smile after.
    curve = 0.06 * (ramp(TIMES, 0.5, 0.2) - ramp(TIMES, 1, 0.2))
    curve = curve + 0.2 * (ramp(TIMES, 2, 0.4) - ramp(TIMES, 3, 0.2) + ramp(TIMES, 4, 0.1))
    assert largest(curve).onset == pytest.approx(0.32, abs=0.01)


def test_noise_alone_is_no_movement():
    curve = np.abs(0.004 * np.random.default_rng(0).standard_normal(len(TIMES)))
    assert largest(curve) == movements.Movement()
    assert movements.peak_speed(curve, SEEN, FPS, FLOOR) == 0


def test_an_apex_must_last_and_must_be_tracked():
    curve = 0.1 * ramp(TIMES, 1, 0.3)
    curve[40] = 3.0
    assert movements.apex(curve, SEEN, FPS) == pytest.approx(0.1)
    curve[80:100] = 3.0
    tracked = SEEN.copy()
    tracked[78:102] = False
    assert movements.apex(curve, tracked, FPS) == pytest.approx(0.1)


def test_sparc_of_a_minimum_jerk_movement_is_the_published_one_and_halts_lower_it():
    # Balasubramanian et al. (2015) put one minimum-jerk movement at about -1.4, whatever its duration and size.
    smooth = [
        movements.sparc(scale * np.gradient(bell(TIMES, 1, seconds)), FPS) for scale, seconds in ((1, 1), (0.1, 2), (3, 0.7))
    ]
    np.testing.assert_allclose(smooth, -1.41, atol=0.03)
    halting = bell(TIMES, 1, 0.4) + bell(TIMES, 1.5, 0.4) + bell(TIMES, 2, 0.4)
    assert movements.sparc(np.gradient(halting), FPS) < -2
    assert largest(0.2 * bell(TIMES, 1, 0.5)).smoothness > largest(0.07 * halting).smoothness + 0.4


@pytest.mark.parametrize("late", [-0.2, -0.05, 0.0, 0.11, 0.3])
def test_lag_is_how_much_later_the_left_moves(late):
    left, right = 0.1 * bell(TIMES, 2 + late, 0.5), 0.2 * bell(TIMES, 2, 0.5)
    assert movements.lag(left, right, FPS) == pytest.approx(late, abs=0.005)


def test_lag_of_a_still_curve_is_zero():
    assert movements.lag(np.zeros(50), bell(TIMES, 0.5, 0.5)[:50], FPS) == 0


@pytest.mark.parametrize(("amplitude", "frequency"), [(0.02, 5.0), (0.01, 4.3), (0.005, 6.2)])
def test_tremor_is_the_rms_of_the_sinusoid_above_the_noise(amplitude, frequency):
    rng = np.random.default_rng(0)
    position = np.zeros((len(TIMES), 2))
    position[:, 1] = amplitude * np.sin(2 * np.pi * frequency * TIMES)
    position += 0.002 * rng.standard_normal(position.shape)
    assert movements.tremor(position, SEEN, FPS) == pytest.approx(amplitude / np.sqrt(2), rel=0.1)


def test_a_quick_movement_and_noise_are_no_tremor():
    position = np.zeros((len(TIMES), 2))
    position[:, 1] = 0.3 * bell(TIMES, 2, 0.25)
    position += 0.004 * np.random.default_rng(0).standard_normal(position.shape)
    assert movements.tremor(position, SEEN, FPS) < 0.002


@pytest.mark.parametrize("fps", [12.0, 25.0, 60.0])
@pytest.mark.parametrize("depth", [0.35, 0.9])
def test_blinks_are_counted_whatever_their_depth_and_the_frame_rate(fps, depth):
    times = frame_times(8, fps)
    moments = (0.9, 2.3, 2.75, 5.0, 6.6)
    aperture = 0.12 * (1 - blink_wave(times, moments, depth)) + 0.002 * np.random.default_rng(0).standard_normal(len(times))
    found = movements.find_blinks(aperture, 0.12, np.ones(len(times), bool), fps)
    np.testing.assert_allclose(found.moments, moments, atol=1 / fps)
    assert found.depth == pytest.approx(depth, abs=0.2 * depth)


def test_blink_speeds_tell_closing_from_opening():
    aperture = 0.1 * (1 - 0.9 * (ramp(TIMES, 2, 0.1) - ramp(TIMES, 2.15, 0.3)))
    found = movements.find_blinks(aperture, 0.1, SEEN, FPS)
    assert found.closing_speed == pytest.approx(0.9, rel=0.05)
    assert found.opening_speed == pytest.approx(0.3, rel=0.05)


def test_a_lasting_closure_and_noise_are_no_blinks():
    noise = 0.003 * np.random.default_rng(0).standard_normal(len(TIMES))
    squeezed = 0.12 * (1 - 0.9 * (ramp(TIMES, 1, 0.2) - ramp(TIMES, 4, 0.3)))
    assert len(movements.find_blinks(squeezed + noise, 0.12, SEEN, FPS).moments) == 0
    assert len(movements.find_blinks(0.12 + noise, 0.12, SEEN, FPS).moments) == 0


def test_blinks_in_untracked_samples_are_not_counted():
    aperture = 0.12 * (1 - blink_wave(TIMES, (1.0, 3.0)))
    tracked = np.abs(TIMES - 3.0) > 0.2
    assert len(movements.find_blinks(aperture, 0.12, tracked, FPS).moments) == 1


@pytest.mark.parametrize(("mask", "length"), [([], 0), ([0, 0], 0), ([1, 1, 0, 1], 2), ([0, 1, 1, 1], 3)])
def test_longest_run(mask, length):
    assert movements.longest_run(np.array(mask, bool)) == length
