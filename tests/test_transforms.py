"""Features are what they say, and a flip is the mirrored video in landmarks, pixels and words."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from input_pipeline import transforms
from input_pipeline.errors import UserError
from input_pipeline.motion import layouts
from input_pipeline.motion.layouts import EYE_OUTER, NOSE_REFERENCE, inter_ocular_distance, region_slice

RNG = np.random.default_rng(0)


def a_face():
    """A rough face in crop units, the subject's right eye at smaller x."""
    face = RNG.normal(scale=0.02, size=(63, 3))
    places = {"right_eye": (-0.15, -0.1), "left_eye": (0.15, -0.1), "right_brow": (-0.15, -0.17), "left_brow": (0.15, -0.17)}
    places |= {"nose": (0, 0), "lower_lip": (0, 0.2), "upper_lip": (0, 0.15)}
    for region, (x, y) in places.items():
        face[region_slice(region), :2] += x, y
    return face


def test_position_is_relative_to_the_first_frames_nose_so_head_translation_stays():
    pixels = RNG.normal(size=(10, 63, 3)).astype(np.float32)
    colours = RNG.integers(0, 256, (10, 63, 3))
    features = transforms.make_features(pixels, colours, ("x", "y", "r", "g", "b"), 1.0, 1.0)
    assert features.shape == (10, 63, 5)
    np.testing.assert_allclose(features[..., :2], pixels[..., :2] - pixels[0, NOSE_REFERENCE, :2], atol=1e-6)
    moved = transforms.make_features(pixels + np.array([5, 0, 0]), colours, ("x",), 1.0, 1.0)
    np.testing.assert_allclose(moved[..., 0], features[..., 0], atol=1e-5)  # where the face is in the crop does not matter
    pixels[4:] += [7, 0, 0]
    shifted = transforms.make_features(pixels, colours, ("x",), 1.0, 1.0)
    np.testing.assert_allclose(shifted[4:, :, 0], features[4:, :, 0] + 7, atol=1e-5)  # that it moves does


def test_every_feature_has_its_unit_and_comes_in_the_order_asked():
    pixels = RNG.normal(size=(4, 63, 3)).astype(np.float32) * 50
    colours = np.zeros((4, 63, 3), np.uint8)
    colours[..., 1] = 255
    features = transforms.make_features(pixels, colours, ("g", "dy", "r", "z"), 32.0, 8.0)
    assert features.dtype == np.float32
    assert (features[..., 0] == 1).all()
    assert (features[..., 2] == -1).all()
    np.testing.assert_allclose(features[..., 1], (pixels - pixels[0])[..., 1] / 8, atol=1e-6)
    np.testing.assert_allclose(features[..., 3], (pixels[..., 2] - pixels[0, NOSE_REFERENCE, 2]) / 32, atol=1e-6)


@pytest.mark.parametrize("names", [("x", "q"), (), ("x", "x")])
def test_wrong_features_name_those_that_exist(names):
    with pytest.raises(UserError, match="out of x, y, z, dx, dy, dz, r, g, b"):
        transforms.check_features(names)


def test_without_head_motion_a_turning_moving_head_stands_still_and_faces_have_one_size():
    face = a_face()
    angles = np.linspace(-0.2, 0.2, 30)
    turned = np.stack([Rotation.from_euler("xyz", [a, -a / 2, a]).apply(face) for a in angles])
    turned = (turned * 0.7 + np.linspace(0, 0.1, 30)[:, None, None]).astype(np.float32)
    pixels = transforms.to_head_free_pixels(turned, np.arange(30) / 30, np.ones(30, bool))
    assert np.ptp(pixels, axis=0).max() < 0.05
    np.testing.assert_allclose(inter_ocular_distance(pixels), transforms.HEAD_FREE_IOD, rtol=1e-3)
    assert np.ptp(transforms.to_pixels(turned), axis=0).max() > 20


def test_head_free_pixels_keep_the_motion_of_the_face():
    still = np.repeat(a_face()[None], 60, 0)
    corner = layouts.MOUTH_CORNER["left"][0]
    still[30:, corner, 0] += 0.05
    pixels = transforms.to_head_free_pixels(still, np.arange(60) / 30, np.ones(60, bool))
    iod = inter_ocular_distance(still[0])
    np.testing.assert_allclose(pixels[40, corner, 0] - pixels[0, corner, 0], 0.05 / iod * transforms.HEAD_FREE_IOD, rtol=0.05)


def test_flipping_twice_changes_nothing():
    tokens = RNG.normal(size=(5, 63, 3)).astype(np.float16)
    colours = RNG.integers(0, 256, (5, 63, 3), dtype=np.uint8)
    images = RNG.integers(0, 256, (2, 4, 6, 3), dtype=np.uint8)
    report = "The left mouth corner moves less than the right. Right eye closes fully."
    np.testing.assert_array_equal(transforms.flip_tokens(transforms.flip_tokens(tokens)), tokens)
    np.testing.assert_array_equal(transforms.flip_colours(transforms.flip_colours(colours)), colours)
    np.testing.assert_array_equal(transforms.flip_images(transforms.flip_images(images)), images)
    assert transforms.flip_report(transforms.flip_report(report)) == report


def test_a_flip_exchanges_left_and_right_everywhere():
    face = a_face()[None]
    flipped = transforms.flip_tokens(face)
    # The mirrored right eye lies where a left eye belongs, and it is the left eye's token now.
    assert flipped[0, EYE_OUTER["left"], 0] == -face[0, EYE_OUTER["right"], 0] > 0
    np.testing.assert_array_equal(flipped[..., 1:], face[:, layouts.TOKEN_MIRROR, 1:])
    colours = np.arange(63 * 3).reshape(1, 63, 3)
    assert (transforms.flip_colours(colours)[0, EYE_OUTER["left"]] == colours[0, EYE_OUTER["right"]]).all()
    assert transforms.flip_report("Left brow.") == "Right brow."


def test_noise_has_the_deviation_asked_for():
    noise = transforms.add_noise(np.zeros((100, 63, 3), np.float32), np.random.default_rng(0), 2.0)
    assert noise.dtype == np.float32
    assert abs(noise.std() - 2) < 0.05
