"""The demo: both tasks on simulated faces, small enough for 2 CPU cores and 10 minutes. Every size here is ours.

What differs in kind from the real configs: no pretrained parts exist, so `severity` owns a small ViT (read by `report`
through a stop-gradient) and `report` owns the whole small LLaMA instead of a LoRA in a frozen one.

`configs/demo.py:runlocal` is the same in a few steps, for tests.
"""

from ml_collections import ConfigDict

from tramp_jax.config import default_config


def get_config(arg: str | None = None) -> ConfigDict:
    """The demo, or its few-step version for `arg="runlocal"`."""
    config = default_config()
    config.name = "demo"
    return config
