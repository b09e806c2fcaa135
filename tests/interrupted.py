"""Runs of `tramp_jax.train` in processes of their own, that are killed, told to stop, or left alone."""

import copy
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
STEPS = 18
# Two steps of severity, one of report, 4 clips each of about 40.
OPTIONS = [
    f"--config.total_steps={STEPS}",
    "--config.checkpoint.every=4",
    "--config.checkpoint.keep=3",
    "--config.evaluate_every=6",
]


class Run:
    """One workdir and the processes that train in it."""

    def __init__(self, data: Path, folder: Path, *options: str, devices: int = 1):
        self.folder = folder
        self._arguments = [
            "--config=tests/tiny_experiment.py",
            f"--config.data.path={data}",
            f"--workdir={folder}",
            *OPTIONS,
            *options,
        ]
        flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count={devices}"
        self._environment = os.environ | {"XLA_FLAGS": flags}

    def copy(self, folder: Path) -> "Run":
        """The same run in another folder."""
        other = copy.copy(self)
        other.folder = Path(shutil.copytree(self.folder, folder))
        other._arguments = [f"--workdir={folder}" if word.startswith("--workdir=") else word for word in self._arguments]
        return other

    def start(self, *options: str, **environment: str) -> subprocess.Popen:
        """Starts training, from the newest checkpoint if there is one."""
        command = [sys.executable, "-m", "tramp_jax.train", *self._arguments, *options]
        pipe, env = subprocess.PIPE, self._environment | environment
        return subprocess.Popen(command, cwd=ROOT, env=env, stdout=pipe, stderr=subprocess.STDOUT, text=True)

    def finish(self, *options: str) -> str:
        """Trains to the end; what was printed."""
        process = self.start(*options)
        output = process.communicate(timeout=400)[0]
        assert process.returncode == 0, output[-3000:]
        return output

    def lines(self) -> list[str]:
        """Of metrics.jsonl, as they are."""
        path = self.folder / "metrics.jsonl"
        return path.read_text().splitlines() if path.exists() else []

    def steps(self) -> list[int]:
        """The training steps that metrics.jsonl tells of."""
        rows = []
        for line in self.lines():
            try:
                rows.append(json.loads(line))
            except ValueError:  # it is being written
                continue
        return [row["step"] for row in rows if row["task"] != "validation"]

    def digests(self) -> dict[str, str]:
        """Of everything in the newest checkpoint."""
        from tramp_jax.checkpoint.store import CheckpointStore

        store = CheckpointStore(self.folder, 1, create=False)
        try:
            return store.record().digests
        finally:
            store.close()


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for_step(run: Run, process: subprocess.Popen, step: int) -> None:
    """Until metrics.jsonl tells of a step, or the process ends."""
    while process.poll() is None and max(run.steps(), default=0) < step:
        time.sleep(0.002)


def wait_for_save(run: Run, process: subprocess.Popen) -> bool:
    """Until a save is on its way, seen by its temporary folder; False where the process ended first."""
    folder = run.folder / "checkpoints"
    while process.poll() is None:
        if folder.is_dir() and any("tmp" in name for name in os.listdir(folder)):
            return True
    return False


def kill_at(run: Run, point: str, rng: random.Random) -> str:
    """Starts training, kills it without warning at a point, and says where that was.

    Args:
      run: of which a start is made.
      point: "save" (inside an asynchronous save), "switch" (between two tasks), "epoch" (between two epochs of a task), or
        "random".
      rng: chooses among several.
    """
    process = run.start()
    done = max(run.steps(), default=0)
    ahead = range(done + 1, STEPS)
    if point == "save":
        wait_for_save(run, process)
        time.sleep(rng.random() * 0.02)
    else:
        switches = [step for step in ahead if step % 3 in (2, 0)]
        epochs = [step for step in ahead if step in (14, 15, 16)]  # severity's 10th step is the run's 15th
        wait_for_step(run, process, rng.choice({"switch": switches, "epoch": epochs}.get(point) or list(ahead) or [STEPS]))
        time.sleep(rng.random() * (0.3 if point == "random" else 0.0))
    process.send_signal(signal.SIGKILL)
    process.communicate(timeout=60)
    return f"{point}: killed at step {max(run.steps(), default=0)}, exit {process.returncode}"
