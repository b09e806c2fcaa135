"""What a run tells while it trains: lines and events, and one line where the disk is full."""

import json
import subprocess
import sys

from tensorboardX.proto.event_pb2 import Event

from tramp_jax.training.writers import MetricsWriter

FULL = """
import json, resource, signal, sys
from pathlib import Path
from input_pipeline.errors import UserError
from tramp_jax.training.writers import MetricsWriter
writer = MetricsWriter(Path(sys.argv[1]), 0)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    for step in range(1, 10_000):
        writer.write(step, "severity", json.loads(sys.argv[2]))
except UserError as error:
    print(error)
try:
    writer.close()
except UserError as error:
    print(error)
"""


def full(folder, values):
    return subprocess.run([sys.executable, "-c", FULL, folder, json.dumps(values)], capture_output=True, text=True, timeout=100)


def events_of(path):
    """(step, tag) of an event file: length, its checksum, a protocol buffer and its checksum, again and again."""
    blob, found = path.read_bytes(), []
    while blob:
        length = int.from_bytes(blob[:8], "little")
        event = Event.FromString(blob[12 : 12 + length])
        found += [(event.step, value.tag) for value in event.summary.value]
        blob = blob[16 + length :]
    return found


def test_a_line_and_its_events_of_every_step(tmp_path):
    writer = MetricsWriter(tmp_path, 0)
    for step in (1, 2):
        writer.write(step, "severity", {"task_step": step, "loss": 0.5, "note": "x"})
    writer.close()
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert lines == [{"step": k, "task": "severity", "task_step": k, "loss": 0.5, "note": "x"} for k in (1, 2)]
    (events,) = (tmp_path / "events").iterdir()
    assert events_of(events) == [(1, "severity/loss"), (2, "severity/loss")]


def test_a_full_disk_is_one_line_without_a_traceback_of_another_thread(tmp_path):
    done = full(tmp_path, {"note": "x" * 100})
    said = f"{tmp_path / 'metrics.jsonl'}: cannot be written (File too large): make room, or see to its permissions, and run"
    assert {line[: len(said)] for line in done.stdout.splitlines()} == {said}
    assert done.stderr == ""


def test_events_that_cannot_be_written_end_the_run_and_do_not_let_it_wait_for_ever(tmp_path):
    # Each number is an event with its tag, so that the events meet the end of the disk before the lines do.
    done = full(tmp_path, {f"{k}": 1 for k in range(50)})
    assert done.stdout.startswith(f"{tmp_path / 'events'}: cannot be written (File too large)")
    assert done.stderr == ""
