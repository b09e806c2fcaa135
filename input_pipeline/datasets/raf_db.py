"""RAF-DB: one aligned face, one of seven basic expressions."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from input_pipeline.datasets.about import About, require
from input_pipeline.datasets.fixtures import write_picture
from input_pipeline.datasets.folds import official_folds
from input_pipeline.datasets.tables import inside, lines
from input_pipeline.errors import UserError
from input_pipeline.extract.item import Item
from input_pipeline.records import UNPOSED

EMOTIONS = ("surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral")  # its codes 1 to 7

ABOUT = About(
    name="raf_db",
    title="RAF-DB",
    content="15,339 web pictures of faces (12,271 train, 3,068 test), about 40 raters each; the basic, single-label part",
    labels={"emotion": EMOTIONS},
    masked="",
    splits="official: train and test, by picture; people are not named. default: a tenth of train is validation",
    layout=("basic/EmoLabel/list_patition_label.txt", "basic/Image/aligned/NAME_aligned.jpg"),
    citation="Li, Deng, Du: Reliable Crowdsourcing and Deep Locality-Preserving Learning for Expression Recognition in the "
    "Wild, CVPR 2017",
    terms="non-commercial research; no copies beyond one's own site",
    obtain="by request, http://www.whdeng.cn/RAF/model1.html",
    certainty="layout and codes as several public loaders agree; not read from its authors",
)
_LIST, _FACES = "basic/EmoLabel/list_patition_label.txt", "basic/Image/aligned"  # the spelling is theirs


def items(root: Path) -> Iterator[Item]:
    """One picture each.

    Raises:
      UserError: a file of the layout is missing, or a line is not `NAME.jpg CODE`.
    """
    labels, faces = require(root, ABOUT, _LIST), require(root, ABOUT, _FACES)
    for where, line in lines(labels):
        name, _, code = line.partition(" ")
        if code not in map(str, range(1, 8)) or not name.startswith(("train_", "test_")):
            raise UserError(f"{where}: {line!r}, expected `train_00001.jpg 5` with a code from 1 to 7: copy the file again")
        path = inside(where, faces, f"{name.removesuffix('.jpg')}_aligned.jpg")
        yield Item(
            path=path,
            pictures=(path,),
            key=name,
            subject=name,
            expression=UNPOSED,
            targets={"emotion": EMOTIONS[int(code) - 1]},
            folds=official_folds(name.split("_")[0], name),
        )


def make_fixture(root: Path, seed: int = 0) -> None:
    """A set of 28 pictures in the true layout."""
    (root / _FACES).mkdir(parents=True)
    (root / _LIST).parent.mkdir(parents=True)
    rows = [(f"{fold}_{k:05d}", k % 7) for fold, count in (("train", 21), ("test", 7)) for k in range(1, count + 1)]
    for place, (name, _) in enumerate(rows):
        write_picture(root / _FACES / f"{name}_aligned.jpg", 100, 100, seed=seed + place)
    (root / _LIST).write_text("".join(f"{name}.jpg {emotion + 1}\n" for name, emotion in rows))
