"""F1 of units is scikit-learn's over the coded frames; ICC are Shrout and Fleiss's of their own example."""

import numpy as np
import pytest
from sklearn import metrics as sk

from tramp_jax.metrics.emotion import action_units as au

# Shrout and Fleiss (1979), table 2: six targets by four judges. Table 4 prints ICC(2,1) as .29 and ICC(3,1) as .71.
SHROUT = np.array([[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]], float)


def test_iccs_of_the_published_example():
    assert round(au.icc_a_1(SHROUT).value, 2) == 0.29
    assert round(au.icc_3_1(SHROUT).value, 2) == 0.71
    # By hand, from the mean squares of that paper's table 3: 11.24, 32.49 and 1.02.
    rows, columns, error = (2 * 56.2083333333333 / 10, 97.4583333333333 / 3, 15.2916666666667 / 15)
    assert au.icc_3_1(SHROUT).value == pytest.approx((rows - error) / (rows + 3 * error), abs=1e-9)
    assert au.icc_a_1(SHROUT).value == pytest.approx((rows - error) / (rows + 3 * error + 4 / 6 * (columns - error)), abs=1e-9)


def test_consistency_does_not_see_an_offset_and_agreement_does():
    truth = np.array([0, 1, 3, 4, 2.0])
    pair = np.stack([truth, truth + 1], axis=1)
    assert au.icc_3_1(pair).value == pytest.approx(1.0)
    # By hand: MSR = 5, MSE = 0, MSC = 2.5: 5 / (5 + 2 / 5 * 2.5).
    assert au.icc_a_1(pair).value == pytest.approx(5 / 6, abs=1e-12)


@pytest.mark.parametrize("icc", [au.icc_3_1, au.icc_a_1])
@pytest.mark.parametrize(
    ("pairs", "value", "flag"),
    [
        ([], None, "no frames"),
        ([[1, 2]], 0.0, "fewer than 2 frames"),
        ([[1, 1], [1, 1]], 0.0, "constant truth and prediction"),
        ([[1, 0], [1, 0]], 0.0, "constant truth and prediction"),
        ([[1, 0], [1, 3], [1, 2]], 0.0, "constant truth"),
        ([[0, 1], [3, 1], [2, 1]], 0.0, "constant prediction"),
    ],
)
def test_degenerate_agreement_has_a_value_and_a_flag(icc, pairs, value, flag):
    found = icc(np.array(pairs, float).reshape(-1, 2))
    assert found == (value if value is None else pytest.approx(value, abs=1e-12), flag)


def test_two_frames_that_cross_have_no_absolute_agreement_to_speak_of():
    crossed = np.array([[0.0, 1.0], [1.0, 0.0]])
    assert au.icc_a_1(crossed) == (0.0, "no spread over frames or raters")  # 0 / 0
    assert au.icc_3_1(crossed) == (-1.0, "")


def occurrence(seed=0, n=80):
    rng = np.random.default_rng(seed)
    truth = (rng.random((n, 4)) < [0.4, 0.1, 0.6, 0.3]).astype(float)
    truth[rng.random((n, 4)) < 0.2] = np.nan
    return truth, rng.random((n, 4)) < 0.4


def test_f1_is_that_of_scikit_learn_over_the_frames_that_were_coded():
    truth, present = occurrence()
    for unit, found in enumerate(au.f1_scores(truth, present)):
        known = np.isfinite(truth[:, unit])
        assert found == (pytest.approx(sk.f1_score(truth[known, unit], present[known, unit]), abs=1e-9), "")


def test_what_was_not_coded_does_not_count():
    truth, present = occurrence()
    other = np.where(np.isnan(truth), ~present, present)
    assert au.f1_scores(truth, present) == au.f1_scores(truth, other)


def test_a_unit_that_is_never_there_has_a_defined_value():
    truth = np.array([[0, 0, np.nan, 1], [0, 0, np.nan, 1]])
    found = au.f1_scores(truth, np.array([[0, 1, 1, 0], [0, 0, 1, 0]], bool))
    assert found == [(0.0, "never present, never predicted"), (0.0, "never present"), (None, "no frames"), (0.0, "")]


def test_weights_are_repetitions():
    truth, present = occurrence()
    intensity = np.where(np.isnan(truth), np.nan, np.random.default_rng(1).integers(0, 6, truth.shape))
    said = np.random.default_rng(2).uniform(0, 5, truth.shape)
    weights = np.random.default_rng(0).integers(0, 3, (5, len(truth))).astype(float)
    f1, icc = au.mean_f1_of(truth, present)(weights), au.mean_icc_3_1_of(intensity, said)(weights)
    for draw, row in enumerate(weights.astype(int)):
        at = np.repeat(np.arange(len(truth)), row)
        assert f1[draw] == pytest.approx(np.mean([m.value for m in au.f1_scores(truth[at], present[at])]), abs=1e-9)
        pairs = [np.stack([intensity[at, k], said[at, k]], axis=1) for k in range(4)]
        expected = np.mean([au.icc_3_1(pair[np.isfinite(pair[:, 0])]).value for pair in pairs])
        assert icc[draw] == pytest.approx(expected, abs=1e-9)


def test_units_are_named_in_several_spellings_and_once():
    assert au.named_units("AU12 - Lip Corner Puller, au 04, AU-6 and AU12; not FAU9, AU1234") == ["12", "4", "6"]
