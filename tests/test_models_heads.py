"""From fused tokens to a score, a distribution over the grades, and an interval."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
import torch
import torch_reference_motion as reference
from differences import assert_within
from full_factory import random_trees
from scipy.special import expit

from input_pipeline.errors import UserError
from tramp_jax.models.blocks import Block
from tramp_jax.models.heads import SeverityRegression, default_head_config, severity_outputs

B, F, D = 5, 4, 16
GRADES = np.arange(5)


def build(kind="ordinal", **changes):
    config = default_head_config()
    config.kind, config.input_width, config.widths = kind, D, (8, 4)
    config.update(changes)
    block = Block(lambda rngs: SeverityRegression(config, rngs=rngs))
    params, _ = block.init(jax.random.key(0))
    return params, lambda params, *inputs: block.bind(params)(*inputs), config


def inputs(seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(B, F, D)).astype(np.float32), rng.random((B, F)) < 0.7


def outputs_for(exceeds=None, output=None, scale=0.5):
    """`severity_outputs` of a head's raw output."""
    config = default_head_config()
    config.scale = scale
    head = {"output": jnp.asarray([2.0] * len(exceeds) if output is None else output, jnp.float32)}
    return severity_outputs(head if exceeds is None else head | {"exceeds": jnp.asarray(exceeds, jnp.float32)}, config)


@pytest.mark.parametrize("kind", ["ordinal", "regression"])
def test_the_score_is_the_pytorch_reference_on_the_mean_of_the_real_frames(kind):
    config = build(kind)[2]
    block = Block(lambda rngs: SeverityRegression(config, rngs=rngs))
    params, _ = random_trees(block)
    fused, mask = inputs()
    mask[:, 0] = True
    tensors = reference.tensors(params)
    mean = torch.tensor(np.stack([x[m].mean(axis=0) for x, m in zip(fused, mask, strict=True)]))
    theirs = reference.head(tensors, reference.dense(tensors["projection"], mean))
    row = {"family": "severity head", "reference": "PyTorch, from the specification"}
    assert np.std(theirs.numpy()) > 0.05
    assert_within(block.bind(params)(fused, mask)["output"], theirs, what="output", **row)


def test_the_default_is_trampformers_head_behind_a_projection():
    block = Block(lambda rngs: SeverityRegression(default_head_config(), rngs=rngs))
    params, _ = jax.eval_shape(block.init, jax.random.key(0))
    shapes = [layer["kernel"].shape for layer in params["layers"].values()]
    assert shapes == [(256, 128), (128, 64), (64, 1)]
    assert sum(leaf.size for leaf in jax.tree.leaves(params["layers"])) == 41_217  # the reference's 0.04 M
    assert params["projection"]["kernel"].shape == (256, 256)


def test_a_clip_without_frames_stays_finite():
    params, head, config = build()
    outputs = severity_outputs(head(params, inputs()[0], np.zeros((B, F), bool)), config)
    assert all(np.isfinite(value).all() for value in outputs.values())


def test_conditioning_moves_the_score():
    params, head, _ = build()
    fused, mask = inputs()
    assert not np.allclose(head(params, fused, mask)["output"], head(params, fused, mask, jnp.ones((B, D)))["output"])


def test_training_starts_in_the_middle_of_the_scale():
    params, head, config = build()
    outputs = severity_outputs(head(params, 0.1 * inputs()[0], np.ones((B, F), bool)), config)
    np.testing.assert_allclose(outputs["severity"], 2.0, atol=0.5)
    assert set(np.argmax(outputs["grade_distribution"], axis=1).tolist()) == {2}


def test_thresholds_stay_ordered_whatever_is_learned():
    params, head, _ = build()
    params = params | {"log_gaps": jnp.asarray([-3.0, 2.0, -8.0]), "first_threshold": jnp.asarray(4.0)}
    exceeds = np.asarray(head(params, *inputs())["exceeds"])
    assert (np.diff(exceeds, axis=1) < 0).all()


@pytest.mark.parametrize("kind", ["ordinal", "regression"])
def test_the_outputs_are_a_distribution_its_reading_and_an_interval(kind):
    params, head, config = build(kind)
    params["layers"]["2"]["kernel"] *= 30.0
    outputs = severity_outputs(head(params, *inputs()), config)
    distribution, interval = outputs["grade_distribution"], outputs["interval"]
    assert (distribution >= 0).all()
    np.testing.assert_allclose(distribution.sum(axis=1), 1.0, atol=1e-6)
    assert ((outputs["severity"] >= 0) & (outputs["severity"] <= 4)).all()
    assert ((interval >= 0) & (interval <= 4)).all()
    assert (interval[:, 0] < interval[:, 1]).all()
    assert {key: value.shape for key, value in outputs.items() if key in ("raw", "severity", "interval")} == {
        "raw": (B,),
        "severity": (B,),
        "interval": (B, 2),
    }


def test_an_ordinal_head_is_the_cumulative_logistic_model_and_its_expectation():
    exceeds = np.array([[2.0, 0.5, -1.0, -4.0], [-1.0, -1.5, -1.6, -9.0]])
    outputs = outputs_for(exceeds)
    above = np.hstack([np.ones((2, 1)), expit(exceeds), np.zeros((2, 1))])
    np.testing.assert_allclose(outputs["grade_distribution"], above[:, :-1] - above[:, 1:], atol=1e-6)
    np.testing.assert_allclose(outputs["severity"], expit(exceeds).sum(axis=1), atol=1e-6)
    np.testing.assert_array_equal(outputs["raw"], outputs["severity"])


def test_a_regression_head_is_a_discretised_gaussian_and_its_score_is_clipped_for_display_only():
    outputs = outputs_for(output=[-1.0, 1.3, 5.0], scale=0.7)
    edges = np.array([-np.inf, 0.5, 1.5, 2.5, 3.5, np.inf])
    cumulative = scipy.stats.norm.cdf(edges[None, :], np.array([[-1.0], [1.3], [5.0]]), 0.7)
    np.testing.assert_allclose(outputs["grade_distribution"], np.diff(cumulative, axis=1), atol=1e-6)
    np.testing.assert_allclose(outputs["raw"], [-1.0, 1.3, 5.0])
    np.testing.assert_allclose(outputs["severity"], [0.0, 1.3, 4.0], rtol=1e-6)


def test_nine_in_ten_grades_fall_into_the_interval():
    rng = np.random.default_rng(0)
    exceeds = rng.normal(0, 3, (2000, 1)) - np.array([-3.0, -1.0, 1.0, 3.0])
    outputs = outputs_for(exceeds)
    grades = np.array([rng.choice(GRADES, p=p / p.sum()) for p in np.asarray(outputs["grade_distribution"], np.float64)])
    low, high = np.asarray(outputs["interval"]).T
    inside = (np.round(low) <= grades) & (grades <= np.round(high))
    # Rounded outwards to whole grades it may cover more than its 90 percent, never less.
    assert inside.mean() >= 0.9
    severity = np.asarray(outputs["severity"])
    assert ((low <= severity) & (severity <= high)).all()


def test_a_certain_head_has_a_narrow_interval_around_its_grade():
    (low, high), *_ = np.asarray(outputs_for([[60.0, 60.0, -60.0, -60.0]])["interval"])
    assert 1.5 <= low < high <= 2.5


def test_an_unknown_kind_is_told_in_one_line():
    with pytest.raises(UserError, match=r"kind='coral'.*ordinal, regression"):
        build("coral")
