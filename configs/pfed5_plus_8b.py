"""PFED5-plus at full size: the paper's recipe with a frozen Llama-3.1-8B (LoRA) and a frozen SigLIP-so400m.

TraMP-LLaMA publishes neither size nor rate; what is not TraMP-Former's or VideoLLaMA3's is ours (comments in the defaults).
Pretrained parts, from folders of `python -m tramp_jax.import_hf`: `--config.init_from.llm=DIR --config.init_from.vision=DIR`.
A released TraMP-Former goes in with `--config.init_from.motion=DIR --config.model.motion.tiled_bias=True
--config.model.fusion.mode=pooled --config.model.head.kind=regression`.

PFED5 is released on request to faculty and is not part of this project; `data.path` is your own build of it.
"""

from ml_collections import ConfigDict

from tramp_jax.config import default_config
from tramp_jax.models.llama_presets import llama31_8b
from tramp_jax.models.vit import siglip_so400m_224


def get_config(arg: str | None = None) -> ConfigDict:
    """The experiment; it takes no argument."""
    if arg:
        raise ValueError(f"configs/pfed5_plus_8b.py:{arg}: takes no argument")
    config = default_config()
    config.name = "pfed5_plus_8b"
    config.data.path = "data/pfed5_plus"
    config.model.vision = siglip_so400m_224()
    config.model.llm = llama31_8b()
    return config
