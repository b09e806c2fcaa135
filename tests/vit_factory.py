"""A small ViT as `import_hf` leaves it, and a data set with frames for it."""

import json
from pathlib import Path

import jax
from full_factory import random_trees
from ml_collections import ConfigDict

from tramp_jax.hf.parts import FORMAT, MANIFEST
from tramp_jax.hf.tensors import write_shards
from tramp_jax.models.tramp_llama import TrampLlama
from tramp_jax.training.ownership import flatten


def imported_vit(config: ConfigDict, folder: Path, seed: int = 0) -> Path:
    """A folder for `config.init_from.vision`: the config's ViT with random numbers in every parameter."""
    params, _ = random_trees(TrampLlama(config.model).blocks["vision"], seed)
    leaves = flatten({"vision": params})
    (folder / "vision").mkdir(parents=True)
    write_shards(folder / "vision", ((path, lambda leaf=leaf: jax.device_get(leaf)) for path, leaf in leaves.items()), 10**9)
    part = {"config": {"vision": json.loads(config.model.vision.to_json())}}
    about = {"format": FORMAT, "source": folder.name, "revision": None, "family": "made", "parts": {"vision": part}}
    (folder / MANIFEST).write_text(json.dumps(about))
    return folder
