"""A part of a frame, enlarged, is what resizing makes of it, and landmarks go with it."""

import numpy as np
import pytest

from input_pipeline.images import resize
from input_pipeline.view import EVERYTHING, View


@pytest.mark.parametrize("view", [View(3, 7, 20, 32), View(0, 12, 20, 32), View(0, 0, 31, 32), View(15, 15, 17, 32)])
def test_the_enlarged_part_is_the_resized_part(view):
    images = np.random.default_rng(0).choice(np.array([0, 128, 255], np.uint8), (2, 32, 32, 3))
    found = view.of_images(images)
    assert (found.shape, found.dtype) == (images.shape, images.dtype)
    for image, one in zip(images, found, strict=True):
        part = image[view.top : view.top + view.side, view.left : view.left + view.side]
        assert np.abs(one.astype(int) - resize(np.ascontiguousarray(part), 32)).max() <= 2


def test_corners_of_the_part_are_corners_of_the_frame():
    view = View(left=16, top=8, side=32, size=64)  # pixels of 4 units each, from -64 to 64 and from -96 to 32
    found = view.of_pixels(np.array([[-64.0, -96.0, 1.0], [64.0, 32.0, 2.0]]))
    np.testing.assert_array_equal(found, [[-128, -128, 2], [128, 128, 4]])
    assert found.dtype == np.float32


def test_a_side_that_is_cut_leaves_less_than_everything():
    assert EVERYTHING.is_whole
    assert not View(0, 0, 31, 32).is_whole
