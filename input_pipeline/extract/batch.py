"""Many videos to clips: the list of them, and the loop that turns a bad one into a line of the dead-letter list.

The loop is one process; each item stands alone, so that a pool of processes, one shard each, can take its place.
"""

from __future__ import annotations

import csv
import dataclasses
import difflib
import math
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from input_pipeline.errors import UserError
from input_pipeline.extract.clip import Progress, check_expression, extract_clip
from input_pipeline.extract.landmarker import Landmarker
from input_pipeline.extract.video import check_file, content_sha256, find_videos
from input_pipeline.manifest import Rejected
from input_pipeline.records import Clip

COLUMNS = ("path", "subject", "expression", "score", "report")


@dataclasses.dataclass(frozen=True)
class Item:
    """One video with what is known about it; see `records.Label`."""

    path: Path
    subject: str
    expression: str
    score: float | None = None
    report: str | None = None


def list_items(source: str | Path, expression: str = "", subject: str = "") -> list[Item]:
    """The videos that a path stands for.

    Args:
      source: a video, a folder of videos, or a CSV file with the columns COLUMNS, of which only `path` must be there; paths
        in it are relative to its folder.
      expression: of every video that the CSV says nothing else of.
      subject: likewise; empty means the stem of the file's name.

    Raises:
      UserError: nothing there, or a label in the CSV is wrong: found before hours of extraction, not after.
    """
    source = Path(source)
    if source.suffix.lower() == ".csv" and source.is_file():
        return _read_csv(source, expression, subject)
    paths = find_videos(source) if source.is_dir() else [check_file(source)]
    if not expression:
        raise UserError(f"{source}: which expression do the faces pose? add --expression=smile, for example")
    check_expression(expression)
    return [Item(path, subject or path.stem, expression) for path in paths]


def extract_items(
    items: Sequence[Item],
    landmarker: Landmarker,
    *,
    dataset: str,
    scale_id: str = "",
    frame_size: int = 256,
    max_frames_stored: int = 512,
    started: Callable[[Item], Progress] = lambda item: lambda done, expected: None,
) -> Iterator[Clip | Rejected]:
    """Clips in the order of the items, a `Rejected` with the reason in place of each bad video.

    Args:
      started: called as a video begins; what it returns is called after each frame (see `extract_clip`).
    """
    seen: dict[str, Path] = {}
    for item in items:
        progress = started(item)
        try:
            digest = content_sha256(check_file(item.path))
            if digest in seen:
                raise UserError(f"{item.path}: the same video as {seen[digest]}: list each video once")
            seen[digest] = item.path
            yield extract_clip(
                item.path,
                landmarker,
                expression=item.expression,
                subject=item.subject,
                dataset=dataset,
                score=item.score,
                scale_id=scale_id,
                report=item.report,
                frame_size=frame_size,
                max_frames_stored=max_frames_stored,
                progress=progress,
            )
        except UserError as error:
            yield Rejected(str(item.path), str(error))


def _read_csv(source: Path, expression: str, subject: str) -> list[Item]:
    try:
        with source.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            _check_columns(source, reader.fieldnames or [])
            items = [_parse_row(f"{source} line {reader.line_num}", source.parent, row, expression, subject) for row in reader]
    except (csv.Error, UnicodeDecodeError, OSError) as error:
        raise UserError(f"{source}: not a CSV file in UTF-8 ({error}): expected the columns {', '.join(COLUMNS)}") from error
    if not items:
        raise UserError(f"{source}: has no rows below its header: expected one video each")
    return items


def _check_columns(source: Path, names: Sequence[str]) -> None:
    for name in names:
        if name not in COLUMNS:
            near = difflib.get_close_matches(name.lower(), COLUMNS, n=1)
            hint = f"; did you mean {near[0]}?" if near else ""
            raise UserError(f"{source}: unknown column '{name}', expected {', '.join(COLUMNS)}{hint}")
    if "path" not in names:
        raise UserError(f"{source}: no column 'path', expected {', '.join(COLUMNS)} with a header line")


def _parse_row(where: str, folder: Path, row: dict[str | None, str | None], expression: str, subject: str) -> Item:
    if None in row:
        raise UserError(f"{where}: more fields than the header names: put texts with commas into double quotes")
    fields = {name: (value or "").strip() for name, value in row.items()}
    if not fields["path"]:
        raise UserError(f"{where}: no path")
    path = folder / fields["path"]
    try:
        check_expression(fields.get("expression") or expression)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    return Item(
        path=path,
        subject=fields.get("subject") or subject or path.stem,
        expression=fields.get("expression") or expression,
        score=_parse_score(where, fields.get("score", "")),
        report=fields.get("report") or None,
    )


def _parse_score(where: str, text: str) -> float | None:
    if not text:
        return None
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if not math.isfinite(score):
        raise UserError(f"{where}: score '{text}' is not a number: expected one like 2 or 2.5, or nothing")
    return score
