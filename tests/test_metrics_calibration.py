"""Calibration against scikit-learn's curve and against ratings drawn from the very distributions."""

import numpy as np
import pytest
from sklearn.calibration import calibration_curve

from tramp_jax.metrics.calibration import LEVELS, calibration_error, central_coverage, grade_shares, reliability


def drawn(n, sharper=1.0, seed=0):
    """Ratings drawn from distributions (n, 5), and the distributions made sharper."""
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.ones(5), n)
    truth = (p.cumsum(axis=1) < rng.uniform(size=(n, 1))).sum(axis=1).astype(float)
    told = p**sharper
    return truth, told / told.sum(axis=1, keepdims=True)


def test_the_diagram_is_that_of_scikit_learn_over_the_four_statements():
    truth, p = drawn(500)
    said = np.concatenate([p[:, k:].sum(axis=1) for k in range(1, 5)])
    so = np.concatenate([truth >= k for k in range(1, 5)])
    observed, predicted = calibration_curve(so, np.clip(said, 0, 1), n_bins=10)
    rows = reliability(truth, p)
    np.testing.assert_allclose([row["observed"] for row in rows], observed, atol=1e-9)
    np.testing.assert_allclose([row["predicted"] for row in rows], predicted, atol=1e-9)
    assert sum(row["count"] for row in rows) == 2000


@pytest.mark.parametrize(("sharper", "low", "high"), [(1.0, -0.01, 0.01), (3.0, -0.35, -0.05), (0.4, 0.005, 0.35)])
def test_the_middle_of_a_true_distribution_holds_its_level_and_of_a_sharper_one_less(sharper, low, high):
    truth, p = drawn(40_000, sharper)
    excess = np.array(central_coverage(truth, p)) - LEVELS
    assert (excess > low).all()
    assert (excess[:-1] < high).all()
    assert (calibration_error(reliability(truth, p)) < 0.01) == (sharper == 1.0)


def test_a_sure_distribution_covers_where_it_is_right_and_nowhere_else():
    p = np.eye(5)[[2, 2]]
    assert central_coverage(np.array([2.0, 2.0]), p, (0.5, 0.9)) == [pytest.approx(0.5), pytest.approx(0.9)]
    assert central_coverage(np.array([0.0, 4.0]), p, (0.5, 0.9)) == [0.0, 0.0]


def test_shares_are_those_of_the_ratings_and_of_the_rounded_probabilities_made_whole():
    p = np.array([[0.5, 0.5, 0, 0, 0], [1.01, 0, 0, 0, 0], [0, 0, 0, 0, 0.98]])
    rated, expected = grade_shares(np.array([0.0, 0, 4]), p)
    np.testing.assert_allclose(rated, [2 / 3, 0, 0, 0, 1 / 3])
    np.testing.assert_allclose(expected, [0.5, 1 / 6, 0, 0, 1 / 3])
