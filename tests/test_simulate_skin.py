"""One shading model: light comes from the lamp, folds darken, and landmarks have the colour of the pixels on them."""

import numpy as np
import pytest

from input_pipeline.motion.layouts import LAYOUTS
from input_pipeline.simulate import clips, face, skin
from input_pipeline.simulate.render import Renderer

NEUTRAL = face.neutral_face(face.mean_identity())


def unit(normals):
    return normals / np.linalg.norm(normals, axis=-1, keepdims=True)


def test_normals_point_out_of_the_face():
    normals = unit(skin.vertex_normals(NEUTRAL))
    assert normals[9, 2] < -0.8
    assert normals[234, 0] < -0.3
    assert normals[454, 0] > 0.3
    assert (normals[:468, 2] < 0).mean() > 0.97


def test_the_side_towards_the_lamp_is_brighter():
    normals = unit(skin.vertex_normals(NEUTRAL))
    lamp = np.array([0.7, 0.0, -0.7])
    assert skin.lambert(normals[425] @ lamp, 0.4) > 1.15 * skin.lambert(normals[205] @ lamp, 0.4)


def test_blended_normals_follow_the_moved_mesh():
    person = clips.make_person(0, 0)
    activations = np.zeros((1, len(person.fields)), np.float32)
    activations[0, :4] = 0.6
    moved = person.neutral + (activations[0, :, None, None] * person.fields).sum(0)
    expected = unit(skin.vertex_normals(moved))
    blended = skin.blended_normals(person.normals, activations)[0]
    agreement = (expected * blended).sum(-1)
    assert np.median(agreement) > 0.999
    assert np.quantile(agreement, 0.05) > 0.98


@pytest.mark.parametrize("name", skin.FOLDS)
def test_every_fold_darkens_some_landmarks_and_lightens_none(name):
    depth = np.zeros(len(skin.FOLDS), np.float32)
    depth[skin.FOLDS.index(name)] = 1.0
    shade = skin.fold_shade(skin.landmark_maps(), depth)
    assert shade.max() <= 1
    assert shade.min() < 0.85


@pytest.mark.parametrize("name", ["nasolabial", "crows_feet", "lower_lid", "glabella", "mouth_corner", "chin"])
def test_the_63_tokens_see_the_folds_that_poses_deepen(name):
    depth = np.zeros(len(skin.FOLDS), np.float32)
    depth[skin.FOLDS.index(name)] = 1.0
    assert skin.fold_shade(skin.landmark_maps(), depth)[:, LAYOUTS["mediapipe478"].tokens].min() < 0.93


def test_landmark_colours_are_those_of_the_rendered_pixels():
    agreement = []
    for subject in range(4):
        scene = clips.make_scene(0, subject, "smile", np.random.default_rng(subject))
        frame = len(scene.times) // 2
        image = Renderer(scene, 256).frame(frame, np.random.default_rng(0))
        places = scene.crop.apply(scene.placed)[frame]
        # Fine structures (brow hairs, lashes, the lips' edge) are narrower than the colour's own neighbourhood.
        smooth = [
            p for p in range(468) if np.abs(places[p, :2]).max() < 0.45 and p not in set(face.index(*face.PAIRS).tolist())
        ]
        column, row = np.floor((places[smooth, :2].T + 0.5) * 256).astype(int)
        painted, told = image[row, column] / 255.0, clips.landmark_colours(scene)[:, frame, smooth].T
        agreement.append(np.corrcoef(painted.ravel(), told.ravel())[0, 1])
        assert np.median(np.abs(painted - told)) < 0.05
    assert min(agreement) > 0.9
