"""The motion encoder: TraMP-Former's variant of SkateFormer over landmark trajectories.

B batch, T trajectory frames (T' after the last stage), V landmark tokens (R regions x L, region-major), C features per
landmark, D width of the current stage, H heads.

Source: the released TraMP-Former (references/tramp_lineage.md 2.3), re-implemented from its description. The released
modules take (B, V, T, C); here time comes first and channels last throughout.
"""

from __future__ import annotations

from typing import NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike
from ml_collections import ConfigDict

from input_pipeline.errors import UserError
from tramp_jax.models.layers import (
    NORM_EPSILON,
    Linear,
    Mlp,
    TemporalConv,
    drop_path,
    dropout,
    embedding_init,
    gelu,
    keep_masks,
    layer_norm,
    needed,
    sinusoid,
    split_key,
)
from tramp_jax.models.skate_attention import Partition, SkateAttention
from tramp_jax.sharding.activations import constrain

PARTITIONS = (1, 2, 3, 4)
BATCH_NORM_MOMENTUM = 0.9  # TraMP-Former: PyTorch's momentum of 0.1 counts the other way round


def default_motion_config() -> ConfigDict:
    """TraMP-Former's sizes: 4.56 M parameters."""
    config = ConfigDict()
    config.features = 5  # TraMP-Former: x, y, r, g, b per landmark
    config.landmarks = 63  # TraMP-Former: V
    config.regions = 7  # TraMP-Former: R; the tokens are region-major, landmarks / regions each
    config.frames = 128  # TraMP-Former: T, 64 in its model of rest; divisible by time_patch * 2^(stages - 1) * both windows
    config.time_patch = 1  # TraMP-Former: consecutive frames per time step of the stem; more is ours, cheaper by that factor
    config.channels = (128, 256, 256, 256)  # TraMP-Former: D of each stage; a multiple of 8, and D / 8 of the heads per type
    config.depths = (2, 2, 2, 2)  # TraMP-Former: blocks per stage; time is halved before the stages after the first
    config.heads = 32  # TraMP-Former: in total; an eighth for each partition type, a quarter as groups of the convolutions
    config.kernel_size = 7  # TraMP-Former: frames, of the T-Conv and of the downsampling
    config.consecutive_frames = 8  # TraMP-Former: window of partition types 1 and 2
    config.strided_frames = 16  # TraMP-Former: window of partition types 3 and 4, 8 in its model of rest
    config.max_strided_frames = 32  # TraMP-Former: what the bias tables of types 3 and 4 are sized for
    # True: the time bias of partition types 1 and 3 as the released code lays it over a window's tokens (frame by frame, J
    # landmarks each): token k counts as frame k mod N, where its frame is k // J. Its checkpoints were trained that way.
    config.tiled_bias = False  # ours: as described; the released TraMP-Former and SkateFormer: True
    config.mlp_ratio = 2  # TraMP-Former
    config.attention_dropout = 0.5  # TraMP-Former
    config.dropout = 0.0  # TraMP-Former: after the projections and in the MLP
    config.drop_path = 0.2  # TraMP-Former: rises linearly from 0 in the first block to this in the last
    config.dtype = "float32"  # ours: of the matrix products; "bfloat16" on TPU
    return config


class MotionFeatures(NamedTuple):
    """tokens (B, T', V, D) and their mean over T' and V, pooled (B, D); float32."""

    tokens: jax.Array
    pooled: jax.Array


class MotionStandIn(nnx.Module):
    """Learned motion tokens that are the same for every clip: what a model without landmarks has in their place (ours)."""

    def __init__(self, config: ConfigDict, *, rngs: nnx.Rngs):
        self.each = config.landmarks // config.regions
        self.tokens = nnx.Param(jax.random.normal(rngs.params(), (config.regions, config.channels[-1])))

    def __call__(self, steps: int) -> jax.Array:
        """Tokens (T', V, D) for T' = `steps`, those of a region alike."""
        tokens = jnp.repeat(self.tokens[...], self.each, axis=0)
        return jnp.broadcast_to(tokens, (steps, *tokens.shape))


