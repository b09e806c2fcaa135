"""Aff-Wild2: videos of the web, of each frame valence and arousal, an expression, or action units; as stills."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from input_pipeline.datasets.about import About, require
from input_pipeline.datasets.fixtures import write_picture
from input_pipeline.datasets.folds import official_folds
from input_pipeline.datasets.tables import lines, number
from input_pipeline.errors import UserError
from input_pipeline.extract.item import Item
from input_pipeline.extract.video import SUFFIXES
from input_pipeline.records import UNPOSED

EMOTIONS = ("neutral", "anger", "disgust", "fear", "happiness", "sadness", "surprise", "other")  # its codes 0 to 7
ACTION_UNITS = ("1", "2", "4", "6", "7", "10", "12", "15", "23", "24", "25", "26")
EVERY = 10  # one labelled frame of so many is a still, about three a second (ours): neighbours look alike
_NO_VALENCE, _UNKNOWN = -5, "-1"
_CROPS = "cropped_aligned"
_SETS = {"Train_Set": "train", "Validation_Set": "test"}

ABOUT = About(
    name="aff_wild2",
    title="Aff-Wild2",
    content="594 videos of about 3 million frames, of which every task labels its own; of the frames with any label, every "
    f"{EVERY}th is a still here (ours), with what each task says of it",
    labels={"valence": (), "arousal": (), "emotion": EMOTIONS, "action_units": ACTION_UNITS},
    masked=f"valence and arousal {_NO_VALENCE}, expression {_UNKNOWN}, action unit {_UNKNOWN}",
    splits="official_va, official_expr, official_au: the task's train and validation sets, the latter as test, since the "
    "labels of its test set are kept back; a video that the task has no labels of is where default has it. va, expr, au: with "
    "a tenth of train as validation. default: test is what any task validates on. By video: people are not named",
    layout=(
        "annotations/VA_Estimation_Challenge/{Train_Set,Validation_Set}/VIDEO.txt",
        "annotations/EXPR_Classification_Challenge/... or annotations/AU_Detection_Challenge/... (one of the three at least, "
        "in any folder of the root)",
        f"{_CROPS}/VIDEO/00001.jpg or batch1/VIDEO.mp4",
    ),
    citation="Kollias, Zafeiriou: Expression, Affect, Action Unit Recognition: Aff-Wild2, Multi-Task Learning and ArcFace, "
    "BMVC 2019; the sets of labels are those of the ABAW competitions",
    terms="non-commercial research; an agreement signed by a permanent academic",
    obtain="by e-mail from an academic address, https://sites.google.com/view/dimitrioskollias/databases/aff-wild2",
    certainty="headers read from the labels, folders and missing values as several public loaders agree, -1 of action units "
    "among them; that line N is picture N, and frame N of the video, likewise; the choice of frames is ours, published results "
    "use all",
)


def items(root: Path) -> Iterator[Item]:
    """A still each, in the order of time.

    Raises:
      UserError: a file of the layout is missing, a line is not as its task has it, or a video is in both sets of a task.
    """
    folders = {kind: folder for kind in _KINDS if (folder := _labels_folder(root, kind)) is not None}
    if not folders:
        require(root, ABOUT, "annotations/VA_Estimation_Challenge/Train_Set")
    videos = {path.stem: path for path in root.glob("batch*/*") if path.suffix.lower() in SUFFIXES}
    if not videos:
        require(root, ABOUT, _CROPS)
    files: dict[str, dict[str, tuple[str, Path]]] = {}
    for kind, folder in folders.items():
        for name, fold in _SETS.items():
            for path in sorted(require(folder, ABOUT, name).glob("[!.]*.txt")):
                if kind in files.setdefault(path.stem, {}):
                    raise UserError(f"{path}: is in {' and '.join(_SETS)} of {folder.name}: copy the labels again")
                files[path.stem][kind] = fold, path
    for video, labels in sorted(files.items()):
        frames: dict[int, dict[str, Any]] = {}
        for kind, (_, path) in labels.items():
            for frame, targets in enumerate(_read(path, *_KINDS[kind]), 1):
                frames.setdefault(frame, {}).update(targets)
        folds = _folds(video, {kind: fold for kind, (fold, _) in labels.items()}, tuple(folders))
        for frame in [frame for frame in sorted(frames) if frames[frame]][::EVERY]:
            yield _item(root, videos, video, frame, frames[frame], folds)


def _item(
    root: Path, videos: Mapping[str, Path], video: str, frame: int, targets: dict[str, Any], folds: dict[str, str]
) -> Item:
    about = {"key": f"{video}/{frame}", "subject": video, "expression": UNPOSED, "targets": targets, "folds": folds}
    # The second person of a video, VIDEO_left or VIDEO_right, is in the crops alone.
    if video in videos and not (root / _CROPS / video).is_dir():
        return Item(path=videos[video], start=frame - 1, end=frame, **about)
    crop = root / _CROPS / video / f"{frame:05d}.jpg"
    return Item(path=crop, pictures=(crop,), **about)


def _labels_folder(root: Path, kind: str) -> Path | None:
    """`VA_Estimation_Challenge`, `VA_Set` and so on: each competition has its names, and people folders of their own."""
    found = [path for pattern in ("", "*/") for path in sorted(root.glob(f"{pattern}{kind.upper()}_*")) if path.is_dir()]
    if len(found) > 1:
        raise UserError(f"{root}: two folders of labels of one task, {found[0]} and {found[1]}: keep one of them there")
    return found[0] if found else None


def _folds(video: str, sets: Mapping[str, str], kinds: tuple[str, ...]) -> dict[str, str]:
    """A video may be in one task's train set and in another's validation set: default keeps it out of training."""
    any_test = "test" if "test" in sets.values() else "train"
    folds = {"default": official_folds(any_test, video)["default"]}
    for kind in kinds:
        folds |= official_folds(sets.get(kind, any_test), video, kind)
    return folds


def _read(path: Path, header: tuple[str, ...], parse: Callable[[str, list[str]], dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Targets of frame 1, 2 and so on: line N + 1 is of frame N."""
    for place, (where, line) in enumerate(lines(path), 1):
        values = [value.strip() for value in line.split(",")]
        if not where.endswith(f" line {place}"):
            raise UserError(f"{where}: an empty line before it, so frames cannot be counted: copy the file again")
        if place > 1:
            yield parse(where, values)
        elif tuple(value.lower() for value in values) not in (header, header[:7]):  # older EXPR files have no "other"
            raise UserError(f"{where}: {line!r}, expected {','.join(header)}: copy the file again")


