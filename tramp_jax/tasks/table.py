"""The task table: a task is a row here, never a branch in the train step.

To add one: write its loss in a file of this folder, add a row below, and give it parameters in `config.ownership`.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import jax
from ml_collections import ConfigDict

from input_pipeline.errors import UserError
from tramp_jax.models.tramp_llama import TrampLlama, Tree
from tramp_jax.tasks import language, report, severity


@dataclasses.dataclass(frozen=True)
class LossOutput:
    """What a task's loss returns: sums, so that micro-batches add up to the mean of the whole batch.

    Attributes:
      total: () f32, the sum of weighted losses.
      weight: () f32, the sum of weights; the loss is total / weight.
      metrics: named () f32 sums on the same weight, for the log.
      stats: the running statistics after this batch, as given where the task does not update them.
    """

    total: jax.Array
    weight: jax.Array
    metrics: dict[str, jax.Array]
    stats: Tree


jax.tree_util.register_dataclass(LossOutput, ["total", "weight", "metrics", "stats"], [])

# (model, params, stats, batch, key) -> LossOutput. Deterministic in its arguments.
LossFn = Callable[[TrampLlama, Tree, Tree, dict[str, jax.Array], jax.Array], LossOutput]


@dataclasses.dataclass(frozen=True)
class Task:
    """One row of the table.

    Attributes:
      name: as in config.schedule, config.optim, config.batch_size and config.ownership.
      loss: the task's loss.
      reads: config.model -> names of the parameter blocks that the loss uses (a step sees no others).
      needs: config.model -> which families of the batch the pipeline has to load.
      accumulates: whether micro-batches give the same gradient as the whole batch.
    """

    name: str
    loss: LossFn
    reads: Callable[[ConfigDict], frozenset[str]]
    needs: Callable[[ConfigDict], frozenset[str]]
    accumulates: bool


def _severity_loss(*args: Any) -> LossOutput:
    return LossOutput(*severity.loss(*args))


def _report_loss(*args: Any) -> LossOutput:
    return LossOutput(*report.loss(*args))


def _language_loss(*args: Any) -> LossOutput:
    return LossOutput(*language.loss(*args))


TASKS: dict[str, Task] = {
    "severity": Task("severity", _severity_loss, severity.reads, severity.needs, accumulates=False),
    "report": Task("report", _report_loss, report.reads, report.needs, accumulates=True),
    "language": Task("language", _language_loss, language.reads, language.needs, accumulates=True),
}


def active_tasks(config: ConfigDict) -> list[Task]:
    """The tasks with a weight in config.schedule, in the order of the table.

    Raises:
      UserError: an unknown task, or accumulation for a task whose loss is defined on the whole batch.
    """
    unknown = sorted(set(config.schedule.weights) - set(TASKS))
    if unknown:
        raise UserError(f"schedule.weights: unknown task {unknown[0]!r}; known are {', '.join(TASKS)}")
    tasks = [_seeing(task, config) for name, task in TASKS.items() if config.schedule.weights.get(name, 0)]
    for task in tasks:
        parts = config.accumulation[task.name]
        if parts != 1 and not task.accumulates:
            raise UserError(
                f"accumulation.{task.name}={parts}: its loss and BatchNorm are defined on the whole batch; set it to 1 and "
                f"use a smaller batch_size.{task.name} or more devices"
            )
        if config.batch_size[task.name] % parts:
            raise UserError(
                f"accumulation.{task.name}={parts} does not divide batch_size.{task.name}={config.batch_size[task.name]}: "
                "change one of them"
            )
    return tasks


def _seeing(task: Task, config: ConfigDict) -> Task:
    """The task as it is, or on stored features of the frozen ViT, of which it then reads no parameters."""
    if not config.data.vision_features:
        return task

    def needs(model: ConfigDict) -> frozenset[str]:
        found = task.needs(model)
        return (found - {"frames"}) | {"vision"} if "frames" in found else found

    return dataclasses.replace(task, reads=lambda model: task.reads(model) - {"vision"}, needs=needs)
