"""The LoRA alone, as PEFT keeps it: adapter_config.json and adapter_model.safetensors, both ways."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from input_pipeline.errors import UserError
from tramp_jax.hf.fields import number, whole
from tramp_jax.hf.keymap import LINEAR, Entry, Flat, KeyMap
from tramp_jax.hf.tensors import write_shards
from tramp_jax.models.llama import default_llama_config
from tramp_jax.models.lora import LINEARS, default_lora_config

CONFIG, TENSORS = "adapter_config.json", "adapter_model.safetensors"
_PREFIX = "base_model.model.model.layers."
_NAMES = tuple(name for names in LINEARS.values() for name in names)


def lora_keys(depth: int) -> KeyMap:
    """The table of `Lora`."""
    rows = [
        Entry(f"layers/{group}/{name}/{ours}", f"{_PREFIX}{{}}.{group}.{name}.{theirs}.weight", LINEAR, depth)
        for group, names in LINEARS.items()
        for name in names
        for ours, theirs in (("lora_a", "lora_A"), ("lora_b", "lora_B"))
    ]
    return KeyMap(tuple(rows))


def write_adapter(folder: Path, config: ConfigDict, flat: Flat, base_model: str, revision: str | None = None) -> None:
    """Fills a folder with the adapter of a run.

    Args:
      folder: exists.
      config: the run's `config.model`.
      flat: leaves of `Lora` by path.
      base_model: id or folder of the LLaMA that it was trained on, "" where unknown.
      revision: its commit on the Hub.
    """
    lora = config.lora
    values = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base_model,
        "revision": revision,
        "r": lora.rank,
        "lora_alpha": lora.alpha,
        "lora_dropout": lora.dropout,
        "target_modules": list(_NAMES),
        "bias": "none",
        "fan_in_fan_out": False,
        "use_rslora": False,
        "use_dora": False,
        "inference_mode": True,
    }
    (folder / CONFIG).write_text(json.dumps(values, indent=2) + "\n")
    write_shards(folder, lora_keys(config.llm.num_hidden_layers).tensors(flat, "float32"), max_bytes=2**62)
    (folder / "model.safetensors").rename(folder / TENSORS)


def lora_config(values: Mapping[str, Any], shapes: Mapping[str, tuple[int, ...]], where: str) -> tuple[ConfigDict, ConfigDict]:
    """Our config of a PEFT folder, and a LLaMA's config with the widths that its tensors tell.

    Raises:
      UserError: not the LoRA of every linear, or a variant that we do not have.
    """
    wanted = {"peft_type": "LORA", "bias": "none", "use_rslora": False, "use_dora": False, "fan_in_fan_out": False}
    for field, value in wanted.items():
        if values.get(field, value) != value:
            raise UserError(f"{where}/{CONFIG}: {field}={values[field]!r} is not supported, expected {value!r}")
    for field in ("rank_pattern", "alpha_pattern"):
        if values.get(field):
            raise UserError(f"{where}/{CONFIG}: {field} is not supported, expected one rank for all linears")
    if set(values.get("target_modules") or ()) != set(_NAMES):
        raise UserError(f"{where}/{CONFIG}: target_modules={values.get('target_modules')}, expected {', '.join(_NAMES)}")
    config = default_lora_config()
    file = f"{where}/{CONFIG}"
    config.rank, config.alpha = whole(values, "r", file), number(values, "lora_alpha", file)
    config.dropout = number(values, "lora_dropout", file, 0.0)
    return config, _widths(shapes, where)


def _widths(shapes: Mapping[str, tuple[int, ...]], where: str) -> ConfigDict:
    llama = default_llama_config()
    layers = [int(match[1]) for name in shapes if (match := re.match(rf"{re.escape(_PREFIX)}(\d+)\.", name))]
    first = f"{_PREFIX}0."
    try:
        llama.num_hidden_layers, llama.head_dim = 1 + max(layers), 1
        llama.hidden_size = shapes[f"{first}self_attn.q_proj.lora_A.weight"][1]
        llama.num_attention_heads = shapes[f"{first}self_attn.q_proj.lora_B.weight"][0]
        llama.num_key_value_heads = shapes[f"{first}self_attn.k_proj.lora_B.weight"][0]
        llama.intermediate_size = shapes[f"{first}mlp.gate_proj.lora_B.weight"][0]
    except (KeyError, ValueError) as error:
        raise UserError(f"{where}/{TENSORS}: no tensors of a LLaMA's adapter ({error}): pass a PEFT folder") from error
    return llama
