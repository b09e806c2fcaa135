"""The largest batch per chip for every remat policy, found by compiling."""

from __future__ import annotations

import copy
from collections.abc import Callable

from ml_collections import ConfigDict

from tramp_jax.planning.plan import Plan, TooLarge

# Cheapest first: what a policy computes again, or moves to the host and back.
POLICIES = ("none", "dots", "full", "offload")
SIZES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)

Compile = Callable[[ConfigDict], Plan | TooLarge]


def find_batch(config: ConfigDict, task: str, groups: int, compile_step: Compile) -> dict[str, Plan]:
    """Remat policy -> the plan of the largest batch that fits; a policy under which not even one clip fits is left out.

    Memory grows with the batch by the same amount per clip, so two compiled sizes tell which one to try next; what is
    returned was compiled.

    Args:
      config: of the experiment.
      task: "report" or "language", whose LLaMA has a policy; of other tasks the batch alone is searched.
      groups: devices that hold different clips, times micro-batches: what a batch must be a multiple of.
      compile_step: compiles the task's step of a config.
    """
    policies = POLICIES if task in ("report", "language") else (config.model.llm.remat,)
    found = {}
    for policy in policies:
        best = _largest(lambda size, policy=policy: compile_step(_changed(config, task, policy, size * groups)))
        found |= {policy: best} if best else {}
    return found


def _changed(config: ConfigDict, task: str, policy: str, batch: int) -> ConfigDict:
    changed = copy.deepcopy(config)
    changed.model.llm.remat = policy
    changed.batch_size[task] = batch
    return changed


def _largest(compile_size: Callable[[int], Plan | TooLarge]) -> Plan | None:
    fitting: dict[int, Plan] = {}
    low, high = -1, len(SIZES)  # SIZES[low] fits, SIZES[high] does not
    place = SIZES.index(4)
    while high - low > 1:
        plan = compile_size(SIZES[place])
        if isinstance(plan, TooLarge):
            high = place
        else:
            low = place
            fitting[SIZES[place]] = plan
        place = min(max(_guess(fitting), low + 1), high - 1) if fitting else max(0, (low + high) // 2)
    return fitting[SIZES[low]] if low >= 0 else None


def _guess(fitting: dict[int, Plan]) -> int:
    """The place in SIZES of the largest batch that should fit, from the memory of those that did."""
    sizes = sorted(fitting)
    last = fitting[sizes[-1]]
    fixed = last.total - last.memory["activations"]
    if len(sizes) > 1:
        before = fitting[sizes[-2]]
        per_clip = (last.total - before.total) / (sizes[-1] - sizes[-2])
    else:
        per_clip = (last.total - fixed) / sizes[-1]
    most = sizes[-1] + (last.available - last.total) / per_clip if per_clip > 0 else SIZES[-1]
    return max((place for place, size in enumerate(SIZES) if size <= most), default=0)
