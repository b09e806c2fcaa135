"""The severity task: grade of a clip from its motion and its frames."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

from tramp_jax.models.tramp_llama import TrampLlama, Tree
from tramp_jax.tasks import severity_losses


def reads(config: ConfigDict) -> frozenset[str]:
    """Parameter blocks that the loss uses."""
    blocks = {"motion", "fusion", "regression"}
    blocks |= {"vision"} if config.vision_kind != "none" else set()
    blocks |= {"kinematics"} if config.head.kinematics_weight else set()
    return frozenset(blocks | ({"expression"} if config.condition_on_expression else set()))


def needs(config: ConfigDict) -> frozenset[str]:
    """Batch families of training; without vision only landmark shards are read, without motion no trajectory."""
    return scoring_needs(config) | ({"score", "kinematics"} if config.head.kinematics_weight else {"score"})


def scoring_needs(config: ConfigDict) -> frozenset[str]:
    """Batch families that a score is computed from."""
    families = (("trajectory", config.motion_kind), ("frames", config.vision_kind))
    return frozenset(name for name, kind in families if kind != "none")


def loss(model: TrampLlama, params: Tree, stats: Tree, batch: dict[str, jax.Array], key: jax.Array):
    """Sum of weighted losses over the batch; see `tramp_jax.tasks.table.LossOutput` for what is returned."""
    encoded, stats = model.encode(params, stats, batch, train=True, key=key)
    outputs = model.severity(params, encoded)
    value, weight, metrics = severity_losses.severity_loss(outputs, batch["score"], batch["score_weight"], model.config.head)
    if model.config.head.kinematics_weight:
        error = jnp.mean(jnp.square(model.read_kinematics(params, encoded) - batch["kinematics"]), axis=-1)
        error = jnp.sum(batch["score_weight"] * error)
        value, metrics = value + model.config.head.kinematics_weight * error, metrics | {"kinematics_error": error}
    return value, weight, metrics, stats
