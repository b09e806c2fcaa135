"""A data set's questions, answers and stored pictures in the shapes that other people's trainers read.

A folder has `instructions.json` (or .jsonl), and `frames/CLIP/00000.jpg` and so on, the stored pictures byte for byte. Two
shapes: `conversations` is LLaVA's, as VideoLLaMA3 reads it, with a clip's folder of pictures as its video; `messages` is what
LLaMA-Factory reads (`formatting: sharegpt`), with the list of its pictures. A still is an image in both.
"""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from input_pipeline.dataset import Dataset
from input_pipeline.errors import UserError
from input_pipeline.instruction_json import to_messages_row, to_row, write_rows
from input_pipeline.records import Clip, Label
from input_pipeline.text import questions

SHAPES = ("conversations", "messages")
FRAMES = "frames"


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
