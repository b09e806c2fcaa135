"""The bootstrap draws subjects, equals the metric on the repeated rows, covers the truth, and is fast."""

import time

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import cohen_kappa_score

from input_pipeline.records import EXPRESSIONS
from tramp_jax.metrics import bootstrap, severity


def _clips(seed: int, subjects: int, each: int = 5, noise: float = 1.0):
    rng = np.random.default_rng(seed)
    person = rng.normal(0, 1, subjects)
    latent = np.repeat(person, each) + rng.normal(0, 0.4, subjects * each)
    truth = severity.to_grade(2 + latent).astype(float)
    prediction = latent + rng.normal(0, noise, len(latent))
    subject = np.repeat([f"s{i}" for i in range(subjects)], each)
    expression = np.tile(EXPRESSIONS, subjects * each // 5)[: len(truth)]
    return subject, expression, truth, prediction


def _rows(draws: bootstrap.SubjectDraws, draw: int) -> np.ndarray:
    return np.repeat(np.arange(len(draws.subject)), draws.counts[draw][draws.subject])


def test_a_draw_is_the_metric_on_the_repeated_rows():
    subject, _, truth, prediction = _clips(0, 12)
    prediction = np.round(prediction)
    draws = bootstrap.SubjectDraws.of(subject, 40, seed=3)
    spearman = draws.evaluate(bootstrap.spearman_of(truth, prediction))
    kappa = draws.evaluate(bootstrap.quadratic_kappa_of(truth, prediction))
    error = draws.evaluate(bootstrap.mean_of(np.abs(truth - prediction)))
    for draw in range(40):
        rows = _rows(draws, draw)
        a, b = truth[rows], prediction[rows]
        assert len(a) == len(truth)
        assert spearman[draw] == pytest.approx(stats.spearmanr(a, b).statistic, abs=1e-9)
        grades = severity.to_grade(b)
        expected = cohen_kappa_score(a.astype(int), grades, labels=[0, 1, 2, 3, 4], weights="quadratic")
        assert kappa[draw] == pytest.approx(expected, abs=1e-9)
        assert error[draw] == pytest.approx(np.abs(a - b).mean(), abs=1e-9)


def test_the_mean_over_expressions_leaves_out_what_a_draw_does_not_hold():
    subject, expression, truth, prediction = _clips(1, 8)
    kept = ~((expression == "clench") & (subject != "s0"))
    subject, expression, truth, prediction = (x[kept] for x in (subject, expression, truth, prediction))
    draws = bootstrap.SubjectDraws.of(subject, 60)
    assert 0 < np.mean(draws.counts[:, 0] == 0) < 1
    values = draws.evaluate(bootstrap.expression_mean_of(bootstrap.spearman_of, expression, truth, prediction))
    for draw in range(60):
        rows = _rows(draws, draw)
        table, _ = severity.by_expression(severity.spearman, expression[rows], truth[rows], prediction[rows])
        assert values[draw] == pytest.approx(table["mean"], abs=1e-9)


def test_repeating_every_clip_of_the_subjects_does_not_shrink_the_interval():
    subject, _, truth, prediction = _clips(2, 20)
    once = bootstrap.SubjectDraws.of(subject).interval(bootstrap.spearman_of(truth, prediction))
    thrice = bootstrap.SubjectDraws.of(np.tile(subject, 3)).interval(
        bootstrap.spearman_of(np.tile(truth, 3), np.tile(prediction, 3))
    )
    rows = bootstrap.SubjectDraws.of([str(i) for i in range(3 * len(truth))]).interval(
        bootstrap.spearman_of(np.tile(truth, 3), np.tile(prediction, 3))
    )
    assert thrice[:2] == pytest.approx(once[:2], abs=1e-9)
    assert rows.high - rows.low < 0.6 * (once.high - once.low)


def test_the_interval_of_a_mean_is_scipys_bootstrap_of_the_subjects_means():
    subject, _, truth, _ = _clips(7, 30)
    ours = bootstrap.SubjectDraws.of(subject, 20_000).interval(bootstrap.mean_of(truth))
    sample = (truth.reshape(30, 5).mean(axis=1),)
    rng = np.random.default_rng(0)
    theirs = stats.bootstrap(sample, np.mean, n_resamples=20_000, method="percentile", rng=rng).confidence_interval
    assert ours[:2] == pytest.approx(tuple(theirs), abs=0.03 * (theirs.high - theirs.low))


@pytest.mark.parametrize("subjects", [15, 40])
def test_intervals_cover_the_true_mean_about_as_often_as_they_say(subjects):
    rng = np.random.default_rng(5)
    hits, trials = 0, 300
    for trial in range(trials):
        values = np.repeat(rng.normal(0, 1, subjects), 4) + rng.normal(0, 0.5, 4 * subjects)
        interval = bootstrap.SubjectDraws.of(np.repeat(np.arange(subjects), 4), 400, trial).interval(bootstrap.mean_of(values))
        hits += interval.low <= 0.0 <= interval.high
    assert 0.88 <= hits / trials <= 0.985


def test_intervals_cover_the_true_spearman_about_as_often_as_they_say():
    true = stats.spearmanr(*_clips(99, 40_000)[2:]).statistic
    hits = 0
    for trial in range(200):
        subject, _, truth, prediction = _clips(trial, 40)
        low, high, _ = bootstrap.SubjectDraws.of(subject, 300, trial).interval(bootstrap.spearman_of(truth, prediction))
        hits += low <= true <= high
    assert 0.88 <= hits / 200 <= 0.985


def test_pairing_tells_apart_two_predictions_whose_own_intervals_overlap():
    subject, _, truth, worse = _clips(3, 30)
    better = worse + 0.4 * (truth - worse)
    draws = bootstrap.SubjectDraws.of(subject)
    one, two = (bootstrap.spearman_of(truth, prediction) for prediction in (better, worse))
    assert draws.interval(one).low < draws.interval(two).high
    assert draws.paired_interval(one, two).low > 0
    assert draws.paired_interval(one, one)[:2] == (0.0, 0.0)


def test_the_seed_fixes_the_interval():
    subject, _, truth, prediction = _clips(4, 15)
    first, again, other = (
        bootstrap.SubjectDraws.of(subject, 200, seed).interval(bootstrap.spearman_of(truth, prediction)) for seed in (0, 0, 1)
    )
    assert first == again != other


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_degenerate_inputs_give_values_and_flags():
    spearman = bootstrap.spearman_of(np.array([1.0, 2.0, 3.0]), np.array([5.0, 5.0, 5.0]))
    assert bootstrap.SubjectDraws.of(["a", "b", "c"]).interval(spearman)[:2] == (0.0, 0.0)
    assert "3 subjects" in bootstrap.SubjectDraws.of(["a", "b", "c"]).interval(spearman).flag
    assert bootstrap.SubjectDraws.of(["a", "a", "a"]).interval(spearman) == (None, None, "one subject: no interval")
    empty = bootstrap.SubjectDraws.of([])
    assert empty.interval(bootstrap.mean_of(np.zeros(0))) == (None, None, "no clips")
    nothing = bootstrap.ratio_of(np.zeros(3), np.zeros(3))
    assert bootstrap.SubjectDraws.of(["a", "b", "c"]).interval(nothing)[:2] == (None, None)


def test_300_clips_and_2000_draws_take_less_than_2_seconds():
    subject, expression, truth, prediction = _clips(6, 60)
    start = time.process_time()
    draws = bootstrap.SubjectDraws.of(subject)
    draws.paired_interval(
        *(bootstrap.expression_mean_of(bootstrap.spearman_of, expression, truth, p) for p in (prediction, -prediction))
    )
    assert len(truth) == 300
    assert time.process_time() - start < 2.0
