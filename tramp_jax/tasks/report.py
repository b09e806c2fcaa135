"""The report task: next-token cross-entropy on the report, given motion, fusion and visual tokens and the instruction.

Axes: B batch, S text, V vocabulary.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from tramp_jax.models.tramp_llama import TrampLlama, Tree


def reads(config: ConfigDict) -> frozenset[str]:
    """Parameter blocks that the loss uses: everything but the regression head."""
    blocks = {"motion", "fusion", "motion_projection", "fusion_projection", "llm"}
    if config.vision_kind != "none":
        blocks |= {"vision", "visual_projection"}
    if config.kinematic_tokens:
        blocks |= {"kinematic_projection"}
    return frozenset(blocks | ({"lora"} if config.use_lora else set()))


def needs(config: ConfigDict) -> frozenset[str]:
    """Batch families."""
    needed = {"trajectory", "text"} | ({"frames"} if config.vision_kind != "none" else set())
    return frozenset(needed | ({"kinematics"} if config.kinematic_tokens else set()))


def loss(model: TrampLlama, params: Tree, stats: Tree, batch: dict[str, jax.Array], key: jax.Array):
    """Summed cross-entropy over report tokens. The motion encoder and the ViT run deterministically, on running statistics."""
    encoded, _ = model.encode(params, stats, batch, train=False, key=None)
    logits = model.report_logits(params, encoded, batch, deterministic=False, key=key)  # (B, S, V), position s predicts token s
    log_likelihood, correct = token_scores(logits, batch["tokens"])
    mask = batch["loss_mask"]
    metrics = {"token_accuracy": jnp.sum(correct * mask)}
    return -jnp.sum(log_likelihood * mask), jnp.sum(mask), metrics, stats


def token_scores(logits: jax.Array, tokens: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Log-likelihood (B, S) of each token under its own logits, and whether it is their maximum. In float32."""
    logits = logits.astype(jnp.float32)
    chosen = jnp.take_along_axis(logits, tokens[..., None], axis=-1)[..., 0]
    return chosen - jax.nn.logsumexp(logits, axis=-1), (jnp.argmax(logits, axis=-1) == tokens).astype(jnp.float32)
