"""What one task's step needs on a described pod: memory, operations, traffic, and the times that they bound.

The step is compiled by the TPU compiler for the pod. Memory is the compiler's; operations are counted by formula
(`planning.flops`), traffic from the compiler's text (`planning.traffic`, `planning.collectives`); times divide them by what the
chip can do at best (`planning.hardware`). They are estimates of a bound: nothing was timed on a TPU.
"""

from __future__ import annotations

import dataclasses
import re
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from ml_collections import ConfigDict

from input_pipeline.errors import UserError
from tramp_jax.planning.collectives import Collective, collectives_of
from tramp_jax.planning.flops import Flops, task_flops
from tramp_jax.planning.hardware import Chip, links_of
from tramp_jax.planning.program import Program, lower_step
from tramp_jax.planning.traffic import hbm_bytes
from tramp_jax.sharding.mesh import check_batch, make_mesh


@dataclasses.dataclass(frozen=True)
class Exchange:
    """Collectives of one kind over the same chips.

    Attributes:
      kind: "all-gather".
      axes: of the mesh, "fsdp".
      links: torus axes that they cross, "x+y".
      count: how often one runs in a step.
      wire: bytes that a chip sends in a step.
      seconds: at the least, over all the links that lead there.
      alone: what runs once in a step, outside of every loop: array -> bytes, "bf16[4096,1024]".
    """

    kind: str
    axes: str
    links: str
    count: int
    wire: float
    seconds: float
    alone: dict[str, int]


@dataclasses.dataclass(frozen=True)
class Plan:
    """A task's step on a pod; memory in bytes per chip, operations per chip and step.

    Attributes:
      task: its name.
      chips: in the pod.
      per_chip: clips per chip and step.
      remat: policy of the LLaMA.
      memory: kind -> bytes: parameters, optimizer, batch, and activations (with gradients and everything temporary).
      host: bytes of the host's memory that hold activations, with remat "offload".
      total: peak.
      available: of the chip.
      flops: component -> operations of one chip's clips.
      exchanges: what is sent.
      hbm: bytes moved to and from HBM.
      bounds: "compute", "HBM", "ICI" -> seconds.
      compile_seconds: of the compiler.
      chip_flops: of one chip per second, at its peak.
    """

    task: str
    chips: int
    per_chip: int
    remat: str
    memory: dict[str, float]
    host: float
    total: float
    available: float
    flops: dict[str, Flops]
    exchanges: list[Exchange]
    hbm: float
    bounds: dict[str, float]
    compile_seconds: float
    chip_flops: float

    @property
    def binding(self) -> str:
        """The bound that is the longest."""
        return max(self.bounds, key=self.bounds.__getitem__)

    @property
    def mfu(self) -> float:
        """Model FLOPs utilisation at best: what the model needs, over what the chip could do in the longest bound."""
        return sum(part.model for part in self.flops.values()) / (self.chip_flops * self.bounds[self.binding])


@dataclasses.dataclass(frozen=True)
class TooLarge:
    """A step that does not fit: what the compiler says it needs, in its words."""

    task: str
    per_chip: int
    remat: str
    reason: str


def plan_task(config: ConfigDict, task: str, devices: Sequence[Any], chip: Chip) -> Plan | TooLarge:
    """Compiles a task's step for described devices.

    Args:
      config: of the experiment, with its mesh and batch size.
      task: its name.
      devices: from `planning.topology.topology_devices`.
      chip: what one of them can do.

    Raises:
      UserError: the mesh does not fit the devices, or the batch not the mesh.
    """
    mesh = make_mesh(config.mesh, devices)
    check_batch(mesh, config.batch_size[task], f"batch_size.{task}", config.accumulation[task])
    program = lower_step(config, task, mesh)
    per_chip = config.batch_size[task] // (mesh.size // mesh.shape["tensor"])
    begin = time.monotonic()
    try:
        compiled = program.lowered.compile()
    except jax.errors.JaxRuntimeError as error:
        reason = " ".join(str(error).split())
        if "RESOURCE_EXHAUSTED" not in reason:
            raise UserError(
                f"{task}: the TPU compiler fails ({reason[:400]}): change config.mesh or the model, or try another libtpu"
            ) from error
        return TooLarge(task, per_chip, config.model.llm.remat, _needed(reason))
    seconds = time.monotonic() - begin
    analysis, text = compiled.memory_analysis(), compiled.as_text()
    memory = _memory(program)
    memory["activations"] = analysis.peak_memory_in_bytes - sum(memory.values())
    share = config.batch_size[task] / mesh.size
    flops = {
        name: Flops(*(share * count for count in dataclasses.astuple(each)))
        for name, each in task_flops(config, task, set(program.arguments[0]), splash="splash_mha" in text).items()
    }
    collectives = collectives_of(text, dict(mesh.shape))
    exchanges = _exchanges(collectives, mesh.devices.flatten(), chip)
    moved = hbm_bytes(text) + sum(each.hbm for each in collectives)
    bounds = {
        "compute": sum(each.executed for each in flops.values()) / chip.flops,
        "HBM": moved / chip.hbm_rate,
        "ICI": sum(each.seconds for each in exchanges),
    }
    return Plan(
        task=task,
        chips=mesh.size,
        per_chip=per_chip,
        remat=config.model.llm.remat,
        memory=memory,
        host=analysis.host_temp_size_in_bytes,
        total=analysis.peak_memory_in_bytes,
        available=chip.hbm_bytes,
        flops=flops,
        exchanges=exchanges,
        hbm=moved,
        bounds=bounds,
        compile_seconds=seconds,
        chip_flops=chip.flops,
    )


def _needed(reason: str) -> str:
    """The sentence of the compiler that says how much is missing."""
    found = re.search(r"Used \S+ of \S+ hbm|the total memory required for .*? exceeds available HBM \(\S+\)", reason)
    return found[0] if found else reason[:200]


def _memory(program: Program) -> dict[str, float]:
    owned, opt, owned_stats, others, other_stats, batch, _ = program.arguments
    kinds = {"parameters": (owned, owned_stats, others, other_stats), "optimizer": opt, "batch": batch}
    return {kind: float(sum(map(_bytes_per_chip, jax.tree.leaves(tree)))) for kind, tree in kinds.items()}


def _bytes_per_chip(leaf: jax.ShapeDtypeStruct) -> int:
    return int(np.prod(leaf.sharding.shard_shape(leaf.shape), dtype=np.int64)) * leaf.dtype.itemsize


def _exchanges(found: list[Collective], devices: Sequence[Any], chip: Chip) -> list[Exchange]:
    groups: dict[tuple[str, str, str], list[tuple[Collective, int]]] = defaultdict(list)
    for each in found:
        if each.wire:
            links = links_of([devices[i] for i in each.chips], chip)
            groups[each.kind, each.axes, links.axes].append((each, links.per_chip))
    return [
        Exchange(
            *key,
            count=sum(each.count for each, _ in members),
            wire=sum(each.wire for each, _ in members),
            seconds=sum(each.wire / (chip.link_rate * links) for each, links in members),
            alone=dict(
                sorted(((each.array, each.payload) for each, _ in members if each.count == 1), key=lambda item: item[1])
            ),
        )
        for key, members in sorted(groups.items())
    ]
