"""`python -m tramp_jax.assess VIDEO --checkpoint=RUN --landmarker=FILE --expression=smile --output=DIR`: one page per clip.

VIDEO may be a folder of videos (a page and JSON each, an index page and one CSV) or a data set folder (its clips; no
landmarker needed). In Python: `tramp_jax.load("runs/demo").assess("clip.mp4", expression="smile", landmarker="...")`.
"""

from __future__ import annotations

import csv
import io
import itertools
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from absl import flags

from input_pipeline import cli
from input_pipeline.errors import UserError
from input_pipeline.extract.video import find_videos
from input_pipeline.paths import local_path, path_of
from input_pipeline.records import EXPRESSIONS, Clip
from input_pipeline.whole_files import check_writable, write_whole

_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "A run: the --workdir of tramp_jax.train.")
_OUTPUT = flags.DEFINE_string("output", None, "Folder for report.html and assessment.json.")
_LANDMARKER = flags.DEFINE_string("landmarker", None, "MediaPipe's face_landmarker.task; needed for videos.")
_EXPRESSION = flags.DEFINE_string("expression", None, f"The posed task of the videos: {', '.join(EXPRESSIONS)}.")
_CLIPS = flags.DEFINE_list("clips", [], "Clip ids of a data set folder; default: one of the test fold per expression.")
_SHOW_FACE = flags.DEFINE_bool("show_face", True, "False leaves the face out of the page: mesh and trails only.")

USAGE = "python -m tramp_jax.assess VIDEO|FOLDER|DATASET --checkpoint=RUN --output=DIR [--landmarker=FILE --expression=NAME]"


def main(argv: Sequence[str]) -> None:
    """One positional argument; flags are absl's."""
    if len(argv) != 1:
        raise UserError(f"expected one VIDEO, folder or data set, got {len(argv)}; usage: {USAGE}")
    path, output = path_of(argv[0]), local_path(_OUTPUT.value, "--output")
    expression = checked_expression(_EXPRESSION.value) if _EXPRESSION.value is not None else None
    if not path.exists():
        raise UserError(f"{path}: no such file or folder: pass a video, a folder of videos or a data set folder")
    is_dataset = (path / "manifest.json").is_file()
    if not is_dataset:
        check_video_flags(path, expression, _LANDMARKER.value)
    check_writable(output)

    from tramp_jax.assessor import Assessor

    if path.is_file():
        assessor = Assessor(path_of(_CHECKPOINT.value))
        assessment = assessor.assess(
            path, expression=expression, landmarker=_LANDMARKER.value, output=output, show_face=_SHOW_FACE.value
        )
        _tell(assessment, output / "report.html")
        return
    assessor = Assessor(path_of(_CHECKPOINT.value))
    if is_dataset:
        clips: Iterator[tuple[str, Clip | UserError]] = assessor.dataset_clips(path, _CLIPS.value)
    else:
        clips = assessor.video_clips(find_videos(path), expression, _LANDMARKER.value)
    assess_many(assessor, clips, output)


def checked_expression(name: str) -> str:
    """The name, if it is one of the posed tasks.

    Raises:
      UserError: it is not.
    """
    if name not in EXPRESSIONS:
        raise UserError(f"--expression={name}: unknown; use one of {', '.join(EXPRESSIONS)}")
    return name


def check_video_flags(path: Path, expression: str | None, landmarker: str | None) -> None:
    """Raises UserError where a video cannot be assessed for want of a flag; before anything slow is loaded."""
    if landmarker is None:
        raise UserError("--landmarker=FILE is needed for videos: MediaPipe's face_landmarker.task (README, 'Your own videos')")
    if not Path(landmarker).is_file():
        raise UserError(
            f"--landmarker={landmarker}: no such file: pass MediaPipe's face_landmarker.task (README, 'Your own videos')"
        )
    if expression is None:
        raise UserError(f"--expression is needed for videos: one of {', '.join(EXPRESSIONS)}")
    if path.is_dir():
        find_videos(path)


def assess_many(assessor: Any, clips: Iterator[tuple[str, Clip | UserError]], output: Path) -> None:
    """A page and JSON per clip in OUTPUT/NAME/, then index.html and assessments.csv. A clip that fails is a row that says why.

    Raises:
      UserError: no clip could be assessed.
    """
    from tramp_jax.report.page import write_index

    rows: list[dict[str, Any]] = []
    taken: set[str] = set()
    for name, clip in clips:
        if isinstance(clip, UserError):
            print(f"left out: {clip}", file=sys.stderr)
            rows.append(_row(name, error=str(clip)))
            continue
        folder = folder_name(name, taken)
        assessment = assessor.assess_clip(clip, output / folder, show_face=_SHOW_FACE.value)
        rows.append(_row(name, assessment, page=f"{folder}/report.html"))
        _tell(assessment, output / folder / "report.html")
    if not any(row["page"] for row in rows):
        raise UserError(f"none of {len(rows)} clips could be assessed; the first: {rows[0]['error']}")
    write_index(rows, output / "index.html")
    write_whole({output / "assessments.csv": _table(rows)})
    print(f"{output / 'index.html'}: {sum(bool(row['page']) for row in rows)} of {len(rows)} clips")


def _table(rows: Sequence[dict[str, Any]]) -> str:
    file = io.StringIO()
    writer = csv.writer(file)
    fields = ("clip", "expression", "severity", "low", "high", "frames", "frames_tracked", "report", "warnings", "error")
    writer.writerow(fields)
    for row in rows:
        low, high = row["interval"] or ("", "")
        flat = {**row, "low": low, "high": high, "warnings": " ".join(row["warnings"])}
        writer.writerow(["" if flat[field] is None else flat[field] for field in fields])
    return file.getvalue()


def folder_name(name: str, taken: set[str]) -> str:
    """A name from data as a new folder inside the output: letters, digits, dots, dashes, never a leading dot.

    Args:
      taken: folders that are there already, without regard to case; the new one is added.
    """
    plain = re.sub(r"[^\w.-]+", "_", name).lstrip(".")[:100] or "clip"
    numbered = (plain if count == 1 else f"{plain}-{count}" for count in itertools.count(1))
    folder = next(each for each in numbered if each.lower() not in taken)
    taken.add(folder.lower())
    return folder


def _row(name: str, assessment: dict[str, Any] | None = None, page: str = "", error: str = "") -> dict[str, Any]:
    keys = ("expression", "severity", "interval", "frames", "frames_tracked", "report", "warnings")
    found = {key: assessment[key] for key in keys} if assessment else {**dict.fromkeys(keys), "warnings": []}
    return {"clip": name, "page": page, "error": error, **found}


def _tell(assessment: dict[str, Any], page: Path) -> None:
    low, high = assessment["interval"]
    print(
        f"{page}: {assessment['expression']}, severity {assessment['severity']:.2f} ({low:.1f} to {high:.1f}), "
        f"face found in {assessment['frames_tracked']} of {assessment['frames']} frames"
    )
    for warning in assessment["warnings"]:
        print(f"  warning: {warning}")


if __name__ == "__main__":
    flags.mark_flags_as_required(["checkpoint", "output"])
    cli.run(main, USAGE)
