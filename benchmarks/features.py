"""Time of a severity step with a frozen ViT and on its stored features: `python benchmarks/features.py [--layers=12]`.

Random parameters and pixels on this machine's devices; the rest of the model is small, so that the ViT is most of a step. With
the ViT a batch brings frames, without it the features that the same ViT made of them.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from absl import app, flags
from ml_collections import ConfigDict

from tramp_jax.config import default_config
from tramp_jax.models.tramp_llama import TrampLlama
from tramp_jax.planning.program import batch_shapes
from tramp_jax.sharding.mesh import make_mesh
from tramp_jax.tasks.table import active_tasks
from tramp_jax.training.loop import Trainer
from tramp_jax.training.state import TrainState, initial_state

_LAYERS = flags.DEFINE_integer("layers", 12, "Of the ViT; its MLP is four times as wide as --width.", lower_bound=1)
_WIDTH = flags.DEFINE_integer("width", 192, "Of the ViT, a multiple of 64 (192 and 12 layers: a ViT-Ti).", lower_bound=64)
_FRAMES = flags.DEFINE_integer("frames", 8, "Of a clip.", lower_bound=1)
_IMAGE = flags.DEFINE_integer("image-size", 112, "Side of a frame; patches have 14 pixels.", lower_bound=14)
_BATCH = flags.DEFINE_integer("batch", 8, "Clips of a step.", lower_bound=1)
_STEPS = flags.DEFINE_integer("steps", 10, "That are timed.", lower_bound=1)


def make_config(features: str) -> ConfigDict:
    """The paper's recipe with a small motion encoder; `features` as config.data.vision_features."""
    config = default_config()
    model = config.model
    model.motion.frames, model.motion.channels, model.motion.depths = 32, (32, 32), (1, 1)
    model.motion.heads, model.motion.strided_frames = 8, 8
    model.fusion.width = model.fusion.motion_width = model.head.input_width = 32
    model.fusion.heads, model.fusion.vision_width, model.head.widths = 4, _WIDTH.value, (32, 16)
    model.vision.image_size, model.vision.hidden_size = _IMAGE.value, _WIDTH.value
    model.vision.intermediate_size = 4 * _WIDTH.value
    model.vision.num_hidden_layers, model.vision.num_attention_heads = _LAYERS.value, _WIDTH.value // 64
    config.data.trajectory_length, config.data.num_frames, config.data.image_size = 32, _FRAMES.value, _IMAGE.value
    config.data.vision_features = features
    config.batch_size.severity = _BATCH.value
    config.schedule.weights = ConfigDict({"severity": 1, "report": 0, "language": 0})
    return config


def draw(shapes: dict[str, tuple[tuple[int, ...], str]]) -> dict[str, np.ndarray]:
    """A batch of these shapes, of random numbers."""
    rng = np.random.default_rng(0)
    batch = {name: rng.integers(0, 4, shape).astype(dtype) for name, (shape, dtype) in shapes.items()}
    noise = {name: rng.normal(size=array.shape).astype(array.dtype) for name, array in batch.items() if name == "trajectory"}
    pixels = {name: rng.integers(0, 255, array.shape, np.uint8) for name, array in batch.items() if name == "frames"}
    return batch | noise | pixels


def seconds_of(trainer: Trainer, batch: dict[str, np.ndarray]) -> float:
    """Median time of a step, the batch's way to the device included."""
    task = trainer.tasks["severity"]
    trainer.compile(task, batch)
    taken = []
    for _ in range(_STEPS.value + 1):
        start = time.perf_counter()
        jax.block_until_ready(trainer.step(task, trainer.put(batch)))
        taken.append(time.perf_counter() - start)
    return float(np.median(taken[1:]))


def measure(features: str) -> dict[str, Any]:
    """Seconds of a step and bytes of a clip."""
    config = make_config(features)
    model, tasks, mesh = TrampLlama(config.model), active_tasks(config), make_mesh(config.mesh)
    # The LLaMA takes no part in the step, and has no place in a small machine's memory.
    blocks = {name: block for name, block in model.blocks.items() if name in {"motion", "fusion", "regression", "vision"}}
    model.blocks = blocks
    batch = draw(batch_shapes(config, tasks[0], _BATCH.value))
    with jax.set_mesh(mesh):
        state = jax.jit(lambda key: initial_state(model, config, tasks, key).to_tree())(jax.random.key(0))
        trainer = Trainer(config, model, tasks, TrainState.from_tree(state), mesh)
        seconds = seconds_of(trainer, batch)
    return {"seconds": seconds, "bytes": batch["vision" if features else "frames"][0].nbytes}


def main(argv: Sequence[str]) -> None:
    """Prints the table."""
    found = {name: measure(name) for name in ("", "made")}
    vit = f"a ViT of {_LAYERS.value} layers of {_WIDTH.value}"
    print(f"{jax.devices()[0].device_kind}: {_BATCH.value} clips of {_FRAMES.value} frames, {vit}")
    print("| frames | seconds per step | clips/s | bytes per clip to the device |")
    print("|---|---|---|---|")
    for name, row in found.items():
        label = "features" if name else "pixels, ViT"
        print(f"| {label} | {row['seconds']:.4f} | {_BATCH.value / row['seconds']:.1f} | {row['bytes']:,} |")
    print(f"\nwith the ViT {found['']['seconds'] / found['made']['seconds']:.1f} x as long")


if __name__ == "__main__":
    app.run(main)
