"""PFED5 and PFED5-plus: five expressions that people with Parkinson's disease pose, each rated, and reports where there are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from input_pipeline.datasets.about import About, require
from input_pipeline.datasets.fixtures import write_picture
from input_pipeline.datasets.folds import OFFICIAL, cross_validation
from input_pipeline.datasets.reports import COLUMNS, STEM, read_reports
from input_pipeline.datasets.tables import cells, inside, number
from input_pipeline.errors import UserError
from input_pipeline.extract.batch import check_report
from input_pipeline.extract.item import Item
from input_pipeline.records import EXPRESSIONS

SCALE_ID = "mds-updrs-0-4"
FPS = 30.0  # ours: no frame rate is published, and the pictures say none
# List of train -> list of test, place of the class index in a row: TraMP-Former's, and QAFE-Net's.
_LISTS = {"train_41.csv": ("test_41.csv", 4), "PFED5_train.csv": ("PFED5_test.csv", 3)}
_FOLDERS = ("data/", "")
_FRAMES, _TRAJECTORIES = ("frames", "PFED5", ""), "detect_73_crop"
_VIDEO = 11  # characters of a clip's id that are its folder

ABOUT = About(
    name="pfed5_plus",
    title="PFED5 (PFED5-plus with reports)",
    content="41 people with Parkinson's disease at rest, smiling, frowning, squeezing the eyes, clenching the teeth; each clip "
    "has a score from 0 to 4 by a trained rater",
    labels={},
    masked="",
    splits="official: the authors' two lists. default: a tenth of the people of train, at least one, is validation. Where a "
    "person is in both lists there is no official split, since splits here keep people apart, and default deals people at "
    "random",
    layout=(
        "data/train_41.csv and data/test_41.csv (clip id, score, frames, anything, class index), or PFED5_train.csv and "
        "PFED5_test.csv (clip id, score, frames, class index); also in the root",
        "frames/PATIENT/VIDEO/*.jpg (or PATIENT in PFED5 or in the root), of the clip id VIDEO_PATIENT, 11 characters in VIDEO",
        f"without frames, data/{_TRAJECTORIES}/PATIENT/VIDEO-PATIENT.npy",
        f"optional: {STEM}.csv, {STEM}.json or {STEM}.jsonl beside the lists, with {' and '.join(COLUMNS)}",
    ),
    citation="Duan, Dadashzadeh, Whone, Mirmehdi: QAFE-Net: Quality Assessment of Facial Expressions with Landmark Heatmaps, "
    "2023 (arXiv 2312.00856); reports: Duan et al., TraMP-LLaMA, 2026 (arXiv 2606.26942)",
    terms="academic and not-for-profit institutions, non-commercial research; no redistribution in whole or part",
    obtain="by a faculty member's request, form in https://github.com/shuchaoduan/QAFE-Net",
    certainty="lists, places of their columns, folders of patients and of trajectories as the authors' public loaders read "
    "them; that the class index counts rest, smile, frown, squeeze, clench is inferred from the order of their text; the "
    f"folder called frames, the frame rate of {FPS:g} and the files of reports are ours, since none is published",
)


def items(root: Path) -> Iterator[Item]:
    """A clip each: of pictures, or of the authors' trajectories where there are no pictures.

    Raises:
      UserError: a file of the layout is missing, a row is not as it should be, or a report is of no clip.
    """
    lists, place = _find_lists(root)
    found = [[(where, *_parse(where, row, place)) for where, row in cells(path, place + 1)] for path in lists]
    people = [tuple(sorted({clip.rpartition("_")[2] for _, clip, *_ in rows})) for rows in found]
    frames, trajectories = _find_media(root, {patient for fold in people for patient in fold})
    reports, known = read_reports(lists[0].parent), {clip for rows in found for _, clip, *_ in rows}
    if strange := sorted(set(reports) - known):
        raise UserError(f"{lists[0].parent / STEM}: a report of {strange[0]!r}, which is in neither list: see to its clip id")
    for where, clip, score, expression in (row for rows in found for row in rows):
        patient = clip.rpartition("_")[2]
        check_report(where, reports.get(clip), patient)
        yield Item(
            subject=patient,
            expression=expression,
            score=score,
            scale_id=SCALE_ID,
            report=reports.get(clip),
            key=clip,
            fps=FPS,
            folds=_folds(people[0], people[1], patient),
            **_media(where, frames, trajectories, clip[:_VIDEO], patient),
        )


def _find_lists(root: Path) -> tuple[tuple[Path, Path], int]:
    """The lists of train and test, and the place of the class index in them."""
    train = require(root, ABOUT, *(f"{folder}{name}" for folder in _FOLDERS for name in _LISTS))
    test, place = _LISTS[train.name]
    return (train, require(train.parent, ABOUT, test)), place


def _find_media(root: Path, people: set[str]) -> tuple[Path | None, Path]:
    """The folder of the patients' folders, or none, and that of the trajectories."""
    trajectories = next((path for name in _FOLDERS if (path := root / name / _TRAJECTORIES).is_dir()), None)
    for name in _FRAMES:
        if any((root / name / patient).is_dir() for patient in people):
            return root / name, trajectories or root
    if trajectories is not None:
        return None, trajectories
    return require(root, ABOUT, _FRAMES[0], f"data/{_TRAJECTORIES}"), root


