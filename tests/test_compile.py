"""`python -m tramp_jax.compile` with the real TPU compiler: its tables, its JSON, and its one-line errors.

libtpu serves one process at a time, so everything that needs it is here, one process after the other.
"""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
needs_libtpu = pytest.mark.skipif(importlib.util.find_spec("libtpu") is None, reason="libtpu is not installed (Linux x86-64)")


def run(*arguments, timeout=900):
    env = {name: value for name, value in os.environ.items() if name not in ("XLA_FLAGS", "JAX_PLATFORMS")}
    command = [sys.executable, "-m", "tramp_jax.compile", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, env=env, timeout=timeout)


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """(what is printed, the JSON) for a tiny experiment on 4 chips."""
    path = tmp_path_factory.mktemp("plan") / "plan.json"
    done = run("--config=tests/tiny_experiment.py", "--topology=v5e:2x2", "--per-chip=1", f"--json={path}")
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout, {plan["task"]: plan for plan in json.loads(path.read_text())}


@needs_libtpu
def test_there_is_a_table_for_every_task_and_a_line_for_each_in_the_last(tiny):
    printed, plans = tiny
    assert set(plans) == {"severity", "report"}
    for task in plans:
        assert f"tiny: {task} on v5e:2x2, 1 clips per chip, mesh {{'replica': 1, 'fsdp': 4, 'tensor': 1}}" in printed
        assert re.search(rf"^\| tiny +\| v5e:2x2 +\| {task} ", printed, re.MULTILINE)
    assert printed.count("| HBM: total ") == printed.count("| MFU at best ") == 2


@needs_libtpu
def test_the_severity_step_has_no_llama_in_memory_or_operations(tiny):
    plans = tiny[1]
    assert "LLaMA" in plans["report"]["flops"]
    assert "LLaMA" not in plans["severity"]["flops"]
    # The LLaMA and its LoRA are most of the parameters.
    assert plans["severity"]["memory"]["parameters"] < plans["report"]["memory"]["parameters"]


@needs_libtpu
def test_the_numbers_fit_together(tiny):
    for plan in tiny[1].values():
        assert sum(plan["memory"].values()) == plan["total"] < plan["available"]
        assert all(part["executed"] >= part["model"] >= part["forward"] > 0 for part in plan["flops"].values())
        assert plan["bounds"]["compute"] == sum(part["executed"] for part in plan["flops"].values()) / 197e12
        assert plan["bounds"]["ICI"] == sum(each["seconds"] for each in plan["exchanges"]) > 0
        assert plan["binding"] == max(plan["bounds"], key=plan["bounds"].get)
        assert {each["axes"] for each in plan["exchanges"]} == {"fsdp"}
        assert {each["links"] for each in plan["exchanges"]} <= {"x", "y", "x+y"}


@needs_libtpu
def test_an_axis_of_the_mesh_sends_over_the_links_along_which_it_lies(tmp_path):
    path = tmp_path / "plan.json"
    mesh = ("--config.mesh.replica=2", "--config.mesh.fsdp=2")
    done = run(
        "--config=tests/tiny_experiment.py", "--topology=v5e:2x2", "--per-chip=1", "--tasks=report", *mesh, f"--json={path}"
    )
    assert done.returncode == 0, done.stderr[-3000:]
    (plan,) = json.loads(path.read_text())
    links = {each["axes"]: each["links"] for each in plan["exchanges"] if each["kind"] == "all-gather"}
    assert links["fsdp"] in ("x", "y")


@needs_libtpu
def test_another_process_with_libtpu_is_told(tmp_path):
    hold = "import sys, time\nfrom tramp_jax.planning.topology import *\nprepare_environment()\ntopology_devices('v5e:2x2')\n"
    holder = subprocess.Popen(
        [sys.executable, "-c", hold + "print('held', flush=True)\ntime.sleep(300)"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
    )
    try:
        assert holder.stdout.readline() == "held\n"
        done = run("--config=tests/tiny_experiment.py", "--topology=v5e:2x2", "--per-chip=1")
    finally:
        holder.kill()
        holder.wait()
    assert done.returncode == 2
    assert done.stderr.startswith("error: --topology=v5e:2x2: libtpu is in use by another process")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--topology=v5e"], "--topology=v5e: expected GENERATION:AxB"),
        (["--topology=v9x:4x4"], "--topology=v9x:4x4: no figures for v9x; known are v5e, v5p, v6e"),
        (["--topology=v5e:4x4", "--tasks=language"], "--tasks=language: the config does not train it"),
        (["--topology=v5e:4x4", "--json=/no/such/folder/x.json"], "--json=/no/such/folder/x.json: no such folder"),
        (["--topology=v5e:4x4", "--per-chip=0"], "flag --per-chip=0"),
        (["--topology=v5e:4x4", "more"], "unexpected argument 'more'"),
        ([], "topology"),
    ],
)
def test_what_is_wrong_is_one_line(arguments, message):
    done = run("--config=tests/tiny_experiment.py", *arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert len(done.stderr.splitlines()) == 1


@needs_libtpu
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--topology=v5e:999x1"], "--topology=v5e:999x1: libtpu knows no such topology"),
        (["--topology=v5e:2x2", "--config.mesh.fsdp=3"], "does not fit 4 devices"),
        (["--topology=v5e:2x2", "--config.batch_size.severity=6"], "batch_size.severity=6 cannot be cut over 4 groups"),
    ],
)
def test_what_does_not_fit_the_pod_is_one_line(arguments, message):
    done = run("--config=tests/tiny_experiment.py", *arguments)
    assert done.returncode == 2
    assert message in done.stderr.splitlines()[-1]


@needs_libtpu
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_8b_report_fits_16_small_chips(tmp_path):
    path = tmp_path / "plan.json"
    arguments = ["--topology=v5e:4x4", "--per-chip=4", "--tasks=report", f"--json={path}"]
    done = run("--config=configs/pfed5_plus_8b.py", *arguments, timeout=1700)
    assert done.returncode == 0, done.stderr[-3000:]
    (plan,) = json.loads(path.read_text())
    assert plan["total"] < 0.9 * plan["available"]
    # Outside of the layers' loops only the vocabulary's matrices move whole: no stack of parameters (the smallest has 0.27 GB).
    alone = [(array, size) for each in plan["exchanges"] for array, size in each["alone"].items()]
    large = [array for array, size in alone if size > 0.1e9]
    assert large
    assert all("128256" in array for array in large)
