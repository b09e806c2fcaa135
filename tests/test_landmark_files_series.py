"""Arrays of a file that belong to the landmarks must fit them."""

import numpy as np
import pytest

from input_pipeline.errors import UserError
from input_pipeline.landmark_files.series import as_series

POINTS = np.ones((5, 106, 2), np.float32)


def test_what_a_file_says_is_found():
    series = as_series(
        "a.npz", {"landmarks": POINTS, "times": np.arange(5), "fps": np.array(25), "image_size": np.array([640, 480])}
    )
    assert series.points.shape == (5, 106, 3)
    assert not series.depth
    assert (series.fps, series.image_size) == (25.0, (640, 480))
    np.testing.assert_array_equal(series.times, np.arange(5))


def test_frames_that_are_not_tracked_have_no_points():
    series = as_series("a.npz", {"landmarks": POINTS, "tracked": np.array([1, 0, 1, 1, 0])})
    np.testing.assert_array_equal(np.isnan(series.points).all(axis=(1, 2)), [False, True, False, False, True])


@pytest.mark.parametrize(
    ("arrays", "told"),
    [
        ({"points": POINTS}, r"no array 'landmarks', found 'points' \(5, 106, 2\)"),
        ({}, "no array 'landmarks', found nothing"),
        ({"landmarks": POINTS, "times": np.arange(4)}, r"times has shape \(4,\), expected \(5,\)"),
        ({"landmarks": POINTS, "blendshapes": np.ones((5, 51))}, r"blendshapes has shape \(5, 51\), expected \(5, 52\)"),
        ({"landmarks": POINTS, "image_size": np.array([0, 480])}, "image_size is"),
        ({"landmarks": POINTS, "fps": np.array(np.nan)}, "fps is nan"),
        ({"landmarks": POINTS, "fps": np.ones(5)}, r"fps has shape \(5,\), expected \(\)"),
    ],
)
def test_what_does_not_fit_is_told(arrays, told):
    with pytest.raises(UserError, match=told):
        as_series("a.npz", arrays)
