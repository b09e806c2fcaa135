"""`python -m input_pipeline.instructions DIR --output=FOLDER`: a data set's questions and answers for other people's trainers.

See `instruction_export`. FOLDER is there only when it is whole. `input_pipeline.validate FOLDER/instructions.json` checks it,
and `input_pipeline.build instructions --root=FOLDER` makes a data set of it again.
"""

from __future__ import annotations

from collections.abc import Sequence

from absl import flags

from input_pipeline import cli
from input_pipeline.dataset import Dataset
from input_pipeline.errors import UserError
from input_pipeline.instruction_export import SHAPES, write_instructions
from input_pipeline.paths import local_path
from input_pipeline.splits import FOLDS, SPLIT, load_split

USAGE = "python -m input_pipeline.instructions DIR --output=FOLDER [--fold=train] [--split=NAME] [--shape=messages] [--lines]"

_OUTPUT = flags.DEFINE_string("output", "", "folder to write, which is not there yet")
_FOLD = flags.DEFINE_enum("fold", "", ("", *FOLDS), "clips of one fold; empty: all")
_SPLIT = flags.DEFINE_string("split", SPLIT, "the split that --fold is of")
_SHAPE = flags.DEFINE_enum("shape", SHAPES[0], SHAPES, "conversations: LLaVA, VideoLLaMA3; messages: LLaMA-Factory")
_LINES = flags.DEFINE_bool("lines", False, "one row a line (.jsonl) instead of a list (.json)")


def main(args: Sequence[str]) -> None:
    """One data set folder."""
    if len(args) != 1 or not _OUTPUT.value:
        raise UserError(f"expected one data set folder and --output: {USAGE}")
    if _SPLIT.present and not _FOLD.value:
        raise UserError(f"--split={_SPLIT.value}: of which fold? add --fold=train, validation or test")
    dataset = Dataset.open(args[0])
    if _FOLD.value:
        indices = load_split(dataset, _SPLIT.value, need=(_FOLD.value,))[_FOLD.value]
    else:
        indices = [k for k, label in enumerate(dataset.labels) if label.subject not in dataset.withdrawn]
    output = local_path(_OUTPUT.value, "--output")
    written = write_instructions(dataset, indices, output, _SHAPE.value, _LINES.value)
    left_out = [f"{written.textless} clips without a text left out"] if written.textless else []
    left_out += [f"{len(dataset.withdrawn)} subjects withdrawn"] if dataset.withdrawn else []
    counts = f"{written.rows} rows with {written.questions} questions, {written.pictures} pictures"
    print("; ".join([f"{written.path}: {counts}", *left_out]))


if __name__ == "__main__":
    cli.run(main, USAGE)
