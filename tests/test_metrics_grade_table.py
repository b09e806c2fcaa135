"""The confusion matrix of rounded grades is that of scikit-learn; macro-F1 pays for a grade that is never predicted."""

import numpy as np
import pytest
from sklearn import metrics as sk

from tramp_jax.metrics.grade_table import confusion_tables, macro_f1
from tramp_jax.metrics.scored import ScoredClips


@pytest.fixture
def clips():
    rng = np.random.default_rng(0)
    expression = np.array(["smile", "rest"])[np.arange(60) % 2]
    truth = rng.choice(9, 60) / 2
    return ScoredClips(np.arange(60).astype(str), expression, truth, truth + rng.normal(0, 2, 60))


def test_rows_are_rated_grades_and_columns_predicted_ones_of_each_expression_and_of_all(clips):
    tables = confusion_tables(clips, ["smile", "rest", "frown"])
    grades = [np.clip(np.floor(x + 0.5), 0, 4).astype(int) for x in (clips.truth, clips.prediction)]
    for name, rows in {"smile": clips.expression == "smile", "rest": clips.expression == "rest", "all": slice(None)}.items():
        expected = sk.confusion_matrix(grades[0][rows], grades[1][rows], labels=range(5))
        assert tables[name] == expected.tolist()
    assert np.sum(tables["frown"]) == 0


def test_a_rated_grade_that_is_never_predicted_counts_with_0_and_one_that_nobody_rated_does_not_count():
    truth, prediction = np.array([0.0, 0, 0, 1]), np.array([0.0, 0, 0, 4])
    assert macro_f1(truth, prediction) == (0.5, "")
    assert macro_f1(truth[:0], prediction[:0]).value is None
