"""Configurations of the published LLaMA-like models, by name in `LLAMA_PRESETS`.

Sizes are those of the model cards' config.json; `vocab_size` is the embedding's, which may exceed the tokenizer's.
"""

from collections.abc import Callable

import ml_collections

from tramp_jax.models.llama import default_llama_config


def _preset(rope_scaling: dict | None = None, **fields) -> Callable[[], ml_collections.ConfigDict]:
    def make() -> ml_collections.ConfigDict:
        config = default_llama_config()
        config.update(fields)
        if rope_scaling is not None:
            config.rope_scaling.update(rope_scaling)
        return config

    return make


_LLAMA3 = {"vocab_size": 128256, "rope_theta": 500000.0, "max_position_embeddings": 131072, "num_key_value_heads": 8}
_QWEN25 = {"rope_theta": 1e6, "rms_norm_eps": 1e-6, "qkv_bias": True, "num_hidden_layers": 28, "max_position_embeddings": 32768}

llama2_7b = _preset()
vicuna_7b = _preset()  # Vicuna 1.5 is a fine-tuned Llama 2 7B
llama31_8b = _preset({"type": "llama3"}, **_LLAMA3, intermediate_size=14336)
llama32_1b = _preset(
    {"type": "llama3", "factor": 32.0},
    **_LLAMA3,
    hidden_size=2048,
    intermediate_size=8192,
    num_hidden_layers=16,
    head_dim=64,
    tie_word_embeddings=True,
)
llama32_3b = _preset(
    {"type": "llama3", "factor": 32.0},
    **_LLAMA3,
    hidden_size=3072,
    intermediate_size=8192,
    num_hidden_layers=28,
    num_attention_heads=24,
    tie_word_embeddings=True,
)
# The language models of VideoLLaMA3 2B and 7B have these sizes.
qwen25_1_5b = _preset(
    **_QWEN25,
    vocab_size=151936,
    hidden_size=1536,
    intermediate_size=8960,
    num_attention_heads=12,
    num_key_value_heads=2,
    tie_word_embeddings=True,
)
qwen25_7b = _preset(
    **_QWEN25, vocab_size=152064, hidden_size=3584, intermediate_size=18944, num_attention_heads=28, num_key_value_heads=4
)


def tiny(
    vocab_size: int = 512, hidden_size: int = 128, num_hidden_layers: int = 4, num_attention_heads: int = 2
) -> ml_collections.ConfigDict:
    """A Llama 3 small enough to be trained from scratch on a CPU (ours): float32, one key/value head.

    Attention is most of its time there and goes with the number of heads.
    """
    config = llama31_8b()
    config.rope_scaling.type = "none"
    config.rope_theta = 10000.0
    config.vocab_size = vocab_size
    config.hidden_size = hidden_size
    config.intermediate_size = 32 * round(hidden_size / 12)  # Llama's 8/3
    config.num_hidden_layers = num_hidden_layers
    config.num_attention_heads = num_attention_heads
    config.num_key_value_heads = 1
    config.head_dim = hidden_size // num_attention_heads
    config.max_position_embeddings = 1024
    config.dtype = config.param_dtype = "float32"
    config.remat = "none"
    config.unroll = num_hidden_layers  # a tenth faster than a loop on CPU
    return config


LLAMA_PRESETS: dict[str, Callable[[], ml_collections.ConfigDict]] = {
    "llama2_7b": llama2_7b,
    "vicuna_7b": vicuna_7b,
    "llama31_8b": llama31_8b,
    "llama32_1b": llama32_1b,
    "llama32_3b": llama32_3b,
    "qwen25_1_5b": qwen25_1_5b,
    "qwen25_7b": qwen25_7b,
    "tiny": tiny,
}
