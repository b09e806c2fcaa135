"""The real step of a task, lowered from shapes alone: no array is made.

Axes: B batch, T trajectory frames, V landmark tokens, C features, F RGB frames, S text.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import AbstractMesh, Mesh
from ml_collections import ConfigDict

from input_pipeline.motion.kinematics import FEATURE_NAMES
from tramp_jax.models.tramp_llama import TrampLlama, Tree
from tramp_jax.sharding.mesh import batch_sharding, replicated
from tramp_jax.sharding.rules import shardings_of
from tramp_jax.tasks.table import Task, active_tasks
from tramp_jax.training.state import Partition, initial_state, optimizers
from tramp_jax.training.step import jit_step, make_step


@dataclasses.dataclass(frozen=True)
class Program:
    """A task's step, lowered.

    Attributes:
      task: its name.
      arguments: abstract, as the step takes them: owned, moments, owned statistics, others, other statistics, batch, number.
      lowered: of `jax.jit`.
    """

    task: str
    arguments: tuple[Any, ...]
    lowered: Any


def abstract_state(config: ConfigDict, model: TrampLlama, tasks: Sequence[Task], mesh: Mesh | AbstractMesh) -> Tree:
    """The whole train state as shapes with their shardings."""
    shapes = jax.eval_shape(lambda key: initial_state(model, config, tasks, key).to_tree(), jax.random.key(0))
    places = shardings_of(shapes, mesh, frozenset(model.blocks))
    return jax.tree.map(lambda s, where: jax.ShapeDtypeStruct(s.shape, s.dtype, sharding=where), shapes, places)


def batch_shapes(config: ConfigDict, task: Task, batch_size: int) -> dict[str, tuple[tuple[int, ...], str]]:
    """Field -> (shape, dtype) of a task's batch, as `input_pipeline.pipeline` makes it."""
    data, needs = config.data, task.needs(config.model)
    T, F, S = data.trajectory_length, data.num_frames, data.text_length
    landmarks = config.model.motion.landmarks
    fields: dict[str, tuple[tuple[int, ...], str]] = {
        "clip_index": ((), "int32"),
        "expression": ((), "int32"),
        "left_out": ((), "int32"),
        "weight": ((), "float32"),
    }
    if "trajectory" in needs:
        fields |= {
            "trajectory": ((T, landmarks, len(data.features)), "float32"),
            "trajectory_time": ((T,), "float32"),
            "trajectory_mask": ((T,), "bool"),
        }
    if "frames" in needs:
        fields |= {"frames": ((F, data.image_size, data.image_size, 3), "uint8"), "frame_mask": ((F,), "bool")}
    if "vision" in needs:
        vit = config.model.vision
        seen = (F, (vit.image_size // vit.patch_size) ** 2, vit.hidden_size)
        fields |= {"vision": (seen, vit.dtype), "frame_mask": ((F,), "bool")}
    if "score" in needs:
        fields |= {"score": ((), "float32"), "score_weight": ((), "float32")}
    if "kinematics" in needs:
        fields |= {"kinematics": ((len(FEATURE_NAMES),), "float32")}
    if "text" in needs:
        fields |= {
            "tokens": ((S,), "int32"),
            "token_mask": ((S,), "bool"),
            "loss_mask": ((S,), "float32"),
            "prompt_length": ((), "int32"),
            "truncated": ((), "int32"),
        }
    return {name: ((batch_size, *shape), dtype) for name, (shape, dtype) in fields.items()}


def step_of(config: ConfigDict, task_name: str, mesh: Mesh | AbstractMesh) -> tuple[Callable, tuple[Any, ...]]:
    """The step of a task, not jitted, and its arguments as shapes with their places on a mesh."""
    model, tasks = TrampLlama(config.model), active_tasks(config)
    task = next(task for task in tasks if task.name == task_name)
    state = abstract_state(config, model, tasks, mesh)
    partition = Partition.of(state["params"], state["stats"], config, tasks)
    owned, others = partition.split(state["params"], task, config.model)
    owned_stats, other_stats = partition.split(state["stats"], task, config.model)
    where = batch_sharding(mesh)
    batch = {
        name: jax.ShapeDtypeStruct(shape, jnp.dtype(dtype), sharding=where)
        for name, (shape, dtype) in batch_shapes(config, task, config.batch_size[task_name]).items()
    }
    number = jax.ShapeDtypeStruct((), jnp.int32, sharding=replicated(mesh))
    arguments = (owned, state["opt"][task_name], owned_stats, others, other_stats, batch, number)
    step = make_step(task, model, optimizers(config, tasks)[task_name], seed=config.seed, parts=config.accumulation[task_name])
    return step, arguments


def lower_step(config: ConfigDict, task_name: str, mesh: Mesh) -> Program:
    """Lowers the step of a task for the devices of a mesh, real or described."""
    step, arguments = step_of(config, task_name, mesh)
    with jax.set_mesh(mesh):
        lowered = jit_step(step, *arguments[:3]).lower(*arguments)
    return Program(task_name, arguments, lowered)
