"""The face crop: one robust square for a clip, coordinates that go there and back, area resizing."""

import numpy as np
import pytest
import simplejpeg

from input_pipeline.extract.crop import Box, crop_jpeg, face_box, resize_area

pytest.importorskip("av", reason="PyAV is not installed (extra: extract)")


def faces(frames=50):
    """A 100 x 80 px face around (300, 200) that sways by 10 px."""
    rng = np.random.default_rng(0)
    points = rng.uniform(-0.5, 0.5, (1, 478, 3)) * [80, 100, 50]
    sway = 10 * np.sin(np.linspace(0, 6, frames))[:, None, None] * [1, 0, 0]
    return (points + sway + [300, 200, 0]).astype(np.float32)


def test_the_box_is_a_square_around_all_frames_with_the_margin():
    box = face_box(faces(), margin=1.3)
    assert box.side == pytest.approx(100 * 1.3, abs=3)
    assert box.x + box.side / 2 == pytest.approx(300, abs=2)
    assert box.y + box.side / 2 == pytest.approx(200, abs=2)


def test_one_wild_frame_does_not_move_the_box():
    wild = np.concatenate([faces(100), faces(1) * 3])
    calm, moved = face_box(faces(100)), face_box(wild)
    assert abs(calm.x - moved.x) <= 1
    assert abs(calm.side - moved.side) <= 2


def test_the_crop_is_where_the_units_say():
    box = Box(x=200, y=-50, side=400)
    corners = np.array([[200, -50, 0], [600, 350, 400], [400, 150, -40]], np.float32)
    units = box.to_crop_units(corners)
    np.testing.assert_allclose(units, [[-0.5, -0.5, 0], [0.5, 0.5, 1], [0, 0, -0.1]], atol=1e-6)
    np.testing.assert_allclose(box.to_pixels(units), corners, atol=1e-4)


def test_float16_units_keep_an_eighth_of_a_pixel_of_a_crop_of_512():
    box = Box(x=100, y=30, side=512)
    points = np.random.default_rng(0).uniform([100, 30, -256], [612, 542, 256], (2000, 3)).astype(np.float32)
    error = box.to_pixels(box.to_crop_units(points).astype(np.float16)) - points
    assert np.abs(error).max() <= 1 / 8


def test_a_crop_over_the_border_is_black_there_and_the_picture_elsewhere():
    rgb = np.full((100, 120, 3), 200, np.uint8)
    crop = simplejpeg.decode_jpeg(crop_jpeg(rgb, Box(x=-40, y=20, side=80), 80))
    assert crop.shape == (80, 80, 3)
    assert crop[:, :38].max() < 12
    assert crop[:, 42:].min() > 188


def test_a_crop_with_nothing_of_the_picture_is_black():
    rgb = np.full((100, 120, 3), 200, np.uint8)
    assert simplejpeg.decode_jpeg(crop_jpeg(rgb, Box(x=300, y=20, side=80), 64)).max() == 0


@pytest.mark.parametrize(("side", "size"), [(446, 256), (300, 224), (1080, 224), (64, 64), (100, 256)])
def test_resizing_is_opencvs_area_resizing(side, size):
    cv2 = pytest.importorskip("cv2")
    wave = np.add.outer(np.sin(np.arange(side) / 5), np.cos(np.arange(side) / 7))[..., None] * [60, 40, -50] + 128
    square = wave.astype(np.uint8)
    expected = cv2.resize(square, (size, size), interpolation=cv2.INTER_AREA if size < side else cv2.INTER_LINEAR)
    difference = np.abs(resize_area(square, size).astype(int) - expected)
    assert difference.mean() < 0.5
    assert difference.max() <= 3
