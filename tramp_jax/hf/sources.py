"""What a model folder holds: which parts, and the table of each."""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from flax import nnx
from ml_collections import ConfigDict

from input_pipeline.errors import UserError, unreadable
from tramp_jax.hf import adapter, full, llama, motion, vision
from tramp_jax.hf.fields import part
from tramp_jax.hf.keymap import KeyMap, block_shapes
from tramp_jax.hf.parts import CONFIG_OF, STATS
from tramp_jax.hf.tensors import TensorFolder, check_tensors
from tramp_jax.models.blocks import Block
from tramp_jax.models.cross_fusion import CrossFusion
from tramp_jax.models.heads import SeverityRegression
from tramp_jax.models.llama import Llama
from tramp_jax.models.lora import Lora
from tramp_jax.models.motion_encoder import MotionEncoder
from tramp_jax.models.projections import VisualProjection, default_projection_config
from tramp_jax.models.tramp_llama import TrampLlama
from tramp_jax.models.vit import Vit

TRAMP_FORMER = "tramp_former"
VIDEOLLAMA3 = ("videollama3_qwen2", "video_llama_3")


@dataclasses.dataclass(frozen=True)
class BlockSource:
    """One block of a part.

    Attributes:
      config: ours, for the manifest.
      params, stats: tables; `stats` is None where the block has none. A table may leave out leaves that the checkpoint lacks.
      make: builds the module, for its shapes.
    """

    config: ConfigDict
    params: KeyMap
    make: Callable[[nnx.Rngs], nnx.Module]
    stats: KeyMap | None = None


@dataclasses.dataclass(frozen=True)
class Source:
    """A checkpoint, understood.

    Attributes:
      family: as the manifest names it.
      tensors: of the folder.
      parts: part -> block -> its table.
    """

    family: str
    tensors: TensorFolder
    parts: dict[str, dict[str, BlockSource]]

    def check(self) -> None:
        """Compares names, shapes and dtypes of all parts with the folder.

        Raises:
          UserError: see `tensors.check_tensors`.
        """
        expected: dict[str, tuple[int, ...]] = {}
        maps: list[KeyMap] = []
        for blocks in self.parts.values():
            for block in blocks.values():
                params, stats = block_shapes(Block(block.make))
                expected |= block.params.expected(params)
                maps.append(block.params)
                if block.stats is not None:
                    expected |= block.stats.expected(stats)
        check_tensors(self.tensors, expected, lambda name: any(keys.ignores(name) for keys in maps))

    def leaves(self, part: str) -> Iterator[tuple[str, Callable[[], np.ndarray]]]:
        """Our leaves of a part by path, each to be made when called for."""
        for name, block in self.parts[part].items():
            for path, make in block.params.leaves(self.tensors):
                yield f"{name}/{path}", make
            if block.stats is not None:
                for path, make in block.stats.leaves(self.tensors):
                    yield f"{STATS}{name}/{path}", make
            if self.family == TRAMP_FORMER and name == "regression":
                # TraMP-Former has no regression projection: the identity leaves its head as it was.
                width = block.config.input_width
                yield "regression/projection/kernel", functools.partial(np.eye, width, dtype=np.float32)
                yield "regression/projection/bias", functools.partial(np.zeros, width, np.float32)


