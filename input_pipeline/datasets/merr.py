"""MERR: clips of MER2023 with an emotion by rule and captions by language models, coarse, and finer ones that were checked."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from input_pipeline.datasets.about import About, require
from input_pipeline.datasets.fixtures import write_video
from input_pipeline.datasets.tables import inside, lines, number, rows
from input_pipeline.errors import UserError, unreadable
from input_pipeline.extract.item import Item
from input_pipeline.records import UNPOSED

EMOTIONS = ("neutral", "angry", "happy", "sad", "worried", "surprise", "fear", "contempt", "doubt")  # the order of their loader
_VIDEOS, _TRANSCRIPTS = "video", "transcription_en_all.csv"


@dataclasses.dataclass(frozen=True)
class _Grain:
    """One of the two parts.

    Attributes:
      caption: key of its text in its JSON file.
      question: ours. It names no emotion.
    """

    name: str
    caption: str
    question: str

    def files(self) -> tuple[str, str]:
        return f"MERR_{self.name}_grained.txt", f"MERR_{self.name}_grained.json"


_GRAINS = (
    _Grain("coarse", "caption", "Describe the scene, the person's face and voice, and what they say."),
    _Grain(
        "fine",
        "smp_reason_caption",
        "Which emotion does the person show, and what in the face, voice, words and scene tells so?",
    ),
)

ABOUT = About(
    name="merr",
    title="MERR",
    content="28,618 clips with an emotion by rules on action units and a coarse caption, 4,487 with a fine one; the texts are "
    "by language models, the fine ones checked by people in part. Taken: videos, transcripts, captions, labels, the peak "
    "frame. Not taken: the features that its authors' model reads (HL-UTT, mae_340_UTT, maeV_399_UTT, 1,024 numbers per clip "
    "each), tones of voice, action units",
    labels={"emotion": EMOTIONS, "valence": ("-1 to 1",), "peak_frame": ("frame of the video, from 0",)},
    masked="a peak_index of 0, which stands for none, and one beyond the frames of the clip",
    splits="none of its authors. default: by clip at random; people are not named",
    layout=(
        *(file for grain in _GRAINS for file in grain.files()),
        _TRANSCRIPTS,
        f"{_VIDEOS}/NAME.mp4 or .avi (of MER2023)",
    ),
    citation="Cheng et al.: Emotion-LLaMA: Multimodal Emotion Recognition and Reasoning with Instruction Tuning, NeurIPS 2024",
    terms="academic research, non-commercial; labels must not be handed on (license of MER2023, to be signed)",
    obtain="annotations from https://github.com/ZebangCheng/Emotion-LLaMA, videos by request from http://merchallenge.cn/datasets",
    certainty="layout, labels, captions and terms read from its authors' repository; that a fourth field of a line is valence "
    "from -10 to 10 is not told there; peak_index as MER-Factory writes it into these files, a frame of OpenFace, which counts "
    "from 1; the questions are ours",
)


def items(root: Path) -> Iterator[Item]:
    """One clip each, with a question and an answer for each of the captions that it has.

    What is said is put before the question, as its authors do: the answers speak of it, and no sound is heard here. Where both
    parts have a clip, the label is the fine one's, which was checked.

    Raises:
      UserError: neither part is there, a file of the layout is missing, or a line is not as it should be.
    """
    videos, said = require(root, ABOUT, _VIDEOS), _transcripts(require(root, ABOUT, _TRANSCRIPTS))
    present = [grain for grain in _GRAINS if any((root / file).exists() for file in grain.files())]
    targets: dict[str, dict[str, Any]] = {}
    turns: dict[str, tuple[dict[str, str], ...]] = {}
    first: dict[str, str] = {}
    for grain in present or _GRAINS:
        for where, name, told, caption in _listed(root, grain):
            first.setdefault(name, where)
            before = targets.get(name, {})
            # Where only the coarse part names the peak, it is that of the same video.
            targets[name] = {key: before[key] for key in ("peak_frame",) if key in before} | told
            question = f'The person says: "{said[name]}" {grain.question}' if said.get(name) else grain.question
            asked = ({"role": "user", "content": question}, {"role": "assistant", "content": caption})
            turns[name] = turns.get(name, ()) + asked
    for name, where in first.items():
        path = inside(where, videos, f"{name}.mp4")
        other = path.with_suffix(".avi")
        yield Item(
            path=other if other.exists() and not path.exists() else path,
            key=name,
            subject=name,
            expression=UNPOSED,
            turns=turns[name],
            targets=targets[name],
        )


def _listed(root: Path, grain: _Grain) -> Iterator[tuple[str, str, dict[str, Any], str]]:
    """(where, clip, its targets, its caption) of each line of a part."""
    listed, texts = (require(root, ABOUT, file) for file in grain.files())
    entries = _entries(texts, grain)
    captions = {name: text for name, entry in entries.items() if (text := _text(entry.get(grain.caption)))}
    seen = set()
    for where, line in lines(listed):
        name, count, word, *valence = [*line.split(), "", ""][:4]
        if not count.isdecimal() or word not in EMOTIONS or name in seen:
            words = ", ".join(EMOTIONS)
            raise UserError(f"{where}: {line!r}, expected a new clip, its frames and one of {words}: copy the file again")
        if name not in captions:
            raise UserError(f"{where}: {name} has no {grain.caption} in {texts}: copy both files again")
        seen.add(name)
        told = {"emotion": word}
        if valence[0]:
            told |= {"valence": number(where, valence[0], -10, 10) / 10}
        if (peak := _peak(f"{texts}: {name}", entries[name].get("peak_index"), int(count))) is not None:
            told |= {"peak_frame": peak}
        yield where, name, told, captions[name]


def _entries(path: Path, grain: _Grain) -> dict[str, dict[str, Any]]:
    """Clip -> what is told of it."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise unreadable(path, error, f"cannot be read as JSON in UTF-8 ({error}): copy the file again") from error
    if not isinstance(entries, dict):
        raise UserError(
            f"{path}: expected clips with a {grain.caption!r} each, found a {type(entries).__name__}: copy it again"
        )
    return {name: entry for name, entry in entries.items() if isinstance(entry, dict)}


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _peak(where: str, value: Any, frames: int) -> int | None:
    """Of OpenFace's frame number, which counts from 1, the index from 0; None where it names none of the clip's frames.

    Args:
      value: as read; MER-Factory writes "0" where it knows no peak.
      frames: of the clip; 0 where that is not known.
    """
    if value is None:
        return None
    if not str(value).isdecimal():
        raise UserError(f"{where}: peak_index {str(value)[:40]!r}, expected a frame's number: copy the file again")
    return int(value) - 1 if 1 <= int(value) <= (frames or int(value)) else None


