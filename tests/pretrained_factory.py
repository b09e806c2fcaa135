"""Small random models of transformers, and their weights in this project's parameter trees."""

import functools
from collections.abc import Callable

import jax
import numpy as np
import torch
import transformers
from flax import nnx
from ml_collections import ConfigDict

from tramp_jax.models.llama import Llama, default_llama_config

VOCABULARY, WIDTH, HIDDEN, LAYERS, HEADS, DIM = 97, 32, 56, 3, 4, 8
LLAMA3_SCALING = {
    "rope_type": "llama3",
    "rope_theta": 10000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}


def randomise(model: torch.nn.Module, seed: int) -> torch.nn.Module:
    """Draws every parameter, norms and biases too, so that none is at a value (0, 1) that hides its misuse."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            is_scale = "norm" in name and name.endswith("weight")
            fan_in = parameter.shape[-1] if parameter.ndim > 1 else 16
            parameter.copy_(1 + 0.3 * noise if is_scale else noise * fan_in**-0.5)
    return model.eval()


def language_model(family: str, seed: int = 0) -> transformers.PreTrainedModel:
    """A random "llama2", "llama_gqa", "llama3" (scaled RoPE, GQA, tied) or "qwen2" (biases, GQA) in float32."""
    sizes = {
        "vocab_size": VOCABULARY,
        "hidden_size": WIDTH,
        "intermediate_size": HIDDEN,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS if family == "llama2" else 2,
        "max_position_embeddings": 1024,
        "bos_token_id": None,
        "eos_token_id": None,
        "pad_token_id": 0,
    }
    if family == "qwen2":
        return randomise(transformers.Qwen2ForCausalLM(transformers.Qwen2Config(**sizes)), seed)
    extra = {"rope_parameters": LLAMA3_SCALING, "tie_word_embeddings": True} if family == "llama3" else {}
    return randomise(transformers.LlamaForCausalLM(transformers.LlamaConfig(**sizes, **extra)), seed)


def llama_config(family: str) -> ConfigDict:
    """This project's config of the same model."""
    config = default_llama_config()
    config.vocab_size, config.hidden_size, config.intermediate_size = VOCABULARY, WIDTH, HIDDEN
    config.num_hidden_layers, config.num_attention_heads, config.head_dim = LAYERS, HEADS, DIM
    config.num_key_value_heads = HEADS if family == "llama2" else 2
    config.rms_norm_eps = 1e-6
    config.qkv_bias = family == "qwen2"
    if family == "llama3":
        config.rope_scaling.type, config.rope_scaling.original_max_position_embeddings = "llama3", 64
        config.tie_word_embeddings = True
    config.dtype = config.param_dtype = "float32"
    config.remat = "none"
    return config


def llama_params(model: transformers.PreTrainedModel) -> dict:
    """The model's weights as the parameter tree of `Llama`."""
    state = {name: tensor.numpy() for name, tensor in model.state_dict().items()}

    def stacked(name: str) -> np.ndarray:
        return np.stack([state[f"model.layers.{layer}.{name}"] for layer in range(LAYERS)])

    def linear(name: str) -> dict:
        bias = {"bias": stacked(f"{name}.bias")} if f"model.layers.0.{name}.bias" in state else {}
        return {"kernel": stacked(f"{name}.weight").swapaxes(1, 2)} | bias

    params = {
        "embed_tokens": {"embedding": state["model.embed_tokens.weight"]},
        "norm": {"scale": state["model.norm.weight"]},
        "layers": {
            "input_layernorm": {"scale": stacked("input_layernorm.weight")},
            "post_attention_layernorm": {"scale": stacked("post_attention_layernorm.weight")},
            "self_attn": {name: linear(f"self_attn.{name}") for name in ("q_proj", "k_proj", "v_proj", "o_proj")},
            "mlp": {name: linear(f"mlp.{name}") for name in ("gate_proj", "up_proj", "down_proj")},
        },
    }
    if not model.config.tie_word_embeddings:
        params["lm_head"] = {"kernel": state["lm_head.weight"].T}
    return params


def fill(make: Callable[[nnx.Rngs], nnx.Module], seed: int = 0) -> nnx.Module:
    """A module whose parameters, zeros and ones too, are small random numbers. Compiles nothing."""
    graph, state = nnx.split(nnx.eval_shape(lambda: make(nnx.Rngs(0))))
    rng = np.random.default_rng(seed)
    return nnx.merge(graph, jax.tree.map(lambda x: jax.numpy.asarray(0.2 * rng.normal(size=x.shape), x.dtype), state))


def load(make: Callable[[nnx.Rngs], nnx.Module], params: dict) -> nnx.Module:
    """The module with these values; they must fit it leaf by leaf."""
    graph, state = nnx.split(nnx.eval_shape(lambda: make(nnx.Rngs(0))))
    assert jax.tree.map(np.shape, nnx.to_pure_dict(state)) == jax.tree.map(np.shape, params)
    return nnx.merge(graph, jax.tree.map(jax.numpy.asarray, params))


@functools.cache
def pair(family: str, seed: int = 0) -> tuple[transformers.PreTrainedModel, Llama]:
    """The same random model in both libraries."""
    theirs = language_model(family, seed)
    return theirs, load(lambda rngs: Llama(llama_config(family), rngs=rngs), llama_params(theirs))
