"""`python -m input_pipeline.extract VIDEO|FOLDER|CSV --landmarker=PATH --output=DIR`: one's own videos to a data set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from absl import flags
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from input_pipeline import cli
from input_pipeline.errors import UserError
from input_pipeline.extract.batch import Item, extract_items, list_items
from input_pipeline.extract.clip import EXTRACTOR
from input_pipeline.extract.clip import Progress as FrameProgress
from input_pipeline.extract.isolated import ClipExtractor
from input_pipeline.extract.ledger import Ledger, ledger_path
from input_pipeline.manifest import DEAD_LETTER, MANIFEST, Manifest, Rejected
from input_pipeline.paths import local_path
from input_pipeline.pseudonyms import Pseudonyms, default_key_file
from input_pipeline.records import EXPRESSIONS, Clip
from input_pipeline.shards import write_dataset
from input_pipeline.splits import FRACTIONS, SPLIT, make_split, split_path, write_split

USAGE = (
    "python -m input_pipeline.extract VIDEO|FOLDER|CSV --landmarker=PATH --output=DIR [--expression=smile]"
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
_NUM_SHARDS = flags.DEFINE_integer("num_shards", 1, "files per shard family", lower_bound=1)
_FRAME_SIZE = flags.DEFINE_integer("frame_size", 256, "side of the stored face crops in pixels")
_MAX_FRAMES_STORED = flags.DEFINE_integer("max_frames_stored", 512, "most face crops stored per clip")


def main(args: Sequence[str]) -> None:
    if len(args) != 1:
        raise UserError(f"expected one video, folder or CSV file, got {len(args)}: {USAGE}")
    if not _LANDMARKER.value or not _OUTPUT.value:
        raise UserError(f"--landmarker and --output are needed: {USAGE}")
    if (local_path(_OUTPUT.value, "--output") / MANIFEST).exists():
        raise UserError(f"{_OUTPUT.value}: holds a data set already: choose another --output or delete it")
    items = list_items(args[0], _EXPRESSION.value, _SUBJECT.value)
    pseudonyms = _open_key(Path(_KEY_FILE.value) if _KEY_FILE.value else default_key_file())
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with (
        ClipExtractor(_LANDMARKER.value) as extractor,
        Ledger(Path(_LEDGER.value) if _LEDGER.value else ledger_path(Path(args[0]))) as ledger,
        Progress(*columns, transient=True) as display,
    ):
        source = {
            "extractor": EXTRACTOR,
            "mediapipe": extractor.version,
            "landmarker_sha256": extractor.sha256,
            "subject_key_id": pseudonyms.key_id,
        }
        results = extract_items(
            items,
            extractor,
            pseudonyms,
            dataset=_NAME.value,
            scale_id=_SCALE_ID.value,
            frame_size=_FRAME_SIZE.value,
            max_frames_stored=_MAX_FRAMES_STORED.value,
            started=_frame_bar(display),
            note=ledger.add,
        )
        clips = _tell(results, items, display)
        manifest = write_dataset(clips, _OUTPUT.value, _NAME.value, _NUM_SHARDS.value, source)
    left_out = f", {manifest.rejected} left out, see {_OUTPUT.value}/{DEAD_LETTER}" if manifest.rejected else ""
    print(f"{manifest.clips} clips of {len(manifest.subjects)} subjects in {_OUTPUT.value}{left_out}")
    print(_write_default_split(_OUTPUT.value, manifest))


def _write_default_split(output: str, manifest: Manifest) -> str:
    """What was done, in a line."""
    if len(manifest.subjects) < len(FRACTIONS):
        return f"no split: it takes {len(FRACTIONS)} subjects; to train on this, write {split_path(output, SPLIT)} yourself"
    return f"{write_split(output, SPLIT, make_split(manifest.subjects, FRACTIONS, seed=0))}: who is in which fold"


def _open_key(path: Path) -> Pseudonyms:
    pseudonyms, made = Pseudonyms.open(path)
    if made:
        print(f"{path}: made: the key of the hashes that stand for people and clips; keep it, and keep it to yourself")
    return pseudonyms


def _frame_bar(display: Progress) -> Callable[[Item], FrameProgress]:
    bar = display.add_task("frames", total=None)

    def start(item: Item) -> FrameProgress:
        display.reset(bar, total=None, description=item.path.name)
        return lambda done, expected: display.update(bar, completed=done, total=max(done, expected))

    return start


def _tell(results: Iterator[Clip | Rejected], items: Sequence[Item], display: Progress) -> Iterator[Clip | Rejected]:
    bar = display.add_task("videos", total=len(items))
    for item, result in zip(items, results, strict=True):
        if isinstance(result, Rejected):
            if len(items) == 1:
                raise UserError(f"{item.path}: {result.reason}")
            line = f"left out: {item.path}: {result.reason}"
        else:
            made = result.label.source
            line = "; ".join([f"{item.path}: face in {made['frames_tracked']} of {made['frames']} frames", *made["warnings"]])
        display.console.print(line, markup=False, highlight=False, soft_wrap=True)
        display.advance(bar)
        yield result


if __name__ == "__main__":
    cli.run(main, USAGE)
