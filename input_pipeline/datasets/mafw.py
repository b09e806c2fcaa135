"""MAFW: clips of films and short videos, one of eleven expressions each, most with a sentence or two on face and scene."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from input_pipeline.datasets.about import About, require
from input_pipeline.datasets.fixtures import write_video
from input_pipeline.datasets.folds import gather_lists
from input_pipeline.datasets.tables import inside, lines
from input_pipeline.errors import UserError
from input_pipeline.extract.item import Item
from input_pipeline.records import UNPOSED

# In the order of its annotation table.
EMOTIONS = (
    *("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"),
    *("contempt", "anxiety", "helplessness", "disappointment"),
)
# Ours: the captions answer no question of the authors'. It names no emotion and none of what may be seen.
QUESTION = "Describe what the person does, and the movements of their face."
_SETS = range(1, 6)
_CLIPS = ("clips", "data/clips")
_SPLITS = ("Train & Test Set/single", "Train_Test_Set/single", "split/single")
_CAPTIONS = ("single_label.txt", "caption-label/single_label.txt")
_CHINESE = re.compile("[\u3000-\u303f\u4e00-\u9fff\uff00-\uffef]")

ABOUT = About(
    name="mafw",
    title="MAFW",
    content="10,045 clips of films, series and short videos, 11 raters each; the 9,172 of one label are in the lists, 8,034 of "
    "them with a caption in English and Chinese",
    labels={"emotion": EMOTIONS},
    masked="",
    splits="official_fold1 to official_fold5: train and test, by clip; people are not named. fold1 to fold5: a tenth of train "
    "is validation. default: fold1",
    layout=(
        "clips/NNNNN.mp4",
        "Train & Test Set/single/no_caption/set_K/train.txt",
        "Train & Test Set/single/no_caption/set_K/test.txt",
        "Train & Test Set/single/with_caption/set_1 or single_label.txt (captions, where they are wanted)",
    ),
    citation="Liu et al.: MAFW: A Large-scale, Multi-modal, Compound Affective Database for Dynamic Facial Expression "
    "Recognition in the Wild, ACM MM 2022",
    terms="non-commercial research; no copies beyond one's own site",
    obtain="by e-mail of a signed form from a university account, https://github.com/MAFW-database/MAFW",
    certainty="terms and single_label.txt read from its authors; lists and the order of labels from the public code of "
    "MAE-DFER, with which other loaders agree; with_caption from one description of a copy, its encoding guessed; the question "
    "is ours",
)


def items(root: Path) -> Iterator[Item]:
    """One clip each, with its English caption as the answer to QUESTION where there is one.

    Raises:
      UserError: a file of the layout is missing, or a line is not as it should be.
    """
    clips, captions = require(root, ABOUT, *_CLIPS), _captions(root)
    for name, clip in gather_lists(_listed(root)).items():
        caption = captions.get(name)
        asked = ({"role": "user", "content": QUESTION}, {"role": "assistant", "content": caption}) if caption else ()
        yield Item(
            path=inside(clip.where, clips, f"{name}.mp4"),
            key=name,
            subject=name,
            expression=UNPOSED,
            turns=asked,
            targets={"emotion": clip.label},
            folds=clip.folds(name),
        )


def _listed(root: Path) -> Iterator[tuple[str, str, str, str, str]]:
    for number in _SETS:
        for fold in ("train", "test"):
            names = (f"{split}/no_caption/set_{number}/{fold}.txt" for split in _SPLITS)
            for where, line in lines(require(root, ABOUT, *names)):
                name, _, word = line.partition(" ")
                if word.strip() not in EMOTIONS:
                    words = ", ".join(EMOTIONS)
                    raise UserError(f"{where}: {line!r}, expected `03352.mp4 happiness`, one of {words}: copy the file again")
                yield where, f"fold{number}", fold, name.removesuffix(".mp4"), word.strip()


def _captions(root: Path) -> dict[str, str]:
    """Clip -> its English caption, of those that have one."""
    captions: dict[str, str] = {}
    for path in _caption_files(root):
        # By the description of a copy they are not UTF-8. Which other encoding is a guess (ours): the usual one of Chinese.
        for where, line in lines(path, "GB18030"):
            name, word, texts = [*line.split(maxsplit=2), "", ""][:3]
            if not name.endswith(".mp4") or word not in EMOTIONS:
                raise UserError(f"{where}: expected `03352.mp4 happiness` and captions after tabs: copy the file again")
            english = texts.split("\t")[-1].strip()
            if re.search("[A-Za-z]", english) and not _CHINESE.search(english):
                captions[name.removesuffix(".mp4")] = english
    return captions


def _caption_files(root: Path) -> list[Path]:
    for name in _CAPTIONS:
        if (root / name).exists():
            return [root / name]
    for folder in (f"{split}/with_caption" for split in _SPLITS):
        if (root / folder).exists():  # all five sets have the same captions
            return [require(root, ABOUT, f"{folder}/set_1/{fold}.txt") for fold in ("train", "test")]
    return []


def make_fixture(root: Path, seed: int = 0) -> None:
    """A set of 22 clips in the true layout; those of the neutral label have no caption."""
    names = [f"{number:05d}.mp4" for number in range(3, 25)]
    labels = {name: EMOTIONS[place % len(EMOTIONS)] for place, name in enumerate(names)}
    for place, name in enumerate(names):
        write_video(root / "clips" / name, 64, 64, frames=8, fps=25, seed=seed + place)
    for number in _SETS:
        for fold in ("train", "test"):
            here = [name for place, name in enumerate(names) if (place % 5 + 1 == number) == (fold == "test")]
            plain = [f"{name} {labels[name]}\n" for name in here]
            told = [
                f"{name}\t{labels[name]}\t一个人张开嘴巴。\tA face opens its mouth, in picture {int(name[:5])}.\n"
                for name in here
                if labels[name] != "neutral"
            ]
            for kind, rows, encoding in (("no_caption", plain, "utf-8"), ("with_caption", told, "gb18030")):
                path = root / _SPLITS[0] / kind / f"set_{number}" / f"{fold}.txt"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes("".join(rows).encode(encoding))
