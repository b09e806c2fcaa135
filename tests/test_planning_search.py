"""The search finds the largest batch under any law of memory, and compiles few steps for it."""

import pytest
from tiny import tiny_config

from tramp_jax.planning.flops import Flops
from tramp_jax.planning.plan import Plan, TooLarge
from tramp_jax.planning.search import POLICIES, SIZES, find_batch

GROUPS = 16


def plan(task, size, remat, total, fixed):
    return Plan(
        task=task,
        chips=GROUPS,
        per_chip=size,
        remat=remat,
        memory={"parameters": fixed, "activations": total - fixed},
        host=0.0,
        total=total,
        available=16.0,
        flops={"LLaMA": Flops(1.0, 2.0, 3.0)},
        exchanges=[],
        hbm=0.0,
        bounds={"compute": 1.0},
        compile_seconds=1.0,
        chip_flops=1.0,
    )


@pytest.mark.parametrize("fixed", [0.5, 6.0, 12.0])
@pytest.mark.parametrize("per_clip", [0.05, 0.3, 2.0, 3.9])
@pytest.mark.parametrize("bend", [0.0, 0.02])  # memory that does not grow by the same amount per clip
def test_the_largest_that_fits_is_found(fixed, per_clip, bend):
    factor = {"none": 4, "dots": 2, "full": 1, "offload": 0.5}
    asked = []

    def needs(size, remat):
        return fixed + factor[remat] * (per_clip * size + bend * size**2)

    def compile_step(config):
        size, remat = config.batch_size.report // GROUPS, config.model.llm.remat
        asked.append(remat)
        total = needs(size, remat)
        return plan("report", size, remat, total, fixed) if total <= 16 else TooLarge("report", size, remat, "")

    found = find_batch(tiny_config(), "report", GROUPS, compile_step)
    for remat in POLICIES:
        fitting = [size for size in SIZES if needs(size, remat) <= 16]
        assert (found[remat].per_chip if remat in found else None) == (max(fitting) if fitting else None)
        assert asked.count(remat) <= (8 if bend else 4)


def test_a_task_without_the_llama_has_no_policy_to_choose():
    found = find_batch(tiny_config(), "severity", GROUPS, lambda config: plan("severity", 1, "full", 1.0, 0.5))
    assert list(found) == ["full"]
