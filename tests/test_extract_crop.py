"""The face crop: one robust square for a clip, coordinates that go there and back, area resizing."""

import numpy as np
import pytest
import simplejpeg

from input_pipeline.extract.crop import Box, Cropper, face_box

av = pytest.importorskip("av", reason="PyAV is not installed (extra: extract)")


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


def crop(rgb, box, size, **turned):
    """RGB of the crop of an upright RGB picture."""
    coded_size = turned.pop("coded_size", (rgb.shape[1], rgb.shape[0]))
    picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), format="rgb24")
    return simplejpeg.decode_jpeg(Cropper(box, size, coded_size, **turned)(picture))


def ramps(height, width):
    """A picture whose red grows to the right and whose green grows downwards."""
    rows, columns = np.mgrid[0:height, 0:width]
    return np.stack([columns * 250 / width, rows * 250 / height, 60 + 0 * rows], axis=-1).astype(np.uint8)


def test_a_box_has_even_edges_as_colours_are_stored_for_two_pixels():
    boxes = [face_box(faces(7) + shift) for shift in range(5)]
    assert not any(value % 2 for box in boxes for value in (box.x, box.y, box.side))


def test_a_crop_over_the_border_is_black_there_and_the_picture_elsewhere():
    rgb = np.full((100, 120, 3), 200, np.uint8)
    found = crop(rgb, Box(x=-40, y=20, side=80), 80)
    assert found.shape == (80, 80, 3)
    assert found[:, :38].max() < 12
    assert found[:, 42:].min() > 188


def test_a_crop_with_nothing_of_the_picture_is_black():
    assert crop(np.full((100, 120, 3), 200, np.uint8), Box(x=300, y=20, side=80), 64).max() <= 1


@pytest.mark.parametrize(("side", "size"), [(446, 256), (300, 224), (1080, 224), (64, 64), (100, 256)])
def test_scaling_is_opencvs_area_scaling(side, size):
    cv2 = pytest.importorskip("cv2")
    wave = np.add.outer(np.sin(np.arange(side) / 5), np.cos(np.arange(side) / 7)) * 60 + 128
    grey = wave.astype(np.uint8)
    expected = cv2.resize(grey, (size, size), interpolation=cv2.INTER_AREA if size < side else cv2.INTER_LINEAR)
    picture = av.VideoFrame.from_ndarray(np.repeat(grey[..., None], 3, axis=-1), format="rgb24")
    luma = Cropper(Box(0, 0, side), size, (side, side)).planes(picture)[0]
    difference = np.abs(luma.astype(int) - expected)
    assert difference.mean() < 0.6
    assert difference.max() <= 3


@pytest.mark.parametrize("pixel_format", ["yuv420p", "yuv420p10le", "yuv422p", "yuv444p", "nv12", "rgb24"])
@pytest.mark.parametrize("told", [1, 5, 2], ids=["bt709", "bt601", "untold"])
@pytest.mark.parametrize("color_range", [1, 2], ids=["limited", "full"])
def test_colours_of_the_crop_are_those_that_the_landmarks_get(pixel_format, told, color_range):
    """High definition has other colours for the same numbers, and cameras of telephones another range."""
    matrix = 5 if told == 2 else told  # what players take a file to be that does not tell
    made = av.VideoFrame.from_ndarray(ramps(180, 240), format="rgb24")
    picture = made.reformat(format=pixel_format, dst_colorspace=matrix, dst_color_range=color_range)
    picture.colorspace, picture.color_range = told, color_range
    rgb = picture.reformat(format="rgb24").to_ndarray()
    found = simplejpeg.decode_jpeg(Cropper(Box(40, 20, 120), 120, (240, 180))(picture)).astype(int)
    difference = np.abs(found - rgb[20:140, 40:160])[4:-4, 4:-4]
    assert difference.mean() < 2.5
    assert difference.max() <= 9


@pytest.mark.parametrize("transpose", [False, True])
@pytest.mark.parametrize("flip_x", [False, True])
@pytest.mark.parametrize("flip_y", [False, True])
def test_the_box_is_of_the_upright_picture_however_it_is_stored(transpose, flip_x, flip_y):
    coded = ramps(100, 160)
    upright = coded.transpose(1, 0, 2) if transpose else coded
    upright = upright[:: -1 if flip_y else 1, :: -1 if flip_x else 1]
    found = crop(coded, Box(20, 10, 60), 60, orientation=(transpose, flip_x, flip_y)).astype(int)
    assert np.abs(found - upright[10:70, 20:80])[3:-3, 3:-3].max() <= 8


def test_a_picture_of_another_size_than_the_clips_first_is_brought_to_it():
    cropper = Cropper(Box(20, 20, 40), 40, (160, 100))
    of_size = [av.VideoFrame.from_ndarray(ramps(*shape), format="rgb24") for shape in ((100, 160), (50, 80), (100, 160))]
    whole, half, again = (simplejpeg.decode_jpeg(cropper(picture)).astype(int) for picture in of_size)
    assert np.abs(whole - half).max() <= 8
    np.testing.assert_array_equal(whole, again)
