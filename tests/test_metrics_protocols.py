"""Folds, selection and pooling of both protocols, against a naive loop with scikit-learn and by what they must not look at."""

import dataclasses

import numpy as np
import pytest
from linear_fit import descent, make_clips, ridge
from scipy import stats
from sklearn.linear_model import Ridge
from sklearn.model_selection import LeaveOneGroupOut

from input_pipeline.errors import UserError
from input_pipeline.folds import grouped_folds
from tramp_jax.metrics.bootstrap import SubjectDraws, expression_mean_of, spearman_of
from tramp_jax.metrics.protocols import FAIR, LITERATURE, best_epochs, cross_validate, spearman_curve
from tramp_jax.metrics.severity_table import MEAN, metric_table

STRENGTHS = (1e-2, 1.0, 30.0, 1000.0)


def mean_spearman(found, protocol):
    return metric_table("spearman", found.under(protocol), ["rest", "smile"])[0][MEAN]


def naive_leave_one_subject_out(clips, x, seed):
    """(fair, literature) predictions by plain loops, scikit-learn's folds and ridge, SciPy's Spearman."""
    N = len(clips)
    predicted, fair = np.zeros((len(STRENGTHS), N)), np.zeros(N)
    for train, test in LeaveOneGroupOut().split(x, groups=clips.subject):
        for e, strength in enumerate(STRENGTHS):
            predicted[e, test] = Ridge(alpha=strength).fit(x[train], clips.truth[train]).predict(x[test])
        deal = grouped_folds(clips.subject[train], 5, seed)
        inner = np.zeros((len(STRENGTHS), len(train)))
        for part in range(5):
            a, b = train[deal != part], train[deal == part]
            for e, strength in enumerate(STRENGTHS):
                inner[e, deal == part] = Ridge(alpha=strength).fit(x[a], clips.truth[a]).predict(x[b])
        for i in test:
            same = clips.expression[train] == clips.expression[i]
            values = [stats.spearmanr(clips.truth[train][same], row[same]).statistic for row in inner]
            fair[i] = predicted[int(np.argmax(np.round(values, 12))), i]
    literature = np.zeros(N)
    for name in ("rest", "smile"):
        same = clips.expression == name
        values = [stats.spearmanr(clips.truth[same], row[same]).statistic for row in predicted]
        literature[same] = predicted[int(np.argmax(np.round(values, 12))), same]
    return fair, literature


def test_leave_one_subject_out_pooled_is_a_naive_loop_with_scikit_learn():
    clips, x = make_clips(14, seed=1, signal=0.3)
    fold = grouped_folds(clips.subject, 14, 0)
    found = cross_validate(clips, fold, ridge(x, clips.truth, STRENGTHS), seed=3)
    fair, literature = naive_leave_one_subject_out(clips, x, seed=3)
    np.testing.assert_allclose(found.under(FAIR).prediction, fair, rtol=1e-5)
    np.testing.assert_allclose(found.under(LITERATURE).prediction, literature, rtol=1e-5)
    assert (found.epochs[FAIR] != found.epochs[LITERATURE]).any()  # the case tells the two apart
    assert len(np.unique(found.epochs[FAIR])) > 1


def test_fair_never_looks_at_the_ratings_of_test_clips_and_the_literature_does():
    clips, x = make_clips(40, seed=0, signal=0.3)
    fold = grouped_folds(clips.subject, 4, 0)
    test = fold == 2
    changed = dataclasses.replace(clips, truth=np.where(test, 4 - clips.truth, clips.truth))
    one, two = (cross_validate(c, fold, descent(x, c.truth, 30), seed=0) for c in (clips, changed))
    assert (one.under(FAIR).prediction[test] == two.under(FAIR).prediction[test]).all()
    assert (one.epochs[FAIR][test] == two.epochs[FAIR][test]).all()
    assert (one.curves[:, test] == two.curves[:, test]).all()
    assert (one.epochs[LITERATURE][test] != two.epochs[LITERATURE][test]).any()


def test_on_noise_the_literature_finds_something_and_fair_finds_nothing():
    gaps, covered = [], 0
    for seed in range(12):
        clips, x = make_clips(30, seed, signal=0.0)
        found = cross_validate(clips, grouped_folds(clips.subject, 5, seed), descent(x, clips.truth, 60), seed)
        gaps.append(mean_spearman(found, LITERATURE) - mean_spearman(found, FAIR))
        fair = found.under(FAIR)
        draws = SubjectDraws.of(fair.subject, draws=400, seed=seed)
        low, high, _ = draws.interval(expression_mean_of(spearman_of, fair.expression, fair.truth, fair.prediction))
        covered += low <= 0 <= high
    assert np.mean(gaps) > 0.05
    assert np.mean(gaps) - 2 * np.std(gaps) / np.sqrt(len(gaps)) > 0
    assert covered >= 9  # of 12 intervals of 95 percent


def test_a_fold_that_cuts_through_a_person_is_refused():
    clips, x = make_clips(10, seed=0)
    fold = np.arange(len(clips)) % 5
    with pytest.raises(UserError, match="is in training and test fold"):
        cross_validate(clips, fold, ridge(x, clips.truth, STRENGTHS), seed=0)


def test_no_model_is_trained_on_whom_it_predicts_nor_chosen_on_whom_it_is_reported():
    clips, x = make_clips(20, seed=0)
    fold = grouped_folds(clips.subject, 4, 0)
    seen = []

    def recording(jobs):
        seen.append(list(jobs))
        return ridge(x, clips.truth, STRENGTHS)(jobs)

    cross_validate(clips, fold, recording, seed=0)
    outer, inner = seen
    for job in (*outer, *inner):
        assert not set(clips.subject[job.train]) & set(clips.subject[job.test])
    for k, job in enumerate(outer):
        tested = set(clips.subject[job.test])
        for other in inner[5 * k : 5 * k + 5]:
            assert not tested & (set(clips.subject[other.train]) | set(clips.subject[other.test]))


def test_the_curve_is_scipys_spearman_and_0_where_a_side_is_constant():
    rng = np.random.default_rng(0)
    truth, curves = rng.integers(0, 5, 30).astype(float), np.round(rng.normal(size=(7, 30)), 1)
    wanted = [stats.spearmanr(truth, row).statistic for row in curves]
    np.testing.assert_allclose(spearman_curve(truth, curves), wanted, atol=1e-9)
    assert (spearman_curve(truth, np.ones((2, 30))) == 0).all()
    assert (spearman_curve(np.ones(30), curves) == 0).all()


def test_the_first_of_equal_epochs_counts_and_the_last_where_ratings_are_all_alike():
    clips, _ = make_clips(6, seed=0)
    curves = np.stack([clips.truth, clips.truth, -clips.truth])
    assert best_epochs(clips, curves) == {"rest": 0, "smile": 0}
    assert best_epochs(dataclasses.replace(clips, truth=np.ones(12)), curves) == {"rest": 2, "smile": 2}
