"""A folder of one's own with a list: videos or parts of them, pictures, files of landmarks; columns called as one likes."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from input_pipeline.datasets.about import About, require
from input_pipeline.datasets.fixtures import write_picture, write_video
from input_pipeline.datasets.tables import inside, number, rows
from input_pipeline.errors import UserError, unreadable
from input_pipeline.extract.batch import check_report, parse_score
from input_pipeline.extract.clip import check_expression
from input_pipeline.extract.item import Item
from input_pipeline.extract.pictures import SUFFIXES
from input_pipeline.groups import ANY_GROUP, check_few, is_group, read_groups
from input_pipeline.landmark_files import is_landmark_file
from input_pipeline.records import UNPOSED
from input_pipeline.splits import FOLDS

COLUMNS = ("path", "subject", "expression", "score", "report", "scale_id", "start", "end", "fps", "fold")
_KNOWN = (*COLUMNS, ANY_GROUP)
_LIST, _NAMES = "clips.csv", "columns.json"

ABOUT = About(
    name="clips_folder",
    title="a folder of clips",
    content="what its list names: videos or parts of them, folders of pictures, pictures, files of landmarks",
    labels={},
    masked="an empty field is nothing said",
    splits="default: the column fold (train, validation or test, in every row); without it people are dealt at random",
    layout=(
        f"{_LIST} with a header and of the columns {', '.join(_KNOWN)} at least path, relative to the root; start and end are "
        "frames of a video or pictures of a folder, from 0, the end not included; fps is of pictures and files of landmarks, "
        f"{ANY_GROUP} (any number of such: group_sex) a label by which results are told apart, stored as it is",
        f'optional: {_NAMES}, our name of a column to yours, {{"score": "Grade"}}; columns of other names are then left alone',
    ),
    citation="none: it is yours",
    terms="yours, and those of whom it shows",
    obtain=f"write a {_LIST} in the folder",
    certainty="all of the layout is ours",
)


def items(root: Path) -> Iterator[Item]:
    """A row each.

    Raises:
      UserError: no list, a field that is not as it should be, or none of the files there.
    """
    table = require(root, ABOUT, _LIST)
    names = _column_names(root / _NAMES)
    found = []
    for where, row in rows(table, tuple(names.values()) or ("path",)):
        if not names:
            _check_columns(f"{table}", row)
        ours = (*COLUMNS, *filter(is_group, (*names, *row)))
        found.append(_item(where, root, {name: row.get(names.get(name, name), "") for name in ours}))
    check_few(f"{table}", (item.groups for item in found))
    if found and not any(item.path.exists() for item in found):
        raise UserError(
            f"{table}: none of its {len(found)} files is there, {found[0].path} for one: write paths as seen from {root}"
        )
    if len({bool(item.folds) for item in found}) > 1:
        raise UserError(f"{table}: a fold in some rows and none in others: give each person one, or nobody")
    yield from found


def _column_names(path: Path) -> dict[str, str]:
    """Our name -> the list's, of the columns that the file names; nothing where there is no file."""
    if not path.exists():
        return {}
    try:
        names = json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, OSError, RecursionError) as error:
        raise unreadable(path, error, f"not JSON in UTF-8 ({error}): write it again") from error
    if not isinstance(names, dict) or not all(isinstance(name, str) for name in names.values()):
        raise UserError(f'{path}: expected our names to yours, as {{"path": "video", "score": "Grade"}}')
    _check_columns(f"{path}", names)
    return {"path": "path"} | names


def _check_columns(where: str, names: Mapping[str, Any]) -> None:
    for name in names:
        if name not in COLUMNS and not is_group(name):
            near = difflib.get_close_matches(name.lower(), _KNOWN, n=1)
            hint = f"; did you mean {near[0]}?" if near else f"; {_NAMES} says which columns are which"
            raise UserError(f"{where}: unknown column {name!r}, expected {', '.join(_KNOWN)}{hint}")


