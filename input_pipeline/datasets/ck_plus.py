"""CK+, the Extended Cohn-Kanade set: posed sequences from a neutral face to the peak, coded in action units."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from input_pipeline.datasets.about import About, require
from input_pipeline.datasets.fixtures import write_picture
from input_pipeline.datasets.tables import lines, whole
from input_pipeline.errors import UserError
from input_pipeline.extract.item import Item
from input_pipeline.records import UNPOSED

EMOTIONS = ("neutral", "anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise")  # its codes 0 to 7
# Those that its paper counts; a peak whose list lacks one of them does not show it, since all of a peak is coded.
UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 20, 21, 23, 24, 25, 26, 27, 28, 29, 31, 34, 38, 39, 43)

ABOUT = About(
    name="ck_plus",
    title="CK+",
    content="593 posed sequences of 123 people, from the neutral face to the peak; action units of each peak, emotion of 327",
    labels={
        "emotion": EMOTIONS,
        "action_units": tuple(map(str, UNITS)),
        "action_unit_intensity": tuple(map(str, UNITS)),
    },
    masked="a sequence without an emotion file has no emotion; an action unit of intensity 0 is there, its intensity unknown",
    splits="none official (the paper leaves one person out at a time); people are known. default: 70, 10 and 20 of 100 people",
    layout=(
        "cohn-kanade-images/S005/001/S005_001_00000001.png ...",
        "Emotion/S005/001/S005_001_00000011_emotion.txt",
        "FACS/S005/001/S005_001_00000011_facs.txt",
    ),
    citation="Lucey, Cohn, Kanade, Saragih, Ambadar, Matthews: The Extended Cohn-Kanade Dataset (CK+): A complete dataset for "
    "action unit and emotion-specified expression, CVPR Workshops 2010",
    terms="signed agreement, research; nobody else gets a copy",
    obtain="by request, http://www.jeffcohn.net/Resources/",
    certainty="layout, codes and what a missing emotion file means from copies of its ReadMe; that all of a peak is coded from "
    "its authors' page; from memory: intensity 0 as unknown, the 30 action units of the paper, 30 pictures a second, the terms",
)
_IMAGES = ("cohn-kanade-images", "extended-cohn-kanade-images/cohn-kanade-images")
_EMOTION = ("Emotion", "Emotion_labels/Emotion", "Emotion_labels")
_FACS = ("FACS", "FACS_labels/FACS", "FACS_labels")
_FPS = 30.0  # of the NTSC video it was taken from
_LAST_UNIT, _MOST_INTENSITY = 99, 5


def items(root: Path) -> Iterator[Item]:
    """One sequence each.

    Raises:
      UserError: a folder of the layout or a sequence's action units are missing, or a label file is not as it should be.
    """
    images, emotions, facs = (require(root, ABOUT, *names) for names in (_IMAGES, _EMOTION, _FACS))
    sequences = {path.parent.relative_to(images) for path in images.glob("S*/[0-9]*/S*.png")}
    coded = {path.parent.relative_to(facs) for path in facs.glob("S*/[0-9]*/S*_facs.txt")}
    for sequence in sorted(sequences | coded):
        units_file = _only_file(facs / sequence, "_facs.txt")
        if units_file is None:
            raise UserError(f"{facs / sequence}: no *_facs.txt there, though {images / sequence} has pictures: copy FACS again")
        # Named after the peak, so that where all pictures are missing it is told which ones.
        peak = images / sequence / f"{units_file.name.removesuffix('_facs.txt')}.png"
        pictures = tuple(sorted(path for path in (images / sequence).glob("S*.png") if _frame(path))) or (peak,)
        emotion = _emotion(_only_file(emotions / sequence, "_emotion.txt"))
        yield Item(
            path=pictures[0],
            pictures=pictures,
            fps=_FPS,
            key=sequence.as_posix(),
            subject=sequence.parts[0],
            expression=UNPOSED,
            targets=emotion | _units(units_file),
        )


def _frame(path: Path) -> bool:
    return re.fullmatch(r"S\d+_\d+_\d+", path.stem) is not None


def _only_file(folder: Path, ending: str) -> Path | None:
    found = sorted(folder.glob(f"[!.]*{ending}"))
    if len(found) > 1:
        raise UserError(f"{folder}: {len(found)} files *{ending}, expected one, of the peak: copy the folder again")
    return found[0] if found else None


def _emotion(path: Path | None) -> dict[str, Any]:
    """No file means that raters agreed on none."""
    if path is None:
        return {}
    found = list(lines(path))
    if len(found) != 1:
        raise UserError(f"{path}: {len(found)} lines, expected one code from 0 to {len(EMOTIONS) - 1}: copy the file again")
    return {"emotion": EMOTIONS[whole(*found[0], 0, len(EMOTIONS) - 1)]}


def _units(path: Path) -> dict[str, Any]:
    """Numbers are words here: a label is stored as JSON, whose keys are."""
    present, intensity = dict.fromkeys(map(str, UNITS), 0), dict.fromkeys(map(str, UNITS), 0)
    for where, line in lines(path):
        fields = line.split()
        if len(fields) != 2:
            raise UserError(f"{where}: {line!r}, expected an action unit and its intensity: copy the file again")
        unit = str(whole(where, fields[0], 1, _LAST_UNIT))
        present[unit], intensity[unit] = 1, whole(where, fields[1], 0, _MOST_INTENSITY)
    known = {unit: value for unit, value in intensity.items() if value or not present[unit]}
    return {"action_units": present, "action_unit_intensity": known}


def make_fixture(root: Path, seed: int = 0) -> None:
    """A set of 12 sequences of 4 pictures, of 6 people, in the true layout; every third has no emotion."""
    for person in range(6):
        subject = f"S{5 + 100 * person:03d}"  # from S500 on the pictures are in colour
        pixel_format = "rgb24" if person == 5 else "gray"
        for place in range(2):
            sequence, number = Path(subject, f"{place + 1:03d}"), 2 * person + place
            name = f"{subject}_{place + 1:03d}"
            for k in range(4):
                path = root / _IMAGES[0] / sequence / f"{name}_{k + 1:08d}.png"
                write_picture(path, 122, 160, seed + person, k / 3, pixel_format)
            (root / _EMOTION[0] / sequence).mkdir(parents=True)
            if number % 3:
                line = f"   {number % 8:.7e}\n"
                (root / _EMOTION[0] / sequence / f"{name}_00000004_emotion.txt").write_text(line)
            (root / _FACS[0] / sequence).mkdir(parents=True)
            units = [(UNITS[(number + step) % len(UNITS)], (number + step) % 6) for step in (0, 7, 12)]
            text = "".join(f"   {unit:.7e}   {strength:.7e}\n" for unit, strength in units)
            (root / _FACS[0] / sequence / f"{name}_00000004_facs.txt").write_text(text)
