"""`python -m tramp_jax.compile --config=FILE --topology=v5e:4x4`: every task's step, compiled for a pod that is not there.

Needs libtpu (`pip install --editable '.[tpu]'`) and no TPU. Prints one table per task: memory per chip, FLOPs, what is sent
over which links, the times that they bound, and the MFU that the longest of them leaves.
"""

from __future__ import annotations

import dataclasses
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from absl import flags
from ml_collections import ConfigDict, config_flags

from input_pipeline import cli
from input_pipeline.errors import UserError

_CONFIG = config_flags.DEFINE_config_file("config", None, "The experiment.")
_TOPOLOGY = flags.DEFINE_string("topology", None, "Generation and chips along each axis: v5e:4x4, v5p:4x4x4, v6e:16x16.")
_PER_CHIP = flags.DEFINE_integer("per-chip", None, "Clips per chip; default: the config's batch over the chips.", lower_bound=1)
_TASKS = flags.DEFINE_list("tasks", [], "Which tasks; default: all that the config trains.")
_FIND = flags.DEFINE_bool("find-batch", False, "Searches the largest batch per chip under every remat policy: many compiles.")
_JSON = flags.DEFINE_string("json", None, "File for the same in numbers.")

USAGE = (
    "python -m tramp_jax.compile --config=FILE --topology=v5e:4x4 [--per-chip=N] [--tasks=report] [--find-batch] [--json=FILE]"
)


def main(argv: Sequence[str]) -> None:
    """Flags are absl's."""
    if argv:
        raise UserError(f"unexpected argument {argv[0]!r}; usage: {USAGE}")
    if _JSON.value and not Path(_JSON.value).absolute().parent.is_dir():
        raise UserError(f"--json={_JSON.value}: no such folder: make it first")
    from tramp_jax.config import config_from_flag

    rows = compile_tasks(config_from_flag(_CONFIG.value), _TOPOLOGY.value, _TASKS.value, _PER_CHIP.value, find=_FIND.value)
    if _JSON.value:
        Path(_JSON.value).write_text(json.dumps(rows, indent=2) + "\n")


def compile_tasks(config: ConfigDict, topology: str, names: Sequence[str], per_chip: int | None, *, find: bool) -> list[dict]:
    """Compiles and prints.

    Args:
      config: of the experiment.
      topology: "v5e:4x4".
      names: tasks; empty for all that the config trains.
      per_chip: clips per chip, None for the config's batch sizes.
      find: searches the largest batch instead.

    Returns:
      The plans as they go into JSON.

    Raises:
      UserError: libtpu absent or in use, an unknown topology or task, a mesh or batch that does not fit.
    """
    from tramp_jax.planning.topology import prepare_environment, topology_devices

    prepare_environment()  # before JAX starts
    from tramp_jax.planning.hardware import chip_of
    from tramp_jax.planning.plan import Plan, TooLarge, plan_task
    from tramp_jax.planning.search import find_batch
    from tramp_jax.planning.tables import markdown_console, print_plan, print_summary
    from tramp_jax.sharding.mesh import make_mesh
    from tramp_jax.tasks.table import active_tasks

    active = [task.name for task in active_tasks(config)]
    for name in names:
        if name not in active:
            raise UserError(f"--tasks={name}: the config does not train it; it trains {', '.join(active)}: name these alone")
    chip, devices = chip_of(topology), topology_devices(topology)
    mesh = make_mesh(config.mesh, devices)
    groups = mesh.shape["replica"] * mesh.shape["fsdp"]
    console, rows = markdown_console(), []

    def compiled(config: ConfigDict, task: str) -> Plan | TooLarge:
        size = config.batch_size[task] // groups
        print(f"compiling {task}, {size} clips per chip, remat {config.model.llm.remat} ...", file=sys.stderr, flush=True)
        plan = plan_task(config, task, devices, chip)
        if find:
            said = plan.reason if isinstance(plan, TooLarge) else f"{plan.total / 2**30:.2f} GiB"
            print(f"  {said}", file=sys.stderr, flush=True)
        return plan

    for task in names or active:
        if per_chip:
            config.batch_size[task] = per_chip * groups
        if find:
            shares = groups * config.accumulation[task]  # a batch is cut into micro-batches first
            found = find_batch(config, task, shares, lambda changed, task=task: compiled(changed, task))
            if not found:
                raise UserError(f"{task}: not one clip per chip fits {topology}: use more chips, or cut the model over tensor")
            plans: list[Plan | TooLarge] = list(found.values())
        else:
            plans = [compiled(config, task)]
        rows += [(config.name, topology, plan) for plan in plans]
        for plan in plans:
            if isinstance(plan, Plan):
                title = f"{config.name}: {task} on {topology}, {plan.per_chip} clips per chip, mesh {dict(mesh.shape)}"
                console.print(title, soft_wrap=True)
                print_plan(plan, console)
    print_summary(rows, console)
    if find:
        _recommend([plan for _, _, plan in rows if isinstance(plan, Plan)])
    return [{"config": name, "topology": where, **_numbers(plan)} for name, where, plan in rows]


def _recommend(plans: list) -> None:
    for task in dict.fromkeys(plan.task for plan in plans):
        mine = [plan for plan in plans if plan.task == task]
        most = max(plan.per_chip for plan in mine)
        largest = next(plan for plan in mine if plan.per_chip == most)  # the policies stand cheapest first
        fastest = max(mine, key=lambda plan: plan.per_chip / plan.bounds[plan.binding])
        print(
            f"{task}: largest batch {most} per chip, remat {largest.remat}; most clips per second at best: "
            f"{fastest.per_chip} per chip, remat {fastest.remat}"
        )


def _numbers(plan) -> dict:
    found = dataclasses.asdict(plan)
    return found | ({"binding": plan.binding, "mfu": plan.mfu} if hasattr(plan, "bounds") else {})


if __name__ == "__main__":
    flags.mark_flags_as_required(["config", "topology"])
    cli.run(main, USAGE)
