"""The folder that `import_hf` writes, and how training starts from it.

    import.json              where it came from; our config of each part
    PART/*.safetensors       our leaves by path, stacked over layers as training holds them, in the dtype of the source
    source/                  config.json, generation_config.json and the like, byte for byte, for exports
    tokenizer.json, ...      the tokenizer's files, under their Hugging Face names

Parts: "llm", "lora", "vision", "motion" (the motion encoder with its statistics; a TraMP-Former's cross-fusion and head as
well) and "projection" (VideoLLaMA3's projector; of our own exports all projections). Training reads from these files just
the slices that each device holds.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
from jax.sharding import Mesh, Sharding
from ml_collections import ConfigDict

from input_pipeline.errors import UserError
from input_pipeline.paths import local_path
from tramp_jax.hf.tensors import TensorFolder
from tramp_jax.models.blocks import Tree
from tramp_jax.sharding.rules import shardings_of
from tramp_jax.training.ownership import flatten, unflatten

MANIFEST = "import.json"
SOURCE = "source"
FORMAT = 1
STATS = "stats/"  # leads the paths of running statistics
# Fields that change what the parameters mean. The others say how it computes, which is the training config's to choose.
STRUCTURE = {
    "llm": (
        "hidden_size",
        "intermediate_size",
        "num_hidden_layers",
        "num_attention_heads",
        "num_key_value_heads",
        "head_dim",
        "vocab_size",
        "rms_norm_eps",
        "rope_theta",
        "rope_scaling",
        "qkv_bias",
        "tie_word_embeddings",
    ),
    "vision": (
        "hidden_size",
        "intermediate_size",
        "num_hidden_layers",
        "num_attention_heads",
        "patch_size",
        "layer_norm_eps",
        "hidden_act",
        "positions",
        "class_token",
        "pre_layernorm",
        "post_layernorm",
        "patch_bias",
        "image_mean",
        "image_std",
    ),
    "lora": ("rank", "alpha"),
    "motion": ("heads", "regions", "kernel_size", "consecutive_frames", "max_strided_frames", "tiled_bias"),
    "fusion": ("heads", "depth", "mode"),
    "visual_projection": ("num_layers", "merge"),
    # Of these the shapes of their leaves tell everything.
    **dict.fromkeys(("regression", "expression", "motion_projection", "fusion_projection", "kinematic_projection"), ()),
}

CONFIG_OF = {"visual_projection": "projection"}  # block -> its config, where the names differ


def is_imported(folder: Path) -> bool:
    """Whether `import_hf` made this folder."""
    return (folder / MANIFEST).is_file()


def read_manifest(folder: Path) -> dict[str, Any]:
    """import.json.

    Raises:
      UserError: not such a folder, or of another version.
    """
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text())
        if manifest["format"] != FORMAT:
            raise UserError(f"{path}: format {manifest['format']}, expected {FORMAT}: import the model again")
        manifest["parts"]
    except FileNotFoundError as error:
        raise UserError(
            f"{folder}: no {MANIFEST} there: pass one that python -m tramp_jax.import_hf --model=... --output=FOLDER made"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"{path}: damaged ({error}): import the model again") from error
    return manifest


def provenance(config: ConfigDict) -> dict[str, dict[str, Any]]:
    """Part -> where what `config.init_from` names came from: source, revision, family. Folders may be gone later."""
    manifests = {part: read_manifest(_folder(part, folder)) for part, folder in config.init_from.items() if folder}
    return {part: {key: found[key] for key in ("source", "revision", "family")} for part, found in manifests.items()}


def _folder(part: str, folder: str) -> Path:
    return local_path(folder, f"config.init_from.{part}")


def load_parts(config: ConfigDict, like: Mapping[str, Tree], mesh: Mesh, blocks: frozenset[str]) -> tuple[Tree, Tree]:
    """The parameters and statistics that `config.init_from` names, each leaf made where it lies.

    Args:
      config: of the run.
      like: {"params": ..., "stats": ...} of the whole model, abstract.
      mesh: where they go.
      blocks: names of the model's blocks.

    Returns:
      (params, stats), nested, with just the leaves found there, in the dtypes of `like`.

    Raises:
      UserError: a folder without that part, or one that does not fit the config.
    """
    placed = shardings_of(like, mesh, blocks)
    shapes = flatten({"params": like["params"], STATS[:-1]: like["stats"]})
    places = flatten({"params": placed["params"], STATS[:-1]: placed["stats"]})
    params: dict[str, jax.Array] = {}
    stats: dict[str, jax.Array] = {}
    for part, folder in config.init_from.items():
        if not folder:
            continue
        source = _open(_folder(part, folder), part, config.model)
        _check_leaves(source, part, shapes, config.init_from)
        for path in source.shapes:
            key = path if path.startswith(STATS) else f"params/{path}"
            array = _placed(source, path, shapes[key], places[key])
            (stats if path.startswith(STATS) else params)[path.removeprefix(STATS)] = array
    return unflatten(params), unflatten(stats)


def _placed(source: TensorFolder, path: str, like: Any, sharding: Sharding) -> jax.Array:
    """One device after the other, so that on the host no more than one device's slice is held beside the arrays."""
    pieces = [
        jax.block_until_ready(jax.device_put(source.read_slice(path, index).astype(like.dtype, copy=False), device))
        for device, index in sharding.addressable_devices_indices_map(like.shape).items()
    ]
    return jax.make_array_from_single_device_arrays(like.shape, sharding, pieces)


def _open(folder: Path, part: str, model: ConfigDict) -> TensorFolder:
    manifest = read_manifest(folder)
    if part not in manifest["parts"]:
        raise UserError(f"init_from.{part}={folder}: holds {', '.join(manifest['parts'])} and no {part}: choose another folder")
    differences = []
    for block, theirs in manifest["parts"][part]["config"].items():
        name = CONFIG_OF.get(block, block)
        ours = json.loads(model[name].to_json()) if STRUCTURE[block] else {}
        differences += [
            f"model.{name}.{field} is {ours[field]!r} here and {theirs[field]!r} there"
            for field in STRUCTURE[block]
            if ours[field] != theirs[field]
        ]
    if differences:
        raise UserError(f"init_from.{part}={folder}: {'; '.join(differences)}: change the config, or choose another folder")
    return TensorFolder(folder / part)


def _check_leaves(source: TensorFolder, part: str, shapes: Mapping[str, Any], init_from: ConfigDict) -> None:
    where = f"init_from.{part}={init_from[part]}"
    for path, shape in source.shapes.items():
        key = path if path.startswith(STATS) else f"params/{path}"
        if key not in shapes:
            raise UserError(
                f"{where}: it has {path}, which this config's model has not: change the config, or choose another folder"
            )
        if tuple(shapes[key].shape) != shape:
            raise UserError(
                f"{where}: {path} is {shape}, this config's model has {tuple(shapes[key].shape)}: change the config, or choose "
                "another folder"
            )
