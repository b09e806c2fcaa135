"""The pieces give the loss and gradients of whole logits, on one device and on any mesh, and never hold whole logits."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tramp_jax.tasks.token_losses import next_token_sums

B, S, D, V = 8, 30, 16, 64


def whole_token_sums(logits, tokens, mask):
    """The same from whole logits (B, S, V)."""
    chosen = jnp.take_along_axis(logits, jnp.asarray(tokens)[..., None], axis=-1)[..., 0]
    return jnp.sum((chosen - jax.nn.logsumexp(logits, axis=-1)) * mask), jnp.sum((chosen >= logits.max(-1)) * mask)


def inputs(seed=0):
    rng = np.random.default_rng(seed)
    hidden = rng.normal(size=(B, S, D)).astype(np.float32)
    head = rng.normal(size=(D, V)).astype(np.float32)
    return hidden, head, rng.integers(0, V, (B, S)), (rng.random((B, S)) < 0.7).astype(np.float32)


def compare(piece):
    hidden, head, tokens, mask = inputs()
    found, grads = jax.jit(jax.value_and_grad(lambda h, w: next_token_sums(h, w, tokens, mask, piece)[0], (0, 1)))(hidden, head)
    with jax.default_matmul_precision("highest"):
        whole = jax.value_and_grad(lambda h, w: whole_token_sums(h @ w, tokens, mask)[0], (0, 1))
        expected, right = whole(jnp.asarray(hidden), jnp.asarray(head))
    np.testing.assert_allclose(found, expected, rtol=1e-5)
    for mine, theirs in zip(grads, right, strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-5 * np.abs(theirs).max())


@pytest.mark.parametrize("piece", [1, 7, 15, 30, 999])
def test_loss_and_gradients_are_those_of_whole_logits(piece):
    compare(piece)


def test_the_count_of_right_tokens_is_that_of_whole_logits():
    hidden, head, tokens, mask = inputs()
    tokens[:, ::2] = (hidden @ head).argmax(-1)[:, ::2]
    found = jax.jit(next_token_sums, static_argnums=4)(hidden, head, tokens, mask, 7)[1]
    assert found == whole_token_sums(hidden @ head, tokens, mask)[1] > 0


def test_a_frozen_head_costs_no_gradient_of_its_size():
    hidden, head, tokens, mask = inputs()

    def text(*of):
        return str(jax.make_jaxpr(jax.grad(lambda h, w: next_token_sums(h, w, tokens, mask, 7)[0], of))(hidden, head))

    assert text(0, 1).count("dot_general") == text(0).count("dot_general") + 1


def test_no_array_as_large_as_the_whole_logits_is_made():
    def largest(piece):
        hidden, head, tokens, mask = inputs()
        run = jax.jit(jax.grad(lambda h, w: next_token_sums(h, w, tokens, mask, piece)[0], (0, 1)))
        return run.lower(hidden, head).compile().memory_analysis().temp_size_in_bytes

    assert largest(30) - largest(3) > 0.5 * B * S * V * 4


def test_on_a_mesh_it_is_the_same():
    """In a process of its own with 8 devices; one exchange of the head's gradient, not one per piece."""
    script = """
import jax
import test_tasks_token_losses as t
from jax.sharding import AxisType
for sizes in ((1, 8, 1), (2, 2, 2), (1, 1, 8), (8, 1, 1)):
    mesh = jax.make_mesh(sizes, ("replica", "fsdp", "tensor"), axis_types=(AxisType.Auto,) * 3)
    with jax.set_mesh(mesh):
        t.compare(7)
mesh = jax.make_mesh((1, 8, 1), ("replica", "fsdp", "tensor"), axis_types=(AxisType.Auto,) * 3)
hidden, head, tokens, mask = t.inputs()
with jax.set_mesh(mesh):
    run = jax.jit(jax.grad(lambda h, w: t.next_token_sums(h, w, tokens, mask, 7)[0], (0, 1)))
    text = run.lower(hidden, head).compile().as_text()
assert text.count(" reduce-scatter(") == 1, text.count(" reduce-scatter(")
assert text.count(" all-gather(") <= 2, text.count(" all-gather(")
"""
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=8"
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[1])])
    environment = os.environ | {"XLA_FLAGS": flags, "PYTHONPATH": paths, "JAX_PLATFORMS": "cpu"}
    subprocess.run([sys.executable, "-c", script], check=True, env=environment)
