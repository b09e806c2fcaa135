"""Baselines learn from the training clips alone, and features are read from shards as `measure` gives them."""

import dataclasses

import clip_factory
import face_factory
import numpy as np
import pytest
from measured_factory import AMPLITUDE, make_measured
from scipy import stats

from input_pipeline.dataset import Dataset
from input_pipeline.errors import UserError
from input_pipeline.mixture import Mixture
from input_pipeline.motion.facts import is_abnormal, measured_facts, normal_facts
from input_pipeline.motion.kinematics import FEATURE_NAMES, feature_vector, measure
from input_pipeline.motion.parsing import parse_facts
from input_pipeline.records import EXPRESSIONS
from input_pipeline.shards import write_dataset
from tramp_jax.metrics import baselines, ordinal_regression


@pytest.fixture(autouse=True)
def _few_penalties(monkeypatch):
    monkeypatch.setattr(ordinal_regression, "PENALTIES", (30.0, 3.0))


@pytest.fixture(scope="module")
def train():
    return make_measured(0, 40, noise=0.3)


@pytest.fixture(scope="module")
def test():
    return make_measured(1, 16, first_subject=40, noise=0.3)


def _relabelled(clips: baselines.MeasuredClips, **changes) -> baselines.MeasuredClips:
    return dataclasses.replace(clips, labels=tuple(dataclasses.replace(label, **changes) for label in clips.labels))


def test_the_constant_median_is_that_of_the_training_grades_of_the_expression(train, test):
    prediction = baselines.constant_median(train, test)
    for name in EXPRESSIONS:
        grades = [label.score for label in train.labels if label.expression == name]
        assert set(prediction[test.expression == name]) == {np.median(grades)}


def test_an_expression_that_training_never_rated_gets_the_median_of_the_others(train, test):
    labels = [dataclasses.replace(x, score=None) if x.expression == "rest" else x for x in train.labels]
    partly = dataclasses.replace(train, labels=tuple(labels))
    others = np.median([label.score for label in labels if label.score is not None])
    for predict in baselines.SEVERITY_BASELINES.values():
        assert set(predict(partly, test)[test.expression == "rest"]) == {others}


def test_without_any_training_grade_a_severity_baseline_says_so_in_one_line(train, test):
    with pytest.raises(UserError, match="no training clip has a score"):
        baselines.constant_median(_relabelled(train, score=None), test)


def test_kinematics_rank_held_out_clips_where_blinks_cannot(train, test):
    latent = np.array([label.truth["severity"] for label in test.labels])
    assert stats.spearmanr(latent, baselines.kinematics_ordinal(train, test)).statistic > 0.7
    assert abs(stats.spearmanr(latent, baselines.blink_rate(train, test)).statistic) < 0.4


def test_predictions_depend_on_nothing_of_the_test_labels_and_not_on_the_other_test_clips(train, test):
    blind = _relabelled(test, score=None, report=None, truth={})
    half = baselines.MeasuredClips(test.labels[40:], test.features[40:], test.facts[40:])
    for name, predict in baselines.SEVERITY_BASELINES.items():
        full = predict(train, test)
        np.testing.assert_array_equal(predict(train, blind), full, err_msg=name)
        np.testing.assert_allclose(predict(train, half), full[40:], err_msg=name)
    for name, predict in baselines.REPORT_BASELINES.items():
        assert predict(train, blind) == predict(train, test), name


def test_a_clip_that_could_not_be_measured_gets_the_median_and_no_nearest_report(train, test):
    features = test.features.copy()
    features[3] = np.nan
    broken = dataclasses.replace(test, features=features)
    prediction = baselines.kinematics_ordinal(train, broken)
    assert prediction[3] == baselines.constant_median(train, test)[3]
    np.testing.assert_allclose(np.delete(prediction, 3), np.delete(baselines.kinematics_ordinal(train, test), 3))
    texts = baselines.nearest_report(train, broken)
    assert texts[3] == ""
    assert all(texts[:3] + texts[4:])


def test_an_unmeasured_training_clip_is_left_out(train, test):
    features = train.features.copy()
    features[7] = np.nan
    without = [np.delete(np.arange(len(train.labels)), 7)]
    fewer = baselines.MeasuredClips(
        tuple(train.labels[i] for i in without[0]), train.features[without[0]], tuple(train.facts[i] for i in without[0])
    )
    broken = dataclasses.replace(train, features=features)
    # The cross-validation deals the same subjects to the same folds, so both fits see the same clips.
    np.testing.assert_allclose(baselines.kinematics_ordinal(broken, test), baselines.kinematics_ordinal(fewer, test))
    assert baselines.nearest_report(broken, test) == baselines.nearest_report(fewer, test)


