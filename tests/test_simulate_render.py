"""Frames show a face: skin where the landmarks are, eyes that open and close, a mouth that parts."""

import dataclasses

import numpy as np
import pytest

from input_pipeline.simulate import clips
from input_pipeline.simulate.render import Renderer
from input_pipeline.simulate.units import UNIT


def posed(**activations):
    """A scene of one frame, frontal, with the given activations and no folds."""
    scene = clips.make_scene(0, 2, "rest", np.random.default_rng(0))
    values = np.zeros((1, scene.performance.activations.shape[1]), np.float32)
    for name, value in activations.items():
        values[0, UNIT[name]] = value
    performance = dataclasses.replace(scene.performance, activations=values, folds=scene.performance.folds[:1] * 0)
    head = scene.person.neutral + (values @ scene.person.fields.reshape(len(UNIT), -1)).reshape(1, 478, 3)
    view = dataclasses.replace(
        scene.view,
        rotations=np.eye(3, dtype=np.float32)[None],
        offsets=scene.view.offsets[:1] * 0,
        scales=scene.view.scales[:1],
    )
    placed = view.project(head)
    return dataclasses.replace(
        scene, performance=performance, head=head, view=view, placed=placed, crop=clips.camera.fixed_crop(placed)
    )


def patch(scene, image, landmark, reach=2):
    place = (scene.crop.apply(scene.placed)[0, landmark, :2] + 0.5) * len(image)
    column, row = place.astype(int)
    return image[row - reach : row + reach + 1, column - reach : column + reach + 1].reshape(-1, 3).astype(float)


def draw(scene, size=192):
    return Renderer(scene, size).frame(0, np.random.default_rng(0))


@pytest.mark.parametrize("size", [64, 96, 256])
def test_frames_are_square_rgb_of_the_size_asked_for(size):
    image = draw(posed(), size)
    assert image.shape == (size, size, 3)
    assert image.dtype == np.uint8
    assert image.std() > 15


def test_the_face_has_no_holes():
    scene = posed(smile_left=1.0, smile_right=1.0)
    image = draw(scene, 96)
    tone = scene.person.skin.tone * 255
    for landmark in (9, 50, 280, 205, 425, 151, 199, 4):
        colour = patch(scene, image, landmark, 1)
        ratio = colour / tone
        assert (np.abs(ratio / ratio.mean(axis=1, keepdims=True) - 1) < 0.3).all()


def test_closing_the_eyes_hides_the_iris():
    opened, closed = posed(), posed(close_left=1.0, close_right=1.0)
    for iris in (468, 473):
        assert patch(opened, draw(opened), iris, 1).mean() < 0.5 * patch(closed, draw(closed), iris, 1).mean()


def test_parting_the_lips_shows_the_dark_of_the_mouth():
    apart = posed(jaw_open=1.0, lips_part=0.5)
    image = draw(apart)
    places = (apart.crop.apply(apart.placed)[0, [13, 14], :2] + 0.5) * len(image)
    column, row = (0.3 * places[0] + 0.7 * places[1]).astype(int)
    assert image[row, column].mean() < 0.4 * patch(apart, image, 17).mean()


def test_folds_show_in_the_pixels():
    smooth = posed()
    folded = dataclasses.replace(
        smooth, performance=dataclasses.replace(smooth.performance, folds=smooth.performance.folds + 1.0)
    )
    # Landmark 205 lies beside the nasolabial fold, 9 in the glabella.
    for landmark in (205, 9):
        assert patch(folded, draw(folded), landmark).mean() < 0.93 * patch(smooth, draw(smooth), landmark).mean()


def test_the_same_scene_gives_the_same_pixels():
    np.testing.assert_array_equal(draw(posed()), draw(posed()))
