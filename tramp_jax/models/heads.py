"""From fused tokens to a score and a distribution over the grades 0 to 4.

Axes: B batch, F vision queries, D width, G = 5 grades.
"""

from __future__ import annotations

import itertools

import jax
import jax.numpy as jnp
from flax import nnx
from ml_collections import ConfigDict

from input_pipeline.errors import UserError
from tramp_jax.models.layers import Linear

GRADES = 5
KINDS = ("ordinal", "regression")
_INTERVAL = (0.05, 0.95)


def default_head_config() -> ConfigDict:
    """Regression projection, TraMP-Former's head, and how its output is read."""
    config = ConfigDict()
    config.input_width = 256  # TraMP-Former: D
    config.widths = (128, 64)  # TraMP-Former: hidden layers, ReLU
    # "ordinal": a cumulative-link distribution around the head's output (ours); "regression": the output alone (TraMP-Former).
    config.kind = "ordinal"
    config.scale = 0.5  # grades; spread of the distribution: where it starts (ordinal), or as it stays (regression) (ours)
    config.balanced_mse_weight = 1.0  # of Balanced MSE in the loss; the only term where kind is "regression" (ours for ordinal)
    config.ordinal_weight = 1.0  # of the ordinal likelihood in the loss (ours)
    # Of a linear readout of the measured kinematics from the motion tokens: a second thing to learn, which needs no
    # rater (ours; 0 = the paper's loss).
    config.kinematics_weight = 0.0
    config.noise_sigma = 1.0  # TraMP-Former: sigma of Balanced MSE, never trained there
    # True counts another clip of the same grade once (ours). It gives up the balance between grades, which rests on how often
    # each is in the batch; meant for swap_arguments, where predictions of one grade would be each other's negatives.
    config.mask_duplicates = False  # TraMP-Former
    config.swap_arguments = False  # TraMP-Former's released code calls the loss with (label, prediction) (True mimics it)
    return config


class SeverityRegression(nnx.Module):
    """Masked mean over F, regression projection to E_s, then the head: D -> 128 -> 64 -> 1, unbounded."""

    def __init__(self, config: ConfigDict, *, rngs: nnx.Rngs):
        if config.kind not in KINDS:
            raise UserError(f"model.head.kind={config.kind!r}: unknown; use one of {', '.join(KINDS)}")
        D = config.input_width
        widths = (D, *config.widths, 1)
        self.projection = Linear(D, D, dtype=jnp.float32, rngs=rngs)
        self.layers = nnx.List([Linear(a, b, dtype=jnp.float32, rngs=rngs) for a, b in itertools.pairwise(widths)])
        # Starts in the middle of the scale, with thresholds half-way between the grades.
        self.layers[-1].bias[...] = jnp.full((1,), (GRADES - 1) / 2)
        if config.kind == "ordinal":
            self.first_threshold = nnx.Param(jnp.asarray(0.5))
            self.log_gaps = nnx.Param(jnp.zeros(GRADES - 2))
            self.log_scale = nnx.Param(jnp.log(jnp.asarray(config.scale, jnp.float32)))

    def __call__(self, fused: jax.Array, mask: jax.Array, extra: jax.Array | None = None) -> dict[str, jax.Array]:
        """Reads fused tokens.

        Args:
          fused: t_f (B, F, D).
          mask: (B, F) bool, which of F count.
          extra: (B, D) added to the mean, for conditioning; None for none.

        Returns:
          "output" (B,), and for kind "ordinal" "exceeds" (B, 4): logits that the grade is above 0, 1, 2, 3.
        """
        x = masked_mean(fused, mask)
        x = self.projection(x if extra is None else x + extra)
        for layer in list(self.layers)[:-1]:
            x = jax.nn.relu(layer(x))
        output = self.layers[-1](x)[:, 0]
        if not hasattr(self, "log_gaps"):
            return {"output": output}
        gaps = jnp.exp(self.log_gaps[...])
        thresholds = self.first_threshold[...] + jnp.concatenate([jnp.zeros(1), jnp.cumsum(gaps)])
        return {"output": output, "exceeds": (output[:, None] - thresholds) / jnp.exp(self.log_scale[...])}


def masked_mean(fused: jax.Array, mask: jax.Array) -> jax.Array:
    """(B, F, D) -> (B, D): the mean over those of F that the mask (B, F) counts."""
    weights = mask / jnp.maximum(mask.sum(axis=1, keepdims=True), 1)
    return jnp.einsum("bfd,bf->bd", fused, weights)


def severity_outputs(head: dict[str, jax.Array], config: ConfigDict) -> dict[str, jax.Array]:
    """Score, distribution and interval.

    Args:
      head: from `SeverityRegression`.
      config: `default_head_config`.

    Returns:
      raw (B,): for metrics, unclipped; severity (B,) in [0, 4]: expectation of the distribution (ordinal) or the clipped
      output; grade_distribution (B, 5); interval (B, 2): 5 and 95 percent quantiles of the distribution, each grade spread
      evenly over [grade - 0.5, grade + 0.5] and cut to the scale; and the entries of `head`.
    """
    output = head["output"]
    if "exceeds" in head:
        above = jax.nn.sigmoid(head["exceeds"])
    else:
        above = jax.scipy.stats.norm.cdf((output[:, None] - (jnp.arange(GRADES - 1) + 0.5)) / config.scale)
    ones, zeros = jnp.ones_like(above[:, :1]), jnp.zeros_like(above[:, :1])
    edges = jnp.concatenate([ones, above, zeros], axis=1)  # P(grade > k) for k = -1..4
    distribution = edges[:, :-1] - edges[:, 1:]
    expected = distribution @ jnp.arange(GRADES, dtype=jnp.float32)
    ordinal = "exceeds" in head
    places = jnp.arange(GRADES + 1) - 0.5
    quantile = jax.vmap(lambda cumulative: jnp.interp(jnp.asarray(_INTERVAL), cumulative, places))
    return {
        **head,
        "raw": expected if ordinal else output,
        "severity": expected if ordinal else jnp.clip(output, 0.0, GRADES - 1.0),
        "grade_distribution": distribution,
        "interval": jnp.clip(quantile(1.0 - edges), 0.0, GRADES - 1.0),
    }