def _transcripts(path: Path) -> dict[str, str]:
    return {row["name"]: row["sentence"] for _, row in rows(path, ("name", "sentence"))}


def make_fixture(root: Path, seed: int = 0) -> None:
    """A set of 20 clips in the true layout: 16 in the coarse part, 8 in the fine one, 4 in both."""
    names = [f"samplenew_{k:08d}" for k in range(20)]
    for place, name in enumerate(names):
        write_video(root / _VIDEOS / f"{name}.{'avi' if place == 1 else 'mp4'}", 64, 64, frames=8, fps=25, seed=seed + place)
    for grain, here in zip(_GRAINS, (names[:16], names[12:]), strict=True):
        listed, texts = grain.files()
        table = [f"{name} 8 {EMOTIONS[int(name[-2:]) % len(EMOTIONS)]}\n" for name in here]
        (root / listed).write_text("".join(table))
        captions = {
            name: {"peak_index": "3", grain.caption: f"A drawn face, {grain.name}, in clip {name[-2:]}."} for name in here
        }
        (root / texts).write_text(json.dumps(captions, indent=1))
    sentences = "".join(f'{name},"Well, number {name[-2:]}."\n' for name in names[:18])
    (root / _TRANSCRIPTS).write_text(f"name,sentence\n{sentences}")
