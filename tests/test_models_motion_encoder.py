"""The motion encoder is TraMP-Former's, which a PyTorch version written from its description confirms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
import torch_reference_motion as reference
from differences import assert_within
from flax import nnx
from full_factory import random_trees
from ml_collections import ConfigDict

from input_pipeline.errors import UserError
from tramp_jax.models.blocks import Block
from tramp_jax.models.layers import dropout, keep_masks, keep_scale
from tramp_jax.models.motion_encoder import MotionEncoder, default_motion_config
from tramp_jax.models.skate_attention import Partition, SkateAttention, attend

B, V, R = 2, 63, 7


def config_of(frames=16, **changes) -> ConfigDict:
    """Two stages: a third and a fourth bring nothing new but time to compile."""
    config = default_motion_config()
    config.frames, config.heads = frames, 8
    config.channels, config.depths = (8, 16), (1, 1)
    config.consecutive_frames, config.strided_frames = min(8, frames // 4), frames // 8
    config.update(changes)
    return config


def clips(frames, seed=0, size=B):
    rng = np.random.default_rng(seed)
    trajectory = rng.normal(size=(size, frames, V, 5)).astype(np.float32)
    return trajectory, np.sort(rng.uniform(-1, 1.5, (size, frames)), axis=1).astype(np.float32)


def shaken(tree, seed=1):
    """Every leaf away from its start, so that no term of the model is zero or one; positive ones stay so."""
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda x: x + 0.3 * rng.random(x.shape, np.float32), tree)


def build(config):
    block = Block(lambda rngs: MotionEncoder(config, rngs=rngs))
    params, stats = block.init(jax.random.key(0))
    return block, params, stats


@pytest.mark.parametrize(
    "config",
    [
        config_of(64, channels=(32, 64), heads=32),
        config_of(128, channels=(8,), depths=(2,)),
    ],
    ids=["T=64, with downsampling, 4 heads a type", "T=128, windows of 16 frames"],
)
def test_it_is_the_pytorch_reference(config):
    block = Block(lambda rngs: MotionEncoder(config, rngs=rngs))
    params, stats = jax.tree.map(jnp.asarray, random_trees(block))
    trajectory, time = clips(config.frames)
    ours, stats_after = encode(block)(params, stats, trajectory, time)
    theirs = reference.encode(
        *(reference.tensors(by_number(tree)) for tree in (params, stats)), torch.tensor(trajectory), torch.tensor(time), config
    )
    row = {"family": "motion encoder", "reference": "PyTorch, from the specification"}
    assert_within(ours.tokens, theirs[0], what="tokens", **row)
    assert_within(ours.pooled, theirs[1], what="mean over time and landmarks", **row)
    assert 0.3 < np.std(ours.tokens) < 30
    assert ours.tokens.shape == (B, config.frames // 2 ** (len(config.channels) - 1), V, config.channels[-1])
    assert all((a == b).all() for a, b in zip(jax.tree.leaves(stats), jax.tree.leaves(stats_after), strict=True))


def encode(block):
    """Features and the running statistics afterwards, in evaluation."""

    def call(params, stats, trajectory, time):
        encoder = block.bind(params, stats)
        return encoder(trajectory, time, deterministic=True, key=None), block.stats_of(encoder)

    return jax.jit(call)


def by_number(tree):
    """Lists of a plain tree have string keys; the reference counts."""
    if not isinstance(tree, dict):
        return tree
    return {int(key) if key.isdigit() else key: by_number(value) for key, value in tree.items()}


def test_the_default_is_trampformers_encoder_of_4_56_million_parameters():
    shapes = jax.eval_shape(
        lambda: Block(lambda rngs: MotionEncoder(default_motion_config(), rngs=rngs)).init(jax.random.key(0))
    )
    count = sum(leaf.size for leaf in jax.tree.leaves(shapes[0]))
    assert count == parameters_by_hand((128, 256, 256, 256), (2, 2, 2, 2)) == 4_561_889
    assert {leaf.dtype for leaf in jax.tree.leaves(shapes)} == {jnp.dtype("float32")}


def parameters_by_hand(channels, depths, heads=32):
    """Counted from the description (references: tramp_lineage.md 2.3)."""
    total = (5 * 10 + 10) + (10 * 15 + 15) + (15 * channels[0] + channels[0]) + channels[0] * V
    tables = (2 * 8 - 1) * (1 + 7 * 7) + (2 * 32 - 1) * (1 + 7 * 7)
    for stage, (width, depth) in enumerate(zip(channels, depths, strict=True)):
        mixing = width * 2 * width + 2 * width + width * width + width + 2 * (2 * width)
        convolutions = heads // 4 * V * V + 7 * (width // 4) ** 2 // (heads // 4) + width // 4
        mlp = width * 2 * width + 2 * width + 2 * width * width + width
        total += depth * (mixing + convolutions + tables * heads // 8 + mlp)
        if stage:
            total += 7 * channels[stage - 1] * width + width + 2 * width
    return total


@pytest.mark.parametrize("frames", [128, 64])
def test_the_full_size_halves_time_three_times(frames):
    config = default_motion_config()
    config.frames, config.strided_frames = frames, frames // 8
    encoder = nnx.eval_shape(lambda: MotionEncoder(config, rngs=nnx.Rngs(0)))
    graph, state = nnx.split(encoder)
    tokens, pooled = jax.eval_shape(
        lambda s, x, t: nnx.merge(graph, s)(x, t, deterministic=True, key=None),
        state,
        jnp.zeros((B, frames, V, 5)),
        jnp.zeros((B, frames)),
    )
    assert tokens.shape == (B, frames // 8, V, 256)
    assert pooled.shape == (B, 256)


@pytest.mark.parametrize("kind", [1, 2, 3, 4])
def test_a_partition_joins_to_what_was_split(kind):
    T, C = 16, 6
    partition = Partition(kind, 4, R)
    x = jnp.arange(B * T * V * C).reshape(B, T, V, C)
    windows = partition.split(x)
    assert windows.shape == (B * (T // 4) * (V // partition.joints(V)), C, 4 * partition.joints(V))
    assert (partition.join(windows, T, V) == x).all()


@pytest.mark.parametrize(
    ("kind", "frames", "landmarks"),
    [
        (1, range(4), range(9)),
        (2, range(4), range(0, 63, 9)),
        (3, range(0, 16, 4), range(9)),
        (4, range(0, 16, 4), range(0, 63, 9)),
    ],
)
def test_the_first_window_holds_the_frames_and_landmarks_of_its_type(kind, frames, landmarks):
    frame, landmark = np.meshgrid(np.arange(16), np.arange(V), indexing="ij")
    place = np.stack([frame, landmark], axis=-1)[None]
    window = Partition(kind, 4, R).split(jnp.asarray(place))[0]
    assert window.T.tolist() == [[f, v] for f in frames for v in landmarks]


@pytest.mark.parametrize("frames", [8, 16])
@pytest.mark.parametrize("kind", [3, 4])
def test_a_strided_window_takes_the_first_rows_of_the_table_for_32_frames(kind, frames):
    partition = Partition(kind, frames, R)
    attention = SkateAttention(
        partition, landmarks=V, heads=4, scale=0.5, table_frames=32, dropout_rate=0.0, tiled_bias=False, rngs=nnx.Rngs(0)
    )
    assert attention.bias_table.shape[0] == 63
    J = partition.joints(V)
    bias = np.asarray(attention.relative_bias()).reshape(4, frames, J, frames, J)
    table = np.asarray(attention.bias_table[...])
    for first, second in ((0, 0), (0, frames - 1), (frames - 1, 0), (3, 5)):
        row = table[first - second + frames - 1]
        expected = row.transpose(2, 0, 1) if kind == 4 else np.broadcast_to(row[:, None, None], (4, J, J))
        np.testing.assert_array_equal(bias[:, first, :, second, :], expected)


def test_queries_are_scaled_by_the_heads_and_not_by_the_head_dim():
    encoder = MotionEncoder(config_of(heads=32, channels=(32, 64)), rngs=nnx.Rngs(0))
    assert {attention.scale for stage in encoder.stages for block in stage.blocks for attention in block.attention} == {0.5}


@pytest.mark.parametrize("dropped", [False, True])
def test_the_written_derivative_of_attention_is_autodiffs(dropped):
    W, H, K, M = 3, 2, 4, 10
    keys = jax.random.split(jax.random.key(0), 6)
    q, k, v, d_out = (jax.random.normal(key, (W, H, K, M)) for key in keys[:4])
    bias = jax.random.normal(keys[4], (H, M, M))
    keep = jax.random.bernoulli(keys[5], 0.75, (W, H, M, M)) if dropped else None
    scale = 4 / 3 if dropped else 1.0

    def plain(q, k, v, bias):
        weights = jax.nn.softmax(jnp.einsum("whkn,whkm->whnm", q, k) + bias)
        weights = weights if keep is None else jnp.where(keep, weights * scale, 0)
        return jnp.einsum("whnm,whkm->whkn", weights, v)

    ours, ours_back = jax.vjp(lambda *a: attend(*a, keep, scale), q, k, v, bias)
    theirs, theirs_back = jax.vjp(plain, q, k, v, bias)
    np.testing.assert_allclose(ours, theirs, atol=1e-5)
    for one, other in zip(ours_back(d_out), theirs_back(d_out), strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)


def loss_in_training(block, trajectory, time):
    def loss(params, stats, key):
        encoder = block.bind(params, stats)
        features = encoder(trajectory, time, deterministic=False, key=key)
        return jnp.sum(features.pooled**2) + jnp.mean(features.tokens**2), block.stats_of(encoder)

    return jax.jit(jax.value_and_grad(loss, has_aux=True))


@pytest.fixture(scope="module")
def trained():
    """A step's loss, new statistics and gradients by key, at the paper's dropout."""
    config = config_of(dtype="float32")
    block, params, stats = build(config)
    step = loss_in_training(block, *clips(config.frames))
    return block, params, stats, lambda seed: step(params, stats, jax.random.key(seed))


def test_every_parameter_gets_a_finite_gradient(trained):
    (value, _), gradients = trained[3](0)
    assert np.isfinite(value)
    for path, gradient in jax.tree_util.tree_leaves_with_path(gradients):
        gradient = np.asarray(gradient)
        assert np.isfinite(gradient).all(), path
        assert np.abs(gradient).max() > 0, path


def test_training_is_a_function_of_its_key(trained):
    step = trained[3]
    assert step(0)[0][0] == step(0)[0][0]
    assert step(0)[0][0] != step(1)[0][0]


def test_running_statistics_move_in_training(trained):
    _, _, stats, step = trained
    moved = step(0)[0][1]
    assert jax.tree.structure(moved) == jax.tree.structure(stats)
    assert all((old != new).any() for old, new in zip(jax.tree.leaves(stats), jax.tree.leaves(moved), strict=True))


def test_the_downsampling_normalises_as_torchs_batch_norm_does_in_training():
    encoder = MotionEncoder(config_of(), rngs=nnx.Rngs(0))
    norm = encoder.stages[1].blocks[0].downsample.norm
    x = np.random.default_rng(0).normal(3.0, 2.0, (8, 8, V, norm.num_features)).astype(np.float32)
    theirs = torch.nn.BatchNorm2d(norm.num_features)
    out = theirs(torch.tensor(x).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    np.testing.assert_allclose(norm(x, use_running_average=False), out.detach(), atol=1e-5)
    np.testing.assert_allclose(norm.mean[...], theirs.running_mean, atol=1e-6)
    np.testing.assert_allclose(norm.var[...], theirs.running_var, rtol=1e-3)


def test_bfloat16_products_stay_close_and_answers_are_float32():
    answers = []
    for dtype in ("float32", "bfloat16"):
        block, params, stats = build(config_of(dtype=dtype))
        answers.append(encode(block)(params, stats, *clips(16))[0])
    exact, low = answers
    assert low.tokens.dtype == low.pooled.dtype == jnp.float32
    assert np.abs(low.tokens - exact.tokens).max() < 0.05 * np.abs(exact.tokens).max()


def test_drop_path_rises_linearly_over_the_blocks():
    config = config_of(depths=(4, 4), drop_path=0.7)
    encoder = nnx.eval_shape(lambda: MotionEncoder(config, rngs=nnx.Rngs(0)))
    rates = [block.drop_path_rate for stage in encoder.stages for block in stage.blocks]
    np.testing.assert_allclose(rates, np.arange(8) / 10)


@pytest.mark.parametrize("rate", [0.5, 0.25, 0.1, 0.001])
def test_dropout_keeps_the_expectation_at_the_rate_rounded_to_a_256th(rate):
    masks = keep_masks(jax.random.key(0), rate, 40, [1001, 999])
    assert [mask.shape for mask in masks] == [(40, 1001), (40, 999)]
    kept = np.concatenate([np.asarray(mask).ravel() for mask in masks]).mean()
    assert kept * keep_scale(rate) == pytest.approx(1.0, abs=0.02)
    assert 1 - 1 / keep_scale(rate) == pytest.approx(rate, abs=1 / 512)


def test_a_time_patch_is_the_encoder_of_frames_laid_side_by_side():
    trajectory, time = clips(32)
    patched = config_of(32, time_patch=2, consecutive_frames=4, strided_frames=4, channels=(8,), depths=(1,))
    plain = config_of(16, features=10, consecutive_frames=4, strided_frames=4, channels=(8,), depths=(1,))
    answers = []
    for config, inputs in (
        (patched, (trajectory, time)),
        (plain, (np.concatenate([trajectory[:, ::2], trajectory[:, 1::2]], axis=-1), (time[:, ::2] + time[:, 1::2]) / 2)),
    ):
        block, params, stats = build(config)
        answers.append(encode(block)(shaken(params), stats, *inputs)[0].tokens)
    np.testing.assert_allclose(*answers, rtol=1e-5, atol=1e-5)


def test_dropout_is_nothing_when_deterministic_and_asks_for_a_key_otherwise():
    x = jnp.ones((3, 5))
    assert dropout(x, 0.5, deterministic=True, key=None) is x
    with pytest.raises(ValueError, match="needs a key"):
        dropout(x, 0.5, deterministic=False, key=None)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frames": 18}, "frames=18 must be a multiple of"),
        ({"strided_frames": 64, "frames": 512}, "max_strided_frames"),
        ({"heads": 12}, "heads=12"),
        ({"channels": (8, 12)}, "divide every width"),
        ({"regions": 8}, "regions=8"),
        ({"depths": (1, 1, 1)}, "depths"),
    ],
)
def test_sizes_that_do_not_fit_are_told_in_one_line(changes, message):
    with pytest.raises(UserError, match=message) as error:
        MotionEncoder(config_of(**changes), rngs=nnx.Rngs(0))
    assert "\n" not in str(error.value)
