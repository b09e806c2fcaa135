"""The train state: plain nested dicts, so that checkpoints, sharding rules and optimizers never see NNX types."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import numpy as np
import optax
from ml_collections import ConfigDict

from tramp_jax.models.tramp_llama import TrampLlama, Tree
from tramp_jax.tasks.schedule import Schedule
from tramp_jax.tasks.table import TASKS, Task
from tramp_jax.training.optimizers import make_optimizer
from tramp_jax.training.ownership import FROZEN, flatten, owners, split, unflatten


@dataclasses.dataclass
class TrainState:
    """Everything that a checkpoint holds.

    Attributes:
      params: block -> parameters.
      stats: block -> running statistics (BatchNorm), owned like the parameters of the same block.
      opt: task -> optax state over that task's own parameters.
      task_steps: task -> steps taken.
      step: global steps taken.
    """

    params: Tree
    stats: Tree
    opt: dict[str, optax.OptState]
    task_steps: dict[str, int]
    step: int

    def to_tree(self) -> dict[str, Any]:
        """As one pytree for the checkpoint."""
        counts = {task: np.asarray(n, np.int32) for task, n in self.task_steps.items()}
        return {
            "params": self.params,
            "stats": self.stats,
            "opt": self.opt,
            "task_steps": counts,
            "step": np.asarray(self.step, np.int32),
        }

    @classmethod
    def from_tree(cls, tree: Mapping[str, Any]) -> TrainState:
        """The inverse of `to_tree`."""
        steps = {task: int(n) for task, n in tree["task_steps"].items()}
        return cls(tree["params"], tree["stats"], tree["opt"], steps, int(tree["step"]))


@dataclasses.dataclass(frozen=True)
class Partition:
    """Which leaves belong to which task, by path, for parameters and statistics alike."""

    owner_of: dict[str, str]

    @classmethod
    def of(cls, params: Tree, stats: Tree, config: ConfigDict, tasks: Sequence[Task]) -> Partition:
        """Applies config.ownership; tasks that are switched off leave their parameters frozen."""
        rules = [(pattern, owner if owner in {t.name for t in tasks} else _off(owner)) for pattern, owner in config.ownership]
        return cls(owners([*flatten(params), *flatten(stats)], rules, [task.name for task in tasks]))

    def split(self, tree: Tree, task: Task, model: ConfigDict) -> tuple[Tree, Tree]:
        """(owned by the task, read by it but not owned), both nested."""
        owned, others = split(flatten(tree), self.owner_of, task.name, task.reads(model))
        return unflatten(owned), unflatten(others)


def _off(owner: str) -> str:
    return FROZEN if owner in TASKS else owner


def merge(*trees: Tree) -> Tree:
    """Nested dicts with disjoint leaves, as one."""
    flat: dict[str, Any] = {}
    for tree in trees:
        flat |= flatten(tree)
    return unflatten(flat)


def optimizers(config: ConfigDict, tasks: Sequence[Task]) -> dict[str, optax.GradientTransformation]:
    """Task -> optimizer, its schedule over as many steps as the task takes in the run's horizon."""
    schedule, horizon = Schedule.from_config(config.schedule), config.horizon or config.total_steps
    return {t.name: make_optimizer(config.optim[t.name], schedule.count(t.name, horizon)) for t in tasks}


def initial_state(model: TrampLlama, config: ConfigDict, tasks: Sequence[Task], key: jax.Array) -> TrainState:
    """Fresh parameters, moments for what is trained and none for what is frozen. Traceable by `jax.eval_shape`."""
    params, stats = model.init(key)
    partition = Partition.of(params, stats, config, tasks)
    owned = {task.name: partition.split(params, task, config.model)[0] for task in tasks}
    return TrainState(params, stats, fresh_moments(config, tasks, owned), {task.name: 0 for task in tasks}, 0)


def fresh_moments(config: ConfigDict, tasks: Sequence[Task], owned: dict[str, Tree]) -> dict[str, optax.OptState]:
    """Task -> the state of its optimizer before the first step, from the parameters that the task owns."""
    return {name: optimizer.init(owned[name]) for name, optimizer in optimizers(config, tasks).items()}
