"""Configuration of the PyTorch TraMP-LLaMA."""

from __future__ import annotations

from typing import Any

from transformers import CONFIG_MAPPING, AutoConfig

try:
    from transformers import PreTrainedConfig
except ImportError:  # transformers 4
    from transformers import PretrainedConfig as PreTrainedConfig


class TrampLlamaConfig(PreTrainedConfig):
    """Sizes and switches.

    Args:
      text_config: the language model's configuration, as a dict with its `model_type` or as an object.
      tramp: every other block's, nested dicts: motion, vision, vision_kind, fusion, head, projection, motion_segments,
        kinematic_tokens, kinematic_sides, condition_on_expression, the counts num_expressions and num_kinematics, and
        kinematic_mirror, "index" and "sign" of the mirrored clip's kinematics. tramp-jax documents each field in its
        `tramp_jax.config.default_model_config`.
    """

    model_type = "tramp_llama"
    sub_configs = {"text_config": AutoConfig}  # noqa: RUF012 - as transformers has it

    def __init__(self, text_config: Any = None, tramp: dict[str, Any] | None = None, **kwargs: Any):
        if text_config is None:
            text_config = CONFIG_MAPPING["llama"]()
        elif isinstance(text_config, dict):
            fields = dict(text_config)
            text_config = CONFIG_MAPPING[fields.pop("model_type", "llama")](**fields)
        self.text_config = text_config
        self.tramp = tramp or {}
        super().__init__(**kwargs)


__all__ = ["TrampLlamaConfig"]
