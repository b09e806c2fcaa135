"""py-feat's CSV: 68 or 478 points, frames by their number, one face followed."""

import numpy as np
import pytest
from landmark_file_factory import HEIGHT, WIDTH, face_pixels, read, write_pyfeat

from input_pipeline.errors import UserError
from input_pipeline.landmark_files.mirror import BLENDSHAPES

POINTS = face_pixels("openface68")
MESH = face_pixels("mediapipe478")


def told(path, words, **changes):
    with pytest.raises(UserError, match=words) as caught:
        read(path, **({"fps": 30} | changes))
    assert "\n" not in str(caught.value)


def test_a_frame_is_at_its_number_over_the_frame_rate(tmp_path):
    # skip_frames=2: every second frame of the video.
    path = write_pyfeat(tmp_path / "f.csv", POINTS, frames=np.arange(0, 180, 2))
    np.testing.assert_allclose(read(path, fps=30).times, np.arange(90) / 15, atol=1e-6)


def test_a_frame_rate_that_approx_time_speaks_against_is_refused(tmp_path):
    path = write_pyfeat(tmp_path / "f.csv", POINTS, frames=np.arange(900, 990))
    read(path, fps=30)
    told(path, r"frame 989 is at 00:32 by its approx_time, but at 39.6 s with fps=25", fps=25)
    read(write_pyfeat(tmp_path / "g.csv", POINTS, frames=np.arange(900, 990), approx_time=False), fps=25)


def test_the_mesh_is_taken_where_there_is_one_and_its_depth_is_not(tmp_path):
    for columns in ("xyz", "mesh"):
        clip = read(write_pyfeat(tmp_path / "f.csv", MESH, columns), fps=30)
        assert clip.layout == "mediapipe478"
        assert clip.label.source["depth"] == "none"
        assert (clip.landmarks[..., 2] == 0).all()
    assert (clip.label.source["width"], clip.label.source["height"]) == (WIDTH, HEIGHT)


def test_blendshapes_are_in_mediapipes_order(tmp_path):
    path = write_pyfeat(tmp_path / "f.csv", MESH, "mesh", blendshapes=reversed(BLENDSHAPES))
    header, *lines = path.read_text().splitlines()
    place = header.split(",").index("mouthSmileLeft")
    rows = [line.split(",") for line in lines]
    for row in rows:
        row[place] = "0.75"
    path.write_text("\n".join([header, *(",".join(row) for row in rows)]))
    for mirrored, name in ((False, "mouthSmileLeft"), (True, "mouthSmileRight")):
        clip = read(path, fps=30, mirrored=mirrored)
        assert clip.blendshapes.shape == (90, 52)
        np.testing.assert_array_equal(np.flatnonzero(clip.blendshapes[0] == 0.75), [BLENDSHAPES.index(name)])


def test_empty_rows_are_untracked_and_a_second_face_is_left_out(tmp_path):
    path = write_pyfeat(tmp_path / "f.csv", POINTS, lost=(5, 6), others=(20, 21, 22))
    clip = read(path, fps=30)
    np.testing.assert_array_equal(np.flatnonzero(~clip.tracked), [5, 6])
    assert clip.label.source["warnings"] == [
        "several faces in 3 frames: the one nearest to the face of the frame before was taken"
    ]
    alone = read(write_pyfeat(tmp_path / "a.csv", POINTS, lost=(5, 6)), fps=30)
    np.testing.assert_array_equal(clip.landmarks, alone.landmarks)


def test_malformed_files_are_told_in_one_line(tmp_path):
    path = tmp_path / "f.csv"
    told(write_pyfeat(path, POINTS[:, :5]), "from py-feat but with 5 x and 5 y columns, expected 68 or 478")
    told(write_pyfeat(path, POINTS, lost=range(90)), "no face in any of its 90 frames")
    told(write_pyfeat(path, POINTS), "says no times and no frame rate", fps=None)
    text = write_pyfeat(path, POINTS).read_text()
    path.write_text(text.replace(",frame,", ",Frame,"))
    told(path, "no column frame, found FaceRectX")
    path.write_text(text.splitlines()[0])
    told(path, "has no rows below its header")
    told(write_pyfeat(path, MESH, "mesh"), "says 640 x 480 pixels, image_size says 480 x 640", image_size=(480, 640))
