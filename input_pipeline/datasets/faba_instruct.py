"""FABA-Instruct: faces of AffectNet, with questions about their emotion or action units and answers that GPT-4V wrote."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from input_pipeline.datasets.about import About, require
from input_pipeline.datasets.fixtures import write_picture
from input_pipeline.datasets.folds import official_folds
from input_pipeline.datasets.tables import inside, whole
from input_pipeline.errors import UserError, unreadable
from input_pipeline.extract.item import Item
from input_pipeline.records import UNPOSED

EMOTIONS = ("happiness", "sadness", "surprise", "anger", "neutral", "disgust", "fear")  # its codes 0 to 6
UNITS = (1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 16, 17, 20, 23, 24, 25, 26, 27, 43)  # those that its authors score by

ABOUT = About(
    name="faba_instruct",
    title="FABA-Instruct",
    content="19,877 faces of AffectNet: 19,474 train and 403 test texts on emotion, 15,838 and 325 on action units",
    labels={"emotion": EMOTIONS, "action_units": tuple(map(str, UNITS))},
    masked="the training lists have texts alone: nothing is read out of them, so neither target is there",
    splits="official: train and eval (test), by picture; what is in an eval list is test in both tasks. default: a tenth of "
    "train is validation",
    layout=(
        "FABAInstruct/train/train_emotion_anno.json",
        "FABAInstruct/train/train_au_anno.json",
        "FABAInstruct/train/images/...",
        "FABAInstruct/eval/eval_emotion_anno.json",
        "FABAInstruct/eval/eval_au_anno.json",
        "FABAInstruct/eval/images/...",
    ),
    citation="Li, Dao, Bao, Tan, Chen, Liu, Kong: Facial Affective Behavior Analysis with Instruction Tuning, ECCV 2024",
    terms="code under the MIT licence, terms of the data not known to this project; the pictures are AffectNet's, whose "
    "agreement its users sign",
    obtain="https://github.com/JackYFL/EmoLA",
    certainty="layout, fields, codes, the test's questions and that units which are not listed are absent read from its "
    "authors' README and code; the values of the eval lists not seen",
)
_BASE = "FABAInstruct"
# Task -> what is asked in the test, whose lists have answers alone.
_TASKS = {"emotion": "What emotions are conveyed by this face?", "au": "What AUs are conveyed by this face?"}
_ROLES = {"human": "user", "gpt": "assistant"}
_LAST_UNIT = 99


def items(root: Path) -> Iterator[Item]:
    """One picture and task each: a picture with both is there twice.

    Raises:
      UserError: a file of the layout is missing, or an entry of a list is not as it should be.
    """
    base = require(root, ABOUT, f"{_BASE}/train", f"data/{_BASE}/train", "train").parent
    for fold in ("train", "eval"):
        require(base, ABOUT, f"{fold}/images")
    asked, scored = ({task: _entries(require(base, ABOUT, _list(fold, task))) for task in _TASKS} for fold in ("train", "eval"))
    tested = {_picture(where, entry) for entries in scored.values() for where, entry in entries}
    for task, entries in asked.items():
        for where, entry in entries:
            yield _item(base, where, entry, task, tested, {}, _conversation(where, entry))
    for task, entries in scored.items():
        for where, entry in entries:
            turns = _turns(_TASKS[task], _text(where, entry, "gpt4"))
            yield _item(base, where, entry, task, tested, _targets(where, entry, task), turns)


def _list(fold: str, task: str) -> str:
    return f"{fold}/{fold}_{task}_anno.json"


def _entries(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """(where, entry) of a list; `where` names file and entry for errors."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as error:
        raise unreadable(path, error, "cannot be read as JSON: copy the file again") from error
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UserError(f"{path}: expected a list of entries: is this the file of the data set?")
    return [(f"{path} entry {number}", entry) for number, entry in enumerate(entries, 1)]


def _text(where: str, entry: dict[str, Any], field: str) -> str:
    value = entry.get(field)
    if not isinstance(value, str) or not value.strip():
        raise UserError(f"{where}: no text in {field!r}: copy the file again")
    return value.strip()


def _picture(where: str, entry: dict[str, Any]) -> str:
    """A picture's name in both tasks: what follows the folder of the pictures, without suffix."""
    image = _text(where, entry, "image")
    _, folder, name = image.partition("/images/")
    if not folder:
        raise UserError(f"{where}: image {image!r}, expected {_BASE}/FOLD/images/...: copy the file again")
    return name.rpartition(".")[0] or name


