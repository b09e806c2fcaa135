"""Splash attention, JAX's blockwise Pallas kernel for TPU, on the sharded arrays of the LLaMA and the ViT.

The kernel takes one row at a time and whole blocks: rows are padded to a multiple of the block, and padding is a segment of
its own that no token sees. XLA cannot cut a kernel, so it runs under `shard_map`: rows over replica and fsdp, heads over
tensor.

Axes: B batch, S sequence, H query heads, G key/value heads, K head dim.
"""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
from jax.experimental.pallas.ops.tpu.splash_attention import splash_attention_kernel as kernel
from jax.experimental.pallas.ops.tpu.splash_attention import splash_attention_mask as masks
from jax.sharding import PartitionSpec as P
from jaxtyping import Array, Bool, Float

from tramp_jax.sharding.activations import ACTIVATIONS, BATCH

BLOCKS = (1024, 512, 256, 128)  # the larger the faster, see `block_of`
MOST_PADDING = 1.1  # of the shortest padded length


def block_of(length: int) -> int:
    """The largest block that pads a sequence hardly more than the smallest block would."""
    shortest = _padded(length, BLOCKS[-1])
    return next(block for block in BLOCKS if _padded(length, block) <= MOST_PADDING * shortest)


def _padded(length: int, block: int) -> int:
    return -(-length // block) * block


def fits(mesh: jax.sharding.AbstractMesh, query: tuple[int, ...], key: tuple[int, ...]) -> bool:
    """Whether shapes (B, S, H, K) and (B, N, G, K) can run here: self-attention of a sequence, cut evenly by the mesh."""
    rows = mesh.shape["replica"] * mesh.shape["fsdp"]
    heads = mesh.shape["tensor"]
    return query[1] == key[1] >= BLOCKS[-1] and query[0] % rows == 0 and query[2] % heads == 0 and key[2] % heads == 0


def splash_attend(
    query: Float[Array, "B S H K"],
    key: Float[Array, "B S G K"],
    value: Float[Array, "B S G K"],
    *,
    key_mask: Bool[Array, "B S"] | None,
    causal: bool,
    interpret: bool = False,
) -> Float[Array, "B S H K"]:
    """As `attention.attend`, for S == N. Needs a mesh set by `jax.set_mesh`.

    Args:
      interpret: runs the kernel step by step on any platform (slowly), for tests.
    """
    B, S = query.shape[:2]
    mask = jnp.ones((B, S), bool) if key_mask is None else key_mask
    heads = ACTIVATIONS["heads"]
    run = functools.partial(_attend_shard, causal=causal, interpret=interpret)
    sharded = jax.shard_map(run, in_specs=(heads, heads, heads, P(BATCH)), out_specs=heads, check_vma=False)
    return sharded(query, key, value, mask)


def _attend_shard(query: Array, key: Array, value: Array, mask: Array, *, causal: bool, interpret: bool) -> Array:
    S, H, K = query.shape[1:]
    block = block_of(S)
    length = _padded(S, block)

    def rows_of(x: Array) -> Array:  # (B, S, H, K) -> (B, H, length, K)
        return jnp.pad(x, ((0, 0), (0, length - S), (0, 0), (0, 0))).transpose(0, 2, 1, 3)

    attend = _kernel(H, length, block, causal, interpret)
    keys = jnp.pad(mask, ((0, 0), (0, length - S))).astype(jnp.int32)
    segments = kernel.SegmentIds(q=jnp.ones_like(keys), kv=keys)
    scaled = (query.astype(jnp.float32) * K**-0.5).astype(query.dtype)
    attended = jax.vmap(attend)(rows_of(scaled), rows_of(key), rows_of(value), segments)
    return attended.transpose(0, 2, 1, 3)[:, :S].astype(query.dtype)


def _kernel(heads: int, length: int, block: int, causal: bool, interpret: bool) -> kernel.SplashAttentionKernel:
    make = masks.CausalMask if causal else masks.FullMask
    sizes = kernel.BlockSizes(
        block_q=block,
        block_kv=block,
        block_kv_compute=block,
        block_q_dkv=block,
        block_kv_dkv=block,
        block_kv_dkv_compute=block,
        use_fused_bwd_kernel=True,
    )
    every = masks.MultiHeadMask([make((length, length))] * heads)
    return kernel.make_splash_mha(mask=every, block_sizes=sizes, head_shards=1, q_seq_shards=1, interpret=interpret)
