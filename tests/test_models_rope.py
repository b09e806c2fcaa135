"""Rotary positions: relative along the text, and row and column apart over a grid."""

import jax.numpy as jnp
import numpy as np

from tramp_jax.models.rope import grid_angles, rope_angles, rotate

K = 16
FREQUENCIES = tuple(10000.0 ** -(np.arange(0, K, 2) / K))


def vector(seed, *shape):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def test_products_depend_on_the_distance_alone():
    q, k = vector(0, 1, 1, 1, K), vector(1, 1, 1, 1, K)

    def product(i, j):
        turned = [rotate(x, rope_angles(jnp.array([[at]]), FREQUENCIES)) for x, at in ((q, i), (k, j))]
        return float(jnp.sum(turned[0] * turned[1]))

    assert abs(product(5, 2) - product(1005, 1002)) < 1e-3
    assert abs(product(5, 2) - product(5, 3)) > 1e-2


def test_lengths_are_kept_and_the_dtype_too():
    x = vector(0, 2, 6, 3, K)
    turned = rotate(x, grid_angles(2, 3, K, 10000.0))
    np.testing.assert_allclose(jnp.linalg.norm(turned, axis=-1), jnp.linalg.norm(x, axis=-1), rtol=1e-5)
    assert rotate(x.astype(jnp.bfloat16), grid_angles(2, 3, K, 10000.0)).dtype == jnp.bfloat16


def test_on_a_grid_half_the_pairs_turn_with_the_row_and_half_with_the_column():
    cosine, sine = (x.reshape(2, 3, K // 2) for x in grid_angles(2, 3, K, 10000.0))
    for angles in (cosine, sine):
        rows, columns = np.split(angles, 2, axis=-1)
        assert np.all(rows == rows[:, :1])
        assert np.all(columns == columns[:1])
    np.testing.assert_allclose(sine[1, 0, 0], np.sin(1.0), rtol=1e-6)
    np.testing.assert_allclose(sine[0, 2, K // 4], np.sin(2.0), rtol=1e-6)
