"""A run compiles once, moves nothing between host and device unasked, and gives its state's memory back to the step."""

import re

import jax
import numpy as np
import pytest
from tiny import tiny_batch, tiny_config

from tramp_jax.models.tramp_llama import TrampLlama
from tramp_jax.planning.program import lower_step
from tramp_jax.sharding.mesh import make_mesh
from tramp_jax.tasks.table import active_tasks
from tramp_jax.training.loop import Trainer
from tramp_jax.training.state import initial_state

COMPILED = "/jax/core/compile/backend_compile_duration"


@pytest.fixture(scope="module")
def trainer():
    config = tiny_config()
    model, tasks, mesh = TrampLlama(config.model), active_tasks(config), make_mesh(config.mesh)
    with jax.set_mesh(mesh):
        made = Trainer(config, model, tasks, initial_state(model, config, tasks, jax.random.key(0)), mesh)
        for task in tasks:
            made.compile(task, tiny_batch(0))
        yield made


def take_steps(trainer, count):
    for i in range(count):
        for task in trainer.tasks.values():
            metrics = trainer.step(task, trainer.put(tiny_batch(i)))
    return jax.device_get(metrics)


def test_nothing_is_compiled_after_the_first_round(trainer):
    take_steps(trainer, 1)
    found = []
    jax.monitoring.register_event_duration_secs_listener(lambda name, _, **__: found.append(name))
    try:
        take_steps(trainer, 3)
        assert COMPILED not in found
        jax.jit(lambda x: x * 3)(np.ones(7))
        assert COMPILED in found  # the event that a recompilation would have sent
    finally:
        jax.monitoring.clear_event_listeners()


def test_a_batch_of_another_shape_is_no_reason_to_compile_again(trainer):
    with pytest.raises(TypeError, match="compiled"):
        trainer.step(trainer.tasks["report"], trainer.put(tiny_batch(0, size=2)))


def test_a_step_refuses_what_is_not_on_the_device(trainer):
    batch = trainer.put(tiny_batch(0)) | {"token_mask": tiny_batch(0)["token_mask"]}
    with pytest.raises(Exception, match="Disallowed host-to-device transfer"):
        trainer.step(trainer.tasks["report"], batch)


@pytest.mark.parametrize("task", ["severity", "report"])
def test_the_compiled_text_aliases_every_array_of_the_owned_state(task):
    program = lower_step(tiny_config(), task, make_mesh(tiny_config().mesh))
    header = program.lowered.compile().as_text().splitlines()[0]
    aliased = re.findall(r"\{(\d+)\}: \((\d+), \{\}, (?:may|must)-alias\)", header)
    owned = len(jax.tree.leaves(program.arguments[:3]))
    assert [int(output) for output, _ in aliased] == list(range(owned))
