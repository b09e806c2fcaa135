"""Balanced MSE with its arguments in the right order, the ordinal likelihood, and weights for clips without a grade."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
import torch_reference_motion as reference
from scipy.special import expit, logsumexp

from tramp_jax.models.heads import default_head_config, severity_outputs
from tramp_jax.tasks.severity_losses import balanced_mse, ordinal_nll, severity_loss

B = 8
THRESHOLDS = np.array([0.4, 1.6, 2.4, 3.7])


def batch(seed=0):
    rng = np.random.default_rng(seed)
    target = rng.integers(0, 5, B).astype(np.float32)
    return rng.normal(2, 1.5, B).astype(np.float32), target


def exceeds_of(score, scale=0.5):
    return (jnp.asarray(score)[:, None] - THRESHOLDS) / scale


@pytest.mark.parametrize("sigma", [1.0, 0.6])
def test_balanced_mse_is_the_pytorch_reference_with_its_gradient(sigma):
    prediction, target = batch()
    theirs_in = torch.tensor(prediction, requires_grad=True)
    theirs = reference.balanced_mse(theirs_in, torch.tensor(target), sigma)
    theirs.backward()
    ours, gradient = jax.value_and_grad(lambda p: balanced_mse(p, target, jnp.ones(B), sigma=sigma).mean())(prediction)
    np.testing.assert_allclose(ours, theirs.detach(), rtol=1e-5)
    np.testing.assert_allclose(gradient, theirs_in.grad, rtol=1e-4, atol=1e-6)


def test_the_released_codes_swapped_call_is_a_flag():
    prediction, target = batch()
    ours = balanced_mse(prediction, target, jnp.ones(B), sigma=1.0, swap_arguments=True).mean()
    np.testing.assert_allclose(ours, reference.balanced_mse(torch.tensor(target), torch.tensor(prediction), 1.0), rtol=1e-5)
    assert not np.isclose(ours, balanced_mse(prediction, target, jnp.ones(B), sigma=1.0).mean())


@pytest.mark.parametrize("swapped", [False, True])
def test_a_clip_without_a_grade_is_no_negative_either(swapped):
    prediction, target = batch()
    weight = np.array([1, 1, 0, 1, 0, 1, 1, 1], np.float32)
    real = weight > 0
    ours = balanced_mse(prediction, target, weight, sigma=1.0, swap_arguments=swapped)[real]
    alone = balanced_mse(prediction[real], target[real], jnp.ones(real.sum()), sigma=1.0, swap_arguments=swapped)
    np.testing.assert_allclose(ours, alone, rtol=1e-6)


def test_masking_duplicates_leaves_the_clip_itself_and_the_other_grades():
    prediction, target = batch()
    ours = np.asarray(balanced_mse(prediction, target, jnp.ones(B), sigma=1.0, mask_duplicates=True))
    for i in range(B):
        logits = -0.5 * (prediction[i] - np.append(target[target != target[i]], target[i])) ** 2
        assert ours[i] == pytest.approx(2 * (logsumexp(logits) - logits[-1]), rel=1e-4)


def test_a_batch_of_one_grade_has_no_gradient_unless_it_is_swapped():
    """A prediction is compared with the labels of the batch; where all are equal there is nothing to tell apart."""
    prediction, target = jnp.asarray([1.9, 2.3]), jnp.asarray([2.0, 2.0])

    def largest(**flags):
        gradient = jax.grad(lambda p: balanced_mse(p, target, jnp.ones(2), sigma=1.0, **flags).sum())(prediction)
        return float(jnp.max(jnp.abs(gradient)))

    assert largest() == pytest.approx(0.0, abs=1e-6)
    assert largest(swap_arguments=True) > 1e-3


def test_it_pulls_a_prediction_to_its_label_and_harder_for_a_rare_grade():
    target = jnp.asarray([0.0] * 6 + [4.0] * 2)
    prediction = jnp.full(8, 2.0)
    gradient = jax.grad(lambda p: balanced_mse(p, target, jnp.ones(8), sigma=1.0).sum())(prediction)
    assert (gradient[:6] > 0).all()
    assert (gradient[6:] < 0).all()
    assert abs(gradient[7]) > 2 * abs(gradient[0])


def test_the_ordinal_likelihood_is_that_of_the_cumulative_logistic_model():
    score = np.array([-1.0, 0.3, 2.0, 3.1, 5.0])
    exceeds = exceeds_of(score)
    above = np.hstack([np.ones((5, 1)), expit(np.asarray(exceeds, np.float64)), np.zeros((5, 1))])
    probability = above[:, :-1] - above[:, 1:]
    for grade in range(5):
        ours = ordinal_nll(exceeds, jnp.full(5, float(grade)))
        np.testing.assert_allclose(ours, -np.log(probability[:, grade]), rtol=1e-3)


def test_a_grade_between_two_integers_counts_for_both():
    exceeds = exceeds_of([1.2, 2.2])
    ours = ordinal_nll(exceeds, jnp.asarray([2.25, 2.25]))
    whole = [ordinal_nll(exceeds, jnp.full(2, grade)) for grade in (2.0, 3.0)]
    np.testing.assert_allclose(ours, 0.75 * whole[0] + 0.25 * whole[1], rtol=1e-6)


@pytest.mark.parametrize("score", [-200.0, 0.0, 2.0, 200.0])
def test_losses_and_gradients_stay_finite_far_off(score):
    target = jnp.arange(5.0)

    def loss(score):
        scores = jnp.full(5, score)
        return (ordinal_nll(exceeds_of(scores, 0.05), target) + balanced_mse(scores, target, jnp.ones(5), sigma=1.0)).sum()

    value, gradient = jax.value_and_grad(loss)(score)
    assert np.isfinite(value)
    assert np.isfinite(gradient)
    assert gradient * (score - 2.0) >= 0


def combined(kind="ordinal", score=None, weight=None, **changes):
    config = default_head_config()
    config.kind = kind
    config.update(changes)
    output, target = batch()
    head = {"output": jnp.asarray(output)} | ({"exceeds": exceeds_of(output)} if kind == "ordinal" else {})
    weight = np.ones(B, np.float32) if weight is None else weight
    return severity_loss(severity_outputs(head, config), target if score is None else score, weight, config), head, target


def test_the_loss_is_the_weighted_sum_of_its_parts():
    weight = np.array([1, 0, 1, 1, 0, 1, 1, 1], np.float32)
    (total, weights, metrics), head, target = combined(weight=weight, balanced_mse_weight=0.3, ordinal_weight=0.8)
    parts = 0.3 * balanced_mse(head["output"], target, weight, sigma=1.0) + 0.8 * ordinal_nll(head["exceeds"], target)
    np.testing.assert_allclose(total, (weight * parts).sum(), rtol=1e-5)
    assert weights == 6
    assert set(metrics) == {"balanced_mse", "ordinal_nll", "absolute_error"}


def test_a_regression_head_has_balanced_mse_alone():
    (total, _, metrics), head, target = combined("regression")
    np.testing.assert_allclose(total, balanced_mse(head["output"], target, jnp.ones(B), sigma=1.0).sum(), rtol=1e-6)
    assert "ordinal_nll" not in metrics


def test_a_batch_without_any_grade_is_finite_and_weighs_nothing():
    (total, weights, _), *_ = combined(weight=np.zeros(B, np.float32))
    assert total == 0
    assert weights == 0
