"""A published checkpoint rewritten as the parts that training starts from; the layout is told in `parts.py`."""

from __future__ import annotations

import json
import math
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

from input_pipeline.errors import UserError
from input_pipeline.tokenizer import Tokenizer, has_tokenizer
from tramp_jax.hf.parts import FORMAT, MANIFEST, SOURCE
from tramp_jax.hf.sources import Source, open_source
from tramp_jax.hf.tensors import DTYPES, TensorFolder, new_folder, write_shards

# Read by exports of an imported model, byte for byte.
SOURCE_FILES = ("config.json", "generation_config.json", "preprocessor_config.json")
# Leaves that are written together; larger ones alone. Bounds memory without a file for every small leaf.
LEAF_GROUP_BYTES = 256 * 2**20


def import_model(
    folder: Path,
    output: Path,
    *,
    name: str | None = None,
    revision: str | None = None,
    image_size: int | None = None,
    vision_layers: int | None = None,
) -> dict[str, Any]:
    """Rewrites a checkpoint as the parts that training starts from, one leaf in memory at a time.

    Args:
      folder: of the model.
      output: made; must not exist, or be empty.
      name, revision: for the manifest.
      image_size: side of the frames for VideoLLaMA3's encoder, which takes any; None for 224.
      vision_layers: of the vision tower to keep; None for all.

    Returns:
      The manifest as written.

    Raises:
      UserError: whatever is wrong with the checkpoint, before anything is written.
    """
    source = open_source(folder, image_size=image_size, vision_layers=vision_layers)
    source.check()
    tokenizer = Tokenizer.load(folder) if "llm" in source.parts and has_tokenizer(folder) else None
    _compare_vocabularies(source, tokenizer, folder)
    manifest = {
        "format": FORMAT,
        "source": name or str(folder),
        "revision": revision,
        "family": source.family,
        "parts": {
            part: {"config": {block: json.loads(found.config.to_json()) for block, found in blocks.items()}}
            for part, blocks in source.parts.items()
        },
    }
    with new_folder(output) as made:
        for part, about in manifest["parts"].items():
            (made / part).mkdir()
            write_shards(made / part, source.leaves(part), LEAF_GROUP_BYTES)
            about |= _contents(TensorFolder(made / part))
        (made / SOURCE).mkdir()
        for file in SOURCE_FILES:
            if (folder / file).is_file():
                shutil.copyfile(folder / file, made / SOURCE / file)
        if tokenizer is not None:
            tokenizer.save(made)
        (made / MANIFEST).write_text(json.dumps(manifest, indent=2) + "\n")
    return manifest


def _compare_vocabularies(source: Source, tokenizer: Tokenizer | None, folder: Path) -> None:
    rows = source.parts["llm"]["llm"].config.vocab_size if "llm" in source.parts else 0
    if tokenizer is not None and tokenizer.vocab_size > rows:
        raise UserError(
            f"{folder}: its tokenizer has {tokenizer.vocab_size} ids, its embeddings {rows} rows: they do not belong together"
        )


def _contents(part: TensorFolder) -> dict[str, Any]:
    """How many parameters a written part has, and how many leaves of each dtype."""
    parameters = sum(math.prod(shape) for shape in part.shapes.values())
    return {"parameters": parameters, "dtypes": dict(Counter(DTYPES[dtype].name for dtype in part.dtypes.values()))}
