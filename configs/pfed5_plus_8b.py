"""PFED5-plus at full size: the paper's recipe with a frozen Llama-3.1-8B (LoRA) and a frozen SigLIP-so400m.

TraMP-LLaMA publishes neither size nor rate; what is not TraMP-Former's or VideoLLaMA3's is ours (comments in the defaults).
Pretrained parts, from folders of `python -m tramp_jax.import_hf`: `--config.init_from.llm=DIR --config.init_from.vision=DIR`.
A released TraMP-Former goes in with `--config.init_from.motion=DIR --config.model.motion.tiled_bias=True
--config.model.fusion.mode=pooled --config.model.head.kind=regression`.

`configs/pfed5_plus_8b.py:full` trains the whole LLaMA instead of a LoRA: float32 weights and two moments, 12 bytes a parameter;
see the README's table for the pods that hold it.

PFED5 is released on request to faculty and is not part of this project; `data.path` is your own build of it.
"""

from ml_collections import ConfigDict

from tramp_jax.config import default_config
from tramp_jax.models.llama_presets import llama31_8b
from tramp_jax.models.vit import siglip_so400m_224


def get_config(arg: str | None = None) -> ConfigDict:
    """The experiment, or its full fine-tuning for `arg="full"`."""
    if arg not in (None, "full"):
        raise ValueError(
            f"configs/pfed5_plus_8b.py:{arg}: unknown; use configs/pfed5_plus_8b.py or configs/pfed5_plus_8b.py:full"
        )
    config = default_config()
    config.name = f"pfed5_plus_8b_{arg}" if arg else "pfed5_plus_8b"
    config.data.path = "data/pfed5_plus"
    config.model.vision = siglip_so400m_224()
    config.model.llm = llama31_8b()
    if arg:
        config.model.use_lora = False
        config.model.llm.param_dtype = "float32"
        config.ownership = (
            (r"(motion|fusion|regression|kinematics|expression)/.*", "severity"),
            (r"(motion|fusion|visual|kinematic)_projection/.*|llm/.*", "report"),
            (r"vision/.*", "frozen"),
        )
        config.optim.report.lr = 1e-5  # VideoLLaMA3's fine-tuning
    return config