def _media(where: str, frames: Path | None, trajectories: Path, video: str, patient: str) -> Mapping[str, Any]:
    if frames is None:
        return {"path": inside(where, trajectories, f"{patient}/{video}-{patient}.npy")}
    folder = inside(where, frames, f"{patient}/{video}")
    pictures = tuple(sorted(folder.glob("*.jpg"))) or (folder,)  # what is not there is told with the clips that fail
    return {"path": pictures[0], "pictures": pictures}


def _parse(where: str, row: list[str], place: int) -> tuple[str, float, str]:
    """Clip id, score and expression."""
    clip, score, code = row[0], number(where, row[1], 0, 4), number(where, row[place], 0, 4)
    if code % 1 or "_" not in clip[_VIDEO:-1] or clip.endswith("_"):
        raise UserError(f"{where}: {clip!r} of class {code:g}, expected VIDEO_PATIENT and a class from 0 to 4: copy it again")
    return clip, score, EXPRESSIONS[int(code)]


def _folds(train: tuple[str, ...], test: tuple[str, ...], patient: str) -> dict[str, str]:
    if set(train) & set(test):
        return {}
    folds = cross_validation((test, train), patient)
    return {OFFICIAL: folds[f"{OFFICIAL}_fold1"], "default": folds["fold1"]}


def make_fixture(root: Path, seed: int = 0) -> None:
    """Nine clips of five patients in the true layout, with a report of most."""
    rng = np.random.default_rng(seed)
    header = "clip,score,frames,session,class\n"
    lists: dict[str, list[str]] = {"train_41.csv": [header], "test_41.csv": [header]}
    reports = [",".join(COLUMNS) + "\n"]
    for place in range(9):
        patient, code = f"{place % 5 + 10}", place % 5
        video = f"clip{place:07d}"
        lists["test_41.csv" if place % 5 == 4 else "train_41.csv"].append(
            f"{video}_{patient},{rng.integers(0, 5)},6,1,{code}\n"
        )
        if place % 4:
            reports.append(f'{video}_{patient},"The mouth corners rise slowly, the left less than the right."\n')
        for frame in range(6):
            path = root / "frames" / patient / video / f"{frame + 1:05d}.jpg"
            write_picture(path, 64, 64, seed=seed + place, openness=frame / 5)
    (root / "data").mkdir()
    for name, content in {**lists, f"{STEM}.csv": reports}.items():
        (root / "data" / name).write_text("".join(content))
