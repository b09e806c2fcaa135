"""SkateFormer's four skeletal-temporal partitions, and self-attention inside each.

B batch, T frames, V landmark tokens (R regions x L tokens, region-major), H heads, K head dim, W windows,
N frames of a window, J landmarks of a window.

| type | frames of a window | landmarks of a window |
|---|---|---|
| 1 | N consecutive | the L of one region |
| 2 | N consecutive | R, the same place in each region |
| 3 | N evenly strided over the clip | the L of one region |
| 4 | N evenly strided over the clip | R, the same place in each region |

Sources: TraMP-Former (arXiv 2504.09530), SkateFormer (arXiv 2403.09508); references/tramp_lineage.md 2.3.
"""

from __future__ import annotations

import dataclasses
from functools import partial

import jax
import jax.numpy as jnp
from flax import nnx

from tramp_jax.models.layers import embedding_init, keep_scale


@dataclasses.dataclass(frozen=True)
class Partition:
    """One way to cut (T, V) into windows.

    Attributes:
      kind: 1 to 4 as in the table above.
      frames: N.
      regions: R; the number of landmark tokens must be a multiple of it.
    """

    kind: int
    frames: int
    regions: int

    @property
    def strided(self) -> bool:
        return self.kind in (3, 4)

    @property
    def across_regions(self) -> bool:
        return self.kind in (2, 4)

    def joints(self, landmarks: int) -> int:
        """J for V landmark tokens."""
        return self.regions if self.across_regions else landmarks // self.regions

    def split(self, x: jax.Array) -> jax.Array:
        """(B, T, V, C) -> (B * W, C, N * J)."""
        B, T, V, C = x.shape
        time = (self.frames, T // self.frames) if self.strided else (T // self.frames, self.frames)
        x = x.reshape(B, *time, self.regions, V // self.regions, C).transpose(self._order())
        return x.reshape(-1, C, self.frames * self.joints(V))

    def join(self, windows: jax.Array, frames: int, landmarks: int) -> jax.Array:
        """The inverse of `split`: (B * W, C, N * J) -> (B, T, V, C) with T = frames, V = landmarks."""
        C, J = windows.shape[1], self.joints(landmarks)
        x = windows.reshape(-1, frames // self.frames, landmarks // J, C, self.frames, J)
        order = self._order()
        x = x.transpose([order.index(axis) for axis in range(6)])
        return x.reshape(x.shape[0], frames, landmarks, C)

    def _order(self) -> tuple[int, ...]:
        # From (B, time, time, R, L, C) to (B, time windows, landmark windows, C, N, J).
        window_time, inner_time = (2, 1) if self.strided else (1, 2)
        window_joint, inner_joint = (4, 3) if self.across_regions else (3, 4)
        return 0, window_time, window_joint, 5, inner_time, inner_joint


class SkateAttention(nnx.Module):
    """Self-attention inside the windows of one partition, with a relative bias in time, or in time x joint x joint."""

    def __init__(
        self,
        partition: Partition,
        *,
        landmarks: int,
        heads: int,
        scale: float,
        table_frames: int,
        dropout_rate: float,
        tiled_bias: bool,
        rngs: nnx.Rngs,
    ):
        """
        Args:
          partition: the windows.
          landmarks: V.
          heads: H.
          scale: factor on the queries.
          table_frames: frames that the bias table is sized for, at least partition.frames.
          dropout_rate: on the attention weights.
          tiled_bias: see `default_motion_config`.
          rngs: for the bias table.
        """
        self.partition = partition
        self.heads = heads
        self.scale = scale
        self.dropout_rate = dropout_rate
        self.tiled_bias = tiled_bias
        self.joints = partition.joints(landmarks)
        joints = (self.joints, self.joints) if partition.across_regions else ()
        shape = (2 * table_frames - 1, *joints, heads)
        self.bias_table = nnx.Param(embedding_init(rngs.params(), shape))

    def mask_size(self, frames: int, landmarks: int) -> int:
        """Attention weights per example: elements of the `keep` mask."""
        return self.heads * frames * landmarks * self.partition.frames * self.joints

    def __call__(self, qkv: jax.Array, keep: jax.Array | None) -> jax.Array:
        """(B, T, V, 3 * H * K) -> (B, T, V, H * K); the three parts are query, key, value.

        Args:
          qkv: projected features.
          keep: (B, mask_size) bool, False where an attention weight is dropped; None drops nothing.
        """
        _, T, V, width = qkv.shape
        windows = self.partition.split(qkv)
        q, k, v = jnp.split(windows.reshape(len(windows), 3 * self.heads, -1, windows.shape[-1]), 3, axis=1)
        scale = 1.0
        if keep is not None:
            keep, scale = keep.reshape(*q.shape[:2], q.shape[3], q.shape[3]), keep_scale(self.dropout_rate)
        out = attend(q * self.scale, k, v, self.relative_bias(), keep, scale)
        return self.partition.join(out.reshape(len(out), width // 3, -1), T, V)

    def relative_bias(self) -> jax.Array:
        """(H, N * J, N * J) float32, added to the logits.

        The first 2N - 1 rows of the table serve a window of N frames, so row N - 1 is the offset 0. As released: a table
        trained with one N does not mean the same with another.
        """
        N, J = self.partition.frames, self.joints
        offsets = jnp.arange(N)[:, None] - jnp.arange(N)[None, :] + N - 1
        bias = self.bias_table[...][offsets]
        if self.partition.across_regions:  # (N, N, J, J, H)
            bias = bias.transpose(4, 0, 2, 1, 3)
        elif self.tiled_bias:  # (N, N, H), token k taken for frame k mod N
            bias = jnp.tile(bias.transpose(2, 0, 1), (1, J, J))
        else:  # (N, N, H): one value for all pairs of landmarks
            bias = jnp.broadcast_to(bias.transpose(2, 0, 1)[:, :, None, :, None], (self.heads, N, J, N, J))
        return bias.reshape(self.heads, N * J, N * J)


@partial(jax.custom_vjp, nondiff_argnums=(5,))
def attend(q: jax.Array, k: jax.Array, v: jax.Array, bias: jax.Array, keep: jax.Array | None, scale: float) -> jax.Array:
    """Softmax attention inside windows of M tokens.

    The derivative is written out: a third less time on CPU than what autodiff makes of it, and one M x M array kept
    instead of three. Tokens are the last axis because XLA's small products on CPU are fastest that way.

    Args:
      q, k, v: (W, H, K, M); q is scaled already.
      bias: (H, M, M) float32, added to the logits.
      keep: (W, H, M, M) bool, False drops a weight after the softmax; None drops nothing.
      scale: what kept weights are multiplied by; 1 where `keep` is None.

    Returns:
      (W, H, K, M) in the dtype of v.
    """
    return _attend_forward(q, k, v, bias, keep, scale)[0]


def _attend_forward(q, k, v, bias, keep, scale):
    logits = jnp.einsum("whkn,whkm->whnm", q, k, preferred_element_type=jnp.float32)
    weights = jax.nn.softmax(logits + bias, axis=-1).astype(v.dtype)
    # Dropped weights are kept as negative numbers: the softmax and the mask in one array.
    signed = weights if keep is None else jnp.where(keep, weights, -weights)
    out = jnp.einsum("whnm,whkm->whkn", jnp.maximum(signed, 0) * scale, v)
    return out, (q, k, v, signed, out)


def _attend_backward(scale, residuals, d_out):
    q, k, v, signed, out = residuals
    d_v = jnp.einsum("whnm,whkn->whkm", jnp.maximum(signed, 0) * scale, d_out)
    d_weights = jnp.where(signed > 0, jnp.einsum("whkn,whkm->whnm", d_out, v) * scale, 0)
    # The mean of d_weights under the softmax, from the output instead of two M x M arrays.
    mean = jnp.sum(d_out * out, axis=2, dtype=jnp.float32).astype(v.dtype)[..., None]
    d_logits = jnp.abs(signed) * (d_weights - mean)
    d_q = jnp.einsum("whnm,whkm->whkn", d_logits, k)
    d_k = jnp.einsum("whnm,whkn->whkm", d_logits, q)
    return d_q, d_k, d_v, jnp.sum(d_logits, axis=0, dtype=jnp.float32), None


attend.defvjp(_attend_forward, _attend_backward)
