"""The fusion is TraMP-Former's; its one key teaches the attention nothing, and the tokens that replace it do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
import torch_reference_motion as reference
from differences import assert_within
from flax import nnx

from input_pipeline.errors import UserError
from tramp_jax.models.blocks import Block
from tramp_jax.models.cross_fusion import CrossFusion, default_fusion_config

B, F, T, V, R, D, DV = 2, 3, 4, 63, 7, 16, 12


def build(vision=True, **changes):
    config = default_fusion_config()
    config.width, config.motion_width, config.vision_width, config.heads, config.depth = D, D, DV, 4, 2
    config.update(changes)
    block = Block(lambda rngs: CrossFusion(config, vision=vision, rngs=rngs))
    params, _ = block.init(jax.random.key(0))
    rng = np.random.default_rng(0)
    params = jax.tree.map(lambda x: x + 0.1 * rng.normal(size=x.shape).astype(np.float32), params)

    def fuse(params, frames, motion, **masks):
        return block.bind(params)(frames, motion, deterministic=True, key=None, **masks)

    return params, fuse, config


def inputs(seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(size=(B, F, DV)).astype(np.float32), rng.normal(size=(B, T, V, D)).astype(np.float32)


def torch_fusion(params, queries, keys, heads):
    blocks = {
        name: {
            **{new: block[old] for new, old in (("norm_key_value", "norm_motion"),)},
            **{name: block[name] for name in ("norm_query", "norm_mlp", "query", "key", "value", "out", "mlp")},
        }
        for name, block in reference.tensors(params)["blocks"].items()
    }
    return reference.fuse({"blocks": blocks}, queries, keys, heads)


def compare(ours, theirs):
    assert_within(ours, theirs, family="cross-fusion", what="fused tokens", reference="PyTorch, from the specification")


def test_with_one_key_it_is_the_pytorch_reference_of_the_released_fusion():
    params, fuse, config = build(mode="pooled")
    frames, motion = inputs()
    frame = reference.dense(reference.tensors(params["from_vision"]), torch.tensor(frames)).mean(1, keepdim=True)
    theirs = torch_fusion(params, frame, torch.tensor(motion).mean(dim=(1, 2))[:, None], config.heads)
    compare(fuse(params, frames, motion), theirs.expand(B, F, D))


def test_with_tokens_each_frame_attends_to_every_region_at_every_time():
    params, fuse, config = build(vision=False, num_queries=F)
    _, motion = inputs()
    regions = [motion[:, t, 9 * r : 9 * r + 9].mean(axis=1) for t in range(T) for r in range(R)]
    queries = torch.tensor(np.array(params["queries"])).expand(B, F, D)
    theirs = torch_fusion(params, queries, torch.tensor(np.stack(regions, axis=1)), config.heads)
    compare(fuse(params, None, motion), theirs)


def gradients(mode):
    params, fuse, _ = build(mode=mode)
    frames, motion = inputs()
    return jax.grad(lambda p: jnp.sum(jnp.sin(fuse(p, frames, motion))))(params)


def test_one_key_leaves_the_queries_and_keys_of_attention_without_a_gradient():
    for block in gradients("pooled")["blocks"].values():
        for name in ("query", "key"):
            assert (block[name]["kernel"] == 0).all()
        assert np.abs(block["value"]["kernel"]).max() > 0


def test_tokens_give_every_parameter_a_finite_gradient():
    for path, gradient in jax.tree_util.tree_leaves_with_path(gradients("tokens")):
        assert np.isfinite(gradient).all(), path
        assert np.abs(gradient).max() > 0, path


def test_a_masked_frame_is_no_part_of_the_mean_frame():
    params, fuse, _ = build(mode="pooled")
    frames, motion = inputs()
    mask = np.array([[True, True, False]] * B)
    np.testing.assert_allclose(
        fuse(params, frames, motion, frame_mask=mask)[:, :2], fuse(params, frames[:, :2], motion), atol=1e-6
    )


def test_frames_know_their_moment():
    params, fuse, _ = build()
    frames, motion = inputs()
    still = np.repeat(frames[:, :1], F, axis=1)
    fused = np.asarray(fuse(params, still, motion))
    assert not np.allclose(fused[:, 0], fused[:, 1], atol=1e-3)


def test_learned_queries_stand_in_for_frames():
    params, fuse, _ = build(vision=False, num_queries=5)
    assert fuse(params, None, inputs()[1]).shape == (B, 5, D)
    assert "from_vision" not in params


def test_motion_of_another_width_is_mapped():
    params, fuse, _ = build(motion_width=D + 4)
    motion = np.random.default_rng(0).normal(size=(B, T, V, D + 4)).astype(np.float32)
    assert fuse(params, inputs()[0], motion).shape == (B, F, D)


def test_the_default_has_trampformers_2_37_million_parameters_in_its_blocks():
    fusion = nnx.eval_shape(lambda: CrossFusion(default_fusion_config(), vision=True, rngs=nnx.Rngs(0)))
    count = sum(leaf.size for leaf in jax.tree.leaves(nnx.state(fusion.blocks)))
    assert count == 3 * (3 * 2 * 256 + 3 * 256**2 + 256**2 + 256 + 2 * 4 * 256**2 + 4 * 256 + 256) == 2_368_512


def test_an_unknown_mode_is_told_in_one_line():
    with pytest.raises(UserError, match=r"mode='token'.*tokens, pooled"):
        build(mode="token")
