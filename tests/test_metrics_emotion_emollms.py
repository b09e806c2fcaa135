"""EmoLLMs' five formats are read strictly; their metrics are SciPy's and scikit-learn's."""

import numpy as np
import pytest
from sklearn import metrics as sk

from tramp_jax.metrics.emotion import emollms as e


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0.896", 0.896),
        ("Intensity Score: 0.5", 0.5),
        ("Intensity Score: 0.5 on a scale of 0 to 1", 0.5),
        (">>0.354.", 0.354),
        ("from 0 to 1, I say .7", None),
        ("1.5", None),
        ("-0.2", None),
        ("50%", None),
        ("high", None),
        ("", None),
    ],
)
def test_scores(text, value):
    assert e.read_score(text) == value


@pytest.mark.parametrize(
    ("text", "intensity", "valence"),
    [
        ("3", 3, 3),
        ("-3: very negative emotional state can be inferred", None, -3),
        ("Intensity Class: 2: moderate amount of joy can be inferred", 2, 2),
        ("−1.", None, -1),
        (">>1: low amount of anger", 1, 1),
        ("no fear can be inferred", 0, None),
        ("neutral or mixed emotional state", None, 0),
        ("low or high", None, None),
        ("4", None, None),
        ("2.5", None, None),
        ("12", None, None),
        ("", None, None),
    ],
)
def test_classes(text, intensity, valence):
    assert (e.read_intensity_class(text), e.read_valence_class(text)) == (intensity, valence)


@pytest.mark.parametrize(
    ("text", "named", "unknown"),
    [
        ("anger, disgust.", {"anger", "disgust"}, 0),
        ("neutral or no emotion.", set(), 0),
        ("This tweet contains emotions: joy, love and hope", {"joy", "love"}, 1),
        ("joy.\nHuman: anger", {"joy"}, 0),
        ("joyful", None, 1),
        ("", None, 0),
    ],
)
def test_lists(text, named, unknown):
    assert e.read_emotions(text) == (named, unknown)


def lists(seed=0, n=60):
    rng = np.random.default_rng(seed)
    truth = rng.random((n, 11)) < np.linspace(0.1, 0.4, 11)
    prediction = truth ^ (rng.random((n, 11)) < 0.15)
    truth[:3] = prediction[:2] = False
    return truth, prediction


def test_metrics_of_lists_are_those_of_scikit_learn():
    truth, prediction = lists()
    read = np.ones(len(truth), bool)
    expected = sk.jaccard_score(truth, prediction, average="samples", zero_division=1)
    assert e.jaccard(truth, prediction, read) == (pytest.approx(expected, abs=1e-9), "")
    assert e.micro_f1(truth, prediction) == (pytest.approx(sk.f1_score(truth, prediction, average="micro"), abs=1e-9), "")
    assert e.macro_f1(truth, prediction) == (pytest.approx(sk.f1_score(truth, prediction, average="macro"), abs=1e-9), "")


def test_an_unread_list_is_wrong_where_the_truth_is_no_emotion():
    truth, prediction = np.zeros((2, 11), bool), np.zeros((2, 11), bool)
    assert e.jaccard(truth, prediction, np.array([True, False])).value == 0.5
    assert e.micro_f1(truth, prediction) == (0.0, "no emotion anywhere")
    assert e.macro_f1(truth, prediction) == (0.0, "11 emotions nowhere: 0 each")


@pytest.mark.parametrize("classes", [[0, 1, 2, 3], [-3, -2, -1, 0, 1, 2, 3]])
def test_kappa_is_that_of_scikit_learn_on_negative_classes_too(classes):
    rng = np.random.default_rng(0)
    truth = rng.choice(classes, 50)
    prediction = np.clip(truth + rng.integers(-2, 3, 50), classes[0], classes[-1])
    expected = sk.cohen_kappa_score(truth, prediction, labels=classes, weights="quadratic")
    assert e.quadratic_kappa(truth.astype(float), prediction.astype(float)).value == pytest.approx(expected, abs=1e-9)


def test_degenerate_kappa_and_correlation():
    same = np.ones(3)
    assert e.quadratic_kappa(same, same) == (0.0, "constant truth")
    assert e.quadratic_kappa(same[:0], same[:0]) == (None, "no clips")
    assert e.pearson_upper(np.array([0.1, 0.2]), np.array([0.1, 0.2])) == (None, "no clips")


def test_the_upper_half_is_what_is_half_or_more():
    truth, prediction = np.array([0.1, 0.5, 0.7, 0.9]), np.array([0.9, 0.2, 0.3, 0.7])
    assert e.pearson_upper(truth, prediction).value == pytest.approx(np.corrcoef(truth[1:], prediction[1:])[0, 1], abs=1e-9)


def test_an_unread_number_is_as_wrong_as_the_scale_allows():
    assert e.farthest(np.array([-3, -1, 0, 2]), -3, 3).tolist() == [3, 3, 3, -3]
