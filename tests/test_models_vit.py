"""The ViT gives the features of transformers' SigLIP and CLIP vision towers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
import transformers
from flax import nnx
from pretrained_factory import fill, load, randomise

from input_pipeline.errors import UserError
from tramp_jax.models.vit import Vit, clip_vit_l_14_224, siglip_so400m_224, tiny_vit

SIZE, PATCH, WIDTH, LAYERS = 30, 8, 24, 2  # 30 pixels: the last 6 make no whole patch


def their_tower(family):
    sizes = {
        "image_size": SIZE,
        "patch_size": PATCH,
        "hidden_size": WIDTH,
        "intermediate_size": 40,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 3,
    }
    if family == "siglip":
        config = transformers.SiglipVisionConfig(**sizes, vision_use_head=False)
        return randomise(transformers.SiglipVisionModel(config), 0)
    return randomise(transformers.CLIPVisionModel(transformers.CLIPVisionConfig(**sizes)), 0)


def our_config(family):
    config = siglip_so400m_224() if family == "siglip" else clip_vit_l_14_224()
    config.image_size, config.patch_size, config.hidden_size = SIZE, PATCH, WIDTH
    config.intermediate_size, config.num_hidden_layers, config.num_attention_heads = 40, LAYERS, 3
    config.dtype = config.param_dtype = "float32"
    return config


def our_params(model, family):
    """The weights of a transformers tower as the parameter tree of `Vit`."""
    state = {name.removeprefix("vision_model."): tensor.numpy() for name, tensor in model.state_dict().items()}

    def stacked(name):
        return np.stack([state[f"encoder.layers.{layer}.{name}"] for layer in range(LAYERS)])

    def linear(name):
        return {"kernel": stacked(f"{name}.weight").swapaxes(1, 2), "bias": stacked(f"{name}.bias")}

    def norm(name, read):
        return {"scale": read(f"{name}.weight"), "bias": read(f"{name}.bias")}

    pixels = state["embeddings.patch_embedding.weight"]  # (D, 3, patch, patch)
    params = {
        "patch_embedding": {"kernel": pixels.transpose(2, 3, 1, 0).reshape(-1, WIDTH)},
        "position_embedding": state["embeddings.position_embedding.weight"],
        "layers": {
            "layer_norm1": norm("layer_norm1", stacked),
            "layer_norm2": norm("layer_norm2", stacked),
            "self_attn": {name: linear(f"self_attn.{name}") for name in ("q_proj", "k_proj", "v_proj", "out_proj")},
            "mlp": {name: linear(f"mlp.{name}") for name in ("fc1", "fc2")},
        },
    }
    if family == "siglip":
        params["patch_embedding"]["bias"] = state["embeddings.patch_embedding.bias"]
        return params | {"post_layernorm": norm("post_layernorm", state.__getitem__)}
    return params | {
        "class_embedding": state["embeddings.class_embedding"],
        "pre_layernorm": norm("pre_layrnorm", state.__getitem__),
    }


@pytest.fixture(scope="module")
def frames():
    return np.random.default_rng(0).integers(0, 256, (3, SIZE, SIZE, 3), np.uint8)


@pytest.mark.parametrize("family", ["siglip", "clip"])
def test_patch_features_are_those_of_transformers(family, frames):
    config, tower = our_config(family), their_tower(family)
    ours = load(lambda rngs: Vit(config, rngs=rngs), our_params(tower, family))
    pixels = (frames / 255 - np.array(config.image_mean)) / np.array(config.image_std)
    with torch.no_grad():
        theirs = tower(torch.tensor(pixels.transpose(0, 3, 1, 2), dtype=torch.float32)).last_hidden_state.numpy()
    theirs = theirs[:, 1:] if family == "clip" else theirs
    assert theirs.shape == (3, 9, WIDTH)
    np.testing.assert_allclose(jax.jit(ours.__call__)(frames), theirs, atol=1e-4, rtol=0)


def test_bytes_and_fractions_are_the_same_picture_and_frames_do_not_see_each_other(frames):
    vit = fill(lambda rngs: Vit(our_config("siglip"), rngs=rngs))
    run = jax.jit(vit.__call__)
    features = run(frames)
    np.testing.assert_allclose(run((frames / 255).astype(np.float32)), features, atol=1e-5)
    changed = frames.copy()
    changed[1] = 0
    np.testing.assert_array_equal(run(changed)[::2], features[::2])


@pytest.mark.parametrize(
    ("config", "parameters"),
    [
        # Totals of the published vision towers: SigLIP's without its pooling head, CLIP's without the norm after the layers.
        (siglip_so400m_224(), 412_442_352),
        (clip_vit_l_14_224(), 303_179_776 - 2 * 1024),
    ],
    ids=["siglip", "clip"],
)
def test_a_preset_has_the_published_number_of_parameters(config, parameters):
    params = jax.eval_shape(lambda: nnx.to_pure_dict(nnx.state(Vit(config, rngs=nnx.Rngs(0)))))
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == parameters


def test_the_real_tower_gives_256_patches_per_frame():
    config = siglip_so400m_224()
    graph, state = nnx.split(nnx.eval_shape(lambda: Vit(config, rngs=nnx.Rngs(0))))
    frames = jax.ShapeDtypeStruct((2, 224, 224, 3), jnp.uint8)
    features = jax.eval_shape(lambda state, frames: nnx.merge(graph, state)(frames), state, frames)
    assert (features.shape, features.dtype) == ((2, 256, 1152), jnp.bfloat16)


def test_bad_input_is_told_in_one_line(frames):
    vit = fill(lambda rngs: Vit(tiny_vit(), rngs=rngs))
    with pytest.raises(UserError, match=r"frames of \(30, 30, 3\), expected \(64, 64, 3\)"):
        vit(frames)
    config = tiny_vit()
    config.hidden_act = "relu"
    with pytest.raises(UserError, match="hidden_act='relu'"):
        Vit(config, rngs=nnx.Rngs(0))
