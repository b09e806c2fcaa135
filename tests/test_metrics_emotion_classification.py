"""Expression metrics are scikit-learn's; an unread answer stays in every denominator."""

import numpy as np
import pytest
from sklearn import metrics as sk

from tramp_jax.metrics.emotion import classification as c

K = 5
ALL = list(range(K))


def pair(seed, n=60, unread=0.1):
    rng = np.random.default_rng(seed)
    truth = np.concatenate([np.arange(K), rng.choice(K, n - K, p=[0.5, 0.2, 0.15, 0.1, 0.05])])
    prediction = np.where(rng.random(n) < 0.6, truth, rng.integers(0, K, n))
    return truth, np.where(rng.random(n) < unread, c.UNREAD, prediction)


@pytest.mark.parametrize("seed", range(4))
def test_all_metrics_are_those_of_scikit_learn(seed):
    truth, prediction = pair(seed)
    expected = {
        "accuracy": sk.accuracy_score(truth, prediction),
        "uar": sk.recall_score(truth, prediction, labels=ALL, average="macro"),
        "war": sk.recall_score(truth, prediction, labels=ALL, average="weighted"),
        "macro_f1": sk.f1_score(truth, prediction, labels=ALL, average="macro"),
        "weighted_f1": sk.f1_score(truth, prediction, labels=ALL, average="weighted"),
    }
    assert {name: metric(truth, prediction, K) for name, metric in c.METRICS.items()} == {
        name: (pytest.approx(value, abs=1e-9), "") for name, value in expected.items()
    }
    assert [m.value for m in c.f1_scores(truth, prediction, K)] == pytest.approx(
        sk.f1_score(truth, prediction, labels=ALL, average=None), abs=1e-9
    )
    assert [m.value for m in c.recalls(truth, prediction, K)] == pytest.approx(
        sk.recall_score(truth, prediction, labels=ALL, average=None), abs=1e-9
    )


def test_the_confusion_is_that_of_scikit_learn_with_a_column_for_the_unread():
    truth, prediction = pair(0)
    table = c.confusion(truth, prediction, K)
    expected = sk.confusion_matrix(truth, np.where(prediction == c.UNREAD, K, prediction), labels=[*ALL, K])
    assert (table == expected[:K]).all()
    assert table.sum() == len(truth)
    assert table[:, K].sum() == (prediction == c.UNREAD).sum() > 0


def test_an_unread_answer_is_wrong():
    truth, prediction = pair(0, unread=0.0)
    lost = prediction.copy()
    lost[np.flatnonzero(truth == prediction)[:5]] = c.UNREAD
    for metric in c.METRICS.values():
        assert metric(truth, lost, K).value < metric(truth, prediction, K).value


def test_a_class_without_clips_is_left_out_of_the_means_and_told():
    truth, prediction = np.array([0, 0, 1, 1]), np.array([0, 2, 1, 1])
    assert c.uar(truth, prediction, 3) == (0.75, "1 of 3 classes have no clips")
    assert c.uar(truth, prediction, 3).value == pytest.approx(
        sk.recall_score(truth, prediction, labels=[0, 1], average="macro")
    )
    assert c.f1_scores(truth, prediction, 3)[2] == (None, "no clips")
    assert c.accuracy(truth, prediction, 3) == (0.75, "")


def test_nothing_is_measured_of_no_clips():
    none = np.zeros(0, int)
    assert {metric(none, none, K) for metric in c.METRICS.values()} == {(None, "no clips")}


@pytest.mark.parametrize("name", c.METRICS)
def test_a_weight_is_a_repetition(name):
    truth, prediction = pair(1)
    weights = np.random.default_rng(0).integers(0, 4, (6, len(truth))).astype(float)
    weights[:, 0] = 0  # a draw may lose a class altogether
    weights[-1] = 0
    values = c.statistic_of(name, truth, prediction, K)(weights)
    repeated = [np.repeat(np.arange(len(truth)), row.astype(int)) for row in weights[:-1]]
    assert values[:-1] == pytest.approx([c.METRICS[name](truth[at], prediction[at], K).value for at in repeated], abs=1e-9)
    assert np.isnan(values[-1])
