"""Bland-Altman's numbers and their intervals by hand, row by row."""

import numpy as np
import pytest

from tramp_jax.metrics.agreement import bland_altman, by_person
from tramp_jax.metrics.bootstrap import SubjectDraws
from tramp_jax.metrics.scored import ScoredClips


def make(n=40, people=8, offset=0.5):
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 5, n).astype(float)
    subject = np.array([f"p{(7 * i) % people}" for i in range(n)])
    return ScoredClips(subject, np.full(n, "smile"), truth, truth + rng.normal(offset, 1, n))


def test_bias_and_limits_are_those_of_the_differences_with_intervals_of_the_repeated_rows():
    clips = make()
    draws = SubjectDraws.of(clips.subject, 50, seed=3)
    found = bland_altman(clips, draws)
    difference = clips.prediction - clips.truth
    sd = difference.std(ddof=1)
    assert found["bias"] == pytest.approx(difference.mean())
    assert (found["low"], found["high"]) == pytest.approx((difference.mean() - 1.96 * sd, difference.mean() + 1.96 * sd))
    by_hand = []
    for count in draws.counts:
        d = np.repeat(difference, count[draws.subject])
        by_hand.append([d.mean(), d.mean() - 1.96 * d.std(ddof=1), d.mean() + 1.96 * d.std(ddof=1)])
    expected = np.percentile(by_hand, [2.5, 97.5], axis=0)
    for i, name in enumerate(("bias", "low", "high")):
        np.testing.assert_allclose(found["intervals"][name], expected[:, i], atol=1e-9)


def test_people_are_in_the_order_of_the_clips_with_the_means_of_their_own():
    clips = make()
    found = by_person(clips)
    order = list(dict.fromkeys(clips.subject.tolist()))
    assert len(found) == len(order) == 8
    for person, row in zip(order, found, strict=True):
        own = clips.subject == person
        assert row["clips"] == own.sum()
        assert row["predicted"] == pytest.approx(clips.prediction[own].mean())
        assert row["mae"] == pytest.approx(np.abs(clips.prediction - clips.truth)[own].mean())
