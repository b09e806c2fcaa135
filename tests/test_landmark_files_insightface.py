"""Arrays of InsightFace's 106 points and of the subsets that PFED5's preprocessing stores."""

import numpy as np
import pytest
from landmark_file_factory import TIMES, face_pixels, read, write_npy

from input_pipeline.errors import UserError
from input_pipeline.motion.layouts import to_tokens

POINTS = face_pixels("insightface106")


def numbered(count_of):
    """(4, 106, 2) of a face upright in its tokens, whose x says which point it is in thousandths."""
    points = np.repeat(POINTS[:1, :, :2], 4, axis=0)
    points[..., 0] += np.arange(106) / 1000
    return points


@pytest.mark.parametrize("steps", [("contour",), ("contour", "pupils"), ("contour", "one more")])
def test_the_subsets_are_what_the_released_code_leaves(tmp_path, steps):
    """Step by step as the preprocessing and the loader do it (references: tramp_lineage.md section 2.1)."""
    points = numbered(106)
    stored = points[:, 33:]
    if "pupils" in steps:
        stored = np.delete(stored, [1, 55], axis=1)
    if "one more" in steps:
        stored = np.concatenate([stored[:, :1] * 0 + 300, stored], axis=1)
    assert stored.shape[1] == {1: 73, 2: 71 if "pupils" in steps else 74}[len(steps)]
    clip = read(write_npy(tmp_path / "i.npy", stored), fps=30)
    x, y, side = clip.label.source["crop"]
    assert clip.layout == "tokens63"
    expected = (to_tokens(points, "insightface106") - (x + side / 2, y + side / 2)) / side
    np.testing.assert_array_equal(clip.landmarks[..., :2], expected.astype(np.float32).astype(np.float16))


def test_the_models_flat_output_is_read_as_106_points(tmp_path):
    flat = read(write_npy(tmp_path / "a.npy", POINTS[..., :2].reshape(90, 212)), fps=30)
    whole = read(write_npy(tmp_path / "b.npy", POINTS[..., :2]), fps=30)
    assert flat.layout == "insightface106"
    np.testing.assert_array_equal(flat.landmarks, whole.landmarks)


def test_a_third_coordinate_is_depth_and_said_to_be(tmp_path):
    clip = read(write_npy(tmp_path / "i.npy", POINTS), fps=30)
    assert clip.label.source["depth"] == "measured"
    assert "taken as depth in pixels" in clip.label.source["warnings"][0]
    z = clip.landmarks[..., 2].astype(float) * clip.label.source["crop"][2]
    np.testing.assert_allclose(z, POINTS[..., 2], atol=0.1)


def test_times_flags_and_frame_rate_of_an_npz_are_used(tmp_path):
    tracked = TIMES < 2
    np.savez(tmp_path / "i.npz", landmarks=POINTS[..., :2], times=TIMES * 2, tracked=tracked)
    clip = read(tmp_path / "i.npz")
    np.testing.assert_allclose(clip.times, TIMES * 2, atol=1e-6)
    np.testing.assert_array_equal(clip.tracked, tracked)
    np.savez(tmp_path / "f.npz", landmarks=POINTS[..., :2], fps=15.0)
    assert read(tmp_path / "f.npz").label.source["fps"] == 15.0


@pytest.mark.parametrize(
    ("shape", "told"),
    [
        ((90, 98, 2), "no kind of landmark file that is known, found landmarks of 98 points"),
        ((90, 106, 5), "expected \\(frames, points, 2 or 3\\)"),
        ((106, 2), "expected \\(frames, points, 2 or 3\\)"),
        ((90, 0, 2), "expected \\(frames, points, 2 or 3\\)"),
        ((1, 106, 2), "has 1 frames"),
        ((50_000, 3, 2), "at most 40000 are read"),
    ],
)
def test_other_shapes_are_told_in_one_line(tmp_path, shape, told):
    with pytest.raises(UserError, match=told) as caught:
        read(write_npy(tmp_path / "i.npy", np.ones(shape, np.float32)), fps=30)
    assert "\n" not in str(caught.value)
