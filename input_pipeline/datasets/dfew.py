"""DFEW: clips of films as frames, one of seven expressions each."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from input_pipeline.datasets.about import About, require
from input_pipeline.datasets.fixtures import write_picture
from input_pipeline.datasets.folds import gather_lists
from input_pipeline.datasets.frames import find_frames
from input_pipeline.datasets.tables import rows
from input_pipeline.errors import UserError
from input_pipeline.extract.item import Item
from input_pipeline.records import UNPOSED

EMOTIONS = ("happy", "sad", "neutral", "angry", "surprise", "disgust", "fear")  # its codes 1 to 7
FPS = 25.0  # ours: frames are stored without times, and the 16 of clip_224x224_16f are interpolated from any number
_SETS = range(1, 6)
_SPLITS = "EmoLabel_DataSplit"
# The first that is there: whole frames, then aligned faces, then 16 interpolated ones.
_FRAMES = ("Clip/jpg_256", "Clip/clip_224x224", "Clip/clip_224x224_16f")

ABOUT = About(
    name="dfew",
    title="DFEW",
    content="16,372 clips of films, 10 labels each by 12 raters; the 11,697 of one label and with a face are in the lists",
    labels={"emotion": EMOTIONS},
    masked="0 (no single label)",
    splits="official_fold1 to official_fold5: train and test, by clip; people are not named. fold1 to fold5: a tenth of train "
    "is validation. default: fold1",
    layout=(
        f"{_SPLITS}/train(single-labeled)/set_K.csv",
        f"{_SPLITS}/test(single-labeled)/set_K.csv",
        "Clip/jpg_256/NNNNN/FRAME.jpg (or clip_224x224, clip_224x224_16f)",
    ),
    citation="Jiang et al.: DFEW: A Large-Scale Database for Recognizing Dynamic Facial Expressions in the Wild, ACM MM 2020",
    terms="non-commercial research; no copies beyond one's own site",
    obtain="by e-mail from a university account, https://dfew-dataset.github.io/download.html",
    certainty="terms read from its authors; codes, counts and names of files from a copy of its README in a public "
    "repository, with which several public loaders agree; the frame rate is ours",
)


def items(root: Path) -> Iterator[Item]:
    """One clip each; targets are empty where it has no single label.

    Raises:
      UserError: a file of the layout is missing, or the lists are not as they should be.
    """
    frames = require(root, ABOUT, *_FRAMES)
    for name, clip in gather_lists(_listed(root)).items():
        folder = frames / name
        yield Item(
            path=folder,
            pictures=find_frames(folder),
            fps=FPS,
            key=name,
            subject=name,
            expression=UNPOSED,
            targets={} if clip.label == "0" else {"emotion": EMOTIONS[int(clip.label) - 1]},
            folds=clip.folds(name),
        )


def _listed(root: Path) -> Iterator[tuple[str, str, str, str, str]]:
    for number in _SETS:
        for fold in ("train", "test"):
            spellings = (f"{_SPLITS}/{fold}({words})/set_{number}.csv" for words in ("single-labeled", "single_labeled"))
            for where, row in rows(require(root, ABOUT, *spellings), ("video_name", "label")):
                name, code = row["video_name"], row["label"]
                if not re.fullmatch("[0-9]{1,9}", name) or code not in map(str, range(8)):
                    raise UserError(f"{where}: {name!r}, {code!r}, expected a number and a code from 0 to 7: copy it again")
                yield where, f"fold{number}", fold, f"{int(name):05d}", code


def make_fixture(root: Path, seed: int = 0) -> None:
    """A set of 18 clips of 3 frames in the true layout, some without a single label."""
    names, words = range(11, 29), "single-labeled"
    for place, name in enumerate(names):
        for frame in range(3):
            path = root / _FRAMES[0] / f"{name:05d}" / f"{name:05d}_{frame + 9}.jpg"
            write_picture(path, 96, 96, seed + place, openness=0.3 * frame)
    for fold in ("train", "test"):
        (root / _SPLITS / f"{fold}({words})").mkdir(parents=True)
        for number in _SETS:
            listed = [(name, place % 8) for place, name in enumerate(names) if (place % 5 + 1 == number) == (fold == "test")]
            table = "".join(f"{name},{code}\n" for name, code in listed)
            (root / _SPLITS / f"{fold}({words})" / f"set_{number}.csv").write_text(f"video_name,label\n{table}")
