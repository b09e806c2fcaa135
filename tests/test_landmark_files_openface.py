"""OpenFace 2's CSV: which face, which frames, depth from millimetres."""

import numpy as np
import pytest
from landmark_file_factory import TIMES, face_pixels, read, write_openface

from input_pipeline.errors import UserError
from input_pipeline.motion.layouts import EYE_OUTER, NOSE_REFERENCE, to_tokens

POINTS = face_pixels("openface68")


def told(path, words, **changes):
    with pytest.raises(UserError, match=words) as caught:
        read(path, **changes)
    assert "\n" not in str(caught.value)


def test_the_times_are_the_files_own_whatever_the_frame_rate_given(tmp_path):
    times = 5 + np.cumsum(np.tile([0.04, 0.03, 0.05], 30))
    clip = read(write_openface(tmp_path / "o.csv", POINTS, times=times), fps=10)
    np.testing.assert_allclose(clip.times, times - times[0], atol=1e-6)


def test_frames_that_are_no_success_are_untracked(tmp_path):
    success = np.ones(90)
    success[[0, 50, 51]] = 0
    clip = read(write_openface(tmp_path / "o.csv", POINTS, success=success))
    np.testing.assert_array_equal(clip.tracked, success == 1)
    np.testing.assert_array_equal(clip.landmarks[51], clip.landmarks[49])


def test_of_several_faces_the_one_of_most_frames_is_taken_and_said(tmp_path):
    faces = {0: range(1, 31), 1: range(11, 91)}
    clip = read(write_openface(tmp_path / "o.csv", POINTS, faces=faces))
    assert clip.label.source["warnings"] == [
        "2 faces in the file: face_id 1, which is tracked in the most frames, was taken",
    ]
    np.testing.assert_array_equal(np.flatnonzero(~clip.tracked), np.arange(10))
    assert len(clip.times) == 90
    alone = read(write_openface(tmp_path / "a.csv", POINTS))
    assert clip.label.source["crop"][0] == pytest.approx(alone.label.source["crop"][0] + 100, abs=1)
    assert alone.label.source["warnings"] == []


def test_depth_is_in_the_unit_of_x_and_the_nose_is_nearer(tmp_path):
    clip = read(write_openface(tmp_path / "o.csv", POINTS))
    z = to_tokens(clip.landmarks.astype(float), "openface68")[..., 2] * clip.label.source["crop"][2]
    expected = to_tokens(POINTS, "openface68")[..., 2]
    np.testing.assert_allclose(z - z.mean(axis=1, keepdims=True), expected - expected.mean(axis=1, keepdims=True), atol=0.5)
    assert (z[:, NOSE_REFERENCE] < z[:, EYE_OUTER["left"]]).all()
    assert clip.label.source["depth"] == "measured"
    flat = read(write_openface(tmp_path / "f.csv", POINTS, three=False))
    assert flat.label.source["depth"] == "none"
    assert (flat.landmarks[..., 2] == 0).all()


def test_files_of_older_versions_without_face_id_are_read(tmp_path):
    clip = read(write_openface(tmp_path / "o.csv", POINTS, face_id=False))
    assert clip.tracked.all()


def test_times_that_say_nothing_are_replaced_by_the_frame_rate(tmp_path):
    path = write_openface(tmp_path / "o.csv", POINTS, times=np.zeros(90))
    told(path, "says no times and no frame rate")
    np.testing.assert_allclose(read(path, fps=30).times, TIMES, atol=1e-6)


def test_malformed_files_are_told_in_one_line(tmp_path):
    path = tmp_path / "o.csv"
    told(write_openface(path, POINTS[:, :49]), "has 49 x and 49 y columns, expected 68 of each")
    told(write_openface(path, POINTS[:, :0]), "without landmarks in pixels: run FeatureExtraction with -2Dfp")
    told(write_openface(path, POINTS, times=np.where(TIMES[20] == TIMES, 0.1, TIMES)), "frame 21 is at 0.1 s, the one before")
    told(write_openface(path, POINTS, success=np.zeros(90)), "no face in any of its 90 frames")
    told(write_openface(path, POINTS[:1]), "has 1 frames: a clip of motion needs at least 2")
    twice = write_openface(path, POINTS).read_text().splitlines()
    path.write_text("\n".join([*twice, twice[5]]))
    told(path, "one frame in several rows")
    path.write_text("\n".join([*twice[:9], twice[9][:400]]))
    told(path, "row 10: .* fields, the header has")
    path.write_text("\n".join(twice).replace("0.98", "n.a.").replace(" timestamp,", " time,"))
    told(path, "no column timestamp, found frame, face_id, time")
    path.write_text(twice[0])
    told(path, "has no rows below its header")
    path.write_text("\n".join(twice).replace("\n7, ", "\n, "))
    told(path, "row 7 has no frame number")
    path.write_text("\n".join(twice).replace("\n7, 0, 0.200", "\n7, 0, soon"))
    told(path, "line 8: timestamp is 'soon', expected a number")


def test_longer_than_any_clip_is_refused(tmp_path):
    told(write_openface(tmp_path / "o.csv", POINTS, times=TIMES * 1000), "at most 1200 s are read")
