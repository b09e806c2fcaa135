"""AffectNet, the release of eight expressions: web faces with an expression, valence and arousal."""

from __future__ import annotations

import io
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from input_pipeline.datasets.about import About, require
from input_pipeline.datasets.fixtures import write_picture
from input_pipeline.datasets.folds import official_folds
from input_pipeline.datasets.tables import number, whole
from input_pipeline.errors import unreadable
from input_pipeline.extract.item import Item
from input_pipeline.extract.pictures import SUFFIXES
from input_pipeline.records import UNPOSED

EMOTIONS = ("neutral", "happy", "sad", "surprise", "fear", "disgust", "anger", "contempt")  # its codes 0 to 7
_LAST_CODE = 10  # 8 none, 9 uncertain, 10 no face
_UNRATED = -2.0

ABOUT = About(
    name="affectnet",
    title="AffectNet",
    content="about 290,000 web pictures of faces (4,000 of them validation), each labelled by one of 12 annotators",
    labels={"emotion": EMOTIONS, "valence": ("-1 to 1",), "arousal": ("-1 to 1",)},
    masked="expressions 8 none, 9 uncertain and 10 no face: no emotion; valence and arousal of -2: neither",
    splits="official: train, and the authors' validation set as test, on which results are published since their test set is "
    "not public; people are not named. default: a tenth of train is validation",
    layout=(
        "train_set/images/ID.jpg",
        "train_set/annotations/ID_exp.npy",
        "train_set/annotations/ID_val.npy",
        "train_set/annotations/ID_aro.npy",
        "val_set/images/ID.jpg",
        "val_set/annotations/ID_exp.npy ...",
    ),
    citation="Mollahosseini, Hasani, Mahoor: AffectNet: A Database for Facial Expression, Valence, and Arousal Computing in "
    "the Wild, IEEE Transactions on Affective Computing 2019",
    terms="signed agreement, research; a lab manager or professor must request, students through their advisor",
    obtain="by request, http://mohammadmahoor.com/affectnet/",
    certainty="layout, codes and -2 as many public loaders agree; terms read from the authors' page; counts and "
    "annotators from memory",
)
# The authors' folders first, then how copies spell them.
_FOLDS = {"train": ("train_set", "train"), "test": ("val_set", "validation_set", "val")}
# What NumPy raises for headers that claim too much or are no header, and for letters that there are not.
_NO_ARRAY = (ValueError, SyntaxError, SystemError, OverflowError, MemoryError, tokenize.TokenError)


def items(root: Path) -> Iterator[Item]:
    """One picture each.

    Raises:
      UserError: a folder or a label file is missing, or a label file is not one value within its limits.
    """
    for fold, names in _FOLDS.items():
        folder = require(root, ABOUT, *names)
        images, annotations = require(folder, ABOUT, "images"), require(folder, ABOUT, "annotations")
        pictures = {path.stem: path for path in images.iterdir() if path.suffix.lower() in SUFFIXES and path.name[0] != "."}
        labelled = {path.name.removesuffix("_exp.npy") for path in annotations.glob("[!.]*_exp.npy")}
        for name in sorted(pictures.keys() | labelled, key=lambda name: (len(name), name)):
            path, key = pictures.get(name, images / f"{name}.jpg"), f"{fold}/{name}"
            yield Item(
                path=path,
                pictures=(path,),
                key=key,
                subject=key,
                expression=UNPOSED,
                targets=_targets(annotations, name),
                folds=official_folds(fold, key),
            )


def _targets(annotations: Path, name: str) -> dict[str, Any]:
    """What a picture's three label files say, without what they call unknown."""
    targets: dict[str, Any] = {}
    where = annotations / f"{name}_exp.npy"
    code = whole(str(where), _value(where), 0, _LAST_CODE)
    if code < len(EMOTIONS):
        targets["emotion"] = EMOTIONS[code]
    for target, suffix in (("valence", "val"), ("arousal", "aro")):
        where = annotations / f"{name}_{suffix}.npy"
        value = number(str(where), _value(where), _UNRATED, 1)
        if value != _UNRATED:
            targets[target] = number(str(where), str(value), -1, 1)
    return targets


def _value(path: Path) -> str:
    """The one value of an NPY file, which releases save as text, as a number, alone or as an array of one."""
    try:
        array = np.lib.format.read_array(io.BytesIO(path.read_bytes()), allow_pickle=False)
        value = array.item()
        return value.decode() if isinstance(value, bytes) else str(value)
    except (OSError, *_NO_ARRAY) as error:
        raise unreadable(path, error, "no NPY file of one value there: copy the annotations again") from error


def make_fixture(root: Path, seed: int = 0) -> None:
    """A set of 40 pictures in the true layout, with every code, and labels saved as text and as numbers."""
    for start, (names, count) in enumerate(zip(_FOLDS.values(), (28, 12), strict=True)):
        folder = root / names[0]
        (folder / "annotations").mkdir(parents=True)
        for k in range(count):
            write_picture(folder / "images" / f"{k}.jpg", 64, 64, seed=seed + 100 * start + k)
            code = k % (_LAST_CODE + 1)
            unrated = code in (9, 10)
            values = {"exp": code, "val": -2 if unrated else np.sin(k), "aro": -2 if unrated else np.cos(k)}
            for suffix, value in values.items():
                np.save(folder / "annotations" / f"{k}_{suffix}.npy", np.array(str(value) if k % 2 else value))
