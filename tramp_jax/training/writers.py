"""What a run tells while it trains: metrics.jsonl, TensorBoard events, a live display."""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import rich.console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from input_pipeline.errors import UserError
from input_pipeline.paths import is_remote
from tramp_jax.training.event_files import EventFiles

METRICS, EVENTS = "metrics.jsonl", "events"


class MetricsWriter:
    """Appends to RUN/metrics.jsonl and RUN/events. A line is {"step", "task", "task_step", "loss", ...}; null is no number.

    Floats are written by `repr`, in full precision, so that two runs can be compared line by line. Lines past `step` belong
    to work that was lost after the checkpoint of `step`; they are dropped, and `dropped` counts their steps. Of several
    processes one is enabled. Nothing can be appended to a file in a bucket: both files of a run there lie on this machine and
    are copied by `publish`.
    """

    def __init__(self, run: Path, step: int, *, enabled: bool = True):
        self._enabled, self._run, self.dropped = enabled, run, 0
        if enabled:
            self._open(step)

    def rewind(self, step: int) -> None:
        """Drops the lines past a step that the run goes back to."""
        if self._enabled:
            self.close()
            self._open(step)

    def _open(self, step: int) -> None:
        self._copied = tempfile.TemporaryDirectory(prefix="tramp-jax-") if is_remote(self._run) else None
        self._folder = Path(self._copied.name) if self._copied else self._run
        if (self._run / METRICS).exists():
            found = (self._run / METRICS).read_text().splitlines()
            kept = [line for line in found if _step_of(line) <= step]
            self.dropped = len({_step_of(line) for line in found} - {_step_of(line) for line in kept})
            # In one go: a crash here must not lose what a run has told so far.
            whole = self._folder / f"{METRICS}.tmp"
            whole.write_text("".join(line + "\n" for line in kept))
            whole.replace(self._folder / METRICS)
        self._file = (self._folder / METRICS).open("a")
        self._events = EventFiles(self._folder / EVENTS, step + 1)

    def write(self, step: int, task: str, values: Mapping[str, Any]) -> None:
        """One line and its events; `step` counts from 1.

        Raises:
          UserError: one of the files cannot be written.
        """
        if not self._enabled:
            return
        try:
            self._file.write(json.dumps({"step": step, "task": task, **values}) + "\n")
            self._file.flush()
        except OSError as error:
            raise self._refused(METRICS, error) from error
        for name, value in values.items():
            if name != "task_step" and isinstance(value, int | float):
                self._events.writer.add_scalar(f"{task}/{name}", value, step)
        if self._events.error is not None:
            raise self._refused(EVENTS, self._events.error) from self._events.error

    def publish(self) -> None:
        """Copies both to a run in a bucket; before a checkpoint commits, so that no step that it holds lacks its line."""
        if not self._enabled or not self._copied:
            return
        self._file.flush()
        self._events.writer.flush()
        (self._run / EVENTS).mkdir(exist_ok=True)
        for path in [self._folder / METRICS, *(self._folder / EVENTS).iterdir()]:
            (self._run / path.relative_to(self._folder)).write_bytes(path.read_bytes())

    def close(self) -> None:
        """Flushes and publishes both."""
        if not self._enabled:
            return
        try:
            self.publish()
        finally:
            self._events.writer.close()
            try:
                self._file.close()
            except OSError as error:  # with what could not be written before
                raise self._refused(METRICS, error) from error
            finally:
                if self._copied:
                    self._copied.cleanup()

    def _refused(self, name: str, error: OSError) -> UserError:
        return UserError(
            f"{self._folder / name}: cannot be written ({error.strerror}): make room, or see to its permissions, and run the "
            "same command again: it goes on from the newest checkpoint"
        )


def rows_until(run: Path, step: int) -> Iterator[dict[str, Any]]:
    """What RUN/metrics.jsonl holds up to a step, in order."""
    if (run / METRICS).exists():
        yield from (json.loads(line) for line in (run / METRICS).read_text().splitlines() if _step_of(line) <= step)


def _step_of(line: str) -> int:
    try:
        return int(json.loads(line)["step"])
    except (ValueError, KeyError):
        return sys.maxsize  # a line cut off by a crash


class Display:
    """A live line on a terminal, else a line every `every` steps: task, step, losses, steps per second, time left."""

    def __init__(self, total: int, start: int, every: int):
        self._total, self._start, self._every = total, start, every
        self._begin = time.monotonic()
        self._losses: dict[str, float] = {}
        self.console = rich.console.Console(stderr=True)
        columns = (
            "{task.description}",
            BarColumn(),
            MofNCompleteColumn(),
            "{task.fields[status]}",
            TimeElapsedColumn(),
            "left",
            TimeRemainingColumn(),
        )
        self._progress = Progress(
            *(TextColumn(c) if isinstance(c, str) else c for c in columns),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self._row = self._progress.add_task("training", total=total, completed=start, status="compiling")
        self._progress.start()

    def update(self, step: int, task: str, loss: float) -> None:
        """After a step; losses are smoothed for the eye, not for metrics.jsonl."""
        self._losses[task] = loss if task not in self._losses else 0.9 * self._losses[task] + 0.1 * loss
        rate = (step - self._start) / (time.monotonic() - self._begin)
        status = "  ".join(f"{name} {value:.3f}" for name, value in self._losses.items()) + f"  {rate:.1f} steps/s"
        self._progress.update(self._row, completed=step, description=f"{task:<8}", status=status)
        if not self.console.is_terminal and (step % self._every == 0 or step == self._total):
            left = (self._total - step) / rate
            print(f"step {step}/{self._total}  {status}  {left:.0f} s left", file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        """A line above the display."""
        self.console.print(text, highlight=False, soft_wrap=True)

    def restart(self, step: int) -> None:
        """Steps are counted from here: leaves compilation out of the rate, and what was before the run went back."""
        self._start, self._begin = step, time.monotonic()

    def close(self) -> None:
        """Leaves the last state on the screen."""
        self._progress.stop()
