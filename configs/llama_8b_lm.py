"""The LLaMA alone: Llama-3.1-8B trained in full on text of 2,048 tokens, to compare its step with that of other trainers.

float32 weights, bfloat16 compute, AdamW, full remat, parameters cut over all chips. `configs/llama_8b_lm.py:lora` trains a LoRA
of rank 16 on a bfloat16 base instead. Sizes are Llama 3.1's; every rate is ours.
"""

from ml_collections import ConfigDict

from tramp_jax.config import default_config
from tramp_jax.models.llama_presets import llama31_8b


def get_config(arg: str | None = None) -> ConfigDict:
    """The full training, or `arg="lora"`."""
    if arg not in (None, "lora"):
        raise ValueError(f"configs/llama_8b_lm.py:{arg}: unknown; use configs/llama_8b_lm.py or configs/llama_8b_lm.py:lora")
    config = default_config()
    config.name = "llama_8b_lm"
    config.data.text_length = 2048
    config.model.vision_kind = "none"  # the other blocks stay at their smallest and take no part
    config.model.llm = llama31_8b()
    config.model.use_lora = arg == "lora"
    owner = "lora/.*" if arg else "llm/.*"
    config.ownership = ((owner, "language"), (".*", "frozen"))
    config.schedule.weights = ConfigDict({"language": 1})
    config.batch_size.language = 64
    if arg:
        config.model.lora.rank = 16
    else:
        config.model.llm.param_dtype = "float32"
        config.optim.language.weight_decay = 0.1
    return config
