"""Losses of the severity task.

Axes: B batch, G = 5 grades. Every loss is a sum over the batch of weighted per-clip values, with the sum of weights.
"""

from __future__ import annotations

import jax
import jax.numpy as jnp
from ml_collections import ConfigDict

Metrics = dict[str, jax.Array]


def severity_loss(
    outputs: dict[str, jax.Array], score: jax.Array, weight: jax.Array, config: ConfigDict
) -> tuple[jax.Array, jax.Array, Metrics]:
    """Balanced MSE of the head's output plus the ordinal likelihood where the head has one.

    Args:
      outputs: from `tramp_jax.models.heads.severity_outputs`.
      score: (B,) rated grades.
      weight: (B,) 0 where a clip has no grade.
      config: `config.model.head`.

    Returns:
      (sum of losses, sum of weights, sums of metrics by name).
    """
    balanced = balanced_mse(
        outputs["output"],
        score,
        weight,
        sigma=config.noise_sigma,
        swap_arguments=config.swap_arguments,
        mask_duplicates=config.mask_duplicates,
    )
    total = config.balanced_mse_weight * balanced
    metrics = {"balanced_mse": balanced, "absolute_error": jnp.abs(outputs["raw"] - score)}
    if "exceeds" in outputs:
        nll = ordinal_nll(outputs["exceeds"], score)
        total = total + config.ordinal_weight * nll
        metrics["ordinal_nll"] = nll
    return jnp.sum(weight * total), jnp.sum(weight), {name: jnp.sum(weight * value) for name, value in metrics.items()}


def balanced_mse(
    prediction: jax.Array,
    target: jax.Array,
    weight: jax.Array,
    *,
    sigma: float,
    swap_arguments: bool = False,
    mask_duplicates: bool = False,
) -> jax.Array:
    """Batch-based Monte-Carlo Balanced MSE (Ren et al. 2022), per clip (B,).

    logits_ij = -(prediction_i - target_j)^2 / (2 sigma^2), cross-entropy with the diagonal, times 2 sigma^2. It is defined on
    the whole batch: the softmax of a prediction runs over all targets.

    Args:
      weight: (B,); clips of weight 0 are no negatives either.
      swap_arguments: the released TraMP-Former's call, a softmax over predictions for each label.
      mask_duplicates: another clip of the same grade is no negative (ours). Without it and with the arguments swapped,
        predictions of one grade are each other's negatives; in the right order equal labels only count as often as they occur,
        which is what balances the grades.
    """
    rows, columns = (target, prediction) if swap_arguments else (prediction, target)
    logits = -((rows[:, None] - columns[None, :]) ** 2) / (2 * sigma**2)
    own = jnp.eye(len(target), dtype=bool)
    counts = weight[None, :] > 0
    if mask_duplicates:
        counts = counts & (target[:, None] != target[None, :])
    logits = jnp.where(counts | own, logits, -jnp.inf)
    return -jnp.diagonal(jax.nn.log_softmax(logits, axis=1)) * (2 * sigma**2)


def ordinal_nll(exceeds: jax.Array, score: jax.Array) -> jax.Array:
    """Negative log-likelihood (B,) of grades under a cumulative-link model; a grade between two integers counts for both.

    Args:
      exceeds: (B, G - 1) logits of grade > 0, 1, 2, 3, falling along the axis.
      score: (B,) in [0, G - 1].
    """
    below = jnp.floor(score)
    share = score - below
    lower = _log_probability(exceeds, below.astype(jnp.int32))
    upper = _log_probability(exceeds, jnp.ceil(score).astype(jnp.int32))
    return -((1 - share) * lower + share * upper)


def _log_probability(exceeds: jax.Array, grade: jax.Array) -> jax.Array:
    """log(sigmoid(a) - sigmoid(b)) for the logits a > b on either side of a grade, without cancellation."""
    far = jnp.full_like(exceeds[:, :1], 40.0)
    edges = jnp.concatenate([far, exceeds, -far], axis=1)
    a = jnp.take_along_axis(edges, grade[:, None], axis=1)[:, 0]
    b = jnp.take_along_axis(edges, grade[:, None] + 1, axis=1)[:, 0]
    # sigmoid(a) - sigmoid(b) = sigmoid(a) * sigmoid(-b) * (1 - exp(b - a)).
    return jax.nn.log_sigmoid(a) + jax.nn.log_sigmoid(-b) + jnp.log1p(-jnp.exp(jnp.minimum(b - a, -1e-6)))
