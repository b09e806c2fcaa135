"""Scanning stacked layers is the same as calling one layer after the other."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from tramp_jax.models.stack import scan_layers, stack_layers


class Layer(nnx.Module):
    def __init__(self, *, rngs):
        self.linear = nnx.Linear(5, 5, rngs=rngs)

    def __call__(self, x):
        return jnp.tanh(self.linear(x))


@pytest.mark.parametrize("remat", ["none", "dots", "full"])
def test_a_scan_calls_the_layers_in_order_with_their_own_inputs(remat):
    layers = stack_layers(lambda rngs: Layer(rngs=rngs), 3, nnx.Rngs(0))
    x, shifts = jnp.linspace(-1, 1, 10).reshape(2, 5), jnp.array([0.1, 0.2, 0.3])
    scanned = scan_layers(lambda layer, x, shift: layer(x) + shift, layers, x, shifts, dtype="float32", remat=remat)
    kernel, bias = layers.linear.kernel[...], layers.linear.bias[...]
    for i in range(3):
        x = jnp.tanh(x @ kernel[i] + bias[i]) + shifts[i]
    np.testing.assert_allclose(scanned, x, rtol=1e-6)


def test_stacked_layers_differ_from_each_other_and_depend_on_the_key_alone():
    make = lambda seed: stack_layers(lambda rngs: Layer(rngs=rngs), 3, nnx.Rngs(seed)).linear.kernel[...]  # noqa: E731
    kernel = make(0)
    assert kernel.shape == (3, 5, 5)
    assert len({float(layer[0, 0]) for layer in kernel}) == 3
    np.testing.assert_array_equal(kernel, make(0))
    assert np.abs(kernel - make(1)).max() > 0


def test_full_remat_keeps_only_the_input_of_each_layer():
    def kept(remat):
        layers = stack_layers(lambda rngs: Layer(rngs=rngs), 3, nnx.Rngs(0))
        graph, state = nnx.split(layers)

        def loss(s, x):
            merged = nnx.merge(graph, s)
            return scan_layers(lambda layer, x, _: layer(x), merged, x, dtype="float32", remat=remat).sum()

        return sum(leaf.size for leaf in jax.tree.leaves(jax.vjp(loss, state, jnp.ones((64, 5)))[1]))

    assert kept("full") < kept("none")
