"""Frames whose head stays in one place show what the face does, whatever the head does; frames of change, whoever it is."""

import numpy as np
import pytest

from input_pipeline import pipeline
from input_pipeline.errors import UserError
from input_pipeline.frame_alignment import DENSITY, align_frames, change_of_frames
from input_pipeline.motion.layouts import TOKEN_MIRROR
from input_pipeline.shards import Dataset, write_dataset
from input_pipeline.simulate.clips import make_clip

SIZE = 48
# Turn (degrees), scale in crops, shift and shear of a head in its frame.
POSES = [
    (0, 0.27, (0.0, -0.1), 0.0),
    (20, 0.25, (0.03, -0.08), 0.0),
    (-12, 0.24, (-0.04, -0.05), 0.15),
    (8, 0.3, (0.02, -0.12), -0.1),
]


def painted(x, y):
    """(…) head coordinates -> (…, 3): a pattern of the head, different on its two sides."""
    waves = [np.sin(3 * x + k) * np.cos(2.5 * y - k) + 0.3 * x for k in range(3)]
    return (127 + 90 * np.stack(waves, -1)).clip(0, 255)


def to_crop(turn, scale, shift, shear):
    """(2, 2) and (2,): head coordinates @ matrix + shift = crop units."""
    c, s = np.cos(np.deg2rad(turn)), np.sin(np.deg2rad(turn))
    return scale * np.array([[c, s], [-s, c]]) @ np.array([[1, shear], [0, 1]]), np.array(shift)


def filmed(pose, head, side=DENSITY * SIZE):
    """The image (side, side, 3) of the painted head in that pose, and its tokens (63, 3) in crop units."""
    matrix, shift = to_crop(*pose)
    axis = (np.arange(side) + 0.5) / side - 0.5
    places = (np.stack(np.meshgrid(axis, axis), -1) - shift) @ np.linalg.inv(matrix)
    tokens = np.concatenate([head[:, :2] @ matrix + shift, np.zeros((63, 1))], axis=1)
    return np.round(painted(*np.moveaxis(places, -1, 0))).astype(np.uint8), tokens


@pytest.fixture(scope="module")
def head():
    return np.random.default_rng(0).uniform(-1, 1, (63, 3)) * (0.8, 0.9, 0.2) + (0, 0.4, 0)


def test_one_head_in_any_place_is_one_picture(head):
    images, tokens = map(np.stack, zip(*(filmed(pose, head) for pose in POSES), strict=True))
    found = align_frames(images, tokens, np.stack([head] * len(POSES)), SIZE).astype(int)
    across = ((np.arange(SIZE) + 0.5) / SIZE - 0.5) * 2.4
    expected = painted(*np.meshgrid(across, across + 0.375))
    assert np.abs(found - expected).max() < 4
    assert np.abs(images[0].astype(int) - images[1]).mean() > 15  # what was filmed differs


def test_what_the_face_does_stays_in_the_picture(head):
    """A token that moves on the head takes no picture with it: the map is of the head, not of the token."""
    smiling = head.copy()
    smiling[45] += (0.2, -0.2, 0)
    image, tokens = filmed(POSES[1], smiling)
    neutral_image, neutral_tokens = filmed(POSES[1], head)
    found = align_frames(np.stack([image, neutral_image]), np.stack([tokens, neutral_tokens]), np.stack([smiling, head]), SIZE)
    assert np.abs(found[0].astype(int) - found[1]).max() <= 1


def test_the_mirrored_frame_is_the_mirrored_picture(head):
    image, tokens = filmed(POSES[2], head)
    flip = np.array([-1, 1, 1])
    plain = align_frames(image[None], tokens[None], head[None], SIZE)
    mirrored = align_frames(image[None, :, ::-1], tokens[None, TOKEN_MIRROR] * flip, head[None, TOKEN_MIRROR] * flip, SIZE)
    assert np.abs(mirrored[:, :, ::-1].astype(int) - plain).max() <= 1


def test_change_leaves_out_whose_face_it_is_and_frames_that_do_not_count():
    rng = np.random.default_rng(0)
    moving = rng.integers(-20, 20, (4, 8, 8, 3))
    moving[3] = 100
    counts = np.array([True, True, True, False])
    fair, dark = (np.uint8(level + moving) for level in (140, 60))
    found = change_of_frames(fair, counts, 2.0)
    np.testing.assert_array_equal(found, change_of_frames(dark, counts, 2.0))
    middle = 127.5 + 2 * (moving[:3] - moving[:3].mean(axis=0))
    np.testing.assert_allclose(found[:3], middle.clip(0, 255), atol=0.51)
    assert (change_of_frames(np.stack([fair[0]] * 2), np.ones(2, bool), 3.0) == 128).all()


def batch_of(dataset, **options):
    config = pipeline.default_data_config()
    config.update({"image_size": SIZE, "num_frames": 8, "read_threads": 0} | options)
    chosen = {"task": "t", "batch_size": 1, "seed": 0, "train": False, "needs": frozenset({"frames"})}
    return next(pipeline.batches(dataset, [0], config, None, **chosen))


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    folder = tmp_path_factory.mktemp("simulated")
    write_dataset([make_clip(0, 0, "rest", frames=12)], folder, "simulated", 1, {})
    return Dataset.open(folder)


def test_a_simulated_head_that_moves_stands_still_in_its_batch(simulated):
    """At rest: all that differs between frames of the bridge of the nose and the cheeks is the head's motion."""
    area = np.s_[:, 18:26, 10:38]

    def restless(**options):
        return batch_of(simulated, **options)["frames"][0].astype(float)[area].std(axis=0).mean()

    assert restless(align_frames=True) < 0.7 * restless()


def test_a_batch_of_change_has_grey_where_nothing_changes(simulated):
    frames = batch_of(simulated, align_frames=True, frame_change=3.0)["frames"][0].astype(float)
    assert abs(frames.mean() - 127.5) < 2
    assert np.abs(frames.mean(axis=0) - 127.5).max() < 40


def test_options_that_cannot_go_together_are_refused(simulated):
    with pytest.raises(UserError, match=r"data\.brightness=0\.2: is a change of light and camera"):
        batch_of(simulated, frame_change=3.0, brightness=0.2)
    with pytest.raises(UserError, match=r"data\.frame_change=-1\.0: must not be negative"):
        batch_of(simulated, frame_change=-1.0)
