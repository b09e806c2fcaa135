"""The whole model for Hugging Face: one folder that PyTorch loads with `trust_remote_code=True`, without this project.

Tensor names are our paths with dots and PyTorch's last parts: "motion/stages/0/blocks/1/mapping/kernel" is
"motion.stages.0.blocks.1.mapping.weight". Only linears are transposed; stacked layers are cut apart.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
from ml_collections import ConfigDict

from input_pipeline.errors import UserError
from input_pipeline.motion.kinematics import FEATURE_NAMES, MIRROR_INDEX, MIRROR_SIGN
from input_pipeline.records import EXPRESSIONS
from input_pipeline.text import instruction
from input_pipeline.tokenizer import Tokenizer
from tramp_jax.config import default_model_config
from tramp_jax.hf.keymap import LINEAR, SAME, Entry, Flat, KeyMap, block_shapes
from tramp_jax.hf.language import token_ids
from tramp_jax.hf.llama import hf_config, llama_config, llama_keys
from tramp_jax.hf.pytorch.vendor import python_files
from tramp_jax.hf.tensors import TensorFolder, write_shards
from tramp_jax.models.tramp_llama import TrampLlama
from tramp_jax.tasks import report, severity

MODEL_TYPE = "tramp_llama"
LANGUAGE_MODEL = "language_model"
# Blocks that an export has no tensors of: the LoRA is merged, the readout of kinematics is for training alone.
LEFT_OUT = ("lora", "kinematics")
_RENAMED = {"kernel": "weight", "scale": "weight", "embedding": "weight", "mean": "running_mean", "var": "running_var"}
_MODEL_FIELDS = (
    "motion",
    "vision",
    "vision_kind",
    "fusion",
    "head",
    "projection",
    "motion_segments",
    "kinematic_tokens",
    "kinematic_sides",
    "condition_on_expression",
)
_DATA_FIELDS = (
    "features",
    "position_unit",
    "displacement_unit",
    "remove_head_motion",
    "trajectory_length",
    "rest_frames",
    "resample_fps",
    "num_frames",
    "image_size",
    "align_frames",
    "frame_change",
    "kinematics_centre",
    "kinematics_scale",
)


def block_keys(model: TrampLlama) -> tuple[dict[str, KeyMap], dict[str, KeyMap]]:
    """Block -> the table of its parameters, and of its running statistics where it has some; without the blocks LEFT_OUT."""
    params: dict[str, KeyMap] = {}
    stats: dict[str, KeyMap] = {}
    for name, block in model.blocks.items():
        if name == "llm":
            params[name] = llama_keys(model.config.llm, f"{LANGUAGE_MODEL}.model.", f"{LANGUAGE_MODEL}.lm_head.weight")
        elif name not in LEFT_OUT:
            shapes, statistics = block_shapes(block)
            depth = model.config.vision.num_hidden_layers if name == "vision" else 0
            params[name] = _key_map(name, shapes, depth)
            stats |= {name: _key_map(name, statistics, depth)} if statistics else {}
    return params, stats


def to_full(
    model: TrampLlama, params: Flat, stats: Flat, dtypes: Mapping[str, str] | None = None
) -> Iterator[tuple[str, Callable[[], np.ndarray]]]:
    """Every tensor of an export by name, each to be made when called for.

    Args:
      model: of the leaves.
      params: leaves by path, the block's name first; the LoRA merged into "llm/" and left out.
      stats: running statistics by path.
      dtypes: block -> dtype of its tensors, with LANGUAGE_MODEL for the LLaMA's; others stay as they are.

    Raises:
      ValueError: a LoRA among the parameters, which would be lost.
    """
    if any(path.startswith("lora/") for path in params):
        raise ValueError("to_full: params hold a LoRA: merge it into llm and leave it out")
    for flat, tables in zip((params, stats), block_keys(model), strict=True):
        for block, table in tables.items():
            dtype = (dtypes or {}).get(LANGUAGE_MODEL if block == "llm" else block)
            own = {path.removeprefix(f"{block}/"): leaf for path, leaf in flat.items() if path.startswith(f"{block}/")}
            yield from table.tensors(own, None if dtype is None else jnp.dtype(dtype))


def from_full(model: TrampLlama, source: TensorFolder) -> tuple[Flat, Flat]:
    """The inverse of `to_full`: parameters, but for the blocks LEFT_OUT, and running statistics, in the dtypes as stored."""
    params, stats = (
        {f"{block}/{path}": make() for block, table in tables.items() for path, make in table.leaves(source)}
        for tables in block_keys(model)
    )
    return params, stats


def write_full(
    folder: Path,
    params: Flat,
    stats: Flat,
    config: ConfigDict,
    tokenizer: Tokenizer,
    dtypes: Mapping[str, str],
) -> None:
    """Fills a folder with everything that `AutoModel` and `AutoProcessor` read.

    Args:
      folder: exists.
      params, stats: see `to_full`; the leaves may be made layer by layer (`tramp_jax.hf.leaves`).
      config: the run's, as it was trained: with `data.kinematics_centre` where the model has kinematic tokens.
      tokenizer: the run's.
      dtypes: see `to_full`; the language model's is the dtype that a user gets unless asked otherwise.

    Raises:
      UserError, OSError: the folder cannot be written; see `tramp_jax.hf.tensors.new_folder`.
    """
    dtype = str(dtypes.get(LANGUAGE_MODEL, config.model.llm.param_dtype))
    model, processor = model_json(config, dtype, token_ids(tokenizer)), processor_json(config, tokenizer)
    for name, values in (("config.json", model), ("processor_config.json", processor)):
        (folder / name).write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    for name, content in tokenizer.hf_files().items():
        (folder / name).write_bytes(content)
    for name, source in python_files().items():
        (folder / name).write_text(source, encoding="utf-8")
    write_shards(folder, to_full(TrampLlama(config.model), params, stats, dtypes))


def model_json(config: ConfigDict, dtype: str, tokens: Mapping[str, Any]) -> dict[str, Any]:
    """config.json; arguments as in `write_full`, and bos_token_id, eos_token_id, pad_token_id."""
    model = config.model.to_dict()
    return {
        "architectures": ["TrampLlamaModel"],
        "model_type": MODEL_TYPE,
        "auto_map": {
            "AutoConfig": "configuration_tramp_llama.TrampLlamaConfig",
            "AutoModel": "modeling_tramp_llama.TrampLlamaModel",
        },
        "dtype": dtype,
        "tie_word_embeddings": config.model.llm.tie_word_embeddings,
        "text_config": hf_config(config.model.llm, dtype, dict(tokens)),
        "tramp": {
            **{name: model[name] for name in _MODEL_FIELDS},
            "num_expressions": len(EXPRESSIONS),
            "num_kinematics": len(FEATURE_NAMES),
            "kinematic_mirror": {"index": MIRROR_INDEX.tolist(), "sign": MIRROR_SIGN.tolist()},
            "max_new_tokens": config.generation.max_new_tokens,
        },
    }


def model_config(values: Mapping[str, Any], where: str) -> ConfigDict:
    """`config.model` of an export, from its config.json; the LoRA is merged and the readout of kinematics left out.

    Raises:
      UserError: fields missing, or of another version.
    """
    config = default_model_config()
    try:
        for name in _MODEL_FIELDS:
            theirs = values["tramp"][name]
            if isinstance(config[name], ConfigDict):
                config[name].update(theirs)
            else:
                config[name] = tuple(theirs) if isinstance(theirs, list) else theirs
        config.llm = llama_config(values["text_config"], where)
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{where}: no config of a TraMP-LLaMA that this version knows ({error}): export the run again"
        ) from error
    config.use_lora, config.head.kinematics_weight = False, 0.0
    return config


def processor_json(config: ConfigDict, tokenizer: Tokenizer) -> dict[str, Any]:
    """processor_config.json. The prompts are token ids: transformers would render some chat templates with today's date."""
    data = config.data.to_dict()
    return {
        "auto_map": {"AutoProcessor": "processing_tramp_llama.TrampLlamaProcessor"},
        "processor_class": "TrampLlamaProcessor",
        "data": {name: data[name] for name in _DATA_FIELDS},
        "needs": sorted(report.needs(config.model) | severity.scoring_needs(config.model)),
        "expressions": EXPRESSIONS,
        "prompts": {name: tokenizer.prompt(instruction(name)) for name in EXPRESSIONS},
    }


def _key_map(block: str, shapes: Mapping[str, tuple[int, ...]], depth: int) -> KeyMap:
    return KeyMap(tuple(_entry(block, path, len(shape), depth) for path, shape in shapes.items()))


def _entry(block: str, path: str, ndim: int, depth: int) -> Entry:
    *folders, leaf = path.split("/")
    stacked = depth > 0 and folders[:1] == ["layers"]
    if stacked:
        folders.insert(1, "{}")
    matrix = leaf != "kernel" or ndim == 2 + stacked  # other kernels are those of convolutions over time
    name = ".".join([block, *folders, _RENAMED.get(leaf, leaf) if matrix else leaf])
    return Entry(path, name, LINEAR if leaf == "kernel" and matrix else SAME, depth if stacked else 0)