class Downsample(nnx.Module):
    """Conv (kernel x 1), stride 2 in time, then BatchNorm: halves T and changes the width.

    It stands at the head of the first block of each later stage, on the residual stream itself: before that block's
    LayerNorm, with no skip around it and no activation after it.
    """

    def __init__(self, d_in: int, d_out: int, *, kernel_size: int, dtype: DTypeLike, rngs: nnx.Rngs):
        self.conv = TemporalConv(d_in, d_out, kernel_size=kernel_size, stride=2, groups=1, dtype=dtype, rngs=rngs)
        # The running variance is the biased one (PyTorch's is unbiased): with B * T * V samples there is no difference.
        self.norm = nnx.BatchNorm(
            d_out,
            momentum=BATCH_NORM_MOMENTUM,
            epsilon=NORM_EPSILON,
            dtype=jnp.float32,
            use_fast_variance=False,
            rngs=rngs,
        )

    def __call__(self, x: jax.Array, *, deterministic: bool) -> jax.Array:
        """(B, T, V, d_in) -> (B, T / 2, V, d_out)."""
        return self.norm(self.conv(x), use_running_average=deterministic).astype(x.dtype)


class GraphConv(nnx.Module):
    """Mixes the landmarks with one learned V x V matrix per group of channels."""

    def __init__(self, landmarks: int, groups: int, *, dtype: DTypeLike, rngs: nnx.Rngs):
        self.adjacency = nnx.Param(embedding_init(rngs.params(), (groups, landmarks, landmarks)))
        self.dtype = dtype

    def __call__(self, x: jax.Array) -> jax.Array:
        """(B, T, V, D) -> (B, T, V, D)."""
        grouped = x.reshape(*x.shape[:-1], self.adjacency.shape[0], -1)
        y = jnp.einsum("gvu,btugd->btvgd", self.adjacency[...].astype(self.dtype), grouped)
        return y.reshape(x.shape)


