"""The window is the reference's, and frames belong to the moments that the landmarks show."""

import numpy as np
import pytest
from scipy.interpolate import make_interp_spline

from input_pipeline.windows import aligned_frames, make_window, window_frames


def filmed(count, fps=30.0):
    return (np.arange(count) / fps).astype(np.float32)


@pytest.mark.parametrize("count", [1, 5, 127, 128])
def test_a_short_clip_loops_from_its_start(count):
    # TraMP-Former: frames repeat in order until there are 128.
    assert window_frames(count, 128).tolist() == (list(range(count)) * 128)[:128]


@pytest.mark.parametrize("count", [129, 200, 1000])
def test_a_long_clip_gives_its_last_frames(count):
    assert window_frames(count, 128).tolist() == list(range(count))[-128:]


def test_the_time_index_restarts_when_looping_and_passes_one_in_long_clips():
    short, long = make_window(filmed(50), 128, 0), make_window(filmed(300), 128, 0)
    np.testing.assert_allclose(short.time_index[[0, 49, 50, 127]], [-1, 2 * 49 / 128 - 1, -1, 2 * 27 / 128 - 1])
    np.testing.assert_allclose(long.time_index[[0, 127]], [2 * 172 / 128 - 1, 2 * 299 / 128 - 1], rtol=1e-6)
    assert long.time_index.max() > 1


def test_without_resampling_values_are_taken_as_they_are():
    values = np.random.default_rng(0).normal(size=(50, 3)).astype(np.float16)
    window = make_window(np.cumsum(np.random.default_rng(1).uniform(0.01, 0.1, 50)), 20, 0)
    np.testing.assert_array_equal(window.sample(values), values[-20:].astype(np.float32))


@pytest.mark.parametrize("fps", [24.0, 30.0, 60.0])
def test_resampling_gives_the_same_motion_whatever_the_camera(fps):
    times = filmed(int(4 * fps) + 1, fps)
    window = make_window(times, 80, 20.0)
    seconds = np.arange(81)[-80:] / 20.0
    np.testing.assert_allclose(window.seconds, seconds, atol=1e-6)
    start, end = np.maximum(seconds - 0.025, 0), np.minimum(seconds + 0.025, 4)
    np.testing.assert_allclose(window.sample(np.sin(times)), (np.cos(start) - np.cos(end)) / (end - start), atol=1e-3)


@pytest.mark.parametrize("fps", [6.0, 25.0, 70.0])
def test_a_moment_is_scipys_mean_of_the_line_through_the_frames_on_uneven_times(fps):
    times = np.cumsum(np.random.default_rng(0).uniform(0.02, 0.06, 90))
    values = np.random.default_rng(1).normal(size=(90, 2))
    window = make_window(times, 24, fps)
    line = make_interp_spline(times, values, k=1)
    for moment, found in zip(window.seconds, window.sample(values), strict=True):
        start, end = max(moment - 0.5 / fps, times[0]), min(moment + 0.5 / fps, times[-1])
        np.testing.assert_allclose(found, line.integrate(start, end) / (end - start), atol=1e-4)


def test_a_blink_between_two_moments_is_not_lost():
    times = filmed(151)
    blink = np.exp(-0.5 * ((times - 2.5) / 0.06) ** 2)
    sampled = make_window(times, 16, 4.0).sample(blink)
    assert sampled.sum() / 4 == pytest.approx(blink.sum() / 30, rel=0.02)


def test_one_frame_is_the_whole_window():
    assert make_window(filmed(1), 8, 6.0).sample(np.array([3.0])).tolist() == [3.0] * 8


def test_frames_spread_over_the_window_and_nothing_else():
    times = filmed(200)
    window = make_window(times, 128, 0)
    chosen = aligned_frames(window, times, 16)
    assert chosen.tolist() == (72 + np.round(np.linspace(0, 127, 16))).astype(int).tolist()


def test_frames_loop_with_the_landmarks():
    times = filmed(40)
    window = make_window(times, 120, 0)
    assert aligned_frames(window, times, 120).tolist() == window.frames.tolist()


def test_frames_stored_more_thinly_are_the_nearest_in_time():
    times = filmed(120)
    stored = np.array([0, 10, 50, 119])
    window = make_window(times, 120, 0)
    chosen = stored[aligned_frames(window, times[stored], 120)]
    for moment, frame in enumerate(chosen):
        assert abs(frame - moment) == np.abs(stored - moment).min()
