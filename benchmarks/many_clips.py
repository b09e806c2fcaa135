"""Building, shuffling, splitting and resuming many simulated clips stored as the 63 tokens: seconds, bytes and peak memory.

    python benchmarks/many_clips.py --folder=FOLDER

Each step runs in a process of its own, once with a tenth of the clips and once with all. Memory is the largest resident set of
a process (for building, of each of its processes), and how much more it is with ten times the clips. Two thousand clips are
simulated; the hundred thousand are these with other noise, as other people's. They take about 7 GB of disk. A folder that was
built is used again.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from absl import flags
from rich.console import Console
from rich.table import Table

from input_pipeline import cli
from input_pipeline.dataset import Dataset
from input_pipeline.pipeline import batches, default_data_config
from input_pipeline.records import EXPRESSIONS, Clip
from input_pipeline.shards import write_dataset
from input_pipeline.simulate.build import NUM_SHARDS, Plan, simulate
from input_pipeline.simulate.clips import NAME
from input_pipeline.splits import FOLDS, load_split, make_split, write_split

_FOLDER = flags.DEFINE_string("folder", None, "where the two data sets are built; absent or of an earlier run")
_CLIPS = flags.DEFINE_integer("clips", 100_000, "in the larger one", lower_bound=100)
_STEP = flags.DEFINE_string("step", "", "the one step that this process runs")
_BATCHES = flags.DEFINE_integer("batches", 2000, "that are read, of 32 clips")

USAGE = "python benchmarks/many_clips.py --folder=FOLDER [--clips=N]"
BATCH = 32
_FRACTIONS = dict(zip(FOLDS, (0.8, 0.1, 0.1), strict=True))


def build(folder: Path, clips: int) -> str:
    """Simulates a fiftieth of the clips, then writes all: each again and again, with noise of its own, as other people's."""
    simulated = folder.with_name(f"{folder.name}-simulated")
    if not (simulated / "manifest.json").is_file():
        simulate(Plan(str(simulated), clips // 50 // len(EXPRESSIONS), 1, 0, 0, 96, tokens=True), workers=2)
    manifest = write_dataset(_noisy(Dataset.open(simulated), clips), folder, NAME, NUM_SHARDS, {})
    return f"{manifest.clips} clips, {sum(file.bytes for file in manifest.files()) / 1e9:.2f} GB"


def _noisy(dataset: Dataset, clips: int) -> Iterator[Clip]:
    rng = np.random.default_rng(0)
    for number in range(clips):
        clip, copy = dataset.clip(number % len(dataset)), number // len(dataset)
        label = clip.label
        label = dataclasses.replace(label, clip_id=f"{label.clip_id}-{copy}", subject=f"{label.subject}-{copy}")
        noise = rng.normal(0, 1e-3, clip.landmarks.shape).astype(np.float16)
        yield dataclasses.replace(clip, label=label, landmarks=clip.landmarks + noise)


def split(folder: Path, clips: int) -> str:
    """Ten splits by subject, each written, read and checked against the labels."""
    dataset = Dataset.open(folder)
    subjects = {label.subject for label in dataset.labels}
    for seed in range(10):
        write_split(folder, f"benchmark{seed}", make_split(subjects, _FRACTIONS, seed))
        folds = load_split(dataset, f"benchmark{seed}")
    return ", ".join(f"{name} {len(indices)}" for name, indices in folds.items())


def shuffle(folder: Path, clips: int) -> str:
    """Reads shuffled batches."""
    begun, stream = time.perf_counter(), _stream(folder, 0)
    next(stream)
    first = time.perf_counter() - begun
    seen = {int(index) for batch in itertools.islice(stream, _BATCHES.value - 1) for index in batch["clip_index"]}
    seconds = time.perf_counter() - begun - first
    return f"first batch after {first:.1f} s, then {_BATCHES.value * BATCH / seconds:.0f} clips/s, {len(seen)} different clips"


def resume(folder: Path, clips: int) -> str:
    """Starts in the third epoch: the batches must be those of a stream that was read until there."""
    start = 2 * clips // BATCH + 5
    ahead = [batch["clip_index"] for batch in itertools.islice(_stream(folder, start - 3), 6)]
    resumed = [batch["clip_index"] for batch in itertools.islice(_stream(folder, start), 3)]
    same = all((one == two).all() for one, two in zip(ahead[3:], resumed, strict=True))
    return f"batches {start} to {start + 2} {'as without a break' if same else 'DIFFER'}"


_STEPS = {"build": build, "split": split, "shuffle": shuffle, "resume": resume}


def _stream(folder: Path, start: int) -> Iterator[dict[str, np.ndarray]]:
    dataset = Dataset.open(folder)
    return batches(
        dataset,
        range(len(dataset)),
        default_data_config(),
        None,
        task="severity",
        batch_size=BATCH,
        seed=0,
        train=True,
        needs=frozenset({"trajectory", "score"}),
        start_step=start,
    )


def _run(step: str, folder: Path, clips: int) -> dict[str, object]:
    command = [sys.executable, __file__, f"--folder={folder}", f"--clips={clips}", f"--step={step}"]
    done = subprocess.run([*command, f"--batches={_BATCHES.value}"], stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main(args: Sequence[str]) -> None:
    """Without a step, all of them."""
    folder, clips = Path(_FOLDER.value), _CLIPS.value
    if _STEP.value:
        begun = time.perf_counter()
        found = _STEPS[_STEP.value](folder, clips)
        who = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
        peak = max(resource.getrusage(each).ru_maxrss for each in who) / 1024
        print(json.dumps({"found": found, "seconds": time.perf_counter() - begun, "peak": peak}))
        return
    table = Table(title="simulated clips as the 63 tokens", show_lines=True)
    for column in ("step", "clips", "s", "peak MB", "against a tenth of the clips", "found"):
        table.add_column(column)
    for step in _STEPS:
        before = None
        for count in (clips // 10, clips):
            built = folder / str(count)
            if step == "build" and (built / "manifest.json").is_file():
                continue
            row = _run(step, built, count)
            growth = f"x {row['peak'] / before:.2f}" if before else ""
            before = row["peak"]
            table.add_row(step, str(count), f"{row['seconds']:.1f}", f"{row['peak']:.0f}", growth, str(row["found"]))
    Console(width=150).print(table)


if __name__ == "__main__":
    flags.mark_flags_as_required(["folder"])
    cli.run(main, USAGE)