def _valence_arousal(where: str, values: list[str]) -> dict[str, Any]:
    found = [number(where, value, _NO_VALENCE, 1) for value in values]
    if len(found) == 2 and min(found) == _NO_VALENCE:
        return {}
    if len(found) != 2 or min(found) < -1:
        raise UserError(f"{where}: {','.join(values)!r}, expected two numbers from -1 to 1, or {_NO_VALENCE}: copy it again")
    return {"valence": found[0], "arousal": found[1]}


def _emotion(where: str, values: list[str]) -> dict[str, Any]:
    codes = {_UNKNOWN: {}} | {str(code): {"emotion": word} for code, word in enumerate(EMOTIONS)}
    if len(values) != 1 or values[0] not in codes:
        raise UserError(f"{where}: {','.join(values)!r}, expected {_UNKNOWN} or a code from 0 to 7: copy the file again")
    return dict(codes[values[0]])


def _action_units(where: str, values: list[str]) -> dict[str, Any]:
    if len(values) != len(ACTION_UNITS) or not set(values) <= {"0", "1", _UNKNOWN}:
        raise UserError(f"{where}: {','.join(values)!r}, expected {len(ACTION_UNITS)} of 0, 1 and {_UNKNOWN}: copy it again")
    units = {unit: int(value) for unit, value in zip(ACTION_UNITS, values, strict=True) if value != _UNKNOWN}
    return {"action_units": units} if units else {}


# Task -> the header of its files, and what a line says.
_KINDS: dict[str, tuple[tuple[str, ...], Callable[[str, list[str]], dict[str, Any]]]] = {
    "va": (("valence", "arousal"), _valence_arousal),
    "expr": (EMOTIONS, _emotion),
    "au": (tuple(f"au{unit}" for unit in ACTION_UNITS), _action_units),
}


def make_fixture(root: Path, seed: int = 0) -> None:
    """Five videos in the true layout: of one, two or three tasks, with every missing value."""
    rng = np.random.default_rng(seed)
    values = {
        "va": lambda: ",".join(f"{value:.3f}" for value in rng.uniform(-1, 1, 2)) if rng.random() < 0.8 else "-5,-5",
        "expr": lambda: str(rng.integers(-1, 8)),
        "au": lambda: ",".join(map(str, rng.integers(-1, 2, 12) if rng.random() < 0.9 else [-1] * 12)),
    }
    titles = {"va": "valence,arousal", "expr": ",".join(map(str.title, EMOTIONS))}
    titles["au"] = ",".join(f"AU{unit}" for unit in ACTION_UNITS)
    folders = {"va": "VA_Estimation_Challenge", "expr": "EXPR_Classification_Challenge", "au": "AU_Detection_Challenge"}
    for video, kinds, name in (
        ("1-30-1280x720", ("va", "expr", "au"), "Train_Set"),
        ("10-60-1280x720_right", ("va",), "Train_Set"),
        ("video3", ("expr",), "Train_Set"),
        ("100-29-1080x1920", ("au", "va"), "Validation_Set"),
        ("video2", ("expr", "au"), "Validation_Set"),
    ):
        (root / _CROPS / video).mkdir(parents=True)
        for kind in kinds:
            path = root / "annotations" / folders[kind] / name / f"{video}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("\n".join([titles[kind], *(values[kind]() for _ in range(60))]) + "\n")
    for place, item in enumerate(items(root)):
        write_picture(item.path, 112, 112, seed=seed + place)
