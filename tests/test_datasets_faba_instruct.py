"""FABA-Instruct: turns without placeholders, labels of the test alone, folds by picture, entries that are wrong."""

import json
import shutil

import pytest

from input_pipeline.datasets import faba_instruct
from input_pipeline.errors import UserError


@pytest.fixture
def root(tmp_path):
    faba_instruct.make_fixture(tmp_path / "set")
    return tmp_path / "set"


def change(root, path, entry=0, **fields):
    """Changes fields of one entry of a list; None takes the field away."""
    file = root / "FABAInstruct" / path
    entries = json.loads(file.read_text())
    entries[entry] |= fields
    entries[entry] = {name: value for name, value in entries[entry].items() if value is not None}
    file.write_text(json.dumps(entries))


def first(root, task, fold):
    return next(item for item in faba_instruct.items(root) if item.key.startswith(task) and f"/{fold}/" in str(item.path))


def said(*values):
    return [{"from": ("human", "gpt")[k % 2], "value": value} for k, value in enumerate(values)]


def test_training_texts_are_turns_without_the_placeholder(root):
    change(root, "train/train_au_anno.json", conversations=said("Which units?\n<image>", "AU4. ", "<image>\nSure?", "Yes."))
    item = first(root, "au", "train")
    assert [turn["role"] for turn in item.turns] == ["user", "assistant", "user", "assistant"]
    assert [turn["content"] for turn in item.turns] == ["Which units?", "AU4.", "Sure?", "Yes."]
    assert item.targets == {}


@pytest.mark.parametrize(
    ("task", "question"),
    [("emotion", "What emotions are conveyed by this face?"), ("au", "What AUs are conveyed by this face?")],
)
def test_a_test_text_answers_the_question_of_the_test(root, task, question):
    change(root, f"eval/eval_{task}_anno.json", gpt4="So it is.")
    assert first(root, task, "eval").turns == (
        {"role": "user", "content": question},
        {"role": "assistant", "content": "So it is."},
    )


def test_emotions_are_told_by_code_or_word(root):
    words = ["happiness", "sadness", "surprise", "anger", "neutral", "disgust", "fear"]
    for code, word in enumerate(words):
        for label in (code, str(code), word.capitalize()):
            change(root, "eval/eval_emotion_anno.json", label=label)
            assert first(root, "emotion", "eval").targets == {"emotion": word}


@pytest.mark.parametrize(("label", "present"), [("4, 9", {"4", "9"}), ("43", {"43"}), ("", set()), ("1,18", {"1", "18"})])
def test_action_units_that_a_label_does_not_list_are_absent(root, label, present):
    change(root, "eval/eval_au_anno.json", label=label)
    units = first(root, "au", "eval").targets["action_units"]
    assert {unit for unit, value in units.items() if value == 1} == present
    assert set(units) == present | set(map(str, faba_instruct.UNITS))
    assert json.loads(json.dumps(units)) == units


def test_a_picture_of_both_tasks_is_two_clips_of_one_subject(root):
    items = list(faba_instruct.items(root))
    emotion, au = (first(root, task, "train") for task in ("emotion", "au"))
    assert (emotion.path, emotion.subject) == (au.path, au.subject)
    assert emotion.key != au.key
    assert len({item.key for item in items}) == len(items) == 54


def test_no_picture_is_trained_on_that_the_other_task_is_tested_with(root):
    tested = json.loads((root / "FABAInstruct/eval/eval_emotion_anno.json").read_text())[0]["image"]
    change(root, "train/train_au_anno.json", image=tested.replace("/eval/", "/train/"))
    folds = {}
    for item in faba_instruct.items(root):
        folds.setdefault(item.subject, set()).add((item.folds["official"], item.folds["default"]))
    picture = tested.partition("/images/")[2].removesuffix(".jpg")
    assert folds[picture] == {("test", "test")}
    assert all(len(each) == 1 for each in folds.values())
    assert {default for each in folds.values() for _, default in each} == {"train", "validation", "test"}


@pytest.mark.parametrize(
    "conversations",
    [
        None,
        [],
        "text",
        said("Question?"),
        said("Question?", "Answer.", "More?"),
        said("\n<image>", "Answer."),
        said("Question?", " "),
        [{"from": "gpt", "value": "Answer."}, {"from": "human", "value": "Question?"}],
        [{"from": "human", "value": 1}, {"from": "gpt", "value": "Answer."}],
        ["Question?", "Answer."],
    ],
)
def test_a_wrong_conversation_is_told_with_its_entry(root, conversations):
    change(root, "train/train_emotion_anno.json", 2, conversations=conversations)
    with pytest.raises(UserError, match=r"^\S+train_emotion_anno\.json entry 3[: ][^\n]+$"):
        list(faba_instruct.items(root))


@pytest.mark.parametrize(
    ("task", "fields"),
    [
        ("emotion", {"label": "7"}),
        ("emotion", {"label": "contempt"}),
        ("emotion", {"label": None}),
        ("emotion", {"gpt4": None}),
        ("au", {"label": "4; 9"}),
        ("au", {"label": None}),
        ("au", {"image": None}),
        ("au", {"image": "FABAInstruct/eval/x.jpg"}),
        ("au", {"image": "FABAInstruct/eval/images/../../../x.jpg"}),
        ("au", {"image": "/etc/images/x.jpg"}),
    ],
)
def test_a_wrong_test_entry_is_told_with_its_number(root, task, fields):
    change(root, f"eval/eval_{task}_anno.json", 1, **fields)
    with pytest.raises(UserError, match=rf"^\S+eval_{task}_anno\.json entry 2[: ][^\n]+$"):
        list(faba_instruct.items(root))


@pytest.mark.parametrize("content", ["", "{", "{}", "[1]", '"text"'])
def test_what_is_no_list_of_entries_is_told(root, content):
    (root / "FABAInstruct/eval/eval_au_anno.json").write_text(content)
    with pytest.raises(UserError, match=r"eval_au_anno\.json: [^\n]+$"):
        list(faba_instruct.items(root))


@pytest.mark.parametrize(
    "missing", ["train/train_au_anno.json", "eval/eval_emotion_anno.json", "train/images", "eval/images", "eval"]
)
def test_a_missing_part_is_told(root, missing):
    (root / "FABAInstruct" / missing).rename(root / "moved")
    with pytest.raises(UserError, match=rf"no {missing}.* there: .*to obtain it: "):
        list(faba_instruct.items(root))


def test_the_root_may_be_any_folder_around_the_set(root, tmp_path):
    expected = [(item.key, item.folds) for item in faba_instruct.items(root)]
    assert [(item.key, item.folds) for item in faba_instruct.items(root / "FABAInstruct")] == expected
    (tmp_path / "outer").mkdir()
    shutil.move(root, tmp_path / "outer/data")
    items = list(faba_instruct.items(tmp_path / "outer"))
    assert [(item.key, item.folds) for item in items] == expected
    assert all(item.path.is_file() for item in items)
