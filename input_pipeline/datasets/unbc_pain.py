"""UNBC-McMaster shoulder pain archive: people who move a painful shoulder, as frames with a grade of pain each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from input_pipeline.datasets.about import About, require
from input_pipeline.datasets.fixtures import write_picture
from input_pipeline.datasets.frames import find_frames
from input_pipeline.datasets.tables import lines, number
from input_pipeline.errors import UserError
from input_pipeline.extract.item import Item
from input_pipeline.records import UNPOSED

FPS = 30.0  # ours: frames are stored without times
SCALE = "OPR"  # the observer's rating of a sequence, 0 to 5
# Twice where an archive was unpacked into a folder of its name.
_IMAGES = ("Images/Images", "Images")
_PSPI = ("Frame_Labels/Frame_Labels/PSPI", "Frame_Labels/PSPI")
_OPR = ("Sequence_Labels/Sequence_Labels/OPR", "Sequence_Labels/OPR")

ABOUT = About(
    name="unbc_pain",
    title="UNBC-McMaster Shoulder Pain Expression Archive",
    content="200 sequences (48,398 frames) of 25 people; a grade of pain for each frame (PSPI), ratings by an observer (OPR) "
    "and by the person (VAS) for each sequence",
    labels={"pain": ("0 to 16, the largest of the sequence's frames",), "sub_scores": ("VAS, 0 to 10",)},
    masked="",
    splits="none of its authors. default: by person at random; people are named, so leave-one-subject-out is possible",
    layout=(
        "Images/SUBJECT/SEQUENCE/FRAME.png",
        "Frame_Labels/PSPI/SUBJECT/SEQUENCE/FRAME_facs.txt",
        "Sequence_Labels/OPR/SUBJECT/SEQUENCE.txt",
        "Sequence_Labels/VAS/SUBJECT/SEQUENCE.txt",
    ),
    citation="Lucey et al.: Painful Data: The UNBC-McMaster Shoulder Pain Expression Archive Database, FG 2011",
    terms="research, by a signed agreement (its text was not seen)",
    obtain="by request, http://www.pitt.edu/~emotion/um-spread.htm",
    certainty="counts of sequences and frames from its authors' abstract; layout, the address and 0 to 10 of VAS as public "
    "loaders have it; 0 to 5 of OPR and that only a signed agreement gives access from memory; the frame rate is ours",
)


def items(root: Path) -> Iterator[Item]:
    """One sequence each, for which there are grades of its frames; the score is the observer's.

    Raises:
      UserError: a folder of the layout is missing, or a file of labels does not hold one number.
    """
    images, grades, observed = (require(root, ABOUT, *names) for names in (_IMAGES, _PSPI, _OPR))
    for graded in sorted(
        path for path in grades.glob("*/*") if path.is_dir() and "." not in (path.name[0], path.parent.name[0])
    ):
        subject, sequence = graded.parent.name, graded.name
        folder = images / subject / sequence
        rating = _rating(observed / subject / f"{sequence}.txt", 5)
        own = _rating(observed.parent / "VAS" / subject / f"{sequence}.txt", 10)
        targets: dict[str, Any] = {"pain": _largest(graded)}
        if own is not None:
            targets["sub_scores"] = {"VAS": own}
        yield Item(
            path=folder,
            pictures=find_frames(folder),
            fps=FPS,
            key=f"{subject}/{sequence}",
            subject=subject,
            expression=UNPOSED,
            score=rating,
            scale_id="" if rating is None else SCALE,
            targets=targets,
        )


def _largest(folder: Path) -> float:
    """Of the grades of a sequence's frames."""
    grades = [_one_number(path, 16) for path in sorted(folder.glob("*_facs.txt"))]
    if not grades:
        raise UserError(f"{folder}: no FRAME_facs.txt in it: copy the folder again")
    return max(grades)


def _rating(path: Path, high: float) -> float | None:
    return _one_number(path, high) if path.exists() else None


def _one_number(path: Path, high: float) -> float:
    found = list(lines(path))
    if len(found) != 1:
        raise UserError(f"{path}: has {len(found)} lines, expected one number: copy the file again")
    return number(*found[0], 0, high)


def make_fixture(root: Path, seed: int = 0) -> None:
    """A set of 5 people with 2 sequences of 5 frames each in the true layout; one sequence is not rated."""
    for person in range(10):
        subject = f"{40 + person // 2:03d}-zz{40 + person // 2:03d}"
        sequence = f"{subject[4:]}t{person % 2 + 1}aaaff"
        for frame in range(1, 6):
            grade = (person + 1) % 7 * (frame % 3 == 1)
            name = f"{sequence}{frame:03d}"
            write_picture(root / _IMAGES[1] / subject / sequence / f"{name}.png", 96, 128, seed + person // 2, grade / 7)
            _write(root / _PSPI[1] / subject / sequence / f"{name}_facs.txt", grade)
        if person:
            _write(root / _OPR[1] / subject / f"{sequence}.txt", person % 6)
            _write(root / "Sequence_Labels/VAS" / subject / f"{sequence}.txt", person)


def _write(path: Path, value: float) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"   {value:.7e}\n")
