"""`python -m input_pipeline.extract FILE|FOLDER|CSV --landmarker=PATH --output=DIR`: one's own clips to a data set.

FILE is a video, or landmarks that another tool made of one (see `input_pipeline.landmark_files`; these need no landmarker).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from input_pipeline import cli
from input_pipeline.errors import UserError
from input_pipeline.extract.batch import list_items
from input_pipeline.extract.building import Building, build, check_output
from input_pipeline.extract.engine import ENGINES, read_engine
from input_pipeline.extract.ledger import ledger_path
from input_pipeline.extract.pool import Settings
from input_pipeline.paths import local_path
from input_pipeline.pseudonyms import default_key_file
from input_pipeline.records import POSED

USAGE = (
    "python -m input_pipeline.extract FILE|FOLDER|CSV --landmarker=PATH --output=DIR [--expression=smile]"
    "   (CSV columns: path, subject, expression, score, report, group_NAME)"
)

_LANDMARKER = flags.DEFINE_string("landmarker", "", "MediaPipe's face_landmarker.task")
_OUTPUT = flags.DEFINE_string("output", "", "folder for the data set")
_EXPRESSION = flags.DEFINE_string("expression", "", f"what the faces pose, where no CSV says it: {', '.join(POSED)}")
_SUBJECT = flags.DEFINE_string("subject", "", "name of the person, where no CSV says it; the file's name if empty")
_KEY_FILE = flags.DEFINE_string(
    "subject-key-file", "", f"key of the hashes that stand for people and clips, made once; {default_key_file()} if empty"
)
_LEDGER = flags.DEFINE_string("ledger", "", "private list of whom they stand for; SOURCE.ledger.csv beside the source if empty")
_NAME = flags.DEFINE_string("name", "own", "name of the data set")
_SCALE_ID = flags.DEFINE_string("scale_id", "", "which scale the scores are on")
_NUM_SHARDS = flags.DEFINE_integer("num_shards", 0, "files per shard family; 0 = one for every 256 MB", lower_bound=0)
_WORKERS = flags.DEFINE_integer("workers", 0, "processes that extract; 0 = one for each core", lower_bound=0)
_ENGINE = flags.DEFINE_enum("engine", "local", ENGINES, "who does the work: processes here, or Beam (docs/extraction.md)")
_PARTS = flags.DEFINE_string("parts", "", "folder that all Beam workers see, kept afterwards; OUTPUT/parts if empty")
_BEAM = flags.DEFINE_list("beam_pipeline_options", [], "runner=DataflowRunner,project=... as of tfds; none: here, for trying")
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
    output = check_output(_OUTPUT.value)
    items = list_items(args[0], _EXPRESSION.value, _SUBJECT.value)
    videos = [item for item in items if not item.is_landmarks]
    if videos and not _LANDMARKER.value:
        raise UserError(f"--landmarker is needed for videos: {USAGE}")
    plan = Building(
        output=output,
        name=_NAME.value,
        landmarker=_LANDMARKER.value,
        key_file=Path(_KEY_FILE.value) if _KEY_FILE.value else default_key_file(),
        ledger=Path(_LEDGER.value) if _LEDGER.value else ledger_path(local_path(args[0], "--ledger is needed: SOURCE")),
        settings=_settings(),
        workers=_WORKERS.value,
        num_shards=_NUM_SHARDS.value,
        engine=read_engine(_ENGINE.value, _PARTS.value, _BEAM.value, _WORKERS.value),
    )
    build([dataclasses.replace(item, scale_id=_SCALE_ID.value) for item in items], plan, {})


def _settings() -> Settings:
    size = _IMAGE_SIZE.value
    try:
        image_size = (int(size[0]), int(size[1])) if size else None
    except (ValueError, IndexError) as error:
        raise UserError(f"--image_size={','.join(size)}: expected width,height in pixels, 640,360 for example") from error
    return Settings(_FRAME_SIZE.value, _MAX_FRAMES_STORED.value, _FPS.value, image_size, _MIRRORED.value)


if __name__ == "__main__":
    cli.run(main, USAGE)
