"""Risk-coverage: certain clips first, equals in no order, the mean over every prefix."""

import itertools

import numpy as np
import pytest

from tramp_jax.metrics import abstention


def _area(loss, uncertainty):
    return abstention.risk_coverage_area(np.zeros(len(loss)), np.asarray(loss, float), np.asarray(uncertainty, float)).value


def test_the_area_is_the_mean_risk_of_every_prefix():
    # Certain first: losses 0, 1, 2 -> risks 0, 1/2, 1.
    assert _area([2, 0, 1], [0.9, 0.1, 0.5]) == pytest.approx((0 + 1 / 2 + 1) / 3, abs=1e-12)


def test_equals_are_the_mean_over_all_their_orders():
    loss, uncertainty = np.array([3.0, 0, 1, 2, 5]), np.array([1.0, 1, 1, 0, 2])
    found = []
    for order in itertools.permutations(range(5)):
        if (np.diff(uncertainty[list(order)]) >= 0).all():
            ordered = loss[list(order)]
            found.append([ordered[:k].mean() for k in range(1, 6)])
    assert len(found) == 6
    assert _area(loss, uncertainty) == pytest.approx(np.mean(found), abs=1e-12)
    risks = abstention.selective_risk(loss, uncertainty, [0.2, 0.4, 0.6, 0.8, 1.0])
    np.testing.assert_allclose(risks, np.mean(found, axis=0), atol=1e-12)


def test_a_model_that_does_not_know_what_it_knows_has_its_mean_error_everywhere():
    loss = np.random.default_rng(0).uniform(0, 3, 50)
    assert _area(loss, np.ones(50)) == pytest.approx(loss.mean())
    np.testing.assert_allclose(abstention.selective_risk(loss, np.ones(50)), [loss.mean()] * len(abstention.COVERAGES))


def test_knowing_ones_errors_lowers_the_area_and_being_sure_of_them_raises_it():
    loss = np.random.default_rng(1).uniform(0, 3, 50)
    assert _area(loss, loss) < loss.mean() < _area(loss, -loss)
    risks = abstention.selective_risk(loss, loss)
    assert risks == sorted(risks, reverse=True)
    assert risks[0] == pytest.approx(loss.mean())


def test_the_share_kept_is_rounded_up_and_at_least_one_clip():
    loss = np.arange(10.0)
    assert abstention.selective_risk(loss, loss, [0.01, 0.1, 0.11, 0.7]) == pytest.approx([0.0, 0.0, 0.5, 3.0])


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_without_clips_there_is_no_value():
    assert abstention.risk_coverage_area(*(np.zeros(0),) * 3) == (None, "no clips")
    assert abstention.selective_risk(np.zeros(0), np.zeros(0)) == [None] * len(abstention.COVERAGES)
