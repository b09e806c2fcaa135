"""Small random models of transformers, and the same in this project, by way of the importer."""

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
import torch
import transformers
from flax import nnx
from ml_collections import ConfigDict

from tramp_jax.hf.sources import open_source
from tramp_jax.models.llama import Llama
from tramp_jax.training.ownership import unflatten

VOCABULARY, WIDTH, HIDDEN, LAYERS, HEADS, DIM = 97, 32, 56, 3, 4, 8
NAMES = {
    "llama2": "Llama 2, Vicuna",
    "llama_gqa": "Llama with GQA",
    "llama3": "Llama 3.x (scaled RoPE, GQA, tied)",
    "qwen2": "Qwen2",
    "qwen25": "Qwen2.5 (tied)",
}
LLAMA3_SCALING = {
    "rope_type": "llama3",
    "rope_theta": 500000.0,
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
            fan_in = parameter[0].numel() if parameter.ndim > 1 else 16
            parameter.copy_(1 + 0.3 * noise if is_scale else noise * fan_in**-0.5)
    return model.eval()


def language_model(family: str, seed: int = 0, vocab_size: int = VOCABULARY) -> transformers.PreTrainedModel:
    """A random model in float32: "llama2" (and Vicuna), "llama_gqa", "llama3" (scaled RoPE, GQA, tied), "qwen2" (biases,
    GQA) or "qwen25" (the same, tied, as the small Qwen2.5 are)."""
    sizes = {
        "vocab_size": vocab_size,
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
    if family in ("qwen2", "qwen25"):
        rope = {"rope_type": "default", "rope_theta": 1e6}
        config = transformers.Qwen2Config(**sizes, tie_word_embeddings=family == "qwen25", rope_parameters=rope)
        return randomise(transformers.Qwen2ForCausalLM(config), seed)
    extra = {"rope_parameters": LLAMA3_SCALING, "tie_word_embeddings": True} if family == "llama3" else {}
    return randomise(transformers.LlamaForCausalLM(transformers.LlamaConfig(**sizes, **extra)), seed)


def import_model(model: transformers.PreTrainedModel) -> tuple[dict[str, ConfigDict], dict[str, dict]]:
    """Configs (in float32) and parameter trees by block, as `import_hf` reads them from what transformers saves."""
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        source = open_source(Path(folder))
        source.check()
        blocks = {name: block for part in source.parts.values() for name, block in part.items()}
        params = unflatten({path: make() for part in source.parts for path, make in source.leaves(part)})
    for block in blocks.values():
        block.config.dtype = block.config.param_dtype = "float32"
    return {name: block.config for name, block in blocks.items()}, params


@functools.cache
def _imported(family: str, seed: int = 0) -> tuple[transformers.PreTrainedModel, ConfigDict, dict]:
    theirs = language_model(family, seed)
    configs, params = import_model(theirs)
    configs["llm"].remat = "none"
    return theirs, configs["llm"], params["llm"]


def llama_config(family: str) -> ConfigDict:
    """This project's config of the same model."""
    return _imported(family)[1].copy_and_resolve_references()


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
    theirs, config, params = _imported(family, seed)
    return theirs, load(lambda rngs: Llama(config, rngs=rngs), params)
