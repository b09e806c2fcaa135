"""Runs that are killed, told to stop, or meet numbers that are none: nothing is lost and nothing changes, to the last bit."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time

import faults
import numpy as np
import pytest
from interrupted import STEPS, Run, free_port, kill_at, wait_for_step

KILLS = int(os.environ.get("TRAMP_JAX_KILLS", "6"))

WHERE = {
    "save": "inside an asynchronous save",
    "switch": "between two tasks",
    "epoch": "about the end of an epoch",
    "random": "anywhere",
}


@pytest.fixture(scope="module")
def whole(simulated, tmp_path_factory):
    """A run that nothing disturbed."""
    run = Run(simulated, tmp_path_factory.mktemp("runs") / "whole")
    run.finish()
    return run


def test_a_run_killed_inside_a_save_is_the_same_to_the_bit(whole, simulated, tmp_path):
    run = Run(simulated, tmp_path / "run")
    print(kill_at(run, "save", random.Random(0)))
    run.finish()
    assert run.lines() == whole.lines()
    assert run.digests() == whole.digests()


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_killed_again_and_again_it_is_the_same_to_the_bit(whole, simulated, tmp_path):
    rng = random.Random(1)
    points = list(WHERE)
    counts = dict.fromkeys(points, 0)
    run, number = Run(simulated, tmp_path / "0"), 0
    for kill in range(KILLS):
        point = points[kill % len(points)]
        print(kill_at(run, point, rng), flush=True)
        counts[point] += 1
        if max(run.steps(), default=0) >= STEPS - 3 or kill == KILLS - 1:
            run.finish()
            assert run.lines() == whole.lines()
            assert run.digests() == whole.digests()
            number += 1
            run = Run(simulated, tmp_path / str(number))
    for point, count in counts.items():
        faults.note(f"run: kill -9, {WHERE[point]}", count, "every line of metrics.jsonl and every digest as unbroken")


@pytest.mark.parametrize(("asked", "code"), [(signal.SIGTERM, 0), (signal.SIGINT, 130)], ids=["SIGTERM", "SIGINT"])
def test_a_run_that_is_told_to_stop_saves_and_goes_on_to_the_bit(asked, code, whole, simulated, tmp_path):
    run = Run(simulated, tmp_path / "run")
    process = run.start()
    wait_for_step(run, process, 5)
    process.send_signal(asked)
    output = process.communicate(timeout=120)[0]
    assert process.returncode == code, output[-3000:]
    assert f"{asked.name}: stopped at step" in output
    assert "Traceback" not in output
    stopped = max(run.steps())
    assert stopped < STEPS
    assert f"continuing from step {stopped}" in run.finish()
    assert run.lines() == whole.lines()
    assert run.digests() == whole.digests()
    faults.note(f"run: {asked.name}", 1, f"saved, exit {code}, gone on with as unbroken")


def test_time_counts_from_the_start_of_the_program(whole, tmp_path):
    began = time.monotonic()
    process = whole.copy(tmp_path / "run").start(f"--config.total_steps={STEPS + 1}", f"--config.horizon={STEPS}")
    line = next(line for line in process.stdout if "goodput" in line)
    took = time.monotonic() - began
    process.communicate(timeout=60)
    # Imports before the first line of ours take 2 seconds or more, the interpreter's own start a twentieth.
    assert took - 1 < float(re.search(r"of ([\d.]+) s for 1 steps", line)[1]) < took + 0.1


@pytest.mark.slow
def test_of_two_processes_one_is_told_and_both_stop_and_save(simulated, tmp_path):
    run = Run(simulated, tmp_path / "run", devices=2)
    named = {
        "JAX_COORDINATOR_ADDRESS": f"127.0.0.1:{free_port()}",
        "JAX_NUM_PROCESSES": "2",
        "TRAMP_JAX_STOPPED_EXIT_CODE": "75",
    }
    both = [run.start(JAX_PROCESS_ID=str(i), **named) for i in range(2)]
    wait_for_step(run, both[0], 3)
    both[1].send_signal(signal.SIGTERM)
    outputs = [process.communicate(timeout=200)[0] for process in both]
    assert [process.returncode for process in both] == [75, 75], outputs[0][-3000:] + outputs[1][-3000:]
    assert f"continuing from step {max(run.steps())}" in run.finish("--config.total_steps=18")


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_it_goes_on_elsewhere_on_other_devices_processes_and_threads(simulated, tmp_path):
    """Batches are the same to the clip (`test_pipeline`); sums over devices are taken in another order."""
    options = (
        "--config.batch_size.severity=8",
        "--config.batch_size.report=8",
        "--config.horizon=12",
        "--config.evaluate_every=0",
    )
    alone = Run(simulated, tmp_path / "alone", *options)
    alone.finish("--config.total_steps=12", "--config.data.read_threads=0")
    folder = tmp_path / "moved"
    for end, devices in ((3, 1), (5, 2), (7, 4), (9, 8)):
        Run(simulated, folder, *options, devices=devices).finish(f"--config.total_steps={end}")
    named = {"JAX_COORDINATOR_ADDRESS": f"127.0.0.1:{free_port()}", "JAX_NUM_PROCESSES": "2"}
    run = Run(simulated, folder, *options, devices=2)
    both = [run.start("--config.total_steps=12", JAX_PROCESS_ID=str(i), **named) for i in range(2)]
    for process in both:
        output = process.communicate(timeout=400)[0]
        assert process.returncode == 0, output[-3000:]
    mine, theirs = ([json.loads(line) for line in run.lines() if '"loss"' in line] for run in (run, alone))
    assert [(line["step"], line["task"]) for line in mine] == [(line["step"], line["task"]) for line in theirs]
    assert len(mine) == 12
    np.testing.assert_allclose([line["loss"] for line in mine], [line["loss"] for line in theirs], rtol=1e-5)


def test_other_settings_are_refused_unless_allowed(whole, tmp_path):
    whole = whole.copy(tmp_path / "copy")
    process = whole.start("--seed=5", "--config.batch_size.report=8")
    output = process.communicate(timeout=120)[0]
    assert process.returncode == 2
    (line,) = [line for line in output.splitlines() if line.startswith("error:")]
    for part in ("seed: config.seed (0 -> 5)", "report 4 -> 8", "--allow-changed=seed,batch_size"):
        assert part in line
    said = whole.finish("--seed=5", "--allow-changed=seed")
    assert "goes on although seed changed (0 -> 5)" in said
    process = whole.start("--allow-changed=sead")
    assert "sead is unknown" in process.communicate(timeout=120)[0]
    assert process.returncode == 2
    assert json.loads((whole.folder / "config.json").read_text())["seed"] == 5


def test_verify_reads_every_checkpoint(whole):
    done = subprocess.run(
        [sys.executable, "-m", "tramp_jax.checkpoint", "verify", str(whole.folder)], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert [line.split(": ")[1] for line in done.stdout.splitlines()] == ["intact"] * 3
