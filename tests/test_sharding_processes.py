"""Two processes of four devices train as one process of eight does, and write one run."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from input_pipeline.tokenizer import Tokenizer
from tramp_jax.checkpoint.store import CheckpointStore

# Arguments: data, run. The environment says how many devices and processes.
SCRIPT = """
import sys
from pathlib import Path
from tramp_jax.sharding.processes import join_processes
join_processes()
import jax
assert jax.device_count() == 8, jax.devices()
from tiny import tiny_config
from tramp_jax.trainer import run_training
config = tiny_config(data__text_length=128, data__path=sys.argv[1], total_steps=4, checkpoint__every=2)
config.schedule.weights = {"severity": 1, "report": 1}
config.batch_size.severity = config.batch_size.report = 8
run_training(config, Path(sys.argv[2]))
"""


def environment(devices, **extra):
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[1])])
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count={devices}"
    return os.environ | {"XLA_FLAGS": flags, "PYTHONPATH": paths, "JAX_PLATFORMS": "cpu", **extra}


def start(data, run, env):
    command = [sys.executable, "-c", SCRIPT, str(data), str(run)]
    return subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture(scope="module")
def runs(simulated, tmp_path_factory):
    """The folder of one process's run, and of two processes'."""
    one, two = (tmp_path_factory.mktemp("runs") / name for name in ("one", "two"))
    alone = start(simulated, one, environment(8))
    output = alone.communicate(timeout=400)[0]
    assert alone.returncode == 0, output[-3000:]
    joined = {"JAX_COORDINATOR_ADDRESS": f"127.0.0.1:{free_port()}", "JAX_NUM_PROCESSES": "2"}
    both = [start(simulated, two, environment(4, JAX_PROCESS_ID=str(i), **joined)) for i in range(2)]
    for process in both:
        output = process.communicate(timeout=400)[0]
        assert process.returncode == 0, output[-3000:]
    return one, two


def lines(run):
    return [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]


def test_the_curves_are_the_same_and_written_once(runs):
    one, two = map(lines, runs)
    assert [(line["step"], line["task"]) for line in two] == [(line["step"], line["task"]) for line in one]
    assert len(two) == 5
    for mine, theirs in zip(two, one, strict=True):
        for name, value in theirs.items():
            if name not in ("step", "task"):
                np.testing.assert_allclose(mine[name], value, rtol=1e-5, err_msg=f"step {theirs['step']}: {name}")


def test_there_is_one_checkpoint_and_one_tokenizer(runs):
    one, two = runs
    store = CheckpointStore(two, 1, create=False)
    assert store.latest() == 4
    assert store.find_damage(4) is None  # both processes' digests, added up, are those of the whole arrays
    store.close()
    assert Tokenizer.load(two).files() == Tokenizer.load(one).files()
    assert json.loads((two / "config.json").read_text())["trained_on"] == "simulated"


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"JAX_NUM_PROCESSES": "2"}, "JAX_COORDINATOR_ADDRESS is set and 'JAX_PROCESS_ID' is not usable"),
        ({"JAX_NUM_PROCESSES": "two", "JAX_PROCESS_ID": "0"}, "set JAX_NUM_PROCESSES and JAX_PROCESS_ID to numbers"),
    ],
)
def test_half_an_environment_is_told(extra, message, monkeypatch):
    from input_pipeline.errors import UserError
    from tramp_jax.sharding.processes import join_processes

    monkeypatch.setenv("JAX_COORDINATOR_ADDRESS", "127.0.0.1:1")
    for name, value in extra.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(UserError, match=message):
        join_processes()
