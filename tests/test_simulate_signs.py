"""No sign tells the severity, all of them together do, and the rater errs."""

import numpy as np
import pytest
from scipy.stats import spearmanr
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from input_pipeline.records import EXPRESSIONS
from input_pipeline.simulate import signs
from input_pipeline.simulate.face import mean_identity, sample_identity

COUNT = 1200


@pytest.fixture(scope="module", params=EXPRESSIONS)
def drawn(request):
    severity, grades, values = [], [], []
    for number in range(COUNT):
        rng = np.random.default_rng([1, number])
        truth = signs.sample_signs(signs.sample_subject(rng), request.param, rng)
        severity.append(truth["severity"])
        grades.append(signs.rated_grade(truth["severity"], rng))
        values.append([truth[name] for name in signs.SIGNS])
    return np.array(severity), np.array(grades), np.array(values)


def test_severity_is_in_range_and_every_grade_occurs(drawn):
    severity, grades, _ = drawn
    assert severity.min() >= 0
    assert severity.max() <= 4
    share = np.bincount(grades.astype(int), minlength=5) / COUNT
    assert len(share) == 5
    assert share.min() > 0.04
    assert share.max() < 0.4


def test_the_rater_keeps_the_oracle_below_one(drawn):
    severity, grades, _ = drawn
    assert 0.89 < spearmanr(severity, grades)[0] < 0.945


def test_each_sign_alone_says_little(drawn):
    severity, _, values = drawn
    for column, name in zip(values.T, signs.SIGNS, strict=True):
        assert 0.35 < abs(spearmanr(column, severity)[0]) < 0.8, name


def test_all_signs_together_reach_the_oracle(drawn):
    severity, grades, values = drawn
    features = np.concatenate([values, np.log(values + 1e-3)], axis=1)
    train, test = slice(0, COUNT // 2), slice(COUNT // 2, None)
    model = make_pipeline(StandardScaler(), RidgeCV(np.logspace(-2, 3, 12))).fit(features[train], grades[train])
    reached = spearmanr(model.predict(features[test]), grades[test])[0]
    assert reached > 0.95 * spearmanr(severity[test], grades[test])[0]


@pytest.mark.parametrize("name", signs.SIGNS)
def test_each_sign_follows_its_impairment_one_way(name):
    steps = np.diff([signs.SIGNS[name].value(u) for u in np.linspace(*signs.IMPAIRMENT_RANGE, 40)])
    assert (steps > 0).all() or (steps < 0).all()


def test_lips_part_at_the_two_severe_grades():
    parting = signs.SIGNS["lip_parting"]
    assert parting.value(2.0) < 0.1
    assert parting.value(4.0) > 0.8


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_the_healthy_amplitude_is_a_matter_of_visible_proportions(expression):
    assert signs.healthy_amplitude(mean_identity(), expression) == 1.0
    factors = np.log([signs.healthy_amplitude(sample_identity(np.random.default_rng(i)), expression) for i in range(200)])
    assert 0.15 < factors.std() < 0.4
