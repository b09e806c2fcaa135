"""The ordinal regression is the likelihood's maximum, as scikit-learn and a search without gradients find it."""

import numpy as np
import pytest
from scipy.optimize import approx_fprime, minimize
from sklearn.linear_model import LogisticRegression

from tramp_jax.metrics import ordinal_regression as ordinal
from tramp_jax.metrics.severity import spearman


def _clips(seed: int, n: int, features: int, levels: int):
    rng = np.random.default_rng(seed)
    x = rng.normal(0, 1, (n, features)) * rng.uniform(0.1, 10, features) + rng.normal(0, 3, features)
    latent = (x - x.mean(0)) / x.std(0) @ rng.normal(0, 1, features) + rng.logistic(0, 1, n)
    return x, np.searchsorted(np.quantile(latent, np.arange(1, levels) / levels), latent).astype(float)


@pytest.mark.parametrize("penalty", [0.3, 10.0])
def test_with_two_grades_it_is_scikit_learns_logistic_regression(penalty):
    x, y = _clips(0, 120, 4, 2)
    model = ordinal.fit(x, y, penalty)
    standard = (x - x.mean(0)) / x.std(0)
    reference = LogisticRegression(C=1 / penalty, tol=1e-12, max_iter=10_000).fit(standard, y)
    np.testing.assert_allclose(model.coefficients, reference.coef_[0], atol=1e-5)
    np.testing.assert_allclose(-model.thresholds, reference.intercept_, atol=1e-5)
    np.testing.assert_allclose(model.probabilities(x), reference.predict_proba(standard), atol=1e-5)


def _plain_objective(theta_and_beta: np.ndarray, x: np.ndarray, y: np.ndarray, penalty: float) -> float:
    """The textbook formula, clip by clip, sharing nothing with ours."""
    theta, beta = theta_and_beta[:4], theta_and_beta[4:]
    if np.any(np.diff(theta) <= 0):
        return np.inf
    total = 0.5 * penalty * np.sum(beta**2)
    for row, grade in zip(x, y.astype(int), strict=True):
        below = [0.0, *(1 / (1 + np.exp(-(theta - row @ beta)))), 1.0]
        total -= np.log(below[grade + 1] - below[grade])
    return total


def test_with_five_grades_a_search_without_gradients_finds_the_same_maximum():
    x, y = _clips(1, 60, 2, 5)
    standard = (x - x.mean(0)) / x.std(0)
    model = ordinal.fit(x, y, penalty=2.0)
    found = minimize(
        _plain_objective,
        np.array([-2.0, -0.5, 0.5, 2.0, 0.0, 0.0]),
        args=(standard, y, 2.0),
        method="Nelder-Mead",
        options={"maxfev": 8000, "xatol": 1e-8, "fatol": 1e-11, "adaptive": True},
    )
    ours = np.concatenate([model.thresholds, model.coefficients])
    np.testing.assert_allclose(ours, found.x, atol=1e-4)
    assert _plain_objective(ours, standard, y, 2.0) == pytest.approx(found.fun, abs=1e-9)


@pytest.mark.parametrize("levels", [2, 3, 5])
def test_the_gradient_is_the_slope_of_the_objective(levels):
    x, y = _clips(2, 40, 3, levels)
    rng = np.random.default_rng(0)
    parameters = rng.normal(0, 0.5, levels - 1 + 3)
    arguments = ((x - x.mean(0)) / x.std(0), y.astype(int), 1.7)
    slope = approx_fprime(parameters, lambda p: ordinal.negative_log_likelihood(p, *arguments)[0], 1e-7)
    np.testing.assert_allclose(ordinal.negative_log_likelihood(parameters, *arguments)[1], slope, rtol=1e-4, atol=1e-4)


def test_the_objective_stays_finite_where_the_plain_formula_cancels():
    far = np.array([[-800.0], [800.0], [60.0]])
    value, slope = ordinal.negative_log_likelihood(np.array([0.0, 0.0, 1.0]), far, np.array([2, 0, 1]), 1.0)
    assert np.isfinite(value)
    assert np.isfinite(slope).all()


def test_predictions_are_expected_grades_and_probabilities_sum_to_one():
    x, y = _clips(3, 100, 3, 5)
    y[y == 2] = 3
    model = ordinal.fit(x, y, 1.0)
    assert model.levels.tolist() == [0, 1, 3, 4]
    probabilities = model.probabilities(x)
    assert (probabilities >= 0).all()
    np.testing.assert_allclose(probabilities.sum(1), 1.0)
    np.testing.assert_allclose(model.predict(x), probabilities @ model.levels)


def test_the_unit_of_a_feature_does_not_matter_and_a_constant_one_adds_nothing():
    x, y = _clips(4, 80, 3, 4)
    plain = ordinal.fit(x, y, 3.0).predict(x)
    rescaled = np.hstack([x * [1000.0, 0.001, -1.0] + 7.0, np.full((80, 1), 0.1)])
    np.testing.assert_allclose(ordinal.fit(rescaled, y, 3.0).predict(rescaled), plain, atol=1e-4)


def test_one_grade_in_training_gives_that_grade():
    model = ordinal.fit(np.random.default_rng(0).normal(size=(6, 2)), np.full(6, 2.0), 1.0)
    assert model.predict(np.full((3, 2), 1e6)).tolist() == [2.0, 2.0, 2.0]
    assert model.probabilities(np.zeros((1, 2))).tolist() == [[1.0]]


def test_held_out_predictions_know_nothing_of_the_subject():
    rng = np.random.default_rng(5)
    subject = np.repeat(np.arange(30), 4)
    marks, score = np.eye(30)[subject], rng.integers(0, 5, 30)[subject].astype(float)
    grouped = [spearman(score, p).value for p in ordinal.out_of_fold(marks, score, subject)]
    clip_wise = [spearman(score, p).value for p in ordinal.out_of_fold(marks, score, np.arange(120))]
    assert max(grouped) < 0.3
    assert max(clip_wise) > 0.9


def test_the_chosen_penalty_ranks_held_out_clips_best():
    x, y = _clips(5, 120, 3, 5)
    subject = np.arange(120) // 4
    x = np.hstack([x, np.random.default_rng(0).normal(size=(120, 30))])
    ranks = {p: spearman(y, held).value for p, held in zip(ordinal.PENALTIES, ordinal.out_of_fold(x, y, subject), strict=True)}
    assert ranks[ordinal.choose_penalty(x, y, subject)] == max(ranks.values())
    assert min(ranks.values()) < max(ranks.values()) - 0.01


def test_a_single_subject_leaves_nothing_to_hold_out():
    x, y = _clips(6, 20, 2, 3)
    assert ordinal.choose_penalty(x, y, ["only"] * 20) == max(ordinal.PENALTIES)
