"""BP4D: eight tasks of each person as pictures, which action units are there in every coded frame; as stills."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from input_pipeline.datasets.about import About, require
from input_pipeline.datasets.fixtures import write_picture
from input_pipeline.datasets.folds import cross_validation
from input_pipeline.datasets.tables import rows
from input_pipeline.errors import UserError
from input_pipeline.extract.item import Item
from input_pipeline.records import UNPOSED

ACTION_UNITS = ("1", "2", "4", "6", "7", "10", "12", "14", "15", "17", "23", "24")  # those the field reports; more are coded
_UNKNOWN = "9"
EVERY = 10  # one labelled frame of so many is a still, two or three a second (ours): neighbours look alike
# The three parts that public code agrees on; fold 1 tests on the first of these, as there.
PARTS = tuple(
    tuple(part.split())
    for part in (
        "F004 F006 F007 F012 F014 F015 F017 F019 F021 M003 M006 M009 M015",
        "F003 F005 F011 F013 F020 F022 M002 M005 M010 M011 M013 M016 M017 M018",
        "F001 F002 F008 F009 F010 F016 F018 F023 M001 M004 M007 M008 M012 M014",
    )
)
_PEOPLE = {name for part in PARTS for name in part}
SEX = {"F": "female", "M": "male"}  # by the first letter of a person's name
_LABELS, _PICTURES = "AUCoding/AU_OCC", ("2D+3D", "Sequences(2D+3D)")

ABOUT = About(
    name="bp4d",
    title="BP4D-Spontaneous",
    content="41 people at 8 tasks, a part of each coded; of the frames where any of the 12 action units is known, "
    f"every {EVERY}th is a still here (ours)",
    labels={"action_units": ACTION_UNITS},
    masked=f"{_UNKNOWN}: not coded",
    splits="fold1 to fold3: the three parts of people that the field uses, each tested on once; default: fold1. A tenth of the "
    "people trained on is validation, in official_fold1 to official_fold3 nobody",
    layout=(f"{_LABELS}/F001_T1.csv", f"{_PICTURES[0]}/F001/T1/0001.jpg (or in {_PICTURES[1]})"),
    citation="Zhang, Yin, Cohn, Canavan, Reale, Horowitz, Liu, Girard: BP4D-Spontaneous: a high-resolution spontaneous 3D "
    "dynamic facial expression database, Image and Vision Computing 32(10), 2014",
    terms="licensed by Binghamton University, the text was not found; take it as research only, no redistribution",
    obtain="by agreement, https://www.cs.binghamton.edu/~lijun/Research/3DFE/",
    certainty="layout, 9 as unknown, the 12 action units and the parts as several public loaders agree; not read from its "
    "authors; that F and M in people's names are the sex is inferred: 23 and 18 are called so, as many as there are women and "
    "men; the choice of frames is ours, published results use all",
    groups={"sex": tuple(SEX.values())},
)


def items(root: Path) -> Iterator[Item]:
    """A still each, in the order of time.

    Raises:
      UserError: a file of the layout is missing, a value is none of 0, 1 and 9, or a person is not known.
    """
    labels, pictures = require(root, ABOUT, _LABELS), require(root, ABOUT, *_PICTURES)
    for path in sorted(labels.glob("*.csv")):
        subject, _, task = path.stem.partition("_")
        if subject not in _PEOPLE or not re.fullmatch("T[1-8]", task):
            raise UserError(f"{path}: expected F001_T1.csv to M018_T8.csv, people and tasks of {ABOUT.title}: copy it again")
        known = [(frame, units) for frame, units in _occurrences(path) if units]
        files, folds = _numbered(pictures / subject / task), cross_validation(PARTS, subject)
        for frame, units in known[::EVERY]:
            picture = files.get(frame, pictures / subject / task / f"{frame:04d}.jpg")
            yield Item(
                path=picture,
                pictures=(picture,),
                key=f"{subject}/{task}/{frame}",
                subject=subject,
                expression=UNPOSED,
                targets={"action_units": units},
                folds=folds,
                groups={"sex": SEX[subject[0]]},
            )


def _occurrences(path: Path) -> Iterator[tuple[int, dict[str, int]]]:
    """(frame, action unit -> 0 or 1), the unknown ones left out. The frame is in the first column, whatever its name."""
    for where, row in rows(path, ACTION_UNITS):
        frame, units = next(iter(row.values())), {unit: row[unit] for unit in ACTION_UNITS}
        if not frame.isdecimal() or not set(units.values()) <= {"0", "1", _UNKNOWN}:
            raise UserError(f"{where}: expected a frame's number, then 0, 1 or {_UNKNOWN} for each unit: copy the file again")
        yield int(frame), {unit: int(value) for unit, value in units.items() if value != _UNKNOWN}


def _numbered(folder: Path) -> dict[int, Path]:
    """Pictures by the number that is their name: three digits or four, as many as the recording needs."""
    return {int(path.stem): path for path in folder.glob("*.jpg") if path.stem.isdecimal()}


def make_fixture(root: Path, seed: int = 0) -> None:
    """Five people at one or two tasks in the true layout; a unit that is nowhere known, and frames where none is."""
    rng = np.random.default_rng(seed)
    (root / _LABELS).mkdir(parents=True)
    columns = ("0", *(unit for unit in map(str, range(1, 25)) if unit != "3"))
    for place, (subject, task) in enumerate((("F007", "T1"), ("F013", "T1"), ("F001", "T1"), ("M008", "T1"), ("M008", "T8"))):
        table = [columns]
        for frame in range(101, 141):
            values = rng.integers(0, 2, len(columns) - 1)
            units = [
                _UNKNOWN if unit == "9" or frame < 111 else str(value) for unit, value in zip(columns[1:], values, strict=True)
            ]
            units[columns.index("24") - 1] = _UNKNOWN if place else "1"
            table.append((str(frame), *units))
            if frame in (101, 111, 121, 131):
                name = f"{frame:0{3 + place % 2}d}.jpg"
                write_picture(root / _PICTURES[0] / subject / task / name, 130, 100, seed=seed + frame + 100 * place)
        (root / _LABELS / f"{subject}_{task}.csv").write_text("".join(f"{','.join(row)}\n" for row in table))
