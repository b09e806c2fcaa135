"""FERV39k: short clips of faces in 22 scenes as frames, one of seven expressions each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from input_pipeline.datasets.about import About, require
from input_pipeline.datasets.fixtures import write_picture
from input_pipeline.datasets.folds import gather_lists
from input_pipeline.datasets.frames import find_frames
from input_pipeline.datasets.tables import inside, lines
from input_pipeline.errors import UserError
from input_pipeline.extract.item import Item
from input_pipeline.records import UNPOSED

EMOTIONS = ("happy", "sad", "neutral", "angry", "surprise", "disgust", "fear")  # the lists have words, so the order is DFEW's
FPS = 25.0  # ours: frames are stored without times
_LISTS = "4_setups/All_scenes"
_FRAMES = ("2_ClipsforFaceCrop/2_ClipsforFaceCrop", "2_ClipsforFaceCrop")  # twice where it was unpacked into a folder

ABOUT = About(
    name="ferv39k",
    title="FERV39k",
    content="38,935 clips of 4 scenarios and 22 scenes",
    labels={"emotion": EMOTIONS},
    masked="",
    splits="official: train and test of all scenes, by clip; people are not named. default: a tenth of train is validation",
    layout=(
        f"{_LISTS}/train_All.csv",
        f"{_LISTS}/test_All.csv",
        "2_ClipsforFaceCrop/SCENE/LABEL/CLIP/FRAME.jpg",
    ),
    citation="Wang et al.: FERV39k: A Large-Scale Multi-Scene Dataset for Facial Expression Recognition in Videos, CVPR 2022",
    terms="non-commercial research; no copies beyond one's own site, no redistribution",
    obtain="by e-mail with a fixed text from a university account, https://github.com/wangyanckxx/FERV39k",
    certainty="terms read from its authors; layout and words from the public code of MAE-DFER, with which other loaders agree; "
    "the order of the words and the frame rate are ours",
)


def items(root: Path) -> Iterator[Item]:
    """One clip each.

    Raises:
      UserError: a file of the layout is missing, or a line is not `SCENE/LABEL/CLIP WORD`.
    """
    frames = require(root, ABOUT, *_FRAMES)
    for name, clip in gather_lists(_listed(root)).items():
        folder = inside(clip.where, frames, name)
        yield Item(
            path=folder,
            pictures=find_frames(folder),
            fps=FPS,
            key=name,
            subject=name,
            expression=UNPOSED,
            targets={"emotion": clip.label},
            folds=clip.folds(name),
        )


def _listed(root: Path) -> Iterator[tuple[str, str, str, str, str]]:
    for fold in ("train", "test"):
        for where, line in lines(require(root, ABOUT, f"{_LISTS}/{fold}_All.csv")):
            name, _, word = line.partition(" ")
            if word.strip().lower() not in EMOTIONS:
                expected = ", ".join(EMOTIONS)
                raise UserError(
                    f"{where}: {line!r}, expected `Action/Sad/0010 Sad` with one of {expected}: copy the file again"
                )
            yield where, "", fold, name, word.strip().lower()


def make_fixture(root: Path, seed: int = 0) -> None:
    """A set of 18 clips of 3 frames in the true layout."""
    (root / _LISTS).mkdir(parents=True)
    names = [f"{scene}/{EMOTIONS[place % 7].capitalize()}/{place + 1:04d}" for place in range(9) for scene in ("Crisis", "War")]
    for place, name in enumerate(names):
        for frame in range(3):
            write_picture(root / _FRAMES[1] / name / f"{frame + 9}.jpg", 96, 96, seed + place, openness=0.3 * frame)
    for fold, listed in (("train", names[:13]), ("test", names[13:])):
        (root / _LISTS / f"{fold}_All.csv").write_text("".join(f"{name} {name.split('/')[1]}\n" for name in listed))