def _item(
    base: Path,
    where: str,
    entry: dict[str, Any],
    task: str,
    tested: set[str],
    targets: dict[str, Any],
    turns: tuple[dict[str, str], ...],
) -> Item:
    picture = _picture(where, entry)
    path = inside(where, base, _text(where, entry, "image").removeprefix(f"{_BASE}/"))
    return Item(
        path=path,
        pictures=(path,),
        key=f"{task}/{picture}",
        subject=picture,
        expression=UNPOSED,
        turns=turns,
        targets=targets,
        folds=official_folds("test" if picture in tested else "train", picture),
    )


def _turns(question: str, answer: str) -> tuple[dict[str, str], ...]:
    return {"role": "user", "content": question}, {"role": "assistant", "content": answer}


def _conversation(where: str, entry: dict[str, Any]) -> tuple[dict[str, str], ...]:
    """The turns, without the placeholder of the picture, which stands at their end in the file but before them in prompts."""
    said, turns = entry.get("conversations"), []
    for place, turn in enumerate(said if isinstance(said, list) else []):
        speaker = tuple(_ROLES)[place % 2]
        if not isinstance(turn, dict) or turn.get("from") != speaker:
            raise UserError(f"{where}: turn {place + 1} is not of {speaker!r}: copy the file again")
        text = _text(f"{where} turn {place + 1}", turn, "value").replace("<image>", "").strip()
        if not text:
            raise UserError(f"{where} turn {place + 1}: says nothing beside the picture: copy the file again")
        turns.append({"role": _ROLES[speaker], "content": text})
    if not turns or len(turns) % 2:
        raise UserError(f"{where}: {len(turns)} turns in 'conversations', expected question and answer: copy the file again")
    return tuple(turns)


def _targets(where: str, entry: dict[str, Any], task: str) -> dict[str, Any]:
    """What the label of an eval entry says: an emotion's word or code, or action units as in "4, 9"."""
    label = str(entry.get("label", "?")).strip()
    if task == "emotion":
        word = label.lower()
        return {"emotion": word if word in EMOTIONS else EMOTIONS[whole(f"{where} label", label, 0, len(EMOTIONS) - 1)]}
    # Numbers are words here: a label is stored as JSON, whose keys are.
    present = dict.fromkeys(map(str, UNITS), 0)
    for unit in label.split(",") if label else []:
        present[str(whole(f"{where} label", unit.strip(), 1, _LAST_UNIT))] = 1
    return {"action_units": present}


def make_fixture(root: Path, seed: int = 0) -> None:
    """A set of 30 pictures in the true layout, most of them with both tasks."""
    for fold, count in (("train", 20), ("eval", 10)):
        folder = f"{_BASE}/{fold}"
        names = [f"AffectNet/AffectNet_v2/{10 + k}/{seed:04x}{k:04x}" for k in range(count)]
        if fold == "eval":
            names = [f"{name}e" for name in names]
        for k, name in enumerate(names):
            write_picture(root / folder / "images" / f"{name}.jpg", 64, 64, seed=seed + 100 * (fold == "eval") + k)
        for task, entries in _fixture_entries(fold, folder, names).items():
            (root / _BASE / _list(fold, task)).write_text(json.dumps(entries, indent=1))


def _fixture_entries(fold: str, folder: str, names: list[str]) -> dict[str, list[dict[str, Any]]]:
    answers = {
        "emotion": "The eyes are calm and the corners of the mouth rise.",
        "au": "1. AU12 - Lip Corner Puller: they rise.",
    }
    lists: dict[str, list[dict[str, Any]]] = {task: [] for task in _TASKS}
    for k, name in enumerate(names):
        common = {"image": f"{folder}/images/{name}.jpg", "landmark": f"{folder}/landmarks/{name}.npy"}
        labels = {"emotion": EMOTIONS[k % 7].capitalize() if k % 2 else k % 7, "au": ", ".join(map(str, UNITS[k : k + k % 4]))}
        for task, answer in answers.items():
            if task == "au" and k % 5 == 4:
                continue
            said = [
                {"from": "human", "value": f"What do you see in face {k}?\n<image>"},
                {"from": "gpt", "value": f"Face {k}. {answer}"},
            ]
            more = {"source": "AffectNet", "id": name, "conversations": said}
            lists[task].append(common | (more if fold == "train" else {"label": labels[task], "gpt4": said[1]["value"]}))
    return lists
