"""One optimizer per task: AdamW over the task's own parameters, with its own schedule, count, clip norm and decay."""

from __future__ import annotations

from typing import Any

import jax
import optax
from ml_collections import ConfigDict


def make_schedule(config: ConfigDict, steps: int) -> optax.Schedule:
    """Linear warm-up, then a cosine to `final_fraction` of the peak, over the task's own `steps`."""
    warmup = max(1, round(config.warmup_fraction * steps))
    return optax.warmup_cosine_decay_schedule(
        init_value=0.0,
        peak_value=config.lr,
        warmup_steps=warmup,
        decay_steps=max(steps, warmup + 1),
        end_value=config.final_fraction * config.lr,
    )


def make_optimizer(config: ConfigDict, steps: int) -> optax.GradientTransformation:
    """The optimizer of one task; `steps` is how many steps the task takes in the whole run."""
    return optax.chain(
        optax.clip_by_global_norm(config.clip_norm),
        optax.adamw(
            make_schedule(config, steps),
            b1=config.b1,
            b2=config.b2,
            weight_decay=config.weight_decay,
            mask=_decayed,
        ),
    )


def _decayed(params: Any) -> Any:
    """Decays what multiplies activations; not biases, norms' scales and learned positions or biases of attention.

    Stacked layers carry a leading axis, so their vectors have two; names decide together with the rank.
    """
    return jax.tree_util.tree_map_with_path(lambda path, leaf: leaf.ndim >= 2 and path[-1].key in _MATRICES, params)


_MATRICES = frozenset({"kernel", "weight"})
