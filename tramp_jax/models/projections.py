"""From features to the LLaMA's embedding space: motion, fusion and visual projection.

All three are `mlp2x_gelu` of VideoLLaMA3, TraMP-LLaMA's code base: Linear(D, H), exact GELU, Linear(H, H), with biases. Its
visual tokens are merged 2 x 2 before that. TraMP-LLaMA publishes neither depth nor width of its own two.

Axes: P patches of a square grid, D feature width, H width of the LLaMA.
"""

import itertools
import math

import jax
import jax.numpy as jnp
import ml_collections
from flax import nnx
from jaxtyping import Array, Float

from input_pipeline.errors import UserError
from tramp_jax.models.linear import linear


def default_projection_config() -> ml_collections.ConfigDict:
    """One configuration for the three projections."""
    config = ml_collections.ConfigDict()
    config.num_layers = 2  # VideoLLaMA3 (mlp2x_gelu) for the visual one, ours for the other two
    config.merge = 2  # VideoLLaMA3: the mean of 2 x 2 patches is one token; 1 keeps every patch
    config.dtype = "bfloat16"  # DESIGN section 4
    config.param_dtype = "float32"  # DESIGN section 4: trainable parameters are float32
    return config


class TokenProjection(nnx.Module):
    """(..., D) -> (..., H), token by token."""

    def __init__(self, config: ml_collections.ConfigDict, width_in: int, width_out: int, *, rngs: nnx.Rngs):
        widths = [width_in] + [width_out] * config.num_layers
        self.num_layers = config.num_layers
        for i, (before, after) in enumerate(itertools.pairwise(widths)):
            setattr(self, f"linear_{i}", linear(config, before, after, rngs=rngs, bias=True, cut="kernel"))

    def __call__(self, x: Float[Array, "... D"]) -> Float[Array, "... H"]:
        """Tokens in `config.dtype`."""
        x = self.linear_0(x)
        for i in range(1, self.num_layers):
            x = getattr(self, f"linear_{i}")(jax.nn.gelu(x, approximate=False))
        return x


class VisualProjection(nnx.Module):
    """Patch features of frames (..., P, D) -> tokens (..., P / merge**2, H).

    Raises:
      UserError: the ViT's grid of patches is not a multiple of `merge`.
    """

    def __init__(self, config: ml_collections.ConfigDict, vit: ml_collections.ConfigDict, width_out: int, *, rngs: nnx.Rngs):
        grid = vit.image_size // vit.patch_size
        if grid % config.merge:
            raise UserError(
                f"config: projection.merge={config.merge} does not divide the ViT's grid of {grid} x {grid} patches: "
                "set merge to 1 or change image_size"
            )
        self.merge = config.merge
        self.mlp = TokenProjection(config, vit.hidden_size, width_out, rngs=rngs)

    def __call__(self, patches: Float[Array, "... P D"]) -> Float[Array, "... M H"]:
        """Tokens in `config.dtype`, row by row like the patches."""
        return self.mlp(merge_patches(patches, self.merge))


def merge_patches(patches: Float[Array, "... P D"], merge: int) -> Float[Array, "... M D"]:
    """Means over squares of merge x merge patches; at 2 the same as VideoLLaMA3's bilinear downsampling."""
    *batch, count, width = patches.shape
    side = math.isqrt(count) // merge
    squares = patches.reshape(*batch, side, merge, side, merge, width)
    return jnp.mean(squares, axis=(-4, -2), dtype=jnp.float32).astype(patches.dtype).reshape(*batch, side * side, width)
