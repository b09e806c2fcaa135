"""On 8 devices, however they are arranged, losses and gradients are those of one device."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from full_factory import random_trees
from tiny import tiny_batch, tiny_config

from tramp_jax.models.tramp_llama import TrampLlama
from tramp_jax.sharding.mesh import batch_sharding, make_mesh
from tramp_jax.sharding.rules import shardings_of
from tramp_jax.tasks.table import TASKS
from tramp_jax.training.ownership import flatten

MESHES = ((1, 8, 1), (1, 4, 2), (2, 2, 2), (1, 1, 8))
# Biases that BatchNorm and softmax take off again: their gradient is nothing but rounding.
WITHOUT_GRADIENT = ("downsample/conv/bias", "vision/layers/self_attn/k_proj/bias")
WIDE = {"hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 8, "num_key_value_heads": 8, "vocab_size": 304}


def config_for(sizes):
    """Tiny, with widths that 8 devices divide; nothing random."""
    config = tiny_config()
    config.model.llm.update(WIDE)
    config.model.vision.update({"hidden_size": 64, "intermediate_size": 128, "num_attention_heads": 8})
    config.model.fusion.vision_width = 64
    config.model.motion.attention_dropout = config.model.motion.drop_path = config.model.lora.dropout = 0.0
    config.mesh.replica, config.mesh.fsdp, config.mesh.tensor = sizes
    return config


def measure(sizes, task):
    """Loss and gradients by path, of every parameter, on this process's devices."""
    config = config_for(sizes)
    model, mesh = TrampLlama(config.model), make_mesh(config.mesh)
    params, stats = random_trees(model)
    # Smaller than a norm's scale, so that rounding is not amplified layer by layer.
    params = jax.tree_util.tree_map_with_path(lambda path, x: x if path[-1].key == "scale" else 0.3 * x, params)
    batch = {name: array for name, array in tiny_batch(0, size=8).items() if name != "clip_index"}
    with jax.set_mesh(mesh):
        params, stats = (jax.device_put(x, shardings_of(x, mesh, frozenset(model.blocks))) for x in (params, stats))
        batch = jax.device_put(batch, batch_sharding(mesh))

        def loss(params, stats, batch):
            output = TASKS[task].loss(model, params, stats, batch, jax.random.key(0))
            return output.total / output.weight

        value, grads = jax.jit(jax.value_and_grad(loss, allow_int=True))(params, stats, batch)
        spread = max(len(leaf.sharding.device_set) for leaf in jax.tree.leaves(params))
        cut = sum(not leaf.sharding.is_fully_replicated for leaf in jax.tree.leaves(params))
    return float(value), {path: np.asarray(leaf) for path, leaf in flatten(jax.device_get(grads)).items()}, spread, cut


@pytest.fixture(scope="module")
def on_eight(tmp_path_factory):
    """What a process with 8 devices finds, by mesh and task."""
    folder = tmp_path_factory.mktemp("meshes")
    script = f"""
import numpy as np
import test_sharding_meshes as t
for sizes in t.MESHES:
    for task in ("severity", "report"):
        value, grads, spread, cut = t.measure(sizes, task)
        assert spread == 8 and cut > 10, (spread, cut)
        np.savez("{folder}/" + task + "_" + "x".join(map(str, sizes)) + ".npz", value=value, **grads)
"""
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[1])])
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=8"
    environment = os.environ | {"XLA_FLAGS": flags, "PYTHONPATH": paths, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    return folder


@pytest.fixture(scope="module")
def on_one():
    return {task: measure((1, 1, 1), task) for task in ("severity", "report")}


@pytest.mark.parametrize("task", ["severity", "report"])
@pytest.mark.parametrize("sizes", MESHES, ids=lambda sizes: "x".join(map(str, sizes)))
def test_losses_and_gradients_are_those_of_one_device(sizes, task, on_eight, on_one):
    value, grads, *_ = on_one[task]
    with np.load(on_eight / f"{task}_{'x'.join(map(str, sizes))}.npz") as found:
        np.testing.assert_allclose(found["value"], value, rtol=1e-5)
        moved = 0
        for path, expected in grads.items():
            norm = np.linalg.norm(expected)
            if path.endswith(WITHOUT_GRADIENT):
                assert max(norm, np.linalg.norm(found[path])) < 1e-7
                continue
            assert np.linalg.norm(found[path] - expected) <= 1e-5 * norm, path
            moved += norm > 0
        assert moved > 20
