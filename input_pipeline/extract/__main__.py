"""`python -m input_pipeline.extract FILE|FOLDER|CSV --landmarker=PATH --output=DIR`: one's own clips to a data set.

FILE is a video, or landmarks that another tool made of one (see `input_pipeline.landmark_files`; these need no landmarker).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from absl import flags
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from input_pipeline import cli
from input_pipeline.errors import UserError
from input_pipeline.extract.batch import Item, list_items
from input_pipeline.extract.clip import Progress as FrameProgress
from input_pipeline.extract.ledger import Entry, Ledger, ledger_path
from input_pipeline.extract.pack import DUPLICATE, Named, name_outcomes, pack
from input_pipeline.extract.parts import FOLDER, Fault, PartStore
from input_pipeline.extract.pool import ExtractionPool, Outcome, Settings
from input_pipeline.landmark_files import is_landmark_file
from input_pipeline.manifest import DEAD_LETTER, MANIFEST, Manifest
from input_pipeline.paths import local_path
from input_pipeline.pseudonyms import Pseudonyms, default_key_file
from input_pipeline.records import EXPRESSIONS
from input_pipeline.splits import FRACTIONS, SPLIT, make_split, split_path, write_split

USAGE = (
    "python -m input_pipeline.extract FILE|FOLDER|CSV --landmarker=PATH --output=DIR [--expression=smile]"
    "   (CSV columns: path, subject, expression, score, report)"
)

_LANDMARKER = flags.DEFINE_string("landmarker", "", "MediaPipe's face_landmarker.task")
_OUTPUT = flags.DEFINE_string("output", "", "folder for the data set")
_EXPRESSION = flags.DEFINE_string("expression", "", f"what the faces pose, where no CSV says it: {', '.join(EXPRESSIONS)}")
_SUBJECT = flags.DEFINE_string("subject", "", "name of the person, where no CSV says it; the file's name if empty")
_KEY_FILE = flags.DEFINE_string(
    "subject_key_file", "", f"key of the hashes that stand for people and clips, made once; {default_key_file()} if empty"
)
_LEDGER = flags.DEFINE_string("ledger", "", "private list of whom they stand for; SOURCE.ledger.csv beside the source if empty")
_NAME = flags.DEFINE_string("name", "own", "name of the data set")
_SCALE_ID = flags.DEFINE_string("scale_id", "", "which scale the scores are on")
_NUM_SHARDS = flags.DEFINE_integer("num_shards", 0, "files per shard family; 0 = one for every 256 MB", lower_bound=0)
_WORKERS = flags.DEFINE_integer("workers", 0, "processes that extract; 0 = one for each core", lower_bound=0)
_FPS = flags.DEFINE_float("fps", None, "frames per second, for files of landmarks that say no times")
_IMAGE_SIZE = flags.DEFINE_list("image_size", None, "width,height of the pictures, for files of normalised landmarks")
_MIRRORED = flags.DEFINE_bool("mirrored", False, "whether files of landmarks are of mirrored (selfie) pictures")
_FRAME_SIZE = flags.DEFINE_integer("frame_size", 256, "side of the stored face crops in pixels")
_MAX_FRAMES_STORED = flags.DEFINE_integer("max_frames_stored", 512, "most face crops stored per clip")


def main(args: Sequence[str]) -> None:
    if len(args) != 1:
        raise UserError(f"expected one file, folder or CSV list, got {len(args)}: {USAGE}")
    if not _OUTPUT.value:
        raise UserError(f"--output is needed: {USAGE}")
    if (local_path(_OUTPUT.value, "--output") / MANIFEST).exists():
        raise UserError(f"{_OUTPUT.value}: holds a data set already: choose another --output or delete it")
    items = list_items(args[0], _EXPRESSION.value, _SUBJECT.value)
    kinds = {is_landmark_file(item.path) for item in items}
    if False in kinds and not _LANDMARKER.value:
        raise UserError(f"--landmarker is needed for videos: {USAGE}")
    output, settings = Path(_OUTPUT.value), _settings()
    pseudonyms = _open_key(Path(_KEY_FILE.value) if _KEY_FILE.value else default_key_file())
    parts, workers = PartStore(output / FOLDER), min(_WORKERS.value or _cores(), len(items))
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with (
        ExtractionPool(_LANDMARKER.value if False in kinds else "", workers, settings) as pool,
        Ledger(Path(_LEDGER.value) if _LEDGER.value else ledger_path(Path(args[0]))) as ledger,
        Progress(*columns, transient=True) as display,
    ):
        outcomes = list(_tell(pool.run(items, parts, pseudonyms, _frame_count(display)), len(items), display))
        if len(items) == 1 and isinstance(fault := outcomes[0].result, Fault):
            raise UserError(f"{items[0].path}: {fault.reason}")
        named = name_outcomes(outcomes, pseudonyms)
        for each in named:
            entry = _entry(each, pseudonyms.key_id)
            ledger.add(entry)
            if entry.status == DUPLICATE:  # known only once all are read
                _print(display, f"left out: {entry.path}: {entry.reason}")
        manifest = pack(
            named,
            output,
            _NAME.value,
            scale_id=_SCALE_ID.value,
            num_shards=_NUM_SHARDS.value,
            source={name: value for kind in sorted(kinds) for name, value in pool.about(kind).items()}
            | {"subject_key_id": pseudonyms.key_id},
        )
    parts.remove()
    left_out = f", {manifest.rejected} left out, see {output / DEAD_LETTER}" if manifest.rejected else ""
    print(f"{manifest.clips} clips of {len(manifest.subjects)} subjects in {output}{left_out}")
    print(_write_default_split(output, manifest))


def _settings() -> Settings:
    size = _IMAGE_SIZE.value
    try:
        image_size = (int(size[0]), int(size[1])) if size else None
    except (ValueError, IndexError) as error:
        raise UserError(f"--image_size={','.join(size)}: expected width,height in pixels, 640,360 for example") from error
    return Settings(_FRAME_SIZE.value, _MAX_FRAMES_STORED.value, _FPS.value, image_size, _MIRRORED.value)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _write_default_split(output: Path, manifest: Manifest) -> str:
    """What was done, in a line."""
    if len(manifest.subjects) < len(FRACTIONS):
        return f"no split: it takes {len(FRACTIONS)} subjects; to train on this, write {split_path(output, SPLIT)} yourself"
    return f"{write_split(output, SPLIT, make_split(manifest.subjects, FRACTIONS, seed=0))}: who is in which fold"


def _open_key(path: Path) -> Pseudonyms:
    pseudonyms, made = Pseudonyms.open(path)
    if made:
        print(f"{path}: made: the key of the hashes that stand for people and clips; keep it, and keep it to yourself")
    return pseudonyms


def _entry(named: Named, key_id: str) -> Entry:
    outcome, fault = named.outcome, named.outcome.result
    code, reason = (fault.code, fault.reason) if isinstance(fault, Fault) else ("ok", "")
    item = outcome.item
    return Entry(
        path=str(item.path),
        name=item.subject,
        expression=item.expression,
        clip_id=named.clip_id,
        subject=named.subject,
        sha256=outcome.sha256,
        status=code,
        reason=reason,
        seconds=round(outcome.seconds, 3),
        key_id=key_id,
    )


def _frame_count(display: Progress) -> Callable[[Item], FrameProgress]:
    """One row for all processes: the frames that they have done by now."""
    bar = display.add_task("frames", total=None)

    def start(item: Item) -> FrameProgress:
        before = 0

        def report(done: int, expected: int) -> None:
            nonlocal before
            display.advance(bar, max(done - before, 0))
            before = done

        return report

    return start


def _tell(outcomes: Iterator[Outcome], count: int, display: Progress) -> Iterator[Outcome]:
    bar = display.add_task("videos", total=count)
    for outcome in outcomes:
        path, source = outcome.item.path, outcome.source
        if isinstance(outcome.result, Fault):
            line = f"left out: {path}: {outcome.result.reason}" if count > 1 else ""
        elif source:
            line = "; ".join([f"{path}: face in {source['frames_tracked']} of {source['frames']} frames", *source["warnings"]])
        else:
            line = f"{path}: extracted before"
        if line:
            _print(display, line)
        display.advance(bar)
        yield outcome


def _print(display: Progress, line: str) -> None:
    display.console.print(line, markup=False, highlight=False, soft_wrap=True)


if __name__ == "__main__":
    cli.run(main, USAGE)
