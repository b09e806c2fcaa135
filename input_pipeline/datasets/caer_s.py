"""CAER-S: stills of TV shows, whole scenes, with one of seven expressions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from input_pipeline.datasets.about import About, require
from input_pipeline.datasets.fixtures import write_picture
from input_pipeline.datasets.folds import official_folds
from input_pipeline.errors import UserError
from input_pipeline.extract.item import Item
from input_pipeline.extract.pictures import SUFFIXES
from input_pipeline.records import UNPOSED

EMOTIONS = ("anger", "disgust", "fear", "happy", "neutral", "sad", "surprise")  # its folders, in their order

ABOUT = About(
    name="caer_s",
    title="CAER-S",
    content="about 70,000 stills of 79 TV shows, whole scenes rather than faces: build it with a landmarker, which finds them",
    labels={"emotion": EMOTIONS},
    masked="",
    splits="official: train and test; neither people nor shows are named, so one of them may be in both. default: a tenth of "
    "the stills of train is validation, where neighbours may be of one video",
    layout=("train/Anger/NNNN.png", "test/Anger/NNNN.png", "... Disgust, Fear, Happy, Neutral, Sad, Surprise"),
    citation="Lee, Kim, Kim, Park, Sohn: Context-Aware Emotion Recognition Networks, ICCV 2019",
    terms="not known to this project: ask its authors",
    obtain="https://caer-dataset.github.io/",
    certainty="layout as several public loaders agree; counts from memory; not read from its authors",
)
_FOLDS = ("train", "test")
_SPELT_ALSO = {"angry": "anger"}


def items(root: Path) -> Iterator[Item]:
    """One still each.

    Raises:
      UserError: a folder of the layout is missing, or there is one more.
    """
    for fold in _FOLDS:
        folder = require(root, ABOUT, fold, fold.capitalize(), f"CAER-S/{fold}")
        found = _emotions(folder)
        for emotion in EMOTIONS:
            stills = found.get(emotion) or require(folder, ABOUT, emotion.capitalize())
            for path in sorted(stills.iterdir()):
                if path.suffix.lower() in SUFFIXES and path.name[0] != ".":
                    key = f"{fold}/{emotion}/{path.stem}"
                    yield Item(
                        path=path,
                        pictures=(path,),
                        key=key,
                        subject=key,
                        expression=UNPOSED,
                        targets={"emotion": emotion},
                        folds=official_folds(fold, key),
                    )


def _emotions(folder: Path) -> dict[str, Path]:
    """Emotion -> its folder."""
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if not path.is_dir() or path.name.startswith((".", "__")):  # what file managers leave
            continue
        word = _SPELT_ALSO.get(path.name.lower(), path.name.lower())
        if word not in EMOTIONS:
            raise UserError(f"{path}: a folder that is no emotion of CAER-S, expected {', '.join(EMOTIONS)}: move it elsewhere")
        if word in found:
            raise UserError(f"{path}: a second folder of {word} beside {found[word]}: keep one")
        found[word] = path
    return found


def make_fixture(root: Path, seed: int = 0) -> None:
    """A set of 42 pictures in the true layout."""
    for place, (fold, count) in enumerate((("train", 4), ("test", 2))):
        for code, emotion in enumerate(EMOTIONS):
            for k in range(1, count + 1):
                path = root / fold / emotion.capitalize() / f"{k:04d}.png"
                write_picture(path, 100, 178, seed=seed + 1000 * place + 100 * code + k)
