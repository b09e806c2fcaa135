"""`python -m input_pipeline.instructions DIR --output=FOLDER`: a data set's questions and answers for other people's trainers.

FOLDER is there only when it is whole: `instructions.json` (or .jsonl), and `frames/CLIP/00000.jpg` and so on, the stored
pictures byte for byte. Two shapes: `conversations` is LLaVA's, as VideoLLaMA3 reads it, with a clip's folder of pictures as its
video; `messages` is what LLaMA-Factory reads (`formatting: sharegpt`), with the list of its pictures. A still is an image in
both. `input_pipeline.validate FOLDER/instructions.json` and `input_pipeline.build instructions --root=FOLDER` read them again.
"""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags

from input_pipeline import cli
from input_pipeline.dataset import Dataset
from input_pipeline.errors import UserError
from input_pipeline.instruction_json import to_messages_row, to_row, write_rows
from input_pipeline.paths import local_path
from input_pipeline.records import Clip, Label
from input_pipeline.splits import FOLDS, SPLIT, load_split
from input_pipeline.text import questions

USAGE = "python -m input_pipeline.instructions DIR --output=FOLDER [--fold=train] [--split=NAME] [--shape=messages] [--lines]"
SHAPES = ("conversations", "messages")
FRAMES = "frames"

_OUTPUT = flags.DEFINE_string("output", "", "folder to write, which is not there yet")
_FOLD = flags.DEFINE_enum("fold", "", ("", *FOLDS), "clips of one fold; empty: all")
_SPLIT = flags.DEFINE_string("split", SPLIT, "the split that --fold is of")
_SHAPE = flags.DEFINE_enum("shape", SHAPES[0], SHAPES, "conversations: LLaVA, VideoLLaMA3; messages: LLaMA-Factory")
_LINES = flags.DEFINE_bool("lines", False, "one row a line (.jsonl) instead of a list (.json)")


@dataclasses.dataclass
class Written:
    """What went out.

    Attributes:
      path: the JSON file.
      rows, questions, pictures: how many.
      textless: clips left out, of which nothing is asked and told.
    """

    path: Path
    rows: int = 0
    questions: int = 0
    pictures: int = 0
    textless: int = 0


def write_instructions(dataset: Dataset, indices: Sequence[int], output: Path, shape: str, lines: bool) -> Written:
    """Writes rows and pictures beside `output`, which takes its name when all is written; killed before, it starts anew.

    Args:
      indices: clips of the data set, none of a withdrawn subject.
      shape: one of SHAPES.
      lines: .jsonl instead of .json.

    Raises:
      UserError: `output` holds something, the data set has no frames or none of the clips a text, a record is damaged, a clip's
        id is no name of a folder, or nothing can be written.
    """
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UserError(f"--output={output}: is there and not empty: name a new folder or delete it")
    if not dataset.manifest.has_frames:
        raise UserError(f"{dataset.path}: the data set has no frames for others to look at; extract with frames")
    partial = output.parent / f".{output.name}.partial"
    written = Written(output / ("instructions.jsonl" if lines else "instructions.json"))
    try:
        shutil.rmtree(partial, ignore_errors=True)  # of a run that was killed
        (partial / FRAMES).mkdir(parents=True)
        rows = []
        for index in indices:
            turns = _turns(dataset.labels[index])
            if not turns:
                written.textless += 1
                continue
            rows.append(_write_clip(partial, dataset.clip(index, with_frames=True), turns, shape))
            written.rows, written.questions = written.rows + 1, written.questions + len(turns) // 2
        if not rows:
            raise UserError(
                f"{dataset.path}: none of {len(indices)} clips has a report or answers: choose another fold or data set"
            )
        write_rows(partial / written.path.name, rows)
        written.pictures = sum(1 for _ in (partial / FRAMES).glob("*/*.jpg"))
        partial.replace(output)
    except OSError as error:
        raise UserError(f"--output={output}: cannot be written ({error.strerror}): choose another folder") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return written


def main(args: Sequence[str]) -> None:
    """One data set folder."""
    if len(args) != 1 or not _OUTPUT.value:
        raise UserError(f"expected one data set folder and --output: {USAGE}")
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


def _turns(label: Label) -> list[dict[str, str]]:
    """What is asked and told of a clip: its turns, else the instruction and the report; nothing without an answer."""
    pairs = [(question, answer) for question, answer in questions(label) if answer is not None]
    roles = ("user", "assistant")
    return [{"role": role, "content": text} for pair in pairs for role, text in zip(roles, pair, strict=True)]


def _write_clip(folder: Path, clip: Clip, turns: Sequence[dict[str, str]], shape: str) -> dict[str, Any]:
    key = clip.label.clip_id
    # A data set from elsewhere must not make us write outside of the folder.
    if not re.fullmatch(r"\w[\w.-]*", key):
        raise UserError(f"clip {key[:80]!r}: expected an id of letters, digits, dots and dashes: rebuild the data")
    where = f"{FRAMES}/{key}"
    (folder / where).mkdir()
    pictures = [f"{where}/{k:05d}.jpg" for k in range(len(clip.frames))]
    for name, jpeg in zip(pictures, clip.frames, strict=True):
        (folder / name).write_bytes(jpeg)
    if shape == "messages":
        row = to_messages_row(key, pictures, turns)
    elif len(pictures) == 1:
        row = to_row(key, pictures, turns, "image")
    else:
        row = to_row(key, [where], turns)
    return row | {"subject": clip.label.subject} | _rate(clip)


def _rate(clip: Clip) -> dict[str, float]:
    """Pictures per second on average; stored ones are (nearly) evenly spaced."""
    times = clip.times[clip.frame_index].astype(np.float64)
    return {"fps": round((len(times) - 1) / float(times[-1] - times[0]), 4)} if len(times) > 1 else {}


if __name__ == "__main__":
    cli.run(main, USAGE)
