"""Runs that are killed, told to stop, or meet numbers that are none: nothing is lost and nothing changes, to the last bit."""

import json
import os
import random
import signal
import subprocess
import sys

import pytest
from interrupted import STEPS, Run, kill_at, wait_for_step

KILLS = int(os.environ.get("TRAMP_JAX_KILLS", "6"))


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
    points = ["save", "switch", "epoch", "random"]
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
    print(f"{KILLS} kills ({counts}) of {number} runs: all lines and all digests equal those of the run that was left alone")


def test_sigterm_saves_exits_0_and_the_run_goes_on_to_the_bit(whole, simulated, tmp_path):
    run = Run(simulated, tmp_path / "run")
    process = run.start()
    wait_for_step(run, process, 5)
    process.send_signal(signal.SIGTERM)
    output = process.communicate(timeout=120)[0]
    assert process.returncode == 0, output[-3000:]
    assert "SIGTERM: stopped at step" in output
    stopped = max(run.steps())
    assert stopped < STEPS
    assert f"continuing from step {stopped}" in run.finish()
    assert run.lines() == whole.lines()
    assert run.digests() == whole.digests()


def test_other_settings_are_refused_unless_allowed(whole):
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
