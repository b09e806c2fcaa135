"""A run on several processes stops with one line, in each of them, where the processes do not belong together."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from test_sharding_processes import environment, free_port

from input_pipeline.errors import UserError
from tramp_jax.sharding.preflight import SAME_EVERYWHERE, check_devices, check_processes, check_versions, installed_versions

SCRIPT = """
import os, sys
from input_pipeline.errors import UserError
from tramp_jax.sharding.preflight import check_devices, check_processes, check_versions, installed_versions
from tramp_jax.sharding.processes import join_processes
join_processes()
check_devices()
mine = installed_versions()
check_versions(mine)
print("same")
if os.environ["JAX_PROCESS_ID"] == "1":
    mine["flax"] = "0.0.1"
for check in (lambda: check_versions(mine), lambda: check_processes(3)):
    try:
        check()
    except UserError as error:
        print(error)
"""


def test_another_version_and_another_number_of_processes_are_told_by_all():
    joined = {"JAX_COORDINATOR_ADDRESS": f"127.0.0.1:{free_port()}", "JAX_NUM_PROCESSES": "2"}
    both = [
        subprocess.Popen(
            [sys.executable, "-c", SCRIPT],
            env=environment(4, JAX_PROCESS_ID=str(i), **joined),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for i in range(2)
    ]
    for process in both:
        output, errors = process.communicate(timeout=200)
        assert process.returncode == 0, errors[-2000:]
        same, versions, number = (line for line in output.splitlines() if not line.startswith("[Gloo]"))
        assert same == "same"
        assert versions.startswith("the processes differ in flax: 0.0.1 in process 1, ")
        assert number.startswith("processes=3 are expected and 2 joined, with 8 devices: start the run on every host")


def test_what_is_compared_is_installed():
    found = installed_versions()
    assert set(found) == {"python", *SAME_EVERYWHERE}
    assert found["jax"] != "-"
    check_versions()  # alone there is nothing to compare
    check_processes(0)
    check_processes(1)
    with pytest.raises(UserError, match="processes=2 are expected and 1 joined"):
        check_processes(2)


def test_an_accelerator_that_cannot_be_had_is_one_line():
    check_devices()
    code = "from tramp_jax.sharding.preflight import check_devices\ncheck_devices()"
    root = str(Path(__file__).parents[1])
    env = os.environ | {"JAX_PLATFORMS": "rocm", "PYTHONPATH": root}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env)
    last = done.stderr.strip().splitlines()[-1]
    assert "UserError: the accelerator cannot be used (" in last
    assert "set JAX_PLATFORMS=cpu" in last
