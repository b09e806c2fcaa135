"""Every experiment in configs/ builds at its full size, by shape alone."""

import importlib.util
import pathlib

import jax
import numpy as np
import pytest

from tramp_jax.models.tramp_llama import TrampLlama
from tramp_jax.sharding.rules import spec_of
from tramp_jax.tasks.table import TASKS, active_tasks
from tramp_jax.training.ownership import flatten
from tramp_jax.training.state import Partition, initial_state

FOLDER = pathlib.Path(__file__).parent.parent / "configs"


def load(name, arg=None):
    spec = importlib.util.spec_from_file_location(name, FOLDER / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config(arg)


def shapes(config):
    model = TrampLlama(config.model)
    state = jax.eval_shape(lambda key: initial_state(model, config, active_tasks(config), key).to_tree(), jax.random.key(0))
    return model, state


def millions(tree):
    return sum(np.prod(leaf.shape) for leaf in jax.tree.leaves(tree)) / 1e6


@pytest.mark.parametrize("name", sorted(path.stem for path in FOLDER.glob("*.py")))
def test_every_parameter_has_an_owner_and_a_place(name):
    config = load(name)
    _, state = shapes(config)
    partition = Partition.of(state["params"], state["stats"], config, active_tasks(config))
    assert set(partition.owner_of.values()) <= {*TASKS, "frozen"}
    for path in flatten(state["params"]):
        spec_of(path)


def test_the_full_size_is_llama_31_8b_with_siglip_so400m_and_lora():
    config = load("pfed5_plus_8b")
    _, state = shapes(config)
    params = state["params"]
    assert millions(params["llm"]) == pytest.approx(8030.261248)
    assert millions(params["motion"]) == pytest.approx(4.56, abs=0.01)  # tramp_lineage.md section 2.5
    assert config.model.lora.rank == 64
    assert (config.data.num_frames, config.data.trajectory_length, config.data.image_size) == (32, 128, 224)
    assert params["llm"]["layers"]["mlp"]["up_proj"]["kernel"].dtype == "bfloat16"
    assert params["lora"]["layers"]["mlp"]["up_proj"]["lora_a"].dtype == "float32"


def test_the_full_size_prefix_is_7_motion_32_fusion_and_2048_visual_tokens():
    config = load("pfed5_plus_8b")
    model, state = shapes(config)
    batch = {
        "trajectory": jax.ShapeDtypeStruct((2, 128, 63, 5), "float32"),
        "trajectory_time": jax.ShapeDtypeStruct((2, 128), "float32"),
        "frames": jax.ShapeDtypeStruct((2, 32, 224, 224, 3), "uint8"),
        "frame_mask": jax.ShapeDtypeStruct((2, 32), "bool"),
        "expression": jax.ShapeDtypeStruct((2,), "int32"),
    }

    def prefix(params, stats, batch):
        encoded, _ = model.encode(params, stats, batch, train=False, key=None)
        return model.prefix(params, encoded)[0]

    found = jax.eval_shape(prefix, state["params"], state["stats"], batch)
    assert found.shape == (2, 7 + 32 + 2048, 4096)
