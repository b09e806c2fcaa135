"""The train step of one task.

A step receives and returns only what its task owns (parameters, moments, statistics; donated) and reads the rest of the
blocks that its loss uses, without donating or returning them. So the severity step never sees the LLaMA.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from tramp_jax.models.tramp_llama import TrampLlama, Tree
from tramp_jax.tasks.table import LossOutput, Task
from tramp_jax.training.state import merge

Batch = dict[str, jax.Array]


def task_key(seed: int, task: str, task_step: jax.Array | int) -> jax.Array:
    """The random key of one step: a pure function of (seed, task, task step). CRC-32, since `hash` differs by process."""
    return jax.random.fold_in(jax.random.fold_in(jax.random.key(seed), zlib.crc32(task.encode())), task_step)


def make_step(task: Task, model: TrampLlama, optimizer: optax.GradientTransformation, *, seed: int, parts: int) -> Callable:
    """Builds `step(owned, opt, owned_stats, others, other_stats, batch, task_step)`, to be jitted with the first three donated.

    Args:
      task: the row of the table.
      model: the assembly that the loss runs.
      optimizer: the task's own.
      seed: of the run.
      parts: micro-batches; the gradient is that of the whole batch, from summed losses and summed weights.

    Returns:
      The step: -> (owned, opt, owned_stats, metrics), metrics being () f32 each, among them "loss", "grad_norm" and "skipped"
      (1 where one of these two is no number).
    """

    def total(owned: Tree, stats: Tree, others: Tree, batch: Batch, key: jax.Array) -> tuple[jax.Array, LossOutput]:
        output = task.loss(model, merge(owned, others), stats, batch, key)
        return output.total, output

    gradient = jax.grad(total, has_aux=True)

    def step(owned: Tree, opt: Any, owned_stats: Tree, others: Tree, other_stats: Tree, batch: Batch, task_step: jax.Array):
        key = task_key(seed, task.name, task_step)
        stats = merge(owned_stats, other_stats)
        if parts == 1:
            grads, output = gradient(owned, stats, others, batch, key)
        else:
            grads, output = _accumulate(gradient, owned, stats, others, batch, key, parts)
        weight = jnp.maximum(output.weight, 1.0)
        grads = jax.tree.map(lambda g: g / weight, grads)
        updates, new_opt = optimizer.update(grads, opt, owned)
        metrics = {name: value / weight for name, value in output.metrics.items()}
        metrics |= {"loss": output.total / weight, "grad_norm": optax.global_norm(grads)}
        finite = jnp.isfinite(metrics["loss"]) & jnp.isfinite(metrics["grad_norm"])
        after = (optax.apply_updates(owned, updates), new_opt, {block: output.stats[block] for block in owned_stats})
        # A step whose loss or gradient is no number leaves what the task owns as it was, to the bit.
        after = jax.tree.map(lambda new, old: jnp.where(finite, new, old), after, (owned, opt, owned_stats))
        return *after, metrics | {"skipped": 1.0 - finite}

    return step


def jit_step(step: Callable, owned: Tree, opt: Any, owned_stats: Tree) -> Any:
    """The step, jitted: what it returns lies where what it was given lies, whatever the compiler would prefer."""
    kept = jax.tree.map(lambda x: x.sharding, (owned, opt, owned_stats))
    return jax.jit(step, donate_argnums=(0, 1, 2), out_shardings=(*kept, None))


def _accumulate(gradient: Callable, owned: Tree, stats: Tree, others: Tree, batch: Batch, key: jax.Array, parts: int):
    """Sums gradients, losses and weights over micro-batches, one after the other."""
    split = jax.tree.map(lambda x: x.reshape(parts, x.shape[0] // parts, *x.shape[1:]), batch)

    def body(carry, part):
        index, micro = part
        return jax.tree.map(jnp.add, carry, gradient(owned, stats, others, micro, jax.random.fold_in(key, index))), None

    shapes = jax.eval_shape(gradient, owned, stats, others, jax.tree.map(lambda x: x[0], split), key)
    zeros = jax.tree.map(lambda s: jnp.zeros(s.shape, s.dtype), shapes)
    (grads, output), _ = jax.lax.scan(body, zeros, (jnp.arange(parts), split))
    return grads, LossOutput(output.total, output.weight, output.metrics, stats)
