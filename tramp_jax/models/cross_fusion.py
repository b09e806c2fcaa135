"""Cross-fusion: vision queries attend to motion (TraMP-Former's fusion; references: tramp_lineage.md section 2.5).

Axes: B batch, F vision queries (RGB frames), Dv vision width, N motion keys, T' motion time steps, R regions,
V landmark tokens, D width, H heads, K head dim.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from flax import nnx
from ml_collections import ConfigDict

from input_pipeline.errors import UserError
from input_pipeline.motion.layouts import REGIONS
from tramp_jax.models.attention import attend
from tramp_jax.models.layers import Linear, Mlp, dropout, layer_norm, sinusoid, split_key
from tramp_jax.sharding.activations import constrain

MODES = ("tokens", "pooled")


def default_fusion_config() -> ConfigDict:
    """TraMP-Former's sizes: 2.37 M parameters in its three blocks."""
    config = ConfigDict()
    config.width = 256  # TraMP-Former: D
    config.depth = 3  # TraMP-Former: blocks
    config.heads = 8  # TraMP-Former
    config.mlp_ratio = 4  # TraMP-Former
    config.dropout = 0.0  # TraMP-Former
    config.motion_width = 256  # of the motion tokens; mapped to `width` where it differs (ours)
    config.vision_width = 1152  # of the frame features, mapped to `width` (SigLIP-so400m; TraMP-Former maps 512 to 256)
    # "tokens": a query per frame, a key per region and time step (ours); "pooled": the mean frame as the query and one key
    # for the clip (TraMP-Former, where the softmax over one key is 1, so that W_q and W_k learn nothing).
    config.mode = "tokens"
    config.num_queries = 4  # learned queries in place of frames where there is no vision (ours)
    return config


class CrossBlock(nnx.Module):
    """x + attention(LN_q(x), LN_kv(motion)), then x + MLP(LN(x)). One norm serves keys and values, as in the released code."""

    def __init__(self, config: ConfigDict, *, rngs: nnx.Rngs):
        D = config.width
        self.heads, self.dropout_rate = config.heads, config.dropout
        self.norm_query, self.norm_motion, self.norm_mlp = (layer_norm(D, rngs=rngs) for _ in range(3))
        self.query, self.key, self.value = (Linear(D, D, dtype=jnp.float32, rngs=rngs, use_bias=False) for _ in range(3))
        self.out = Linear(D, D, dtype=jnp.float32, rngs=rngs)
        self.mlp = Mlp(D, config.mlp_ratio * D, dropout_rate=config.dropout, dtype=jnp.float32, rngs=rngs)

    def __call__(self, x: jax.Array, motion: jax.Array, *, deterministic: bool, key: jax.Array | None) -> jax.Array:
        """(B, F, D), (B, N, D) -> (B, F, D)."""
        out_key, mlp_key = split_key(key, 2)
        keys = self.norm_motion(motion)
        q, k, v = (
            y.reshape(*y.shape[:2], self.heads, -1) for y in (self.query(self.norm_query(x)), self.key(keys), self.value(keys))
        )
        y = self.out(attend(q, k, v).reshape(x.shape))
        x = x + dropout(y, self.dropout_rate, deterministic=deterministic, key=out_key)
        return x + self.mlp(self.norm_mlp(x), deterministic=deterministic, key=mlp_key)


class CrossFusion(nnx.Module):
    """Frame features to fused tokens t_f; learned queries stand in where there are no frames."""

    def __init__(self, config: ConfigDict, *, vision: bool, rngs: nnx.Rngs):
        if config.mode not in MODES:
            raise UserError(f"model.fusion.mode={config.mode!r}: unknown; use one of {', '.join(MODES)}")
        D = config.width
        self.mode = config.mode
        mapped = config.motion_width != D
        self.from_motion = Linear(config.motion_width, D, dtype=jnp.float32, rngs=rngs) if mapped else None
        if vision:
            self.from_vision = Linear(config.vision_width, D, dtype=jnp.float32, rngs=rngs)
        else:
            self.queries = nnx.Param(jax.random.normal(rngs.params(), (config.num_queries, D)))
        self.blocks = nnx.List([CrossBlock(config, rngs=rngs) for _ in range(config.depth)])

    def __call__(
        self,
        vision: jax.Array | None,
        motion: jax.Array,
        *,
        deterministic: bool,
        key: jax.Array | None,
        frame_mask: jax.Array | None = None,
    ) -> jax.Array:
        """Fuses.

        Args:
          vision: (B, F, Dv) features of each frame, None where the model has no vision.
          motion: (B, T', V, D) motion tokens.
          deterministic: no dropout.
          key: for dropout; may be None if deterministic.
          frame_mask: (B, F) bool, which frames the mean of mode "pooled" takes; None takes all.

        Returns:
          t_f (B, F, D) float32; in mode "pooled" the same for each of the F.
        """
        keys = constrain(self._keys(motion), "batch")
        x = self._queries(vision, motion.shape[0], frame_mask)
        for block, block_key in zip(self.blocks, split_key(key, len(self.blocks)), strict=True):
            x = constrain(block(constrain(x, "batch"), keys, deterministic=deterministic, key=block_key), "batch")
        return x

    def _queries(self, vision: jax.Array | None, batch: int, frame_mask: jax.Array | None) -> jax.Array:
        if vision is None:
            return jnp.broadcast_to(self.queries[...], (batch, *self.queries.shape))
        x = self.from_vision(vision.astype(jnp.float32))
        if self.mode == "pooled":
            mask = jnp.ones(x.shape[:2]) if frame_mask is None else frame_mask
            mean = jnp.einsum("bfd,bf->bd", x, mask / jnp.maximum(mask.sum(axis=1, keepdims=True), 1))
            return jnp.broadcast_to(mean[:, None], x.shape)
        # Which moment a frame shows (ours): without it a query could not look for motion at its own time.
        return x + sinusoid(jnp.linspace(-1.0, 1.0, x.shape[1]) * 100.0, x.shape[-1])

    def _keys(self, motion: jax.Array) -> jax.Array:
        B, T, V, D = motion.shape
        if self.mode == "pooled":
            keys = motion.mean(axis=(1, 2))[:, None]
        else:
            keys = motion.reshape(B, T, len(REGIONS), V // len(REGIONS), D).mean(axis=3).reshape(B, -1, D)
        return keys if self.from_motion is None else self.from_motion(keys)
