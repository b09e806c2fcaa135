"""`python -m input_pipeline.build NAME --root=DIR --output=DIR`: a data set of the field, from one's own copy of it.

`--make-fixture=DIR` writes a small set of no one in the true layout instead, to try the way without the data.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from input_pipeline import cli
from input_pipeline.datasets import BUILDERS, get_builder
from input_pipeline.datasets.about import About
from input_pipeline.errors import UserError
from input_pipeline.extract.building import Building, build, check_output
from input_pipeline.extract.engine import ENGINES, read_engine
from input_pipeline.extract.ledger import ledger_path
from input_pipeline.extract.pool import Settings
from input_pipeline.paths import local_path
from input_pipeline.pseudonyms import default_key_file

USAGE = (
    "python -m input_pipeline.build NAME --root=DIR --output=DIR [--landmarker=FILE]   or NAME --make-fixture=DIR; "
    f"NAME is one of {', '.join(BUILDERS)}"
)

_ROOT = flags.DEFINE_string("root", "", "your copy of the data set, in its authors' layout")
_OUTPUT = flags.DEFINE_string("output", "", "folder for the data set")
_FIXTURE = flags.DEFINE_string("make-fixture", "", "an empty or new folder for a small set of no one in that layout")
_LANDMARKER = flags.DEFINE_string("landmarker", "", "MediaPipe's face_landmarker.task; empty: pictures alone, no landmarks")
_KEY_FILE = flags.DEFINE_string(
    "subject-key-file", "", f"key of the hashes that stand for people and clips, made once; {default_key_file()} if empty"
)
_LEDGER = flags.DEFINE_string("ledger", "", "private list of whom they stand for; ROOT.ledger.csv beside the root if empty")
_NUM_SHARDS = flags.DEFINE_integer("num_shards", 0, "files per shard family; 0 = one for every 256 MB", lower_bound=0)
_WORKERS = flags.DEFINE_integer("workers", 0, "processes that read; 0 = one for each core", lower_bound=0)
_ENGINE = flags.DEFINE_enum("engine", "local", ENGINES, "who does the work: processes here, or Beam (docs/extraction.md)")
_PARTS = flags.DEFINE_string("parts", "", "folder that all Beam workers see, kept afterwards; OUTPUT/parts if empty")
_BEAM = flags.DEFINE_list("beam_pipeline_options", [], "runner=DataflowRunner,project=... as of tfds; none: here, for trying")
_FRAME_SIZE = flags.DEFINE_integer("frame_size", 256, "side of the stored pictures in pixels")
_MAX_FRAMES_STORED = flags.DEFINE_integer("max_frames_stored", 512, "most pictures stored per clip")


def main(args: Sequence[str]) -> None:
    """One data set's name."""
    if len(args) != 1:
        raise UserError(f"expected the name of a data set, got {len(args)} arguments: {USAGE}")
    builder = get_builder(args[0])
    if _FIXTURE.value:
        builder.make_fixture(_empty(Path(_FIXTURE.value)))
        print(f"{_FIXTURE.value}: a small set of no one in the layout of {builder.ABOUT.title}")
        return
    if not _ROOT.value or not _OUTPUT.value:
        raise UserError(f"--root and --output are needed: {USAGE}")
    output, root = check_output(_OUTPUT.value), local_path(_ROOT.value, "--root")
    if not root.is_dir():
        raise UserError(f"--root={root}: no such folder: {builder.ABOUT.title} is obtained so: {builder.ABOUT.obtain}")
    items = list(builder.items(root))
    if not items:
        raise UserError(f"{root}: no clips of {builder.ABOUT.title} there: expected {', '.join(builder.ABOUT.layout)}")
    _tell(builder.ABOUT)
    plan = Building(
        output=output,
        name=args[0],
        landmarker=_LANDMARKER.value,
        key_file=Path(_KEY_FILE.value) if _KEY_FILE.value else default_key_file(),
        ledger=Path(_LEDGER.value) if _LEDGER.value else ledger_path(root),
        settings=Settings(_FRAME_SIZE.value, _MAX_FRAMES_STORED.value),
        workers=_WORKERS.value,
        num_shards=_NUM_SHARDS.value,
        engine=read_engine(_ENGINE.value, _PARTS.value, _BEAM.value, _WORKERS.value),
    )
    labels = {target: list(words) for target, words in builder.ABOUT.labels.items()}
    build(items, plan, {"builder": args[0], "labels": labels})


def _empty(folder: Path) -> Path:
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"--make-fixture={folder}: is there and not empty: name a new folder")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _tell(about: About) -> None:
    print(f"{about.title}: {about.citation}")
    print(f"Splits: {about.splits}.")
    print(f"Terms: {about.terms}. Obtained: {about.obtain}.")


if __name__ == "__main__":
    cli.run(main, USAGE)
