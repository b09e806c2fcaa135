"""What all readers share: times, one face among several, sizes."""

import os

import numpy as np
import pytest

from input_pipeline.errors import UserError
from input_pipeline.landmark_files.track import MOST_BYTES, check_size, follow_one_face, frame_times, one_size


def test_the_face_nearest_to_the_one_before_is_followed():
    # Two faces, at x = 0 and drifting from x = 50, in changing order; frame 3 has neither, frame 4 only the still one.
    frames = np.array([0, 0, 1, 1, 2, 2, 3, 4, 5, 5])
    x = np.array([0, 50, 60, 0, 0, 70, np.nan, 0, 80, 0])
    scores = np.array([0.5, 0.9, 0.1, 0.9, 0.9, 0.1, 0, 0.9, 0.1, 0.9])
    rows, crowded = follow_one_face(frames, np.repeat(x[:, None, None], 2, axis=2).repeat(4, axis=1), scores)
    np.testing.assert_array_equal(rows, [1, 2, 5, 6, 7, 9])
    assert crowded == 4


def test_rows_out_of_order_come_in_the_order_of_their_frames():
    rows, crowded = follow_one_face(np.array([7, 3, 5]), np.zeros((3, 2, 2)), np.ones(3))
    np.testing.assert_array_equal(rows, [1, 2, 0])
    assert crowded == 0


def test_times_start_at_zero_and_beat_the_frame_rate():
    np.testing.assert_allclose(frame_times("f", np.array([2.0, 2.5, 4.0]), np.arange(3), 30), [0, 0.5, 2])
    np.testing.assert_allclose(frame_times("f", None, np.array([10, 11, 13]), 2), [0, 0.5, 1.5])
    np.testing.assert_allclose(frame_times("f", np.array([np.nan, 1, 2]), np.arange(3), 2), [0, 0.5, 1])


def test_times_that_float32_cannot_tell_apart_are_refused():
    with pytest.raises(UserError, match="frame 3 is at 1000 s, the one before at 1000 s"):
        frame_times("f", np.array([0, 1000, 1000 + 1e-9]), np.arange(3), None)


def test_a_size_in_the_file_must_be_the_one_given():
    assert one_size("f", None, None) is None
    assert one_size("f", (3, 4), None) == one_size("f", None, (3, 4)) == one_size("f", (3, 4), (3, 4)) == (3, 4)
    with pytest.raises(UserError, match="says 3 x 4 pixels, image_size says 4 x 3"):
        one_size("f", (3, 4), (4, 3))


def test_a_file_of_absurd_size_is_refused_unread(tmp_path):
    path = tmp_path / "a.json"
    path.touch()
    os.truncate(path, MOST_BYTES + 1)
    with pytest.raises(UserError, match=f"has {MOST_BYTES + 1} bytes, at most {MOST_BYTES} are read"):
        check_size(path)
