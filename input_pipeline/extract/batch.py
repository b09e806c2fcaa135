"""Many videos to clips: the list of them, and the loop that turns a bad one into a line of the dead-letter list.

Each item stands alone, so that a pool of processes, one shard each, can take the loop's place.
"""

from __future__ import annotations

import csv
import dataclasses
import difflib
import math
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from input_pipeline.errors import ClipError, UserError
from input_pipeline.extract.clip import Progress, check_expression
from input_pipeline.extract.isolated import ClipExtractor
from input_pipeline.extract.ledger import Entry
from input_pipeline.extract.video import check_file, content_sha256, find_videos
from input_pipeline.manifest import Rejected
from input_pipeline.pseudonyms import Pseudonyms
from input_pipeline.records import Clip

COLUMNS = ("path", "subject", "expression", "score", "report")


@dataclasses.dataclass(frozen=True)
class Item:
    """One video with what is known about it; see `records.Label`. `subject` is as the source names the person."""

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
    extractor: ClipExtractor,
    pseudonyms: Pseudonyms,
    *,
    dataset: str,
    scale_id: str = "",
    frame_size: int = 256,
    max_frames_stored: int = 512,
    started: Callable[[Item], Progress] = lambda item: lambda done, expected: None,
    note: Callable[[Entry], None] = lambda entry: None,
) -> Iterator[Clip | Rejected]:
    """Clips in the order of the items, a `Rejected` with the reason in place of each bad video.

    Nothing in them names a file or a person: that goes to the ledger alone.

    Args:
      pseudonyms: what people and clips are called.
      started: called as a video begins; what it returns is called after each frame (see `extract_clip`).
      note: called for each video with its row of the ledger.
    """
    seen: dict[str, str] = {}
    for item in items:
        progress = started(item)
        subject, digest = pseudonyms.subject(item.subject), ""
        clip_id = pseudonyms.clip(item.subject, item.expression, str(item.path))
        code, reason = "ok", ""
        result: Clip | Rejected
        try:
            digest = content_sha256(check_file(item.path))
            clip_id = pseudonyms.clip(item.subject, item.expression, digest)
            if digest in seen:
                raise ClipError(item.path, "duplicate", f"the same video as clip {seen[digest]}: list each video once")
            seen[digest] = clip_id
            result = extractor.extract(
                item.path,
                expression=item.expression,
                subject=subject,
                clip_id=clip_id,
                dataset=dataset,
                score=item.score,
                scale_id=scale_id,
                report=item.report,
                frame_size=frame_size,
                max_frames_stored=max_frames_stored,
                progress=progress,
            )
        except ClipError as error:
            code, reason = error.code, error.reason
            result = Rejected(clip_id, reason, code)
        note(Entry(str(item.path), item.subject, item.expression, clip_id, subject, digest, code, reason, pseudonyms.key_id))
        yield result


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
    name, report = fields.get("subject") or subject or path.stem, fields.get("report") or None
    _check_report(where, report, name)
    return Item(
        path=path,
        subject=name,
        expression=fields.get("expression") or expression,
        score=_parse_score(where, fields.get("score", "")),
        report=report,
    )


def _check_report(where: str, report: str | None, name: str) -> None:
    """Reports are stored as they are. A number or a letter may stand in one for something else than a person."""
    if report and len(name) > 2 and not name.isdigit() and re.search(rf"\b{re.escape(name)}\b", report, re.IGNORECASE):
        raise UserError(f"{where}: the report names the subject '{name}', and is stored as it is: write of 'the face' instead")


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
