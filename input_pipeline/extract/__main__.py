"""`python -m input_pipeline.extract VIDEO|FOLDER|CSV --landmarker=PATH --output=DIR`: one's own videos to a data set."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from absl import flags
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from input_pipeline import cli
from input_pipeline.errors import UserError
from input_pipeline.extract.batch import Item, extract_items, list_items
from input_pipeline.extract.clip import EXTRACTOR
from input_pipeline.extract.clip import Progress as FrameProgress
from input_pipeline.extract.landmarker import Landmarker
from input_pipeline.manifest import DEAD_LETTER, MANIFEST, Rejected
from input_pipeline.paths import local_path
from input_pipeline.records import EXPRESSIONS, Clip
from input_pipeline.shards import write_dataset

USAGE = (
    "python -m input_pipeline.extract VIDEO|FOLDER|CSV --landmarker=PATH --output=DIR [--expression=smile]"
    "   (CSV columns: path, subject, expression, score, report)"
)

_LANDMARKER = flags.DEFINE_string("landmarker", "", "MediaPipe's face_landmarker.task")
_OUTPUT = flags.DEFINE_string("output", "", "folder for the data set")
_EXPRESSION = flags.DEFINE_string("expression", "", f"what the faces pose, where no CSV says it: {', '.join(EXPRESSIONS)}")
_SUBJECT = flags.DEFINE_string("subject", "", "key of the person, where no CSV says it; the file's name if empty")
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
    landmarker = Landmarker(_LANDMARKER.value)
    source = {"extractor": EXTRACTOR, "mediapipe": landmarker.version, "landmarker_sha256": landmarker.sha256}
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True) as display:
        results = extract_items(
            items,
            landmarker,
            dataset=_NAME.value,
            scale_id=_SCALE_ID.value,
            frame_size=_FRAME_SIZE.value,
            max_frames_stored=_MAX_FRAMES_STORED.value,
            started=_frame_bar(display),
        )
        clips = _tell(results, items, display)
        manifest = write_dataset(clips, _OUTPUT.value, _NAME.value, _NUM_SHARDS.value, source)
    left_out = f", {manifest.rejected} left out, see {_OUTPUT.value}/{DEAD_LETTER}" if manifest.rejected else ""
    print(f"{manifest.clips} clips of {len(manifest.subjects)} subjects in {_OUTPUT.value}{left_out}")


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
                raise UserError(result.reason)
            line = f"left out: {result.reason}"
        else:
            made = result.label.source
            line = "; ".join([f"{item.path}: face in {made['frames_tracked']} of {made['frames']} frames", *made["warnings"]])
        display.console.print(line, markup=False, highlight=False, soft_wrap=True)
        display.advance(bar)
        yield result


if __name__ == "__main__":
    cli.run(main, USAGE)
