"""`python -m input_pipeline.simulate --output=data/demo`: writes a simulated data set."""

from __future__ import annotations

import os
from collections.abc import Sequence

from absl import flags
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from input_pipeline import cli
from input_pipeline.errors import UserError
from input_pipeline.paths import local_path
from input_pipeline.simulate.build import Plan, simulate

USAGE = (
    "python -m input_pipeline.simulate --output=FOLDER [--subjects=N] [--takes=N] [--seed=N] [--workers=N] [--frames=N] "
    "[--tokens]"
)

_OUTPUT = flags.DEFINE_string("output", "data/demo", "data set folder to write")
_SUBJECTS = flags.DEFINE_integer("subjects", 480, "people; each poses every expression", lower_bound=3)
_TAKES = flags.DEFINE_integer("takes", 1, "clips of each expression and person", lower_bound=1)
_SEED = flags.DEFINE_integer("seed", 0, "of everything that is random", lower_bound=0)
_WORKERS = flags.DEFINE_integer("workers", 2, "processes; their number does not change the data", lower_bound=1)
_FRAMES = flags.DEFINE_integer("frames", 12, "rendered frames kept of a clip; 0 for landmarks alone", lower_bound=0)
_TOKENS = flags.DEFINE_bool("tokens", False, "keep the 63 tokens alone of the 478 landmarks, an eighth of the bytes")
_FRAME_SIZE = flags.DEFINE_integer("frame_size", 96, "side of the frames in pixels", lower_bound=32, upper_bound=1024)


def main(argv: Sequence[str]) -> None:
    """Reads the flags and simulates."""
    if argv:
        raise UserError(f"unexpected argument {argv[0]!r}: usage is {USAGE}")
    output = str(local_path(_OUTPUT.value, "--output"))
    plan = Plan(output, _SUBJECTS.value, _TAKES.value, _SEED.value, _FRAMES.value, _FRAME_SIZE.value, _TOKENS.value)
    columns = (
        TextColumn("simulating"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("clips"),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("simulating", total=plan.clips)
        manifest = simulate(plan, _WORKERS.value, lambda done: bar.update(task, completed=done))
    folder = os.path.relpath(plan.output)
    print(f"{manifest.clips} simulated clips of {plan.subjects} subjects in {folder}, {manifest.rejected} rejected")


if __name__ == "__main__":
    cli.run(main, USAGE)
