"""The projections are PyTorch's mlp2x_gelu; the visual one merges patches as VideoLLaMA3 does."""

import jax.numpy as jnp
import numpy as np
import pytest
import torch
from flax import nnx
from pretrained_factory import fill

from input_pipeline.errors import UserError
from tramp_jax.models.projections import TokenProjection, VisualProjection, default_projection_config, merge_patches
from tramp_jax.models.vit import siglip_so400m_224, tiny_vit


def config(**changes):
    projection = default_projection_config()
    projection.update({"dtype": "float32", **changes})
    return projection


def test_a_token_projection_is_the_mlp_of_videollama3():
    ours = fill(lambda rngs: TokenProjection(config(), 12, 20, rngs=rngs))
    theirs = torch.nn.Sequential(torch.nn.Linear(12, 20), torch.nn.GELU(), torch.nn.Linear(20, 20))
    for mine, layer in ((ours.linear_0, theirs[0]), (ours.linear_1, theirs[2])):
        layer.weight.data = torch.tensor(np.array(mine.kernel[...].T))
        layer.bias.data = torch.tensor(np.array(mine.bias[...]))
    x = np.random.default_rng(0).normal(size=(2, 7, 12)).astype(np.float32)
    np.testing.assert_allclose(ours(jnp.asarray(x)), theirs(torch.tensor(x)).detach().numpy(), atol=1e-5)


@pytest.mark.parametrize("layers", [1, 3])
def test_depth_is_a_config_field(layers):
    projection = fill(lambda rngs: TokenProjection(config(num_layers=layers), 6, 8, rngs=rngs))
    assert set(nnx.to_pure_dict(nnx.state(projection))) == {f"linear_{i}" for i in range(layers)}
    assert projection(jnp.ones((2, 6))).shape == (2, 8)


def test_merging_is_the_bilinear_downsampling_of_videollama3():
    patches = np.random.default_rng(0).normal(size=(3, 36, 5)).astype(np.float32)
    grid = torch.tensor(patches.reshape(3, 6, 6, 5)).permute(0, 3, 1, 2)
    theirs = torch.nn.functional.interpolate(grid, size=(3, 3), mode="bilinear")
    theirs = theirs.permute(0, 2, 3, 1).reshape(3, 9, 5).numpy()
    np.testing.assert_allclose(merge_patches(jnp.asarray(patches), 2), theirs, atol=1e-6)
    np.testing.assert_array_equal(merge_patches(jnp.asarray(patches), 1), patches)


def test_the_visual_projection_keeps_leading_axes_and_divides_the_patches():
    projection = fill(lambda rngs: VisualProjection(config(), tiny_vit(), 10, rngs=rngs))
    assert projection(jnp.ones((2, 3, 16, 64))).shape == (2, 3, 4, 10)
    whole = fill(lambda rngs: VisualProjection(config(merge=1), tiny_vit(), 10, rngs=rngs))
    assert whole(jnp.ones((2, 3, 16, 64))).shape == (2, 3, 16, 10)


def test_a_frame_of_224_pixels_makes_64_tokens():
    assert merge_patches(jnp.zeros((1, (siglip_so400m_224().image_size // 14) ** 2, 1)), 2).shape == (1, 64, 1)


def test_a_grid_that_cannot_be_merged_is_told_in_one_line():
    with pytest.raises(UserError, match=r"merge=2 does not divide the ViT's grid of 3 x 3"):
        VisualProjection(config(), tiny_vit(image_size=48), 10, rngs=nnx.Rngs(0))
