"""The language task: next-token cross-entropy on text alone, the LLaMA without anything before it (ours: a warm-up on reports).

It owns nothing by default; `config.ownership` gives it the LLaMA or its LoRA.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from tramp_jax.models.llama import positions_of
from tramp_jax.models.tramp_llama import TrampLlama, Tree
from tramp_jax.tasks.token_losses import next_token_sums


def reads(config: ConfigDict) -> frozenset[str]:
    """Parameter blocks that the loss uses."""
    return frozenset({"llm", "lora"} if config.use_lora else {"llm"})


def needs(config: ConfigDict) -> frozenset[str]:
    """Batch families."""
    return frozenset({"text"})


def loss(model: TrampLlama, params: Tree, stats: Tree, batch: dict[str, jax.Array], key: jax.Array):
    """Summed cross-entropy over report tokens, each from the text before it."""
    llm = model.blocks["llm"].bind(params["llm"])
    lora = model.blocks["lora"].bind(params["lora"]) if model.config.use_lora else None
    tokens, seen = batch["tokens"], batch["token_mask"]
    hidden = llm(llm.embed(tokens), positions_of(seen), seen, lora=lora, deterministic=False, key=key)
    # Position s predicts token s + 1; rolled with weight 0 at the end, so that the length stays a multiple of the blocks.
    weights = jnp.roll(batch["loss_mask"], -1, axis=1).at[:, -1].set(0.0)
    log_likelihood, correct = next_token_sums(hidden, llm.head(), jnp.roll(tokens, -1, axis=1), weights)
    return -log_likelihood, jnp.sum(weights), {"token_accuracy": correct}, stats
