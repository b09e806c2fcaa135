"""Vision towers: CLIP, SigLIP and VideoLLaMA3's encoder with its projector: config.json and tensor names.

Names differ between a tower alone, a CLIP or SigLIP with its text side, and a language model around it by what stands in
front; the tensor that only a tower has, the patch embedding, tells that prefix.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from ml_collections import ConfigDict

from input_pipeline.errors import UserError
from tramp_jax.hf.fields import colour, number, whole
from tramp_jax.hf.keymap import LINEAR, PATCHES, SAME, Entry, KeyMap, linear, norm
from tramp_jax.models.vit import clip_vit_l_14_224, siglip_so400m_224, videollama3_vision_224

PRESETS = {
    "clip_vision_model": clip_vit_l_14_224,
    "siglip_vision_model": siglip_so400m_224,
    "videollama3_vision_encoder": videollama3_vision_224,
    "video_llama_3_vision": videollama3_vision_224,
}
# A whole CLIP or SigLIP keeps the tower's values one level deeper.
NESTED = {"clip": "clip_vision_model", "siglip": "siglip_vision_model"}
ACTIVATIONS = {"gelu_pytorch_tanh": "gelu_tanh", "gelu": "gelu", "quick_gelu": "quick_gelu"}
_ANCHOR = "embeddings.patch_embedding.weight"
_DEFAULT_SIDE = 224  # VideoLLaMA3 takes any multiple of 28 and its config.json names none; ours


def vision_config(
    values: dict[str, Any], preprocessor: dict[str, Any], where: str, *, image_size: int | None, layers: int | None
) -> ConfigDict:
    """Our config of a tower from its config.json.

    Args:
      values: of the tower; `model_type` names the family.
      preprocessor: of preprocessor_config.json, for mean and deviation of the pixels; may be empty.
      where: the file, for messages.
      image_size: side of the frames for a tower that takes any; None for its own.
      layers: how many layers to keep (LLaVA reads CLIP after the last but one; the others' last norm forbids it); None for all.

    Raises:
      UserError: another family, a field missing, or sizes that do not fit.
    """
    kind = values.get("model_type")
    if kind not in PRESETS:
        raise UserError(f"{where}: model_type is {kind!r}, expected one of {', '.join(PRESETS)}")
    config = PRESETS[kind]()
    defaults = _CLASS_DEFAULTS.get(kind, {})
    for field in ("hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "patch_size"):
        config[field] = whole({**defaults, **values}, field, where)
    if config.hidden_size % config.num_attention_heads:
        raise UserError(
            f"{where}: hidden_size={config.hidden_size} is no multiple of num_attention_heads="
            f"{config.num_attention_heads}: pass the config.json of the model itself"
        )
    config.layer_norm_eps = number(values, "layer_norm_eps", where, config.layer_norm_eps)
    activation = values.get("hidden_act")
    if activation is not None and (not isinstance(activation, str) or activation not in ACTIVATIONS):
        raise UserError(f"{where}: hidden_act={activation!r} is not supported, expected one of {', '.join(ACTIVATIONS)}")
    config.hidden_act = ACTIVATIONS[activation] if activation else config.hidden_act
    own = None if config.positions != "learned" else whole({**defaults, **values}, "image_size", where, config.image_size)
    config.image_size = _side(config, own, image_size, where)
    if layers is not None:
        if not 0 < layers <= config.num_hidden_layers:
            raise UserError(f"--vision_layers={layers}: expected 1 to {config.num_hidden_layers}, the layers of {where}")
        if config.post_layernorm and layers < config.num_hidden_layers:
            raise UserError(
                f"--vision_layers={layers}: the tower in {where} ends in a norm that only follows its last layer: leave the "
                "flag away"
            )
        config.num_hidden_layers = layers
    config.image_mean = colour(preprocessor, "image_mean", where, config.image_mean)
    config.image_std = colour(preprocessor, "image_std", where, config.image_std)
    return config


# What transformers' config classes fill in where a config.json says nothing.
_SMALL = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12, "patch_size": 16}
_CLASS_DEFAULTS = {
    "clip_vision_model": {**_SMALL, "patch_size": 32, "image_size": 224},
    "siglip_vision_model": {**_SMALL, "image_size": 224},
}


def _side(config: ConfigDict, own: Any, wanted: int | None, where: str) -> int:
    if config.positions == "learned":
        if wanted is not None and own is not None and wanted != own:
            raise UserError(f"--image_size={wanted}: the tower in {where} has learned positions for {own}; leave the flag away")
        return int(own if own is not None else config.image_size)
    side = wanted or _DEFAULT_SIDE
    if side % (2 * config.patch_size):
        raise UserError(
            f"--image_size={side}: must be a multiple of {2 * config.patch_size} (patches of {config.patch_size}, merged 2 x 2)"
        )
    return side


def tower_prefix(names: Iterable[str], where: str) -> str:
    """What stands before a tower's tensor names in a checkpoint.

    Raises:
      UserError: no tower in it.
    """
    found = [name.removesuffix(_ANCHOR) for name in names if name.endswith(_ANCHOR)]
    if not found:
        raise UserError(f"{where}: no tensor ends in {_ANCHOR}, so there is no vision tower in it: pass another folder")
    return found[0]


def vision_keys(config: ConfigDict, prefix: str) -> KeyMap:
    """The table of `Vit`. Layers beyond the config's, pooling heads and CLIP's last norm (of the class token) are not used."""
    depth, layer = config.num_hidden_layers, f"{prefix}encoder.layers.{{}}."
    patch = f"{prefix}embeddings.patch_embedding"
    rows = [Entry("patch_embedding/kernel", f"{patch}.weight", PATCHES)]
    if config.patch_bias:
        rows.append(Entry("patch_embedding/bias", f"{patch}.bias"))
    if config.positions == "learned":
        rows.append(Entry("position_embedding", f"{prefix}embeddings.position_embedding.weight"))
    if config.class_token:
        rows.append(Entry("class_embedding", f"{prefix}embeddings.class_embedding"))
    for name in ("layer_norm1", "layer_norm2"):
        rows += norm(f"layers/{name}", layer + name, depth=depth)
    for name in ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.out_proj", "mlp.fc1", "mlp.fc2"):
        rows += linear(f"layers/{name.replace('.', '/')}", layer + name, bias=True, depth=depth)
    if config.pre_layernorm:
        rows += norm("pre_layernorm", f"{prefix}pre_layrnorm")  # the published spelling
    if config.post_layernorm:
        rows += norm("post_layernorm", f"{prefix}post_layernorm")
    start = re.escape(prefix)
    ignored = [
        rf"{start}embeddings\.position_ids",
        rf"{start}head\..*",
        r"text_model\..*|(text|visual)_projection\..*|logit_(scale|bias)",
    ]
    if not config.post_layernorm:
        ignored += [rf"{start}post_layernorm\..*", rf"{start}encoder\.layers\.({_after(depth)})\..*"]
    return KeyMap(tuple(rows), tuple(ignored))


def _after(depth: int) -> str:
    """A regex for the layer numbers from `depth` to 99."""
    return "|".join(str(i) for i in range(depth, 100))


def projector_keys(prefix: str) -> KeyMap:
    """VideoLLaMA3's projector (mlp2x_gelu) as our visual projection; its 2 x 2 merge has no parameters."""
    rows = [
        Entry(f"mlp/linear_{ours}/{leaf}", f"{prefix}readout.{theirs}.{name}", layout)
        for ours, theirs in ((0, 0), (1, 2))
        for leaf, name, layout in (("kernel", "weight", LINEAR), ("bias", "bias", SAME))
    ]
    return KeyMap(tuple(rows))
