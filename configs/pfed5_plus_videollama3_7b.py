"""As `pfed5_plus_8b.py`, on VideoLLaMA3-7B's language model (Qwen2.5-7B), vision encoder and projector.

TraMP-LLaMA builds on VideoLLaMA3, whose released checkpoints have Qwen2.5 (references: tramp_lineage.md section 5); which
size the paper took is unpublished. All three parts come from one import: `--config.init_from.llm=DIR
--config.init_from.vision=DIR --config.init_from.projection=DIR`.
"""

from ml_collections import ConfigDict

from tramp_jax.config import default_config
from tramp_jax.models.llama_presets import qwen25_7b
from tramp_jax.models.vit import videollama3_vision_224


def get_config(arg: str | None = None) -> ConfigDict:
    """The experiment; it takes no argument."""
    if arg:
        raise ValueError(f"configs/pfed5_plus_videollama3_7b.py:{arg}: takes no argument")
    config = default_config()
    config.name = "pfed5_plus_videollama3_7b"
    config.data.path = "data/pfed5_plus"
    config.model.vision = videollama3_vision_224()
    config.model.llm = qwen25_7b()
    return config
