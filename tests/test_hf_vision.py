"""config.json of the vision towers: what cannot be computed is refused, what a class leaves out is filled in."""

import pytest
import transformers

from input_pipeline.errors import UserError
from tramp_jax.hf.vision import tower_prefix, vision_config

WHERE = "config.json"
CLIP = {"model_type": "clip_vision_model"}
VIDEO = {
    "model_type": "videollama3_vision_encoder",
    "hidden_size": 48,
    "intermediate_size": 96,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "patch_size": 14,
}


def read(values, preprocessor=None, image_size=None, layers=None):
    return vision_config(values, preprocessor or {}, WHERE, image_size=image_size, layers=layers)


@pytest.mark.parametrize(
    ("kind", "published"), [("clip_vision_model", "CLIPVisionConfig"), ("siglip_vision_model", "SiglipVisionConfig")]
)
def test_fields_that_a_file_leaves_out_are_those_of_transformers(kind, published):
    theirs = getattr(transformers, published)()
    ours = read({"model_type": kind})
    for field in ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "patch_size", "image_size"):
        assert ours[field] == getattr(theirs, field), field
    assert ours.layer_norm_eps == theirs.layer_norm_eps


def test_pixels_are_normalised_as_the_preprocessor_says():
    config = read(CLIP, {"image_mean": [0.1, 0.2, 0.3], "image_std": [0.4, 0.5, 0.6]})
    assert (config.image_mean, config.image_std) == ((0.1, 0.2, 0.3), (0.4, 0.5, 0.6))


def test_a_tower_for_any_size_takes_the_one_asked_for():
    assert read(VIDEO).image_size == 224
    assert read(VIDEO, image_size=336).image_size == 336


@pytest.mark.parametrize(
    ("values", "options", "message"),
    [
        ({"model_type": "dinov2"}, {}, "model_type is 'dinov2', expected one of clip_vision_model"),
        ({**CLIP, "hidden_act": "silu"}, {}, "hidden_act='silu' is not supported"),
        ({**CLIP, "hidden_size": "wide"}, {}, "hidden_size='wide', expected a whole number"),
        ({**CLIP, "num_attention_heads": 5}, {}, "hidden_size=768 is no multiple of num_attention_heads=5"),
        ({**CLIP, "patch_size": 0}, {}, "patch_size=0, expected"),
        ({**CLIP, "hidden_act": ["gelu"]}, {}, "hidden_act=.* is not supported"),
        ({**CLIP, "image_size": [224, 224]}, {}, "image_size=.*expected a whole number"),
        (CLIP, {"preprocessor": {"image_mean": 0.5}}, "image_mean=0.5, expected three numbers"),
        (CLIP, {"preprocessor": {"image_std": [0, 0, 0]}}, "image_std=.*expected three numbers"),
        ({key: value for key, value in VIDEO.items() if key != "patch_size"}, {}, "no 'patch_size' in it"),
        (CLIP, {"image_size": 336}, "learned positions for 224; leave the flag away"),
        (VIDEO, {"image_size": 100}, "--image_size=100: must be a multiple of 28"),
        (CLIP, {"layers": 13}, "--vision_layers=13: expected 1 to 12, the layers of config.json"),
        (VIDEO, {"layers": 3}, "ends in a norm that only follows its last layer"),
    ],
)
def test_what_does_not_fit_is_one_line(values, options, message):
    with pytest.raises(UserError, match=message) as error:
        read(values, **options)
    assert "\n" not in str(error.value)


def test_the_prefix_is_that_of_the_patch_embedding():
    assert tower_prefix(["a.weight", "vision_model.embeddings.patch_embedding.weight"], "x") == "vision_model."
    with pytest.raises(UserError, match="no vision tower in it"):
        tower_prefix(["model.norm.weight"], "folder")