def open_source(folder: Path, *, image_size: int | None = None, vision_layers: int | None = None) -> Source:
    """Reads config.json (or the names, for a motion encoder) and lays out the tables. Reads no tensor.

    Args:
      folder: a model as Hugging Face keeps it, or safetensors of a TraMP-Former or SkateFormer.
      image_size, vision_layers: see `vision.vision_config`.

    Raises:
      UserError: a family that we do not have, or a folder that is damaged.
    """
    if (folder / adapter.CONFIG).is_file():
        return _adapter(folder)
    tensors = TensorFolder(folder)
    path = folder / "config.json"
    if not path.is_file():
        return Source(*_motion_parts(tensors))
    values = read_json(path)
    kind = str(values.get("model_type"))
    preprocessor_path = folder / "preprocessor_config.json"
    preprocessor = read_json(preprocessor_path) if preprocessor_path.is_file() else {}

    def tower(config: dict[str, Any]) -> dict[str, BlockSource]:
        return _tower(config, preprocessor, str(path), tensors, image_size, vision_layers)

    if (image_size, vision_layers) != (None, None) and kind in (*llama.MODEL_TYPES, full.MODEL_TYPE):
        raise UserError(f"{path}: a {kind} takes neither --image_size nor --vision_layers: leave them away")
    if kind in llama.MODEL_TYPES:
        parts = {"llm": _language(values, str(path), tensors, "model.")}
    elif kind in vision.NESTED:
        parts = {"vision": tower({**part(values, "vision_config", str(path)), "model_type": vision.NESTED[kind]})}
    elif kind in vision.PRESETS:
        parts = {"vision": tower(values)}
    elif kind == full.MODEL_TYPE:
        parts = _tramp_llama(values, str(path))
    elif kind in VIDEOLLAMA3:
        parts = _videollama3(values, str(path), tensors, tower)
    else:
        known = (*llama.MODEL_TYPES, *vision.NESTED, *vision.PRESETS, *VIDEOLLAMA3, full.MODEL_TYPE)
        raise UserError(
            f"{path}: model_type {kind!r} is no family of ours; known are {', '.join(known)}: choose a model of one"
        )
    return Source(kind, tensors, parts)


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
      UserError: the file holds none.
    """
    try:
        values = json.loads(path.read_text())
        if not isinstance(values, dict):
            raise ValueError("not an object")
    except (ValueError, OSError) as error:
        raise unreadable(path, error, f"not a JSON object ({error}): fetch the file again") from error
    return values


def _language(
    values: dict[str, Any], where: str, tensors: TensorFolder, prefix: str, head: str = "lm_head.weight"
) -> dict[str, BlockSource]:
    config = llama.llama_config(values, where)
    embeddings = f"{prefix}embed_tokens.weight"
    both = config.tie_word_embeddings and {head, embeddings} <= tensors.shapes.keys()
    if both and not np.array_equal(tensors.read(head), tensors.read(embeddings)):
        # transformers 4 ties them all the same, transformers 5 does not.
        raise UserError(f"{where}: tie_word_embeddings is true, but {head} is not {embeddings}: correct what is wrong")
    return {"llm": BlockSource(config, llama.llama_keys(config, prefix, head), lambda rngs: Llama(config, rngs=rngs))}


def _tower(
    values: dict[str, Any],
    preprocessor: dict[str, Any],
    where: str,
    tensors: TensorFolder,
    image_size: int | None,
    layers: int | None,
) -> dict[str, BlockSource]:
    config = vision.vision_config(values, preprocessor, where, image_size=image_size, layers=layers)
    keys = vision.vision_keys(config, vision.tower_prefix(tensors.shapes, str(tensors.path)))
    return {"vision": BlockSource(config, keys, lambda rngs: Vit(config, rngs=rngs))}


def _videollama3(
    values: dict[str, Any], where: str, tensors: TensorFolder, tower: Callable[[dict[str, Any]], dict[str, BlockSource]]
) -> dict[str, dict[str, BlockSource]]:
    """The authors' layout (values of the language model at the top) and transformers' own (a config for each side)."""
    if values["model_type"] == "videollama3_qwen2":
        text = {**values, "model_type": "qwen2"}
        side = {"model_type": "videollama3_vision_encoder", **part(values, "vision_encoder_config", where)}
        language, projector = "model.", "model.mm_projector."
    else:
        text, side = part(values, "text_config", where), part(values, "vision_config", where)
        text = {**text, "tie_word_embeddings": values.get("tie_word_embeddings", text.get("tie_word_embeddings", False))}
        language, projector = "model.language_model.", "model.projector."
    parts = {"llm": _language(text, where, tensors, language), "vision": tower(side)}
    width, eyes = parts["llm"]["llm"].config.hidden_size, parts["vision"]["vision"].config
    config = default_projection_config()

    def make(rngs: nnx.Rngs) -> nnx.Module:
        return VisualProjection(config, eyes, width, rngs=rngs)

    parts["projection"] = {"visual_projection": BlockSource(config, vision.projector_keys(projector), make)}
    return parts


def _motion_parts(tensors: TensorFolder) -> tuple[str, TensorFolder, dict[str, dict[str, BlockSource]]]:
    where = str(tensors.path)
    prefix = motion.motion_prefix(tensors.shapes, where)
    config = motion.motion_config(tensors.shapes, prefix, where)
    params, stats = motion.encoder_keys(config, prefix)
    blocks = {"motion": BlockSource(config, params, lambda rngs: MotionEncoder(config, rngs=rngs), stats)}
    if not any(name.startswith("fusion.model.") for name in tensors.shapes):
        return "skateformer", tensors, {"motion": blocks}
    try:
        fusion, head = motion.fusion_config(tensors.shapes), motion.head_config(tensors.shapes)
    except KeyError as error:
        raise UserError(f"{where}: not a whole TraMP-Former ({error} not found): convert the checkpoint again") from error
    blocks["fusion"] = BlockSource(fusion, motion.fusion_keys(fusion), lambda rngs: CrossFusion(fusion, vision=True, rngs=rngs))
    blocks["regression"] = BlockSource(head, motion.head_keys(), lambda rngs: SeverityRegression(head, rngs=rngs))
    return TRAMP_FORMER, tensors, {"motion": blocks}


def _adapter(folder: Path) -> Source:
    """A PEFT folder, as `export_hf` writes it."""
    tensors = TensorFolder(folder / adapter.TENSORS if (folder / adapter.TENSORS).is_file() else folder)
    config, llama_config = adapter.lora_config(read_json(folder / adapter.CONFIG), tensors.shapes, str(folder))
    keys = adapter.lora_keys(llama_config.num_hidden_layers)
    blocks = {"lora": BlockSource(config, keys, lambda rngs: Lora(config, llama_config, rngs=rngs))}
    return Source("peft", tensors, {"lora": blocks})


# Which part the blocks of a whole TraMP-LLaMA belong to.
_PART_OF = {
    "motion": "motion",
    "fusion": "motion",
    "regression": "motion",
    "expression": "motion",
    "vision": "vision",
    "llm": "llm",
}  # all others: "projection"


def _tramp_llama(values: dict[str, Any], where: str) -> dict[str, dict[str, BlockSource]]:
    """Our own export of a whole model, cut into the parts that training starts from."""
    model = full.model_config(values, where)
    keys, stats = full.block_keys(TrampLlama(model))
    parts: dict[str, dict[str, BlockSource]] = {}
    for name, block in TrampLlama(model).blocks.items():
        config = model.get(CONFIG_OF.get(name, name), ConfigDict())
        found = BlockSource(config, keys[name], block.make, stats.get(name))
        parts.setdefault(_PART_OF.get(name, "projection"), {})[name] = found
    return parts
