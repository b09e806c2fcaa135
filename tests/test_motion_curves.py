"""The uniform time base, the low-pass filter and the jitter estimate."""

import numpy as np
import pytest
from face_factory import frame_times
from scipy import signal

from input_pipeline.motion import curves


def test_the_low_pass_is_a_butterworth_filter_run_both_ways():
    fps = 50.0
    noise = np.random.default_rng(0).standard_normal((1000, 2))
    expected = signal.sosfiltfilt(signal.butter(2, 6, fs=fps, output="sos"), noise, axis=0)
    got = curves.low_pass(noise, fps)
    # The bilinear transform of the digital filter bends frequencies a little; the ends are reflected differently.
    assert np.abs(got - expected)[50:-50].std() < 0.1 * expected.std()
    assert expected.std() < 0.6


@pytest.mark.parametrize("fps", [12.0, 30.0, 60.0])
def test_the_low_pass_keeps_slow_motion_and_adds_no_delay(fps):
    times = frame_times(4, fps)
    slow = np.sin(2 * np.pi * times)
    inside = slice(int(0.1 * fps), -int(0.1 * fps))
    np.testing.assert_allclose(curves.low_pass(slow, fps)[inside], slow[inside], atol=0.02)


def test_the_time_base_is_uniform_at_the_median_rate():
    times = np.cumsum([0, 0.04, 0.04, 0.08, 0.04, 0.03, 0.05, 0.04])
    grid, fps = curves.uniform_times(times)
    assert fps == pytest.approx(25)
    np.testing.assert_allclose(np.diff(grid), 0.04)
    assert grid[0] == times[0]
    assert times[-1] - 0.04 < grid[-1] <= times[-1] + 1e-6


def test_resampling_is_linear_interpolation_and_constant_beyond_the_ends():
    rng = np.random.default_rng(0)
    times = np.sort(rng.uniform(0.2, 1.8, 30))
    tokens = rng.normal(size=(30, 63, 2))
    grid = np.linspace(0, 2, 50)
    expected = [np.interp(grid, times, tokens[:, v, c]) for v in range(63) for c in range(2)]
    np.testing.assert_allclose(curves.resample(tokens, times, grid).reshape(50, -1).T, expected, atol=1e-12)


def test_samples_near_untracked_frames_and_inside_long_gaps_are_not_seen():
    times = np.delete(frame_times(2, 30), np.arange(40, 52))  # 12 frames that were never recorded
    tracked = np.ones(len(times), bool)
    tracked[10] = False
    grid, fps = curves.uniform_times(times)
    seen = curves.seen_samples(grid, times, tracked, fps)
    assert not seen[10]
    assert not seen[41:51].any()
    assert seen[:10].all()
    assert seen[11:39].all()
    assert seen[53:].all()


@pytest.mark.parametrize("sigma", [0.001, 0.006])
def test_jitter_is_the_standard_deviation_of_the_noise_although_the_face_moves(sigma):
    rng = np.random.default_rng(0)
    times = frame_times(4)
    tokens = 0.1 * np.sin(2 * times)[:, None, None] + sigma * rng.standard_normal((len(times), 63, 3))
    tracked = rng.uniform(size=len(times)) > 0.1
    found = curves.jitter(tokens[tracked], tracked)
    assert found.shape == (63,)
    assert np.median(found) == pytest.approx(sigma, rel=0.1)


def test_the_open_aperture_is_found_whatever_part_of_the_clip_the_eye_is_closed():
    rng = np.random.default_rng(0)
    seen = np.ones(150, bool)
    for closed in (0, 40, 120):
        aperture = np.full(150, 0.1)
        aperture[20 : 20 + closed] = 0.02
        found = curves.open_aperture(aperture + 0.002 * rng.standard_normal(150), seen, 30.0)
        assert found == pytest.approx(0.1, abs=0.005)
