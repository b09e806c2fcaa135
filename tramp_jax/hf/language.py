"""The language model alone, as a folder that transformers and vLLM load with no code of ours."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from input_pipeline.tokenizer import Tokenizer
from tramp_jax.hf.keymap import Flat
from tramp_jax.hf.llama import hf_config, llama_keys
from tramp_jax.hf.tensors import DTYPES, TensorFolder, write_shards


def token_ids(tokenizer: Tokenizer | None) -> dict[str, Any]:
    """bos_token_id, eos_token_id (several where generation may end in several ways) and pad_token_id, as configs name them."""
    if tokenizer is None:
        return {}
    ends = list(tokenizer.eos_ids)
    ids = {"eos_token_id": ends if len(ends) > 1 else ends[0], "pad_token_id": tokenizer.pad_id}
    return ids if tokenizer.bos_id is None else {"bos_token_id": tokenizer.bos_id, **ids}


def language_dtypes(folder: Path, config: ConfigDict) -> dict[str, np.dtype]:
    """Leaf -> the dtype that an exported language model has it in, alone or in a whole model; of a stack its widest."""
    source = TensorFolder(folder)
    prefix = next(name for name in source.dtypes if name.endswith("embed_tokens.weight")).removesuffix("embed_tokens.weight")
    keys = llama_keys(config, prefix, prefix.removesuffix("model.") + "lm_head.weight")
    return {entry.path: np.result_type(*{DTYPES[source.dtypes[name]] for name in entry.names()}) for entry in keys.entries}


def write_language_model(
    folder: Path,
    config: ConfigDict,
    flat: Flat,
    dtype: str | None,
    tokenizer: Tokenizer | None,
    ids: Mapping[str, Any],
    source_files: Mapping[str, bytes],
) -> None:
    """Fills a folder with a LlamaForCausalLM or Qwen2ForCausalLM.

    Args:
      folder: exists.
      config: of the LLaMA.
      flat: its leaves by path; those that a LoRA adapts merged (`leaves.merged_leaves`).
      dtype: of the tensors; None leaves each as it is.
      tokenizer: None where there is none.
      ids: see `token_ids`.
      source_files: config.json and generation_config.json of the model as published, kept as they are where they still hold.
    """
    written = dtype or str(jnp.dtype(flat["embed_tokens/embedding"].dtype))
    files = {
        "config.json": _json(hf_config(config, written, dict(ids))),
        "generation_config.json": _json({**ids, "do_sample": False}),
        **(tokenizer.hf_files() if tokenizer is not None else {}),
        **source_files,
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    write_shards(folder, llama_keys(config).tensors(flat, None if dtype is None else jnp.dtype(dtype)))


def _json(values: dict[str, Any]) -> bytes:
    return (json.dumps(values, indent=2) + "\n").encode()
