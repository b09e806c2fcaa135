"""A frozen ViT whose features are stored with the data: whether they are this run's."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import jax
from ml_collections import ConfigDict

from input_pipeline.dataset import Dataset
from input_pipeline.errors import UserError
from input_pipeline.pipeline import default_data_config, window_length
from input_pipeline.vision_features import COMMAND, VisionFeatures, family_path, open_features
from tramp_jax.checkpoint.digests import digests_of
from tramp_jax.models.tramp_llama import TrampLlama, Tree
from tramp_jax.tasks.table import Task
from tramp_jax.training.ownership import FROZEN
from tramp_jax.training.state import Partition

# Fields of the ViT's config that change no feature. What the parameters are stored in is in their digest.
_NO_FEATURE = ("remat", "unroll", "param_dtype")


def vit_digest(params: Tree) -> str:
    """One digest of a ViT's parameters, wherever they lie; to be called by every process."""
    return hashlib.sha256(json.dumps(digests_of(params), sort_keys=True).encode()).hexdigest()


def vit_fields(config: ConfigDict) -> dict[str, Any]:
    """Of `config.model.vision`, what its features depend on, as JSON has it."""
    return {name: value for name, value in json.loads(config.to_json()).items() if name not in _NO_FEATURE}


def check_frozen(config: ConfigDict, tasks: Sequence[Task]) -> None:
    """Raises UserError where a task trains the ViT, so that features of it would be old after one step; or there is none."""
    if config.model.vision_kind == "none":
        raise UserError("data.vision_features: model.vision_kind='none' has no ViT: leave data.vision_features empty")
    shapes, stats = jax.eval_shape(lambda key: TrampLlama(config.model).init(key, {"vision"}), jax.random.key(0))
    owner_of = Partition.of(shapes, stats, config, tasks).owner_of
    if trained := sorted(path for path, owner in owner_of.items() if owner != FROZEN):
        raise UserError(
            f"data.vision_features={config.data.vision_features}: config.ownership gives {trained[0]} ({len(trained)} such) to "
            f"{owner_of[trained[0]]}: give vision/.* to frozen, or run the ViT with --config.data.vision_features="
        )


def check_features(config: ConfigDict, dataset: Dataset, indices: Sequence[int]) -> None:
    """Raises UserError where the stored features are of other frames or of a ViT of another kind; reads no parameter.

    Args:
      indices: of the clips to train on.
    """
    length = window_length(dataset, indices, config.data)
    features = open_features(dataset, config.data, length, default_data_config())
    there, here = features.about.vit["config"], vit_fields(config.model.vision)
    if differing := [name for name in here if there.get(name) != here[name]]:
        texts = ", ".join(f"model.vision.{name} is {here[name]!r} here and {there.get(name)!r} there" for name in differing)
        raise UserError(f"{features.folder}: of another ViT: {texts}: {_again(config)}")


def check_weights(config: ConfigDict, dataset: Dataset, params: Tree) -> None:
    """Raises UserError where the stored features are of other weights than `params["vision"]`; every process must call it."""
    found, expected = VisionFeatures(dataset, config.data.vision_features).about.vit, vit_digest(params["vision"])
    if found["digest"] != expected:
        source = found["pretrained"].get("source", "unknown")
        raise UserError(
            f"{family_path(dataset.path, config.data.vision_features)}: made with other weights (of {source}, "
            f"{found['digest'][:12]}…) than this ViT's ({expected[:12]}…): {_again(config)}"
        )


def _again(config: ConfigDict) -> str:
    return f"make others with {COMMAND} --config.data.vision_features=ANOTHER_NAME, or choose this run's weights and data set"
