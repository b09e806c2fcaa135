"""DISFA: a recording of each person, the intensity of twelve action units in every frame; as stills."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from input_pipeline.datasets.about import About, require
from input_pipeline.datasets.fixtures import write_video
from input_pipeline.datasets.folds import cross_validation
from input_pipeline.datasets.tables import lines
from input_pipeline.errors import UserError
from input_pipeline.extract.item import Item
from input_pipeline.records import UNPOSED

ACTION_UNITS = ("1", "2", "4", "5", "6", "9", "12", "15", "17", "20", "25", "26")
PRESENT = 2  # an action unit of this intensity counts as there (the field's rule, not the authors')
EVERY = 10  # one labelled frame of so many is a still, two a second (ours): neighbours look alike
# The three parts that public code agrees on; fold 1 tests on the first of these, as there.
PARTS = (
    ("SN003", "SN004", "SN005", "SN007", "SN008", "SN017", "SN023", "SN025", "SN029"),
    ("SN006", "SN011", "SN012", "SN013", "SN018", "SN021", "SN024", "SN028", "SN031"),
    ("SN001", "SN002", "SN009", "SN010", "SN016", "SN026", "SN027", "SN030", "SN032"),
)
_PEOPLE = {name for part in PARTS for name in part}
_LABELS, _VIDEOS = "ActionUnit_Labels", "Videos_LeftCamera"

ABOUT = About(
    name="disfa",
    title="DISFA",
    content=f"27 people who watch videos, about 4,845 frames each at 20 a second; every {EVERY}th frame is a still here (ours)",
    labels={"action_units": ACTION_UNITS, "action_unit_intensity": ACTION_UNITS},
    masked="",
    splits="fold1 to fold3: the three parts of people that the field uses, each tested on once; default: fold1. A tenth of the "
    "people trained on is validation, in official_fold1 to official_fold3 nobody",
    layout=(f"{_LABELS}/SN001/SN001_au1.txt", f"{_VIDEOS}/LeftVideoSN001_comp.avi"),
    citation="Mavadati, Mahoor, Bartlett, Trinh, Cohn: DISFA: A Spontaneous Facial Action Intensity Database, IEEE "
    "Transactions on Affective Computing 4(2), 2013",
    terms="by agreement with the authors, whose text was not found; take it as research only, no redistribution",
    obtain="by request, http://mohammadmahoor.com/disfa-contact-form/",
    certainty=f"layout, rows, parts, and presence from intensity {PRESENT}, as several public loaders agree; row N is the N-th "
    "frame of the video as they read it; not read from its authors; the choice of frames is ours, published results use all",
)


def items(root: Path) -> Iterator[Item]:
    """A still each, in the order of time.

    Raises:
      UserError: a file of the layout is missing, a line is not `frame,intensity`, or a person is not known.
    """
    labels, videos = require(root, ABOUT, _LABELS), require(root, ABOUT, _VIDEOS)
    spelt = {path.name.lower(): path for path in videos.iterdir()}  # the copies differ in capitals
    for folder in sorted(path for path in labels.iterdir() if path.name.startswith("SN")):
        subject, name = folder.name, f"LeftVideo{folder.name}_comp.avi"
        if subject not in _PEOPLE:
            raise UserError(f"{folder}: nobody of {ABOUT.title} is called {subject}, expected SN001 to SN032: copy it again")
        frames, folds = _intensities(folder), cross_validation(PARTS, subject)
        for frame in sorted(frames)[::EVERY]:
            yield Item(
                path=spelt.get(name.lower(), videos / name),
                start=frame - 1,
                end=frame,
                key=f"{subject}/{frame}",
                subject=subject,
                expression=UNPOSED,
                targets={
                    "action_unit_intensity": frames[frame],
                    "action_units": {unit: int(intensity >= PRESENT) for unit, intensity in frames[frame].items()},
                },
                folds=folds,
            )


def _intensities(folder: Path) -> dict[int, dict[str, int]]:
    """Frame, from 1, -> action unit -> 0 to 5."""
    frames: dict[int, dict[str, int]] = {}
    for unit in ACTION_UNITS:
        path = folder / f"{folder.name}_au{unit}.txt"
        for where, line in lines(path):
            frame, _, intensity = (part.strip() for part in line.partition(","))
            if not frame.isdecimal() or not int(frame) or intensity not in tuple("012345"):
                raise UserError(f"{where}: {line!r}, expected `frame,intensity` as `1,0`, 0 to 5: copy the file again")
            frames.setdefault(int(frame), {})[unit] = int(intensity)
        known = ACTION_UNITS[: ACTION_UNITS.index(unit) + 1]
        if partial := [frame for frame, units in frames.items() if tuple(units) != known]:
            raise UserError(f"{path}: other frames than in the files before it, frame {min(partial)}: copy the folder again")
    return frames


def make_fixture(root: Path, seed: int = 0) -> None:
    """Four people of 30 frames in the true layout, one video spelt in another way."""
    rng = np.random.default_rng(seed)
    for place, subject in enumerate(("SN003", "SN012", "SN001", "SN029")):
        left = "LeftVideo" if place else "leftVideo"
        write_video(root / _VIDEOS / f"{left}{subject}_comp.avi", 96, 128, 30, 20, seed=seed + place)
        (root / _LABELS / subject).mkdir(parents=True)
        for unit in ACTION_UNITS:
            rows = "".join(f"{frame + 1},{intensity}\n" for frame, intensity in enumerate(rng.integers(0, 6, 30)))
            (root / _LABELS / subject / f"{subject}_au{unit}.txt").write_text(rows)
