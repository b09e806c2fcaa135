"""The ViT gives the features of transformers' SigLIP and CLIP vision towers."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
import transformers
from differences import assert_within
from flax import nnx
from pretrained_factory import fill, import_model, load, randomise

from input_pipeline.errors import UserError
from tramp_jax.models.projections import VisualProjection
from tramp_jax.models.vit import Vit, clip_vit_l_14_224, siglip_so400m_224, tiny_vit

SIZE, PATCH, WIDTH, LAYERS = 30, 8, 24, 2  # 30 pixels: the last 6 make no whole patch


def sizes(**changes):
    return {
        "image_size": SIZE,
        "patch_size": PATCH,
        "hidden_size": WIDTH,
        "intermediate_size": 40,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 3,
        **changes,
    }


def their_tower(family):
    if family == "siglip":
        config = transformers.SiglipVisionConfig(**sizes(), vision_use_head=False)
        return randomise(transformers.SiglipVisionModel(config), 0)
    return randomise(transformers.CLIPVisionModel(transformers.CLIPVisionConfig(**sizes())), 0)


def our_config(family):
    return import_model(their_tower(family))[0]["vision"]


@pytest.fixture(scope="module")
def frames():
    return np.random.default_rng(0).integers(0, 256, (3, SIZE, SIZE, 3), np.uint8)


@pytest.mark.parametrize("family", ["siglip", "clip"])
def test_patch_features_are_those_of_transformers(family, frames):
    tower = their_tower(family)
    configs, params = import_model(tower)
    config = configs["vision"]
    ours = load(lambda rngs: Vit(config, rngs=rngs), params["vision"])
    pixels = (frames / 255 - np.array(config.image_mean)) / np.array(config.image_std)
    with torch.no_grad():
        theirs = tower(torch.tensor(pixels.transpose(0, 3, 1, 2), dtype=torch.float32)).last_hidden_state.numpy()
    theirs = theirs[:, 1:] if family == "clip" else theirs
    assert theirs.shape == (3, 9, WIDTH)
    name = {"siglip": "SigLIP", "clip": "CLIP ViT"}[family]
    assert_within(jax.jit(ours.__call__)(frames), theirs, family=name, what="patch features", reference="transformers")


def test_videollama3s_tokens_are_those_of_transformers():
    """Encoder, merge and projector, on frames of 4 x 4 patches; theirs takes the patches of each 2 x 2 square together."""
    side, text = 32, {"vocab_size": 50, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1}
    text |= {"num_attention_heads": 2, "num_key_value_heads": 1}
    vision = sizes()
    del vision["image_size"]
    config = transformers.VideoLlama3Config(text_config=text, vision_config=vision)
    theirs = randomise(transformers.VideoLlama3ForConditionalGeneration(config), 0)
    configs, params = import_model(theirs)
    configs["vision"].image_size = side
    tower = load(lambda rngs: Vit(configs["vision"], rngs=rngs), params["vision"])
    project = load(
        lambda rngs: VisualProjection(configs["visual_projection"], configs["vision"], 16, rngs=rngs),
        params["visual_projection"],
    )
    frames = np.random.default_rng(0).integers(0, 256, (3, side, side, 3), np.uint8)
    tokens = jax.jit(lambda frames: project(tower(frames)))(frames)

    grid = side // PATCH
    pixels = ((frames / 255 - 0.5) / 0.5).transpose(0, 3, 1, 2).reshape(3, 3, grid // 2, 2, PATCH, grid // 2, 2, PATCH)
    patches = pixels.transpose(0, 2, 5, 3, 6, 1, 4, 7).reshape(-1, 3 * PATCH**2)
    with torch.no_grad():
        found = theirs.model.get_video_features(
            torch.tensor(patches, dtype=torch.float32), torch.tensor([[3, grid, grid]]), torch.tensor([2])
        )
    expected = found.pooler_output[0].numpy().reshape(3, -1, 16)
    assert expected.shape == (3, 4, 16)
    what = "encoder, 2 x 2 merge and projector"
    assert_within(tokens, expected, family="VideoLLaMA3", what=what, reference="transformers")


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
