"""A change of colours is the photographer's formula, exact in fixed point, and the same for pictures and single colours."""

import itertools

import numpy as np
import pytest

from input_pipeline.colour import LUMA, colour_change

EXTREMES = [*itertools.product((0.1, 1.9), (0.1, 1.9), (0.0, 2.0), (0.1, 1.9)), (1.0, 1.0, 1.0, 1.0), (1.2, 0.8, 1.3, 1.1)]


def change(brightness, contrast, saturation, red):
    return colour_change(brightness, contrast, saturation, np.array([red, 1.0, 1.0]))


@pytest.mark.parametrize("strengths", EXTREMES)
@pytest.mark.parametrize("shape", [(3, 7, 5, 3), (2, 130, 131, 3), (1, 3)])
def test_pictures_are_changed_as_whole_numbers_say(strengths, shape):
    """Against 64-bit sums: nothing wraps around at 16, no pixel mixes with its neighbours, also where blocks meet."""
    images = np.random.default_rng(0).choice(np.array([0, 1, 100, 254, 255], np.uint8), shape)
    found = change(*strengths)
    sums = images.astype(np.int64) @ found.matrix.astype(np.int64).T + found.offset + (1 << (found.bits - 1))
    np.testing.assert_array_equal(found.of_images(images), np.clip(sums >> found.bits, 0, 255))


@pytest.mark.parametrize("strengths", EXTREMES)
def test_a_single_colour_changes_as_the_same_colour_in_a_picture(strengths):
    colours = np.random.default_rng(1).integers(0, 256, (500, 3), np.uint8)
    found = change(*strengths)
    single = found.of_colours(colours.astype(np.float32))
    assert single.dtype == np.float32
    np.testing.assert_array_equal(np.floor(single + 0.5), found.of_images(colours))


@pytest.mark.parametrize("strengths", EXTREMES)
def test_it_is_the_formula_to_about_a_hundredth_of_the_range(strengths):
    brightness, contrast, saturation, red = strengths
    colours = np.random.default_rng(2).integers(0, 256, (500, 3)).astype(np.float64)
    grey = colours @ [0.299, 0.587, 0.114]
    mixed = grey[:, None] + saturation * (colours - grey[:, None])
    light = np.array([red, 1, 1]) / (0.299 * red + 0.587 + 0.114)
    expected = contrast * (brightness * light * mixed) + 127.5 * (1 - contrast)
    found = change(*strengths)
    steps = 255 * 2.5 / 2**found.bits
    assert np.abs(found.of_colours(colours) - np.clip(expected, 0, 255)).max() <= steps + 0.5
    assert found.bits >= (6 if max(strengths) <= 1.3 else 3)


def test_ones_change_nothing_and_grey_has_no_tint():
    images = np.random.default_rng(3).integers(0, 256, (4, 9, 9, 3), np.uint8)
    np.testing.assert_array_equal(change(1, 1, 1, 1).of_images(images), images)
    grey = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)
    assert np.ptp(change(1.3, 0.7, 1.8, 1).of_images(grey).astype(int), axis=1).max() == 0
    assert np.ptp(change(1.1, 0.9, 0, 1).of_images(images).astype(int), axis=-1).max() == 0
    assert np.ptp(change(1, 1, 1, 1.5).of_images(grey).astype(int), axis=1).max() > 40


def test_the_colour_of_the_light_leaves_the_brightness_of_grey():
    colours = np.full((1, 3), 100.0)
    for cast in ([1.3, 1.0, 0.7], [0.8, 1.0, 1.2]):
        assert colour_change(1, 1, 1, np.array(cast)).of_colours(colours)[0] @ LUMA == pytest.approx(100, abs=1)


def test_mirrored_pictures_may_be_changed_as_they_lie():
    images = np.random.default_rng(4).integers(0, 256, (2, 8, 6, 3), np.uint8)
    found = change(1.2, 0.8, 1.3, 1.1)
    np.testing.assert_array_equal(found.of_images(images[:, :, ::-1]), found.of_images(images)[:, :, ::-1])
