"""The severity that a text states follows its findings, and the probe finds what the words carry and no more."""

import math

import numpy as np
import pytest
from measured_factory import make_measured
from scipy import stats
from sklearn.linear_model import Ridge

from input_pipeline.motion.facts import Fact, mirrored, normal_facts
from input_pipeline.motion.parsing import parse_facts
from input_pipeline.records import EXPRESSIONS
from tramp_jax.metrics import text_severity
from tramp_jax.metrics.ordinal_regression import subject_folds

LEFT = Fact("mouth_corner", "left", "amplitude", "absent")
RIGHT = Fact("mouth_corner", "right", "amplitude", "reduced")
BLINKS = Fact("eye", "both", "rate", "normal")


@pytest.fixture(scope="module")
def clips():
    return make_measured(0, 30, noise=0.3)


@pytest.fixture(scope="module")
def said(clips):
    return [parse_facts(label.report) for label in clips.labels]


def test_the_stated_severity_is_the_mean_distance_from_normal():
    assert text_severity.stated_severity((LEFT, RIGHT, BLINKS)) == pytest.approx((0.5 * 3 + 0.5 * 1 + 0) / 2)
    assert text_severity.stated_severity(mirrored((BLINKS, RIGHT, LEFT))) == pytest.approx(1.0)
    assert text_severity.stated_severity(normal_facts("smile")) == 0.0
    assert math.isnan(text_severity.stated_severity(()))


def test_agreement_is_the_rank_correlation_of_the_clips_that_have_both(clips, said):
    silent = [() if i % 7 == 0 else facts for i, facts in enumerate(said)]
    score = np.where(np.arange(len(said)) % 5 == 4, np.nan, clips.score + 1e-3 * np.arange(len(said)))
    found = text_severity.severity_agreement(clips.subject, clips.expression, silent, {"head": score}, draws=100)["head"]
    kept = [i for i, facts in enumerate(silent) if facts and not np.isnan(score[i]) and clips.expression[i] == "smile"]
    expected = stats.spearmanr(score[kept], [text_severity.stated_severity(silent[i]) for i in kept]).statistic
    assert found["spearman"]["smile"] == pytest.approx(expected, abs=1e-9)
    assert found["spearman"]["smile"] > 0.5
    assert found["interval"][0] < found["spearman"]["mean"] < found["interval"][1]
    assert found["clips"] == sum(bool(facts) for facts in silent) - sum(
        bool(facts) and np.isnan(score[i]) for i, facts in enumerate(silent)
    )


def test_indicators_hold_what_is_stated_whatever_the_order_and_the_side():
    features = text_severity.indicators([(LEFT, RIGHT, BLINKS), mirrored((BLINKS, RIGHT, LEFT)), (), (BLINKS,)])
    np.testing.assert_array_equal(features, [[0.5, 0.5, 1.0], [0.5, 0.5, 1.0], [0, 0, 0], [0, 0, 1.0]])


def test_predictions_are_scikit_learns_ridge_fitted_on_other_subjects():
    rng = np.random.default_rng(0)
    features, subject = rng.normal(size=(40, 6)), np.repeat([f"s{i}" for i in range(10)], 4)
    features[:, 5] = 1.0
    score = features[:, 0] + rng.normal(size=40)
    predicted, from_features = text_severity.out_of_fold(features, score, subject)
    fold = subject_folds(subject)
    for k in range(5):
        train, test = fold != k, fold == k
        assert not set(subject[train]) & set(subject[test])
        deviation = features[train].std(axis=0)
        deviation[5] = 1.0
        model = Ridge(alpha=text_severity.PENALTY).fit(features[train] / deviation, score[train])
        assert predicted[test] == pytest.approx(model.predict(features[test] / deviation), abs=1e-9)
        assert from_features[test] == pytest.approx(predicted[test] - model.intercept_, abs=1e-9)


def test_words_that_follow_the_score_are_found_and_shuffled_ones_are_not(clips, said):
    found = text_severity.score_probe(clips.subject, clips.expression, {"generated": said}, clips.score)
    # Only these two expressions state findings in the made reports.
    for name in ("smile", "clench"):
        assert found["generated"]["spearman"][name] > 0.5
        assert abs(found["generated_shuffled"]["spearman"][name]) < 0.3
        assert found["generated"]["mae"][name] < found["generated_shuffled"]["mae"][name]
    assert found["generated"]["spearman"]["rest"] == 0.0
    assert found["generated"]["spearman"]["mean"] == pytest.approx(
        np.mean([found["generated"]["spearman"][name] for name in EXPRESSIONS])
    )


def test_words_that_say_the_same_of_all_carry_nothing(clips):
    alike = [normal_facts(str(name)) for name in clips.expression]
    found = text_severity.score_probe(
        clips.subject, clips.expression, {"generated": alike, "silent": [()] * len(alike)}, clips.score
    )
    for name in ("generated", "generated_shuffled", "silent"):
        assert found[name]["spearman"] == dict.fromkeys((*EXPRESSIONS, "mean"), 0.0)


def test_an_expression_of_one_subject_is_none(clips, said):
    first = slice(0, 5)
    arrays = (clips.subject[first], clips.expression[first])
    found = text_severity.score_probe(*arrays, {"generated": said[first]}, clips.score[first])
    assert found["generated"] == dict.fromkeys(("spearman", "mae"), dict.fromkeys((*EXPRESSIONS, "mean")))


def test_results_compare_with_the_head_and_put_reference_reports_beside(clips):
    arrays, reports = (clips.subject, clips.expression, clips.score), [label.report for label in clips.labels]
    found = text_severity.words_and_scores(*arrays, clips.score, [""] * len(reports), reports, draws=50)
    assert found["severity_agreement"]["head"]["clips"] == found["severity_agreement"]["rated"]["clips"] == 0
    assert found["score_probe"]["generated"]["spearman"]["smile"] == 0.0
    assert found["score_probe"]["reference"]["spearman"]["smile"] > 0.5
    found = text_severity.words_and_scores(*arrays, None, reports, [None] * len(reports), draws=50)
    assert set(found["severity_agreement"]) == {"rated"}
    assert set(found["score_probe"]) == {"generated", "generated_shuffled"}
    unrated = np.full(len(reports), np.nan)
    assert text_severity.words_and_scores(*arrays[:2], unrated, None, reports, reports, draws=50)["score_probe"] is None
