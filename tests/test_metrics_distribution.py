"""The ranked probability score is SciPy's energy distance; intervals are counted as one would by hand."""

import numpy as np
import pytest
from scipy import integrate, stats

from tramp_jax.metrics import distribution

GRADES = np.arange(5)


def _random(seed: int, n: int = 40):
    rng = np.random.default_rng(seed)
    return rng.choice(9, n) / 2, rng.dirichlet(np.full(5, 0.5), n)


def test_the_ranked_probability_score_is_half_the_squared_energy_distance_to_the_truth():
    truth, p = _random(0)
    expected = [stats.energy_distance(GRADES, [y], row) ** 2 / 2 for y, row in zip(truth, p, strict=True)]
    np.testing.assert_allclose(distribution.ranked_probability_scores(truth, p), expected, atol=1e-12)
    assert distribution.ranked_probability_score(truth, p).value == pytest.approx(np.mean(expected), abs=1e-12)


def test_it_is_the_integral_over_the_scale():
    p = np.array([0.1, 0.2, 0.4, 0.2, 0.1])
    steps = np.cumsum(p)
    for truth in (0.0, 1.5, 2.25, 4.0):
        whole, _ = integrate.quad(lambda x, y=truth: (steps[int(x)] - (x >= y)) ** 2, 0, 4, points=[1, 2, 3, truth], limit=200)
        assert distribution.ranked_probability_scores(np.array([truth]), p[None])[0] == pytest.approx(whole, abs=1e-7)


def test_a_sure_distribution_scores_its_absolute_error_and_the_right_one_nothing():
    sure = np.eye(5)[[0, 4, 2]]
    np.testing.assert_allclose(distribution.ranked_probability_scores(np.array([3.0, 4.0, 1.0]), sure), [3, 0, 1])


def test_no_other_distribution_beats_the_true_one_in_the_mean():
    rng = np.random.default_rng(1)
    true = np.array([0.35, 0.25, 0.2, 0.15, 0.05])
    truth = rng.choice(5, 40_000, p=true).astype(float)
    own = distribution.ranked_probability_score(truth, np.tile(true, (len(truth), 1))).value
    for other in (np.eye(5)[0], np.eye(5)[1], np.full(5, 0.2), *rng.dirichlet(np.ones(5), 10)):
        assert own < distribution.ranked_probability_score(truth, np.tile(other, (len(truth), 1))).value


def test_probabilities_that_a_file_has_rounded_are_divided_by_their_sum():
    truth, p = _random(2)
    np.testing.assert_allclose(
        distribution.ranked_probability_scores(truth, p * 0.99), distribution.ranked_probability_scores(truth, p), atol=1e-12
    )


def test_the_ends_of_an_interval_are_inside():
    truth = np.array([1.0, 2.0, 3.0, 4.0])
    interval = np.array([[1.0, 2.0], [0.0, 2.0], [3.01, 4.0], [0.0, 3.99]])
    assert distribution.interval_coverage(truth, interval).value == 0.5
    assert distribution.interval_width(truth, interval).value == pytest.approx((1 + 2 + 0.99 + 3.99) / 4)


def test_coverage_of_a_calibrated_normal_interval_is_its_level():
    rng = np.random.default_rng(3)
    middle = rng.normal(2, 1, 50_000)
    reach = stats.norm.ppf(0.95)
    interval = np.stack([middle - reach, middle + reach], axis=1)
    assert distribution.interval_coverage(middle + rng.normal(size=50_000), interval).value == pytest.approx(0.9, abs=0.005)


def test_entropy_is_scipys_and_zero_for_a_sure_one():
    _, p = _random(4)
    np.testing.assert_allclose(distribution.entropies(p), stats.entropy(p, axis=1), atol=1e-12)
    assert distribution.entropies(np.eye(5)).tolist() == [0.0] * 5


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_without_clips_there_is_no_value_and_a_flag():
    for metric in (distribution.ranked_probability_score, distribution.interval_coverage, distribution.interval_width):
        assert metric(np.zeros(0), np.zeros((0, 5))) == (None, "no clips")
