"""The TPU kernel, run step by step on the CPU, attends as the portable path does, forward and backward."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import AxisType

from tramp_jax.models.attention import attend
from tramp_jax.models.splash import block_of, fits, splash_attend

B, H, G, K = 2, 4, 2, 16


@pytest.fixture
def mesh():
    made = jax.make_mesh((1, 1, 1), ("replica", "fsdp", "tensor"), axis_types=(AxisType.Auto,) * 3)
    with jax.set_mesh(made):
        yield made


def arrays(S, seed=0):
    rng = np.random.default_rng(seed)
    return [jnp.asarray(rng.normal(size=(B, S, heads, K)), jnp.float32) for heads in (H, G, G)]


def masks(S):
    mask = np.ones((B, S), bool)
    mask[0, S // 2 : S // 2 + 9] = False  # in the middle, as after a prefix
    mask[1, -7:] = False
    return jnp.asarray(mask)


@pytest.mark.parametrize("S", [128, 150])
@pytest.mark.parametrize("causal", [True, False])
def test_it_is_the_portable_attention_with_its_gradient(mesh, S, causal):
    mask = masks(S)
    weight = jnp.asarray(np.random.default_rng(1).normal(size=(B, S, H, K)), jnp.float32) * mask[:, :, None, None]

    def value(run, *qkv):
        return jnp.sum(run(*qkv, key_mask=mask, causal=causal) * weight)

    kernel = functools.partial(value, functools.partial(splash_attend, interpret=True))
    found = jax.jit(jax.value_and_grad(kernel, (0, 1, 2)))(*arrays(S))
    expected = jax.jit(jax.value_and_grad(functools.partial(value, attend), (0, 1, 2)))(*arrays(S))
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-4)
    for mine, theirs in zip(found[1], expected[1], strict=True):
        np.testing.assert_allclose(mine, theirs, atol=1e-4)


def test_a_query_with_no_key_left_is_finite(mesh):
    query, key, value = arrays(128)
    mask = jnp.zeros((B, 128), bool).at[1].set(True)
    run = jax.jit(functools.partial(splash_attend, key_mask=mask, causal=True, interpret=True))
    assert np.all(np.isfinite(run(query, key, value)))


@pytest.mark.parametrize(("length", "block"), [(128, 128), (256, 256), (2048, 1024), (2343, 512), (300, 128), (1024, 1024)])
def test_blocks_pad_little(length, block):
    assert block_of(length) == block
    assert -(-length // block) * block <= 1.1 * (-(-length // 128) * 128)


@pytest.mark.parametrize(
    ("sizes", "query", "key", "right"),
    [
        ((1, 8, 1), (8, 256, 4, K), (8, 256, 2, K), True),
        ((1, 8, 1), (4, 256, 4, K), (4, 256, 2, K), False),  # rows do not divide
        ((1, 1, 8), (8, 256, 8, K), (8, 256, 2, K), False),  # key heads do not divide
        ((1, 1, 1), (8, 1, 4, K), (8, 256, 2, K), False),  # decoding
        ((1, 1, 1), (8, 64, 4, K), (8, 64, 2, K), False),  # less than a block
    ],
)
def test_it_takes_what_the_mesh_can_cut(sizes, query, key, right):
    mesh = jax.sharding.AbstractMesh(sizes, ("replica", "fsdp", "tensor"))
    assert fits(mesh, query, key) is right
