"""`python -m input_pipeline.validate DIR`: is a data set folder whole and consistent? One line per problem, exit code 2.

A .json or .jsonl file is held to be instruction data (see `input_pipeline.instruction_json`).
"""

from __future__ import annotations

import dataclasses
import pathlib
from collections.abc import Iterator, Sequence

from input_pipeline import cli
from input_pipeline.dataset import Dataset
from input_pipeline.datasets.frames import find_frames
from input_pipeline.datasets.tables import inside
from input_pipeline.errors import UserError
from input_pipeline.groups import count_groups
from input_pipeline.images import decode_frames
from input_pipeline.instruction_json import read_rows
from input_pipeline.manifest import count_labels, read_manifest, verify_file
from input_pipeline.paths import path_of
from input_pipeline.shards import find_fault
from input_pipeline.splits import load_split
from input_pipeline.vision_feature_checks import describe_features, find_feature_problems

USAGE = "python -m input_pipeline.validate DIR|FILE.json|FILE.jsonl"
# Frames are decoded at an eighth of their size: damage shows all the same, in a fraction of the time.
_FRAME_SIDE = 16


def find_problems(folder: pathlib.Path) -> Iterator[str]:
    """Checks manifest, SHA-256 of every file, every record, image and feature, equal keys in all families, and the splits.

    Yields:
      One line per problem, as they are found.
    """
    damaged: list[str] = []
    try:
        manifest = read_manifest(folder)
        for file in manifest.files():
            if problem := verify_file(folder, file):
                damaged.append(problem)
                yield problem
        dataset = Dataset.open(folder)
    except UserError as error:
        if str(error) not in damaged:
            yield str(error)
        return
    for field, count in count_labels(dataset.labels).items():
        if count != getattr(manifest, field):
            yield f"{folder}: the labels count other {field} than the manifest; rebuild the data"
    for index in range(len(dataset)):
        if dataset.labels[index].subject not in dataset.withdrawn and (problem := _find_clip_problem(dataset, index)):
            yield problem
    yield from find_feature_problems(dataset)
    for path in _split_files(folder):
        try:
            load_split(dataset, path.stem, need=())
        except UserError as error:
            yield str(error)


def describe(folder: pathlib.Path) -> str:
    """One line about a sound data set: clips, subjects, layout, frames, what was not measured, groups, folds of each split."""
    dataset = Dataset.open(folder)
    manifest = dataset.manifest
    frames = "with frames" if manifest.has_frames else "no frames"
    parts = [f"{manifest.clips} clips of {len(manifest.subjects)} subjects ({manifest.rejected} left out)"]
    parts.append(f"{manifest.layout}, {frames}")
    for what in ("colours", "depth"):
        # Landmarks made elsewhere; the features of `config.data` that need these are refused for such clips.
        if lacking := sum(label.source.get(what) == "none" for label in dataset.labels):
            parts.append(f"{lacking} clips without {what}")
    if dataset.withdrawn:
        parts.append(f"{len(dataset.withdrawn)} subjects withdrawn")
    for name, found in count_groups(label for label in dataset.labels if label.subject not in dataset.withdrawn).items():
        parts.append(f"group {name}: " + ", ".join(f"{group or 'not known'} {clips}" for group, clips in found.items()))
    parts += describe_features(dataset)
    for path in _split_files(folder):
        folds = load_split(dataset, path.stem, need=())
        parts.append(f"split {path.stem}: " + ", ".join(f"{fold} {len(clips)}" for fold, clips in folds.items()))
    return f"{folder}: {'; '.join(parts)}"


def describe_instructions(path: pathlib.Path) -> str:
    """One line about sound instruction data: rows, questions, and media that are there.

    Raises:
      UserError: a row is not as it should be, or a medium is not there: with file, row, keys found and the fix.
    """
    rows = list(read_rows(path))
    for row in rows:
        for medium in row.media:
            found = inside(row.where, path.parent, medium)
            if not found.is_file() and not find_frames(found):
                raise UserError(f"{row.where}: {medium} is not below {path.parent}: put it there, or mend the row")
    questions = sum(len(row.turns) // 2 for row in rows)
    return f"{path}: {len(rows)} rows with {questions} questions, {len({row.media for row in rows})} clips, all there"


def main(args: Sequence[str]) -> None:
    """Prints a line per problem, or one line about the data set."""
    if len(args) != 1:
        raise UserError(f"{len(args)} arguments given, expected one folder or file: {USAGE}")
    if args[0].endswith((".json", ".jsonl")):
        print(describe_instructions(pathlib.Path(args[0])))
        return
    folder, problems = path_of(args[0]), 0
    for problem in find_problems(folder):
        print(" ".join(problem.split()), flush=True)
        problems += 1
    if problems:
        raise UserError(
            f"{folder}: {problems} {'problem' if problems == 1 else 'problems'} found: mend what is told above, or build the "
            "data set again"
        )
    print(describe(folder))


def _find_clip_problem(dataset: Dataset, index: int) -> str | None:
    try:
        clip = dataset.clip(index, with_frames=dataset.manifest.has_frames)
        if clip.frames:
            decode_frames(clip.frames, _FRAME_SIDE)
    except UserError as error:
        message = str(error)
        return message if str(dataset.path) in message else f"{dataset.where('frames', index)}: {message}"
    where = dataset.where("landmarks", index)
    if dataclasses.asdict(clip.label) != dataclasses.asdict(dataset.labels[index]):
        return f"{where}: its label differs from the label index; rebuild the data"
    if clip.layout != dataset.manifest.layout:
        return f"{where}: layout {clip.layout}, the manifest says {dataset.manifest.layout}; rebuild the data"
    fault = find_fault(clip)
    return f"{where}: {fault}; rebuild the data" if fault else None


def _split_files(folder: pathlib.Path) -> list[pathlib.Path]:
    return sorted((folder / "splits").glob("*.json"))


if __name__ == "__main__":
    cli.run(main, USAGE)
