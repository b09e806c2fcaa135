"""A TraMP-LLaMA that is tiny in every size and real in every block, and batches that fit it."""

import jax
import numpy as np
from ml_collections import ConfigDict

from tramp_jax.config import default_config

T, F, SIZE, S, VOCABULARY = 32, 2, 16, 64, 300


def tiny_config(**changes) -> ConfigDict:
    """The default (paper's) recipe: frozen ViT and LLaMA, LoRA. `changes` are dotted keys with "__" for the dot."""
    config = default_config()
    model = config.model
    model.motion.frames, model.motion.channels, model.motion.depths = T, (16, 16), (1, 1)
    model.motion.heads, model.motion.strided_frames = 8, 8
    model.fusion.width, model.fusion.heads, model.fusion.depth = 16, 2, 1
    model.fusion.vision_width, model.fusion.motion_width = 16, 16
    model.head.input_width, model.head.widths = 16, (16, 8)
    model.projection.dtype = "float32"
    model.vision.dtype = model.vision.param_dtype = "float32"
    model.projection.merge = 1
    model.vision.update(
        {
            "image_size": SIZE,
            "patch_size": 8,
            "hidden_size": 16,
            "intermediate_size": 32,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
        }
    )
    model.llm.update(
        {
            "vocab_size": VOCABULARY,
            "hidden_size": 16,
            "intermediate_size": 32,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "num_key_value_heads": 1,
            "head_dim": 8,
            "dtype": "float32",
            "param_dtype": "float32",
        }
    )
    model.lora.rank = 2
    config.data.trajectory_length, config.data.num_frames, config.data.image_size, config.data.text_length = T, F, SIZE, S
    config.batch_size.severity = config.batch_size.report = 4
    config.total_steps = 12
    config.evaluate_every = 0
    config.checkpoint.every = 6
    config.tokenizer.vocab_size = VOCABULARY
    for key, value in changes.items():
        *folders, name = key.split("__")
        node = config
        for folder in folders:
            node = node[folder]
        node[name] = value
    return config


def demo_config(**changes) -> ConfigDict:
    """Where nothing is pretrained: `severity` owns the ViT, `report` the whole LLaMA; every switch of ours is on."""
    ownership = (
        (r"(motion|fusion|regression|kinematics|expression|vision)/.*", "severity"),
        (r"(motion|fusion|visual|kinematic)_projection/.*|llm/.*|lora/.*", "report"),
    )
    ours = {"model__kinematic_tokens": 2, "model__kinematic_sides": True, "model__head__kinematics_weight": 1.0}
    ours |= {"model__condition_on_expression": True}
    return tiny_config(ownership=ownership, **ours, **changes)


def tiny_batch(seed: int, size: int = 4) -> dict[str, np.ndarray]:
    """Random clips with every field that the tasks read."""
    rng = np.random.default_rng(seed)
    prompt, length = 5, 16
    mask = np.arange(S) < length
    return {
        "trajectory": rng.normal(size=(size, T, 63, 5)).astype(np.float32),
        "trajectory_time": np.tile(np.linspace(-1, 1, T, dtype=np.float32), (size, 1)),
        "trajectory_mask": np.ones((size, T), bool),
        "frames": rng.integers(0, 255, (size, F, SIZE, SIZE, 3), np.uint8),
        "frame_mask": np.ones((size, F), bool),
        "expression": rng.integers(0, 5, size).astype(np.int32),
        "kinematics": rng.normal(size=(size, 53)).astype(np.float32),
        "score": rng.integers(0, 5, size).astype(np.float32),
        "score_weight": np.ones(size, np.float32),
        "tokens": rng.integers(4, VOCABULARY, (size, S)).astype(np.int32),
        "token_mask": np.tile(mask, (size, 1)),
        "loss_mask": np.tile(mask & (np.arange(S) >= prompt), (size, 1)).astype(np.float32),
        "prompt_length": np.full(size, prompt, np.int32),
        "weight": np.ones(size, np.float32),
        "clip_index": np.arange(size, dtype=np.int32),
        "left_out": np.full(size, -1, np.int32),
    }


def copied(tree):
    """A copy on the host, for comparison after a donating step."""
    return jax.tree.map(np.array, jax.device_get(tree))