class SkateBlock(nnx.Module):
    """[Downsample], then G-Conv, T-Conv and four partition attentions side by side, then an MLP."""

    def __init__(self, d_in: int, width: int, config: ConfigDict, *, downsample: bool, drop_path_rate: float, rngs: nnx.Rngs):
        dtype = jnp.dtype(config.dtype)
        groups, heads = config.heads // 4, config.heads // (2 * len(PARTITIONS))
        self.dropout_rate = config.dropout
        self.drop_path_rate = drop_path_rate
        self.downsample = (
            Downsample(d_in, width, kernel_size=config.kernel_size, dtype=dtype, rngs=rngs) if downsample else None
        )
        self.norm_1 = layer_norm(width, rngs=rngs)
        self.mapping = Linear(width, 2 * width, dtype=dtype, rngs=rngs)
        self.graph_conv = GraphConv(config.landmarks, groups, dtype=dtype, rngs=rngs)
        self.time_conv = TemporalConv(
            width // 4, width // 4, kernel_size=config.kernel_size, stride=1, groups=groups, dtype=dtype, rngs=rngs
        )
        self.attention = nnx.List([_attention(kind, heads, config, rngs) for kind in PARTITIONS])
        self.projection = Linear(width, width, dtype=dtype, rngs=rngs)
        self.norm_2 = layer_norm(width, rngs=rngs)
        self.mlp = Mlp(width, int(config.mlp_ratio * width), dropout_rate=config.dropout, dtype=dtype, rngs=rngs)

    def mix(self, x: jax.Array, drop_path_rate: float | jax.Array, *, deterministic: bool, key: jax.Array | None) -> jax.Array:
        """All but the downsampling: (B, T, V, width) -> the same shape."""
        keep_key, projection_key, mlp_key, path_1, path_2 = split_key(key, 5)
        quarter = x.shape[-1] // 4
        mixed = self.mapping(self.norm_1(x))
        graph, time, *qkvs = jnp.split(mixed, [quarter, *range(2 * quarter, 8 * quarter, 3 * quarter // 2)], axis=-1)
        branches = [self.graph_conv(graph), self.time_conv(time)]
        keeps = self._attention_keeps(x, deterministic=deterministic, key=keep_key)
        for attention, qkv, keep in zip(self.attention, qkvs, keeps, strict=True):
            branches.append(attention(qkv, keep))
        y = self.projection(jnp.concatenate(branches, axis=-1))
        y = dropout(y, self.dropout_rate, deterministic=deterministic, key=projection_key)
        x = x + drop_path(y, drop_path_rate, deterministic=deterministic, key=path_1)
        y = self.mlp(self.norm_2(x), deterministic=deterministic, key=mlp_key)
        return x + drop_path(y, drop_path_rate, deterministic=deterministic, key=path_2)

    def _attention_keeps(self, x: jax.Array, *, deterministic: bool, key: jax.Array | None) -> list[jax.Array | None]:
        rate = self.attention[0].dropout_rate
        if deterministic or rate == 0.0:
            return [None] * len(self.attention)
        B, T, V, _ = x.shape
        return keep_masks(needed(key), rate, B, [attention.mask_size(T, V) for attention in self.attention])


class Stage(nnx.Module):
    """Blocks of one width. More than one run as a loop, whose body the TPU compiler sees once."""

    def __init__(self, d_in: int, width: int, rates: list[float], config: ConfigDict, *, downsample: bool, rngs: nnx.Rngs):
        blocks = []
        for index, rate in enumerate(rates):
            first = index == 0
            blocks.append(
                SkateBlock(
                    d_in if first else width, width, config, downsample=downsample and first, drop_path_rate=rate, rngs=rngs
                )
            )
        self.blocks = nnx.List(blocks)

    def __call__(self, x: jax.Array, *, deterministic: bool, key: jax.Array | None) -> jax.Array:
        """(B, T, V, d_in) -> (B, T or T / 2, V, width)."""
        first, count = self.blocks[0], len(self.blocks)
        x = constrain(x, "batch")
        if first.downsample is not None:
            x = constrain(first.downsample(x, deterministic=deterministic), "batch")
        rates, keys = [block.drop_path_rate for block in self.blocks], split_key(key, count)
        if count == 1:
            return constrain(first.mix(x, rates[0], deterministic=deterministic, key=keys[0]), "batch")
        graphdef = nnx.split(self.blocks[1])[0]  # one that does not downsample
        stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *map(_without_downsampling, self.blocks))

        def body(x: jax.Array, inputs: tuple[nnx.State, jax.Array, jax.Array | None]) -> tuple[jax.Array, None]:
            parameters, rate, block_key = inputs
            y = nnx.merge(graphdef, parameters).mix(x, rate, deterministic=deterministic, key=block_key)
            return constrain(y, "batch"), None

        return jax.lax.scan(body, x, (stacked, jnp.asarray(rates), None if key is None else jnp.stack(keys)))[0]


def _without_downsampling(block: SkateBlock) -> nnx.State:
    flat = nnx.to_flat_state(nnx.state(block))
    return nnx.from_flat_state([(path, leaf) for path, leaf in flat if path[0] != "downsample"])


class MotionEncoder(nnx.Module):
    """Landmark trajectories to motion tokens.

    The 1x1 stem C -> 2C -> 3C -> D, the Skate-Embedding, and the stages; with `config.time_patch` P, the stem's C is P * C.
    Parameters do not depend on `config.frames` and `config.strided_frames`.
    """

    def __init__(self, config: ConfigDict, *, rngs: nnx.Rngs):
        """
        Raises:
          UserError: sizes that do not divide.
        """
        _check(config)
        dtype = jnp.dtype(config.dtype)
        C, D = config.features * config.time_patch, config.channels[0]
        self.dtype = dtype
        self.time_patch = config.time_patch
        self.stem = nnx.List([Linear(a, b, dtype=dtype, rngs=rngs) for a, b in ((C, 2 * C), (2 * C, 3 * C), (3 * C, D))])
        self.landmark_embedding = nnx.Param(embedding_init(rngs.params(), (config.landmarks, D)))
        rates = _drop_path_rates(config)
        stages = []
        for index, width in enumerate(config.channels):
            d_in = config.channels[max(index - 1, 0)]
            stages.append(Stage(d_in, width, rates[index], config, downsample=index > 0, rngs=rngs))
        self.stages = nnx.List(stages)

    def __call__(
        self, trajectory: jax.Array, time_index: jax.Array, *, deterministic: bool, key: jax.Array | None
    ) -> MotionFeatures:
        """Encodes clips.

        Args:
          trajectory: (B, T, V, C) features; untracked frames are filled already.
          time_index: (B, T), 2 * frame / frames of the clip - 1.
          deterministic: no dropout, running statistics in BatchNorm; else batch statistics, and the running ones move.
          key: for dropout; may be None if deterministic.
        """
        x = self.embed(trajectory, time_index)
        for stage, stage_key in zip(self.stages, split_key(key, len(self.stages)), strict=True):
            x = stage(x, deterministic=deterministic, key=stage_key)
        tokens = x.astype(jnp.float32)
        return MotionFeatures(tokens, tokens.mean(axis=(1, 2)))

    def embed(self, trajectory: jax.Array, time_index: jax.Array) -> jax.Array:
        """The stem plus the Skate-Embedding: sinusoid of time times a learned vector per landmark -> (B, T / P, V, D)."""
        if self.time_patch > 1:
            trajectory, time_index = _patches(trajectory, time_index, self.time_patch)
        first, second, third = self.stem
        x = third(gelu(second(gelu(first(trajectory)))))
        landmarks = self.landmark_embedding[...]
        skate = sinusoid(time_index, landmarks.shape[-1])[:, :, None, :] * landmarks
        return (x + skate).astype(self.dtype)


def _patches(trajectory: jax.Array, time_index: jax.Array, size: int) -> tuple[jax.Array, jax.Array]:
    """(B, T, V, C) -> (B, T / size, V, size * C), frame by frame within a landmark; times (B, T) -> their means."""
    B, T, V, C = trajectory.shape
    frames = trajectory.reshape(B, T // size, size, V, C).transpose(0, 1, 3, 2, 4)
    return frames.reshape(B, T // size, V, size * C), time_index.reshape(B, T // size, size).mean(axis=-1)


def _attention(kind: int, heads: int, config: ConfigDict, rngs: nnx.Rngs) -> SkateAttention:
    strided = kind in (3, 4)
    frames = config.strided_frames if strided else config.consecutive_frames
    return SkateAttention(
        Partition(kind, frames, config.regions),
        landmarks=config.landmarks,
        heads=heads,
        scale=heads**-0.5,  # TraMP-Former and SkateFormer: of the number of heads, where others take the head dim
        table_frames=config.max_strided_frames if strided else frames,
        dropout_rate=config.attention_dropout,
        tiled_bias=config.tiled_bias,
        rngs=rngs,
    )


def _drop_path_rates(config: ConfigDict) -> list[list[float]]:
    last = max(sum(config.depths) - 1, 1)
    rates, block = [], 0
    for depth in config.depths:
        rates.append([config.drop_path * (block + index) / last for index in range(depth)])
        block += depth
    return rates


def _check(config: ConfigDict) -> None:
    steps = config.time_patch * 2 ** (len(config.channels) - 1)
    for name in ("consecutive_frames", "strided_frames"):
        if config.frames % (steps * config[name]):
            raise UserError(
                f"model.motion: frames={config.frames} must be a multiple of {steps * config[name]} "
                f"({steps} from {len(config.channels)} stages and time_patch={config.time_patch}, x {name}={config[name]}); "
                "change one of them"
            )
    if config.strided_frames > config.max_strided_frames:
        raise UserError(
            f"model.motion: strided_frames={config.strided_frames} is over max_strided_frames={config.max_strided_frames}: "
            "lower the first or raise the second"
        )
    if config.heads % 8 or any(width % config.heads for width in config.channels):
        raise UserError(
            f"model.motion: heads={config.heads} must be a multiple of 8 and divide every width of channels={config.channels}"
        )
    if config.landmarks % config.regions or len(config.depths) != len(config.channels):
        raise UserError(
            f"model.motion: landmarks={config.landmarks} must be a multiple of regions={config.regions}, and depths="
            f"{config.depths} as long as channels={config.channels}"
        )
