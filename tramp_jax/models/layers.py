"""Small pieces that the motion encoder, the cross-fusion and the heads share.

Random choices take explicit keys, so that a step is a pure function of its key; NNX keeps no random state.
Norms, softmax and parameters are float32; `dtype` is the dtype of the matrix products.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import partial

import jax
import jax.numpy as jnp
from flax import nnx
from jax.typing import DTypeLike

from tramp_jax.models import linear as rows

NORM_EPSILON = 1e-5  # TraMP-Former, every LayerNorm and BatchNorm


def uniform_init(fan_in: int) -> nnx.Initializer:
    """U(-1/sqrt(fan_in), 1/sqrt(fan_in)), which the released TraMP-Former uses for weights and biases alike."""
    bound = 1.0 / math.sqrt(fan_in)

    def init(key: jax.Array, shape: tuple[int, ...], dtype: DTypeLike = jnp.float32) -> jax.Array:
        return (bound * _few_shapes(partial(jax.random.uniform, minval=-1.0), key, shape)).astype(dtype)

    return init


def embedding_init(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """N(0, 0.02^2) float32: TraMP-Former's truncated normal, whose cut at +-2 is a hundred deviations away."""
    return 0.02 * _few_shapes(jax.random.normal, key, shape)


def _few_shapes(draw: Callable[..., jax.Array], key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
    """`draw(key, shape)`, cut from a draw of the next power of two.

    XLA compiles a draw for every new shape, which took half a minute for a small encoder's hundred parameters.
    """
    count = math.prod(shape)
    size = max(1024, 1 << (count - 1).bit_length())
    return jax.lax.slice(draw(key, (size,)), (0,), (count,)).reshape(shape)


class Linear(rows.Linear):
    """The shared linear layer with float32 parameters, TraMP-Former's initialisation, and products in `dtype`."""

    def __init__(self, d_in: int, d_out: int, *, dtype: DTypeLike, rngs: nnx.Rngs, use_bias: bool = True):
        init = uniform_init(d_in)
        super().__init__(d_in, d_out, use_bias=use_bias, dtype=dtype, kernel_init=init, bias_init=init, rngs=rngs)


def layer_norm(width: int, *, rngs: nnx.Rngs) -> nnx.LayerNorm:
    """A LayerNorm that computes and answers in float32; the next linear layer casts."""
    return nnx.LayerNorm(width, epsilon=NORM_EPSILON, dtype=jnp.float32, rngs=rngs)


def split_key(key: jax.Array | None, parts: int) -> list[jax.Array | None]:
    """`parts` keys, or as many None where there is no key to split."""
    return [None] * parts if key is None else list(jax.random.split(key, parts))


def needed(key: jax.Array | None) -> jax.Array:
    """The key, or a ValueError that says what is missing."""
    if key is None:
        raise ValueError("deterministic=False needs a key")
    return key


def keep_masks(key: jax.Array, rate: float, batch: int, sizes: Sequence[int]) -> list[jax.Array]:
    """One (batch, size) bool mask per size, each element True with probability 1 - rate; one draw for all.

    The rate is rounded to a multiple of 1/256, and one 32-bit word decides as many elements as it can (32 at rate 0.5):
    the random words, and compiling each draw, otherwise cost more than the attention that they thin out.

    Args:
      key: of this draw.
      rate: probability of False.
      batch: leading axis, which shards with the batch.
      sizes: elements per example of each mask.
    """
    bits = _bits(rate)
    per_word = 32 // bits
    counts = [-(-size // per_word) for size in sizes]
    words = jax.random.bits(key, (batch, sum(counts)), jnp.uint32)
    # The words stay the last axis: a TPU pads a last axis of 4 or 32 to 128.
    shifts = jnp.arange(0, 32, bits, dtype=jnp.uint32)[:, None]
    keep = (words[:, None, :] >> shifts) & (2**bits - 1) >= round(rate * 2**bits)
    masks, start = [], 0
    for size, count in zip(sizes, counts, strict=True):
        masks.append(keep[:, :, start : start + count].reshape(batch, -1)[:, :size])
        start += count
    return masks


def keep_features(key: jax.Array, rate: float, shape: tuple[int, ...]) -> jax.Array:
    """A bool mask of `shape`, each element True with probability 1 - rate, rounded as in `keep_masks`.

    A word decides elements of one row, a quarter of the row apart at 8 bits, so nothing is ever laid out anew: on a TPU the
    masks of a LoRA's inputs were most of what its layers moved.
    """
    bits = _bits(rate)
    per_word = 32 // bits
    words = jax.random.bits(key, (*shape[:-1], -(-shape[-1] // per_word)), jnp.uint32)
    parts = [(words >> shift) & (2**bits - 1) >= round(rate * 2**bits) for shift in range(0, 32, bits)]
    return jnp.concatenate(parts, axis=-1)[..., : shape[-1]]


def _bits(rate: float) -> int:
    """Of a word that one element takes: few where the rate needs no more."""
    return next(b for b in (1, 2, 4, 8) if b == 8 or (rate * 2**b).is_integer())


def keep_scale(rate: float) -> float:
    """What the kept elements of `keep_masks` and `keep_features` are multiplied by, so that the expectation stays exactly."""
    return 256 / (256 - round(rate * 256))


def dropout(x: jax.Array, rate: float, *, deterministic: bool, key: jax.Array | None) -> jax.Array:
    """Zeroes each element with probability `rate` (see `keep_features`) and rescales the rest.

    Raises:
      ValueError: no key although something is random.
    """
    if deterministic or rate == 0.0:
        return x
    return jnp.where(keep_features(needed(key), rate, x.shape), x * keep_scale(rate), jnp.zeros((), x.dtype))


def drop_path(x: jax.Array, rate: float | jax.Array, *, deterministic: bool, key: jax.Array | None) -> jax.Array:
    """Zeroes whole examples (axis 0) of a residual branch with probability `rate` and rescales the rest.

    Raises:
      ValueError: no key although something is random.
    """
    if deterministic or (isinstance(rate, float) and rate == 0.0):
        return x
    keep = jax.random.bernoulli(needed(key), 1.0 - rate, (x.shape[0],) + (1,) * (x.ndim - 1))
    return jnp.where(keep, x / (1.0 - rate), jnp.zeros((), x.dtype))


def sinusoid(positions: jax.Array, width: int) -> jax.Array:
    """Sine in the even and cosine in the odd channels, wavelengths up to 10,000: (...,) -> (..., width) float32."""
    frequencies = jnp.exp(jnp.arange(0, width, 2, dtype=jnp.float32) * (-math.log(10_000.0) / width))
    angles = positions[..., None].astype(jnp.float32) * frequencies
    return jnp.stack([jnp.sin(angles), jnp.cos(angles)], axis=-1).reshape(*positions.shape, width)


def gelu(x: jax.Array) -> jax.Array:
    """Exact GELU as PyTorch writes it; jax.nn.gelu goes through erfc, several times slower on CPU."""
    return 0.5 * x * (1.0 + jax.lax.erf(x * math.sqrt(0.5)))


class Mlp(nnx.Module):
    """Linear, exact GELU, linear; dropout after both."""

    def __init__(self, width: int, hidden: int, *, dropout_rate: float, dtype: DTypeLike, rngs: nnx.Rngs):
        self.up = Linear(width, hidden, dtype=dtype, rngs=rngs)
        self.down = Linear(hidden, width, dtype=dtype, rngs=rngs)
        self.dropout_rate = dropout_rate

    def __call__(self, x: jax.Array, *, deterministic: bool, key: jax.Array | None) -> jax.Array:
        """(..., width) -> (..., width)."""
        keys = split_key(key, 2)
        x = gelu(self.up(x))
        x = dropout(x, self.dropout_rate, deterministic=deterministic, key=keys[0])
        return dropout(self.down(x), self.dropout_rate, deterministic=deterministic, key=keys[1])


class TemporalConv(nnx.Module):
    """A convolution over time, the same for every landmark, zero-padded by (kernel_size - 1) // 2.

    One matrix product per tap instead of a convolution: XLA's grouped convolutions are slow on CPU, and groups of eight
    channels leave a TPU's matrix unit idle. A grouped kernel is stored grouped and spread to block-diagonal here.
    """

    def __init__(self, d_in: int, d_out: int, *, kernel_size: int, stride: int, groups: int, dtype: DTypeLike, rngs: nnx.Rngs):
        init = uniform_init(kernel_size * d_in // groups)
        self.kernel = nnx.Param(init(rngs.params(), (kernel_size, groups, d_in // groups, d_out // groups)))
        self.bias = nnx.Param(init(rngs.params(), (d_out,)))
        self.kernel_size = kernel_size
        self.stride = stride
        self.groups = groups
        self.dtype = dtype

    def __call__(self, x: jax.Array) -> jax.Array:
        """(B, T, V, d_in) -> (B, ceil(T / stride), V, d_out)."""
        frames = -(-x.shape[1] // self.stride)
        pad = (self.kernel_size - 1) // 2
        x = jnp.pad(x.astype(self.dtype), ((0, 0), (pad, pad), (0, 0), (0, 0)))
        kernel = self._dense_kernel().astype(self.dtype)
        span = (frames - 1) * self.stride + 1
        taps = [x[:, k : k + span : self.stride] for k in range(self.kernel_size)]
        patches = jnp.concatenate(taps, axis=-1)
        # Flat rows, as in models/linear.py.
        y = patches.reshape(-1, patches.shape[-1]) @ kernel.reshape(-1, kernel.shape[-1])
        return (y + self.bias[...].astype(self.dtype)).reshape(*patches.shape[:-1], -1)

    def _dense_kernel(self) -> jax.Array:
        kernel = self.kernel[...]
        if self.groups == 1:
            return kernel[:, 0]
        taps, groups, d_in, d_out = kernel.shape
        spread = jnp.einsum("kgio,gh->kgiho", kernel, jnp.eye(groups, dtype=kernel.dtype))
        return spread.reshape(taps, groups * d_in, groups * d_out)
