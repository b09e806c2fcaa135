"""The step that is planned is the step that runs: the same batch, the state donated, and nothing made."""

import jax
import numpy as np
import pytest
from tiny import demo_config, tiny_config

from input_pipeline.dataset import Dataset
from input_pipeline.pipeline import batches
from input_pipeline.tokenizer import Tokenizer, train_tokenizer
from tramp_jax.planning.program import batch_shapes, lower_step
from tramp_jax.sharding.mesh import make_mesh
from tramp_jax.tasks.table import TASKS


@pytest.mark.parametrize("task", ["severity", "report", "language"])
@pytest.mark.parametrize("make", [tiny_config, demo_config])
def test_the_batch_is_that_of_the_pipeline(task, make, simulated):
    config = make(data__text_length=128)
    data = Dataset.open(simulated)
    tokenizer = Tokenizer(train_tokenizer([label.report for label in data.labels], 300))
    config.data.kinematics_centre, config.data.kinematics_scale = (0.0,) * 53, (1.0,) * 53
    stream = batches(
        data,
        range(8),
        config.data,
        tokenizer,
        task=task,
        batch_size=4,
        seed=0,
        train=True,
        needs=TASKS[task].needs(config.model),
    )
    found = {name: (array.shape, str(array.dtype)) for name, array in next(iter(stream)).items()}
    assert batch_shapes(config, TASKS[task], 4) == found


@pytest.mark.parametrize("task", ["severity", "report"])
def test_what_a_task_owns_is_donated_and_nothing_else(task):
    config = tiny_config()
    program = lower_step(config, task, make_mesh(config.mesh))
    memory = program.lowered.compile().memory_analysis()
    owned = jax.tree.leaves(program.arguments[:3])
    assert memory.alias_size_in_bytes >= sum(np.prod(x.shape) * x.dtype.itemsize for x in owned)
    assert memory.alias_size_in_bytes < 1.1 * sum(np.prod(x.shape) * x.dtype.itemsize for x in owned) + 4096


def test_the_severity_step_never_sees_the_llama():
    program = lower_step(tiny_config(), "severity", make_mesh(tiny_config().mesh))
    blocks = set(program.arguments[0]) | set(program.arguments[3])
    assert blocks == {"motion", "fusion", "regression", "vision"}
