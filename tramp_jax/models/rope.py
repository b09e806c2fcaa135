"""Rotary positions, along the text (LLaMA) and over the grid of a frame (VideoLLaMA3's vision encoder).

Half-split layout of the published checkpoints: channel i of a head pairs with i + K/2. In float32 throughout: bfloat16
positions collapse above 256.

Axes: B batch, S sequence or patches, H heads, K head dim, h and w of the grid of patches.
"""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int


def rope_angles(positions: Int[Array, "B S"], frequencies: tuple[float, ...]) -> tuple[Array, Array]:
    """Cosines and sines (B, S, 1, K/2) of positions times angular frequencies (K/2,)."""
    angles = positions.astype(jnp.float32)[..., None, None] * jnp.asarray(frequencies, jnp.float32)
    return jnp.cos(angles), jnp.sin(angles)


def grid_angles(height: int, width: int, head_dim: int, theta: float) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and sines (1, h*w, 1, K/2) of the patches of a grid, row by row: half the pairs turn with the row, half with
    the column (VideoLLaMA3, references: tramp_lineage.md section 5)."""
    half = head_dim // 2
    frequencies = 1.0 / np.float32(theta) ** (np.arange(0, half, 2, dtype=np.float32) / np.float32(half))
    rows, columns = np.divmod(np.arange(height * width), width)
    angles = np.concatenate([np.outer(rows, frequencies), np.outer(columns, frequencies)], axis=1, dtype=np.float32)
    return np.cos(angles)[None, :, None], np.sin(angles)[None, :, None]


def rotate(x: Float[Array, "B S H K"], rope: tuple[Array, Array]) -> Float[Array, "B S H K"]:
    """Turns every pair of channels by its angle; answers in x's dtype."""
    cosine, sine = rope
    first, second = jnp.split(x.astype(jnp.float32), 2, axis=-1)
    return jnp.concatenate([first * cosine - second * sine, second * cosine + first * sine], axis=-1).astype(x.dtype)
