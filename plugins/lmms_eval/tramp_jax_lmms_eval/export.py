"""`python -m tramp_jax_lmms_eval.export DATASET --output=DIR`: a data set's test clips as tasks of lmms-eval.

DIR gets clips.jsonl (ids, ratings and reference reports, no face), two task files and their code. The tasks read frames from
DATASET, which stays where it is: lmms-eval --include_path DIR --tasks tramp_severity,tramp_report ...
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib import resources
from pathlib import Path

from absl import flags

from input_pipeline import cli
from input_pipeline.dataset import Dataset
from input_pipeline.errors import UserError
from input_pipeline.paths import local_path
from input_pipeline.splits import load_split

_OUTPUT = flags.DEFINE_string("output", None, "Folder for the tasks.")
_SPLIT = flags.DEFINE_string("split", "default", "Name of the data set's split.")
_FOLD = flags.DEFINE_enum("fold", "test", ["validation", "test"], "Which held-out subjects.")
USAGE = "python -m tramp_jax_lmms_eval.export DATASET --output=DIR [--split=default] [--fold=test]"
TASKS = ("tramp_severity.yaml", "tramp_report.yaml", "utils.py")


def main(argv: Sequence[str]) -> None:
    """One positional argument."""
    if len(argv) != 1 or _OUTPUT.value is None:
        raise UserError(f"expected one DATASET and --output; usage: {USAGE}")
    count = export(local_path(argv[0], "DATASET"), local_path(_OUTPUT.value, "--output"), _SPLIT.value, _FOLD.value)
    print(f"{_OUTPUT.value}: tramp_severity and tramp_report on {count} clips; lmms-eval --include_path {_OUTPUT.value}")


def export(path: Path, output: Path, split: str, fold: str) -> int:
    """Writes the tasks; returns the number of clips.

    Raises:
      UserError: no data set, no such split, or the folder cannot be written.
    """
    data = Dataset.open(path)
    indices = load_split(data, split)[fold]
    clips = output.resolve() / "clips.jsonl"
    try:
        output.mkdir(parents=True, exist_ok=True)
        clips.write_text("".join(json.dumps(_doc(data, path, i), ensure_ascii=False) + "\n" for i in indices), encoding="utf-8")
        for name in TASKS:
            content = resources.files(__package__).joinpath("tasks", name).read_text(encoding="utf-8")
            (output / name).write_text(content.replace("@CLIPS@", str(clips)), encoding="utf-8")
    except OSError as error:
        raise UserError(f"{output}: cannot be written ({error}): choose another --output") from error
    return len(indices)


def _doc(data: Dataset, path: Path, index: int) -> dict:
    label = data.labels[index]
    return {
        "data": str(path.resolve()),
        "index": int(index),
        "clip_id": label.clip_id,
        "subject": label.subject,
        "expression": label.expression,
        "dataset": label.dataset,
        "score": label.score,
        "reference": label.report,
    }


if __name__ == "__main__":
    cli.run(main, USAGE)
