"""Heads trained side by side are the heads trained alone; they learn, and never from whom they predict."""

import dataclasses

import numpy as np
import pytest
from scipy import stats
from tiny import demo_config

from tramp_jax.metrics.protocols import Job
from tramp_jax.models.tramp_llama import TrampLlama
from tramp_jax.training import head_folds
from tramp_jax.training.head_folds import HeadTrainer

CLIPS, WIDTH = 90, 16


@pytest.fixture(scope="module")
def trainer():
    config = demo_config(optim__severity__lr=1e-2)
    rng = np.random.default_rng(0)
    score = rng.integers(0, 5, CLIPS).astype(np.float32)
    expression = np.arange(CLIPS, dtype=np.int32) % 5
    features = 0.1 * rng.normal(size=(CLIPS, WIDTH)).astype(np.float32)
    # Shifted by expression, so that only a head that knows the expression can tell.
    features[:, 0] += 0.5 * score + expression
    return HeadTrainer(TrampLlama(config.model), config, features, expression, score, epochs=20)


def jobs():
    """Of 57, 58 and 59 training clips: 14 batches of 4, and some over."""
    place = np.arange(CLIPS)
    return [Job(place[place % 3 != k][: 57 + k], place[place % 3 == k][: 20 + k], seed=k) for k in range(3)]


def test_heads_side_by_side_are_the_heads_alone(trainer, monkeypatch):
    together = list(trainer(jobs()))
    monkeypatch.setattr(head_folds, "HEADS_AT_ONCE", 2)  # a program of two, and one that is filled up
    for in_parts, found in zip(trainer(jobs()), together, strict=True):
        np.testing.assert_allclose(in_parts, found, atol=2e-4)
    for job, found in zip(jobs(), together, strict=True):
        (alone,) = trainer([job])
        assert found.shape == (20, len(job.test))
        np.testing.assert_allclose(alone, found, atol=2e-4)


def test_a_head_learns_what_needs_the_expression_and_the_seed_is_its_own(trainer):
    job = jobs()[0]
    (found,) = trainer([job])
    reached = [stats.spearmanr(trainer.score[job.test], row).statistic for row in found]
    assert reached[-1] > 0.75
    assert reached[-1] > reached[0] + 0.2
    (other,) = trainer([job._replace(seed=9)])
    assert np.abs(other - found).max() > 1e-3


def test_the_ratings_of_test_clips_change_no_bit(trainer):
    job = jobs()[1]
    changed = dataclasses.replace(trainer, score=trainer.score.copy())
    changed.score[job.test] = 4 - changed.score[job.test]
    one, two = next(trainer([job])), next(changed([job]))
    assert (one == two).all()
    changed.score[job.train[0]] = 4 - changed.score[job.train[0]]
    assert (next(changed([job])) != one).any()