def test_the_nearest_report_is_found_in_standardised_features_of_the_same_expression(train, test):
    texts = baselines.nearest_report(train, test)
    for i in range(0, len(test.labels), 7):
        same = np.flatnonzero(train.expression == test.labels[i].expression)
        centre, scale = train.features[same].mean(0), train.features[same].std(0)
        apart = [np.sum(((test.features[i] - centre) / scale - (train.features[k] - centre) / scale) ** 2) for k in same]
        assert texts[i] == train.labels[same[np.argmin(apart)]].report
    unit = np.logspace(-2, 2, len(FEATURE_NAMES))
    rescaled = (dataclasses.replace(clips, features=clips.features * unit) for clips in (train, test))
    assert baselines.nearest_report(*rescaled) == texts


def test_a_training_clip_finds_its_own_report(train):
    assert baselines.nearest_report(train, train) == [label.report for label in train.labels]


def test_the_always_normal_report_states_the_normal_facts_and_no_finding(train, test):
    for label, text in zip(test.labels, baselines.always_normal(train, test), strict=True):
        facts = parse_facts(text)
        assert facts == normal_facts(label.expression)
        assert not any(is_abnormal(fact) for fact in facts)


def test_baselines_refuse_a_subject_on_both_sides_of_the_split(train, test):
    with pytest.raises(UserError, match="subject 's000' is in training and test"):
        baselines.predict_baselines(train, make_measured(3, 2))
    found = baselines.predict_baselines(train, test)
    assert set(found.scores) == {"constant_median", "blink_rate", "kinematics_ordinal"}
    assert set(found.reports) == {"always_normal", "nearest_report"}
    assert baselines.predict_baselines(_relabelled(train, score=None), test).scores == {}


def _smile(k: int):
    times = face_factory.frame_times(3.0)
    rise = (0.05 + 0.02 * k) * face_factory.bell(times, 0.5, 0.5)
    clip = clip_factory.make_clip(k, frames=len(times), expression=EXPRESSIONS[k % 5], score=float(k % 5))
    tokens = face_factory.face(times, smile_left=rise, smile_right=rise, blink_left=0 * times, blink_right=0 * times)
    return dataclasses.replace(clip, landmarks=(0.2 * tokens).astype(np.float16))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    clips = [_smile(k) for k in range(6)]
    clips[4] = dataclasses.replace(clips[4], tracked=np.arange(len(clips[4].times)) == 5)
    folder = tmp_path_factory.mktemp("data")
    write_dataset(clips, folder, "made", num_shards=2, source={})
    return Dataset.open(folder)


def test_features_and_facts_read_from_shards_are_those_of_measure(dataset):
    order = [5, 0, 3]
    found = baselines.measure_clips(dataset, order)
    for i, index in enumerate(order):
        clip = dataset.clip(index)
        kinematics = measure(clip.landmarks, clip.layout, clip.times, clip.tracked)
        np.testing.assert_array_equal(found.features[i], feature_vector(kinematics))
        assert found.facts[i] == measured_facts(kinematics, clip.label.expression)
        assert found.labels[i] == clip.label
    np.testing.assert_array_equal(baselines.kinematic_features(dataset, order), found.features)
    assert baselines.kinematic_features(dataset, []).shape == (0, len(FEATURE_NAMES))


def test_a_clip_with_too_few_tracked_frames_is_a_row_of_nan_and_no_facts(dataset):
    (unseen,) = [i for i, label in enumerate(dataset.labels) if label.clip_id == "clip004"]
    found = baselines.measure_clips(dataset, [unseen, (unseen + 1) % 6])
    assert np.isnan(found.features[0]).all()
    assert found.facts[0] == ()
    assert found.measured.tolist() == [False, True]
    assert np.isfinite(found.features[1]).all()


def test_worker_processes_measure_the_same(dataset, monkeypatch):
    alone = baselines.measure_clips(dataset, range(6))
    monkeypatch.setattr(baselines, "POOL_FROM", 2)
    monkeypatch.setattr(baselines.os, "cpu_count", lambda: 2)
    shared = baselines.measure_clips(Dataset.open(dataset.path), range(6))
    np.testing.assert_array_equal(shared.features, alone.features)
    assert shared.facts == alone.facts
    clips = len(dataset)
    both = baselines.measure_clips(Mixture({"one": dataset, "two": dataset}), [4, clips, clips + 4])
    np.testing.assert_array_equal(both.features, baselines.kinematic_features(dataset, [4, 0, 4]))


def test_a_clip_is_read_once_however_often_it_is_asked_for(dataset, monkeypatch):
    first = baselines.kinematic_features(dataset, range(6))
    monkeypatch.setattr(dataset, "clip", None)
    np.testing.assert_array_equal(baselines.kinematic_features(dataset, [2, 1]), first[[2, 1]])


def test_the_feature_of_the_smile_grows_with_the_smile(dataset):
    order = np.argsort([label.clip_id for label in dataset.labels])
    amplitude = baselines.kinematic_features(dataset, order)[:, AMPLITUDE]
    assert (np.diff(np.delete(amplitude, 4)) > 0).all()
