"""Severity metrics agree with SciPy and scikit-learn, and have a value where those have none."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from tramp_jax.metrics import severity


def _pair(seed: int, n: int, ties: bool) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = rng.choice(5, n, p=[0.4, 0.3, 0.15, 0.1, 0.05]).astype(float)
    prediction = truth + rng.normal(0, 1.2, n)
    return truth, np.round(prediction * 2) / 2 if ties else prediction


PAIRS = [_pair(seed, n, ties) for seed, n in enumerate((8, 41, 300)) for ties in (False, True)]


@pytest.mark.parametrize(("truth", "prediction"), PAIRS)
def test_correlations_and_errors_are_those_of_scipy_and_scikit_learn(truth, prediction):
    expected = {
        "spearman": stats.spearmanr(truth, prediction).statistic,
        "pearson": stats.pearsonr(truth, prediction).statistic,
        "kendall_tau_b": stats.kendalltau(truth, prediction).statistic,
        "mae": sk.mean_absolute_error(truth, prediction),
        "macro_mae": np.mean([sk.mean_absolute_error(truth[truth == k], prediction[truth == k]) for k in set(truth)]),
        "rmse": sk.root_mean_squared_error(truth, prediction),
        "relative_l2": 100 * sk.mean_squared_error(truth / 4, prediction / 4),
    }
    for name, value in expected.items():
        assert severity.METRICS[name](truth, prediction) == (pytest.approx(value, abs=1e-9), "")


@pytest.mark.parametrize(("truth", "prediction"), PAIRS)
def test_rounded_metrics_are_those_of_scikit_learn_with_all_labels(truth, prediction):
    grades = np.clip([int(np.floor(p + 0.5)) for p in prediction], 0, 4)
    kappa = sk.cohen_kappa_score(truth.astype(int), grades, labels=[0, 1, 2, 3, 4], weights="quadratic")
    assert severity.quadratic_kappa(truth, prediction).value == pytest.approx(kappa, abs=1e-9)
    assert severity.accuracy(truth, prediction).value == pytest.approx(sk.accuracy_score(truth.astype(int), grades), abs=1e-9)
    assert severity.within_one(truth, prediction).value == pytest.approx(np.mean(np.abs(truth - grades) <= 1), abs=1e-9)


def test_kendall_tau_b_is_the_count_of_pairs():
    truth, prediction = PAIRS[1]
    signs = [np.sign(x[:, None] - x[None, :])[np.triu_indices(len(x), 1)] for x in (truth, prediction)]
    by_hand = (signs[0] * signs[1]).sum() / np.sqrt((signs[0] ** 2).sum() * (signs[1] ** 2).sum())
    assert severity.kendall_tau_b(truth, prediction).value == pytest.approx(by_hand, abs=1e-9)


def test_halves_round_up_and_grades_stay_on_the_scale():
    assert severity.to_grade(np.array([-3.0, 0.49, 0.5, 1.5, 2.5, 3.5, 9.0])).tolist() == [0, 0, 1, 2, 3, 4, 4]


@pytest.mark.parametrize("counts", [(3, 5, 2), (1, 1), (10, 1), (60, 30, 15, 5, 2)])
def test_no_prediction_without_ties_passes_the_tie_ceiling_and_the_right_order_reaches_it(counts):
    truth = np.repeat(np.arange(len(counts)), counts).astype(float)
    ceiling = severity.tie_ceiling(truth).value
    assert stats.spearmanr(truth, np.arange(len(truth))).statistic == pytest.approx(ceiling, abs=1e-9)
    rng = np.random.default_rng(0)
    assert all(severity.spearman(truth, rng.permutation(len(truth))).value <= ceiling + 1e-12 for _ in range(50))


def test_the_tie_ceiling_tends_to_the_published_formula():
    shares = np.array([0.5, 0.3, 0.15, 0.05])
    truth = np.repeat(np.arange(4.0), (shares * 10_000).astype(int))
    assert severity.tie_ceiling(truth).value == pytest.approx(np.sqrt(1 - np.sum(shares**3)), abs=1e-6)
    assert round(severity.tie_ceiling(truth).value, 2) == 0.92


DEGENERATE = [
    ([], [], "no clips"),
    ([2.0], [1.0], "fewer than 2 clips"),
    ([2.0, 2.0, 2.0], [1.0, 2.0, 3.0], "constant truth"),
    ([1.0, 2.0, 3.0], [2.0, 2.0, 2.0], "constant prediction"),
    ([1.0, 1.0], [1.0, 1.0], "constant truth"),
]


@pytest.mark.parametrize(("truth", "prediction", "flag"), DEGENERATE)
@pytest.mark.parametrize("name", severity.METRICS)
@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_nothing_is_ever_nan_and_conventions_are_flagged(name, truth, prediction, flag):
    metric = severity.METRICS[name](np.array(truth), np.array(prediction))
    if name in ("spearman", "pearson", "kendall_tau_b", "icc_a1"):
        assert metric == (None if not truth else 0.0, flag)
    elif not truth:
        assert metric == (None, "no clips")
    else:
        assert np.isfinite(metric.value)


# Shrout and Fleiss (1979), table 2: 6 targets by 4 judges; they print ICC(2,1) = .29.
SHROUT_FLEISS = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)


def test_the_intraclass_correlation_is_the_published_one_of_shrout_and_fleiss():
    found = severity.intraclass_correlation(SHROUT_FLEISS).value
    assert f"{found:.2f}" == "0.29"
    # By hand: sums of squares 56.2083 (targets), 97.4583 (judges), 15.2917 (rest) over 5, 3 and 15 degrees of freedom.
    targets, judges, rest = (1349 / 24) / 5, (2339 / 24) / 3, (367 / 24) / 15
    assert found == pytest.approx((targets - rest) / (targets + 3 * rest + 4 * (judges - rest) / 6), abs=1e-12)


def test_the_intraclass_correlation_sees_an_offset_that_pearson_does_not():
    truth = np.array([0.0, 1, 2, 3, 4])
    assert severity.pearson(truth, truth + 1).value == pytest.approx(1)
    # MSR = 5, MSE = 0, MSC = 2.5, n = 5: 5 / (5 + 2 * 2.5 / 5)
    assert severity.icc_a1(truth, truth + 1).value == pytest.approx(5 / 6, abs=1e-12)
    assert severity.icc_a1(truth, truth) == (pytest.approx(1), "")
    assert severity.icc_a1(np.array([1.0, 2]), np.array([2.0, 1])) == (0.0, "no variance")
    with pytest.raises(ValueError, match="at least 2"):
        severity.intraclass_correlation(np.zeros((5, 1)))


def test_kappa_of_a_single_grade_is_zero_with_a_flag_where_scikit_learn_has_nan():
    same = np.ones(5)
    assert severity.quadratic_kappa(same, same) == (0.0, "constant truth")
    assert severity.quadratic_kappa(same, np.arange(5.0)) == (0.0, "constant truth")
    assert severity.quadratic_kappa(np.arange(5.0), same) == (0.0, "")


@pytest.mark.parametrize("scale", [1e-200, 1e200])
def test_pearson_does_not_depend_on_the_size_of_the_predictions(scale):
    truth, prediction = PAIRS[0]
    assert severity.pearson(truth, prediction * scale).value == pytest.approx(severity.pearson(truth, prediction).value)


def test_the_mean_over_expressions_is_plain_counts_collapsed_ones_as_zero_and_skips_absent_ones():
    truth = np.array([0.0, 1, 2, 0, 1, 2, 3])
    prediction = np.array([0.0, 1, 2, 1, 1, 1, 1])
    expression = np.array(["smile"] * 3 + ["rest"] * 4)
    values, flags = severity.by_expression(severity.spearman, expression, truth, prediction, names=("rest", "smile", "frown"))
    assert values == {"rest": 0.0, "smile": pytest.approx(1.0), "frown": None, "mean": 0.5}
    del values["frown"]
    assert severity.by_expression(severity.spearman, expression, truth, prediction)[0] == values
    assert "rest: constant prediction" in flags
    assert severity.by_expression(severity.mae, expression, truth, prediction, names=["smile"])[0] == {"smile": 0, "mean": 0}
    assert "frown: no clips" in flags
