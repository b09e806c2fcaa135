"""The report task: next-token cross-entropy on the report, given motion, fusion and visual tokens and the instruction."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from tramp_jax.models.tramp_llama import TrampLlama, Tree
from tramp_jax.tasks.severity import scoring_needs
from tramp_jax.tasks.token_losses import next_token_sums


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
    needed = scoring_needs(config) | {"text"}
    return needed | ({"kinematics"} if config.kinematic_tokens else set())


def loss(model: TrampLlama, params: Tree, stats: Tree, batch: dict[str, jax.Array], key: jax.Array):
    """Summed cross-entropy over report tokens. The motion encoder and the ViT run deterministically, on running statistics."""
    encoded, _ = model.encode(params, stats, batch, train=False, key=None)
    llm, hidden = model.report_hidden(params, encoded, batch, deterministic=False, key=key)
    mask = batch["loss_mask"]
    log_likelihood, correct = next_token_sums(hidden, llm.head(), batch["tokens"], mask)
    return -log_likelihood, jnp.sum(mask), {"token_accuracy": correct}, stats
