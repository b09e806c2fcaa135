"""Concordance is Lin's, correlation SciPy's, RMSE scikit-learn's."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as sk

from tramp_jax.metrics.emotion import valence_arousal as va


def pair(seed, n=50, offset=0.1):
    rng = np.random.default_rng(seed)
    truth = rng.uniform(-1, 1, n)
    return truth, np.clip(0.7 * truth + rng.normal(offset, 0.3, n), -1, 1)


@pytest.mark.parametrize("seed", range(4))
def test_metrics_are_those_of_scipy_and_scikit_learn(seed):
    truth, prediction = pair(seed)
    pearson = stats.pearsonr(truth, prediction).statistic
    # Lin (1989): the correlation times the bias correction 2 / (v + 1 / v + u^2).
    scale, shift = truth.std() / prediction.std(), (truth.mean() - prediction.mean()) / np.sqrt(truth.std() * prediction.std())
    expected = {
        "ccc": pearson * 2 / (scale + 1 / scale + shift**2),
        "pcc": pearson,
        "rmse": sk.root_mean_squared_error(truth, prediction),
        "sagr": sk.accuracy_score(np.sign(truth).astype(int), np.sign(prediction).astype(int)),
    }
    for name, value in expected.items():
        assert va.METRICS[name](truth, prediction) == (pytest.approx(value, abs=1e-9), "")


def test_concordance_by_hand():
    # Means 2 and 3, variances over N 2/3 and 2/3, covariance 2/3: (4/3) / (4/3 + 1).
    assert va.ccc(np.array([1.0, 2, 3]), np.array([2.0, 3, 4])).value == pytest.approx(4 / 7, abs=1e-12)


def test_an_offset_costs_concordance_and_no_correlation():
    truth, prediction = pair(0)
    assert va.METRICS["pcc"](truth, prediction + 5).value == pytest.approx(va.METRICS["pcc"](truth, prediction).value)
    assert va.ccc(truth, prediction + 5).value < 0.1


def test_zero_is_a_sign_of_its_own():
    assert va.sagr(np.array([0.0, 0.0, 0.2, -0.1]), np.array([0.0, 0.1, 0.3, 0.1])).value == 0.5


@pytest.mark.parametrize(
    ("truth", "prediction", "found"),
    [
        ([], [], (None, "no clips")),
        ([0.1], [0.1], (0.0, "fewer than 2 clips")),
        ([0.1, 0.1], [0.1, 0.1], (0.0, "constant truth")),
        ([0.1, 0.1], [0.1, 0.4], (0.0, "constant truth")),
        ([0.1, 0.3], [0.2, 0.2], (0.0, "constant prediction")),
    ],
)
def test_degenerate_concordance_has_a_value_and_a_flag(truth, prediction, found):
    assert va.ccc(np.array(truth), np.array(prediction)) == found


@pytest.mark.parametrize("name", va.METRICS)
def test_a_weight_is_a_repetition(name):
    truth, prediction = pair(2)
    weights = np.random.default_rng(0).integers(0, 3, (5, len(truth))).astype(float)
    weights[-1] = 0
    values = va.STATISTICS[name](truth, prediction)(weights)
    repeated = [np.repeat(np.arange(len(truth)), row.astype(int)) for row in weights[:-1]]
    assert values[:-1] == pytest.approx([va.METRICS[name](truth[at], prediction[at]).value for at in repeated], abs=1e-9)
    assert np.isnan(values[-1])


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("0.3 -0.2", (0.3, -0.2)),
        ("[0.3,-0.2]", (0.3, -0.2)),
        ("Valence: 0.3, Arousal: −0.12", (0.3, -0.12)),
        ("arousal 0.2 and valence .1.", (0.1, 0.2)),
        ("Valence (from -1 to 1): 0.5; arousal [-1, 1] = 0", (0.5, 0.0)),
        ("The valence is 0.3.", None),
        ("valence 30%, arousal 20%", None),
        ("0.1 0.2 0.3", None),
        ("happy", None),
        ("", None),
    ],
)
def test_a_text_is_read_or_not(text, pair):
    assert va.read_pair(text) == pair
