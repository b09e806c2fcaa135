"""Paths of this machine and of a bucket: data read there, a run kept there, and one line for what cannot be."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from bucket import bucket

from input_pipeline.errors import UserError
from input_pipeline.paths import local_path, path_of, size_of

ROOT = Path(__file__).parents[1]
COPY = """
import sys
from pathlib import Path
from etils import epath
source, target = Path(sys.argv[1]), epath.Path(sys.argv[2])
for path in source.rglob("*"):
    if path.is_file():
        (target / path.relative_to(source).as_posix()).write_bytes(path.read_bytes())
"""


@pytest.fixture(scope="module")
def stored(simulated):
    """An environment with gs://bucket/data in it."""
    with bucket() as environment:
        subprocess.run([sys.executable, "-c", COPY, simulated, "gs://bucket/data"], check=True, env=environment, timeout=60)
        yield environment


def command(environment, *arguments):
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, env=environment, timeout=500
    )


def listed(environment, folder):
    code = "import sys; from etils import epath; print(*sorted(p.name for p in epath.Path(sys.argv[1]).iterdir()), sep='\\n')"
    done = subprocess.run([sys.executable, "-c", code, folder], capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def read(environment, path):
    code = "import sys; from etils import epath; print(epath.Path(sys.argv[1]).read_text(), end='')"
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def train(environment, data, run, steps):
    arguments = [
        f"--config.data.path={data}",
        f"--workdir={run}",
        f"--config.total_steps={steps}",
        "--config.horizon=6",
        "--config.checkpoint.every=2",
    ]
    done = command(environment, "tramp_jax.train", "--config=tests/tiny_experiment.py", *arguments)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stderr


def losses(lines):
    rows = map(json.loads, lines.splitlines())
    return [(row["step"], row["task"], row["loss"]) for row in rows if row["task"] != "validation"]


def test_a_run_in_a_bucket_is_the_run_on_this_machine_and_goes_on(stored, simulated, tmp_path):
    train(stored, "gs://bucket/data", "gs://bucket/runs/a", 4)
    assert {"config.json", "metrics.jsonl", "checkpoints", "events", "tokenizer.model"} <= set(
        listed(stored, "gs://bucket/runs/a")
    )
    assert "continuing from step 4" in train(stored, "gs://bucket/data", "gs://bucket/runs/a", 6)
    train(stored, simulated, tmp_path / "a", 6)
    found = losses(read(stored, "gs://bucket/runs/a/metrics.jsonl"))
    assert [step for step, _, _ in found] == [1, 2, 3, 4, 5, 6]
    assert found == losses((tmp_path / "a" / "metrics.jsonl").read_text())
    assert not list(ROOT.glob("gs:*"))

    done = command(stored, "tramp_jax.evaluate", "--checkpoint=gs://bucket/runs/a", "--noreports")
    assert done.returncode == 0, done.stderr[-3000:]
    assert json.loads(read(stored, "gs://bucket/runs/a/eval/results.json"))["model"]["step"] == 6


DAMAGE = """
import sys
sys.path[:0] = ["tests"]
from etils import epath
from test_checkpoint_store import CONFIG, restored, state
from input_pipeline.paths import path_of
from tramp_jax.checkpoint.store import CheckpointStore
run = path_of("gs://bucket/runs/damaged")
store = CheckpointStore(run, 5)
for step in (1, 2):
    store.save(state(step), CONFIG, {})
store.close()
files = list(epath.Path("gs://bucket/runs/damaged/checkpoints/2/model/d").iterdir())
largest = max(files, key=lambda path: path.stat().length)
blob = bytearray(largest.read_bytes())
blob[len(blob) // 2] ^= 4
largest.write_bytes(bytes(blob))
print("restored", restored(run).step)
print(*(sorted(path.name for path in (run / folder).iterdir()) for folder in ("damaged", "checkpoints")))
"""


@pytest.mark.slow  # the emulator moves no objects, and gcsfs tries for a while
def test_a_damaged_checkpoint_in_a_bucket_is_left_for_the_one_before(stored):
    path = stored | {"PYTHONPATH": str(ROOT), "XLA_FLAGS": ""}
    done = subprocess.run([sys.executable, "-c", DAMAGE], cwd=ROOT, capture_output=True, text=True, env=path, timeout=200)
    assert done.returncode == 0, done.stderr[-3000:]
    assert "checkpoints/2: DAMAGED (" in done.stderr
    assert done.stdout.splitlines() == ["restored 1", "['2-1', '2-1.txt'] ['1']"]


def test_validate_reads_a_bucket(stored):
    done = command(stored, "input_pipeline.validate", "gs://bucket/data")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("gs://bucket/data: ")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--workdir=gs://nothere/run"], "gs://nothere: no such bucket"),
        (["--workdir=/tmp/x", "--config.data.path=gs://bucket/no"], "gs://bucket/no: no such folder"),
    ],
)
def test_what_is_not_there_is_one_line(stored, arguments, said):
    done = command(stored, "tramp_jax.train", "--config=tests/tiny_experiment.py", *arguments)
    assert done.returncode == 2
    *before, last = done.stderr.splitlines()
    assert said in last
    assert not [line for line in before if "Authentication failed" not in line]  # of Google's library, which finds no account


@pytest.mark.slow  # gcsfs tries again for a minute
def test_a_bucket_that_does_not_answer_is_one_line(stored):
    environment = {**stored, "STORAGE_EMULATOR_HOST": "http://127.0.0.1:1"}
    done = command(environment, "input_pipeline.validate", "gs://bucket/data")
    assert done.returncode == 2
    assert "gs://bucket: cannot be reached" in done.stderr.splitlines()[-1]


def test_what_works_here_alone_says_so():
    with pytest.raises(UserError, match=r"--output=gs://b/x: expected a path of this machine"):
        local_path("gs://b/x", "--output")


def test_local_paths_stay_what_they_are(tmp_path):
    assert path_of(str(tmp_path)) == tmp_path
    assert isinstance(path_of(tmp_path), Path)
    (tmp_path / "x").write_bytes(b"abc")
    assert [size_of(tmp_path / name) for name in ("x", "y")] == [3, None]
    assert size_of(tmp_path) is None
