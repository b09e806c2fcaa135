"""Random TraMP-LLaMAs as an export has them, in JAX's trees and in PyTorch."""

import jax
import numpy as np
import torch
from ml_collections import ConfigDict

from tramp_jax.hf.full import model_json, to_full
from tramp_jax.hf.pytorch.configuration_tramp_llama import TrampLlamaConfig
from tramp_jax.hf.pytorch.modeling_tramp_llama import TrampLlamaModel
from tramp_jax.models.blocks import Block
from tramp_jax.models.lora import merge
from tramp_jax.models.tramp_llama import TrampLlama
from tramp_jax.training.ownership import flatten


def random_trees(model: TrampLlama | Block, seed: int = 0) -> tuple[dict, dict]:
    """Every leaf random, so that none is at a value (0, 1) that hides its misuse. Compiles nothing."""
    rng = np.random.default_rng(seed)

    def draw(path, leaf):
        noise, name = rng.normal(size=leaf.shape), path[-1].key
        if name in ("scale", "var"):
            return (1 + 0.3 * np.clip(noise, -2, 2)).astype(leaf.dtype)
        spread = leaf.shape[-2] ** -0.5 if name == "kernel" else 0.15 if name.startswith("lora") else 0.4
        return (spread * noise).astype(leaf.dtype)

    return jax.tree_util.tree_map_with_path(draw, jax.eval_shape(model.init, jax.random.key(0)))


def exported(config: ConfigDict, params: dict, stats: dict) -> tuple[dict, dict]:
    """The leaves as an export takes them: by path, the LoRA merged."""
    if config.model.use_lora:
        llm = merge(params["llm"], params["lora"], config.model.lora)
        params = {name: tree for name, tree in {**params, "llm": llm}.items() if name != "lora"}
    return flatten(params), flatten(stats)


def pytorch_model(config: ConfigDict, params: dict, stats: dict, tokens: dict, dtype: str = "float32") -> TrampLlamaModel:
    """The PyTorch model with these leaves (of `exported`); `dtype` is the language model's."""
    model = TrampLlamaModel(TrampLlamaConfig(**model_json(config, dtype, tokens))).eval()
    tensors = {name: torch.from_numpy(np.array(make())) for name, make in to_full(TrampLlama(config.model), params, stats)}
    if config.model.llm.tie_word_embeddings:
        tensors["language_model.lm_head.weight"] = tensors["language_model.model.embed_tokens.weight"]
    model.load_state_dict(tensors)
    return model


def clip_inputs(batch: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    """What a batch has of the model's inputs but the text."""
    names = ("trajectory", "trajectory_time", "expression", "frames", "frame_mask", "kinematics")
    return {name: torch.from_numpy(np.array(batch[name])) for name in names if name in batch}
