"""Llama 2 and 3.x, Vicuna, Qwen2 and Qwen2.5: config.json and tensor names, both ways."""

from __future__ import annotations

from typing import Any

from ml_collections import ConfigDict

from input_pipeline.errors import UserError
from tramp_jax.hf.fields import number, part, whole
from tramp_jax.hf.keymap import LINEAR, Entry, KeyMap, linear, norm
from tramp_jax.models.llama import default_llama_config
from tramp_jax.models.lora import LINEARS

MODEL_TYPES = ("llama", "qwen2")
_QKV = ("q_proj", "k_proj", "v_proj")
# Fields of config.json that change the arithmetic, with the one value that this project computes.
_FIXED = {
    "hidden_act": "silu",
    "mlp_bias": False,
    "use_sliding_window": False,
    "attention_bias": False,
    "quantization_config": None,
    "partial_rotary_factor": 1.0,
}


def llama_config(values: dict[str, Any], where: str) -> ConfigDict:
    """Our config of a model from its config.json.

    Args:
      values: of config.json, in the spelling of transformers 4 or 5.
      where: the file, for messages.

    Raises:
      UserError: another family, a field missing, or arithmetic that we do not have.
    """
    if values.get("model_type") not in MODEL_TYPES:
        raise UserError(f"{where}: model_type is {values.get('model_type')!r}, expected one of {', '.join(MODEL_TYPES)}")
    for field, wanted in _FIXED.items():
        if values.get(field, wanted) not in (wanted, None):
            raise UserError(
                f"{where}: {field}={values[field]!r} is not supported, expected {wanted!r}: choose another checkpoint"
            )
    config = default_llama_config()
    for field in ("vocab_size", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads"):
        config[field] = whole(values, field, where)
    heads = config.num_attention_heads
    config.num_key_value_heads = whole(values, "num_key_value_heads", where, heads)
    config.head_dim = whole(values, "head_dim", where, config.hidden_size // heads)
    config.max_position_embeddings = whole(values, "max_position_embeddings", where, 2048)
    config.rms_norm_eps = number(values, "rms_norm_eps", where, 1e-6)
    config.tie_word_embeddings = bool(values.get("tie_word_embeddings", False))
    config.initializer_range = number(values, "initializer_range", where, 0.02)
    config.qkv_bias = values["model_type"] == "qwen2"
    _read_rope(config, values, where)
    return config


def _read_rope(config: ConfigDict, values: dict[str, Any], where: str) -> None:
    old, new = part(values, "rope_scaling", where), part(values, "rope_parameters", where)
    if any(isinstance(value, dict) for value in new.values()):
        raise UserError(f"{where}: rope_parameters differ by layer, which is not supported: choose another checkpoint")
    kinds = {given.get("rope_type", given.get("type", "default")) for given in (old, new) if given} or {"default"}
    thetas = {number(given, "rope_theta", where) for given in (values, old, new) if given.get("rope_theta") is not None}
    if len(kinds) > 1 or len(thetas) > 1:
        found = ", ".join(sorted(map(str, [*kinds, *thetas])))
        raise UserError(f"{where}: rope_parameters and the older fields name different positions ({found}): correct the file")
    config.rope_theta = thetas.pop() if thetas else 10000.0
    kind = kinds.pop()
    if kind in ("default", "none"):
        return
    if kind != "llama3":
        raise UserError(
            f"{where}: rope scaling {kind!r} is not supported, expected none or 'llama3': choose another checkpoint"
        )
    config.rope_scaling.type = "llama3"
    for field in ("factor", "low_freq_factor", "high_freq_factor"):
        config.rope_scaling[field] = number(old | new, field, where)
    config.rope_scaling.original_max_position_embeddings = whole(old | new, "original_max_position_embeddings", where)


def hf_config(config: ConfigDict, dtype: str, tokens: dict[str, Any]) -> dict[str, Any]:
    """The config.json of a model, in the spelling that transformers 4 and 5 and vLLM read.

    Args:
      config: ours.
      dtype: of the tensors, "bfloat16".
      tokens: bos_token_id, eos_token_id, pad_token_id.
    """
    qwen = config.qkv_bias
    scaling = None
    if config.rope_scaling.type == "llama3":
        fields = ("factor", "low_freq_factor", "high_freq_factor", "original_max_position_embeddings")
        scaling = {"rope_type": "llama3", **{field: config.rope_scaling[field] for field in fields}}
    sizes = (
        "vocab_size",
        "hidden_size",
        "intermediate_size",
        "num_hidden_layers",
        "num_attention_heads",
        "num_key_value_heads",
        "head_dim",
        "max_position_embeddings",
        "rms_norm_eps",
        "rope_theta",
        "tie_word_embeddings",
        "initializer_range",
    )
    return {
        "architectures": ["Qwen2ForCausalLM" if qwen else "LlamaForCausalLM"],
        "model_type": "qwen2" if qwen else "llama",
        **{field: config[field] for field in sizes},
        "rope_scaling": scaling,
        "hidden_act": "silu",
        "attention_dropout": 0.0,
        **({"use_sliding_window": False} if qwen else {"attention_bias": False, "mlp_bias": False}),
        "use_cache": True,
        "torch_dtype": dtype,
        **tokens,
    }


def llama_keys(config: ConfigDict, prefix: str = "model.", head: str = "lm_head.weight") -> KeyMap:
    """The table of `Llama`.

    Args:
      config: ours.
      prefix: what stands before "embed_tokens.weight" in the checkpoint.
      head: name of the output matrix; unused where it is tied to the embeddings.
    """
    depth, layer = config.num_hidden_layers, f"{prefix}layers.{{}}."
    rows = [Entry("embed_tokens/embedding", f"{prefix}embed_tokens.weight")]
    for group, names in LINEARS.items():
        for name in names:
            bias = config.qkv_bias and name in _QKV
            rows += linear(f"layers/{group}/{name}", f"{layer}{group}.{name}", bias=bias, depth=depth)
    for name in ("input_layernorm", "post_attention_layernorm"):
        rows += norm(f"layers/{name}", layer + name, bias=False, depth=depth)
    rows += norm("norm", f"{prefix}norm", bias=False)
    ignored = [r".*rotary_emb\.inv_freq"]
    if config.tie_word_embeddings:
        ignored.append(r".*lm_head\.weight")  # some files hold the tied matrix twice
    else:
        rows.append(Entry("lm_head/kernel", head, LINEAR))
    return KeyMap(tuple(rows), tuple(ignored))
