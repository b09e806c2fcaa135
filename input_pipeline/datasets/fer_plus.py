"""FER+: the small grey faces of FER2013, voted on by ten raters each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from input_pipeline.datasets.about import About, require
from input_pipeline.datasets.fixtures import write_picture
from input_pipeline.datasets.folds import OFFICIAL
from input_pipeline.datasets.tables import inside, rows, whole
from input_pipeline.errors import UserError
from input_pipeline.extract.item import Item
from input_pipeline.records import UNPOSED
from input_pipeline.splits import SPLIT

# The columns of votes, in the file's order.
EMOTIONS = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt")
_NO_EMOTION = ("unknown", "NF")

ABOUT = About(
    name="fer_plus",
    title="FER+",
    content="35,887 grey web faces of 48 x 48 pixels (28,709 train, 3,589 validation, 3,589 test), 10 votes each",
    labels={"emotion": EMOTIONS, "emotion_votes": EMOTIONS},
    masked="emotion: where unknown, NF (not a face) or nothing has the majority; emotion_votes: where unknown and NF have half "
    "of the votes; a row without a picture's name has no picture and is left out",
    splits="official and default: Training, PublicTest (validation) and PrivateTest (test), by picture; people are not named",
    layout=(
        "fer2013new.csv",
        "FER2013Train/ferNNNNNNN.png",
        "FER2013Valid/ferNNNNNNN.png",
        "FER2013Test/ferNNNNNNN.png, all three as the authors' generate_training_data.py writes them, or below data/",
    ),
    citation="Barsoum, Zhang, Canton Ferrer, Zhang: Training Deep Networks for Facial Expression Recognition with "
    "Crowd-Sourced Label Distribution, ICMI 2016",
    terms="the votes under the MIT licence; the pictures, FER2013, under the rules of their Kaggle competition",
    obtain="votes and generate_training_data.py from https://github.com/microsoft/FERPlus, fer2013.csv for it from Kaggle, "
    "https://www.kaggle.com/c/challenges-in-representation-learning-facial-expression-recognition-challenge/data",
    certainty="votes, folders, folds and the majority rule read from its authors' code; the header of the file as several "
    "public loaders agree; emotion_votes, its half and the raw votes in it, are ours",
)
_VOTES = "fer2013new.csv"
_FOLDS = {"Training": "train", "PublicTest": "validation", "PrivateTest": "test"}
_FOLDERS = {"Training": "FER2013Train", "PublicTest": "FER2013Valid", "PrivateTest": "FER2013Test"}
_MOST_VOTES = 99


def items(root: Path) -> Iterator[Item]:
    """One picture each.

    Raises:
      UserError: a file of the layout is missing, or a row's usage or votes are not as they should be.
    """
    votes_file = require(root, ABOUT, _VOTES)
    folders = {usage: require(root, ABOUT, name, f"data/{name}", f"images/{name}") for usage, name in _FOLDERS.items()}
    for where, row in rows(votes_file, ("Usage", "Image name", *EMOTIONS, *_NO_EMOTION)):
        usage, name = row["Usage"], row["Image name"]
        if usage not in _FOLDS:
            raise UserError(f"{where}: usage {usage!r}, expected one of {', '.join(_FOLDS)}: copy the file again")
        votes = {word: whole(where, row[word], 0, _MOST_VOTES) for word in (*EMOTIONS, *_NO_EMOTION)}
        if not name:
            continue
        path = inside(where, folders[usage], name)
        yield Item(
            path=path,
            pictures=(path,),
            key=name,
            subject=name,
            expression=UNPOSED,
            targets=_targets(votes),
            # With a validation fold of the authors' own, nothing is drawn for one.
            folds=dict.fromkeys((OFFICIAL, SPLIT), _FOLDS[usage]),
        )


def _targets(votes: Mapping[str, int]) -> dict[str, Any]:
    """The emotion of the authors' "majority" scheme, and the shares of the votes for emotions."""
    targets: dict[str, Any] = {}
    if (winner := _majority(votes)) in EMOTIONS:
        targets["emotion"] = winner
    cast, emotional = sum(votes.values()), sum(votes[word] for word in EMOTIONS)
    if emotional > cast / 2:
        targets["emotion_votes"] = {word: votes[word] / emotional for word in EMOTIONS}
    return targets


def _majority(votes: Mapping[str, int]) -> str:
    """What more than half of the votes say, single votes left out as accidents; empty where nothing has as many."""
    counted = {word: count for word, count in votes.items() if count > 1}
    winner = max(counted, key=lambda word: counted[word], default="")
    return winner if winner and counted[winner] > sum(counted.values()) / 2 else ""


def make_fixture(root: Path, seed: int = 0) -> None:
    """A set of 33 pictures in the true layout: each emotion, ties, unknown, not a face, and a row without a picture."""
    names = ("Usage", "Image name", *EMOTIONS, *_NO_EMOTION)
    lines, number = [",".join(names)], 0
    for usage, folder in _FOLDERS.items():
        for k in range(11):
            # The eleventh is a tie; a winner gets seven votes, its neighbour two, the next one.
            votes = [5, 5, 0, 0, 0, 0, 0, 0, 0, 0] if k == 10 else [{0: 7, 1: 2, 2: 1}.get((j - k) % 10, 0) for j in range(10)]
            lines.append(",".join(map(str, (usage, f"fer{number:07d}.png", *votes))))
            write_picture(root / folder / f"fer{number:07d}.png", 48, 48, seed=seed + number, pixel_format="gray")
            number += 1
        lines.append(",".join(map(str, (usage, "", *[0] * 9, 10))))
        number += 1
    (root / _VOTES).write_text("\n".join(lines) + "\n")