def _item(where: str, root: Path, row: dict[str, str]) -> Item:
    if not row["path"]:
        raise UserError(f"{where}: no path: name the file of the clip, or take the row out")
    path = inside(where, root, row["path"])
    part = _part(where, row["start"], row["end"])
    key = " ".join([row["path"], *(f"{place}" for place in part if part[1])])
    subject, expression = row["subject"] or key, row["expression"] or UNPOSED
    try:
        check_expression(expression)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
    check_report(where, row["report"] or None, subject)
    if row["fold"] not in ("", *FOLDS):
        raise UserError(f"{where}: fold {row['fold']!r}, expected one of {', '.join(FOLDS)}")
    return Item(
        subject=subject,
        expression=expression,
        score=parse_score(where, row["score"]),
        report=row["report"] or None,
        key=key,
        scale_id=row["scale_id"],
        folds={"default": row["fold"]} if row["fold"] else {},
        groups=read_groups(where, row, subject),
        **_media(where, path, part, number(where, row["fps"], 1, 1000) if row["fps"] else None),
    )


def _part(where: str, start: str, end: str) -> tuple[int, int]:
    if not start and not end:
        return 0, 0
    if not (start.isdecimal() and end.isdecimal() and int(start) < int(end)):
        raise UserError(f"{where}: start {start!r} and end {end!r}, expected frames from 0, the start before the end")
    return int(start), int(end)


def _media(where: str, path: Path, part: tuple[int, int], fps: float | None) -> dict[str, Any]:
    start, end = part
    if is_landmark_file(path):
        if end:
            raise UserError(f"{where}: start and end are of videos and pictures: cut the file of landmarks yourself")
        return {"path": path, "fps": fps}
    if not path.is_dir() and path.suffix.lower() not in SUFFIXES:
        if fps:
            raise UserError(f"{where}: fps is of pictures and of files of landmarks: a video says its times itself")
        return {"path": path, "start": start, "end": end}
    pictures = [path]
    if path.is_dir():
        pictures = sorted((file for file in path.iterdir() if file.suffix.lower() in SUFFIXES), key=_natural)
    if end > len(pictures):
        raise UserError(f"{where}: ends at picture {end}, {path} has {len(pictures)}: write a smaller end, or none")
    pictures = pictures[start : end or None] or [path]  # what is not there is told with the clips that fail
    if len(pictures) > 1 and fps is None:
        raise UserError(f"{where}: no fps: say how many of the {len(pictures)} pictures are a second")
    return {"path": pictures[0], "pictures": tuple(pictures), "fps": fps}


def _natural(path: Path) -> list[str | int]:
    """Picture 10 comes after picture 9."""
    return [int(part) if part.isdecimal() else part for part in re.split(r"(\d+)", path.name)]


def make_fixture(root: Path, seed: int = 0) -> None:
    """Two videos, one of them in two parts, a folder of pictures and a picture, in a list with names of its own."""
    write_video(root / "media" / "long.avi", 96, 128, 24, 30, seed=seed)
    write_video(root / "media" / "whole.mp4", 96, 128, 12, 30, seed=seed + 1)
    for frame in range(8):
        write_picture(root / "media" / "pictures" / f"{frame}.png", 96, 128, seed=seed + 2, openness=frame / 7)
    write_picture(root / "media" / "still.jpg", 96, 128, seed=seed + 3)
    (root / _LIST).write_text(
        "video,who,task,grade,words,first,end,rate,room\n"
        'media/long.avi,anna,smile,1,"The mouth corners rise, the left one less.",0,10,,3\n'
        "media/long.avi,anna,rest,2,,10,24,,3\n"
        "media/whole.mp4,bert,smile,,The mouth corners rise.,,,,\n"
        "media/pictures,carla,frown,3.5,The brow lowers.,,,10,1\n"
        "media/still.jpg,dora,,,A quiet face.,,,,\n"
    )
    names = {"path": "video", "subject": "who", "expression": "task", "score": "grade", "report": "words", "start": "first"}
    (root / _NAMES).write_text(json.dumps(names | {"fps": "rate"}, indent=1) + "\n")
