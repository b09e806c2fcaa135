"""Kinematic features as a model input: of the clip or of its mirror image, standardised, measured once."""

import dataclasses

import numpy as np
import pytest

from input_pipeline.dataset import Dataset
from input_pipeline.errors import RecordError, UserError
from input_pipeline.measured import LIMIT, features_of, standardisation, standardised
from input_pipeline.motion import layouts
from input_pipeline.motion.kinematics import FEATURE_NAMES, feature_vector, measure, mirrored_features
from input_pipeline.simulate.clips import make_clip


class Clips:
    """A source of clips that counts how often it is read."""

    def __init__(self, clips):
        self.clips, self.labels, self.reads = clips, [clip.label for clip in clips], 0

    def clip(self, index, with_frames=False):
        self.reads += 1
        return self.clips[index]


@pytest.fixture(scope="module")
def smile():
    return make_clip(0, 3, "smile")


def test_mirrored_features_are_those_of_the_mirrored_landmarks(smile):
    tokens = layouts.to_tokens(smile.landmarks, smile.layout).astype(np.float64)
    flipped = tokens[:, layouts.TOKEN_MIRROR] * np.array([-1.0, 1.0, 1.0])
    plain, mirror = (feature_vector(measure(x, "tokens63", smile.times, smile.tracked)) for x in (tokens, flipped))
    np.testing.assert_allclose(mirrored_features(plain), mirror, atol=1e-3)
    assert np.abs(plain - mirror).max() > 0.05  # the smile is uneven, so the test can fail
    np.testing.assert_array_equal(mirrored_features(mirrored_features(plain)), plain)


def test_a_clip_is_measured_once(smile):
    source = Clips([smile])
    first, second = features_of(source, 0), features_of(source, 0)
    assert source.reads == 1
    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, feature_vector(measure(smile.landmarks, smile.layout, smile.times, smile.tracked)))


def test_training_clips_have_mean_zero_and_deviation_one(simulated):
    dataset = Dataset.open(simulated)
    indices = range(len(dataset.labels))
    centre, scale = standardisation(dataset, indices)
    values = np.stack([(features_of(dataset, i) - centre) / scale for i in indices])
    np.testing.assert_allclose(values.mean(axis=0), 0, atol=1e-9)
    constant = values.std(axis=0) < 1e-9
    np.testing.assert_allclose(values.std(axis=0)[~constant], 1, atol=1e-9)


def test_damaged_records_are_left_out_up_to_a_number(smile):
    class Damaged(Clips):
        def clip(self, index, with_frames=False):
            if index in (1, 2):
                raise RecordError(f"record {index} is damaged")
            return super().clip(index)

    source = Damaged([smile] * 4)
    assert standardisation(source, range(4), max_bad=2) == standardisation(Clips([smile] * 2), range(2))
    with pytest.raises(RecordError, match="record 2 is damaged"):
        standardisation(source, range(4), max_bad=1)


def test_what_cannot_be_measured_is_the_mean(smile):
    lost = dataclasses.replace(smile, tracked=np.zeros_like(smile.tracked))
    source = Clips([lost])
    assert np.isnan(features_of(source, 0)).all()
    one = np.ones(len(FEATURE_NAMES))
    np.testing.assert_array_equal(standardised(features_of(source, 0), one, one, mirrored=False), np.zeros(len(FEATURE_NAMES)))
    with pytest.raises(UserError, match="enough tracked frames"):
        standardisation(source, [0])


def test_a_feature_far_off_is_cut():
    one = np.ones(len(FEATURE_NAMES))
    assert standardised(100 * one, 0 * one, one, mirrored=False).max() == LIMIT
