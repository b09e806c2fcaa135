"""MAFW: labels, captions in two encodings, the five folds, and lines that are not as they should be."""

import shutil

import pytest

from input_pipeline.datasets import mafw
from input_pipeline.errors import UserError

SINGLE = "Train & Test Set/single"


@pytest.fixture
def root(tmp_path):
    mafw.make_fixture(tmp_path)
    return tmp_path


def write_lists(root, train, test=()):
    """The same two lists for all five folds."""
    for fold, rows in (("train", train), ("test", test)):
        for number in range(1, 6):
            (root / SINGLE / f"no_caption/set_{number}/{fold}.txt").write_text("".join(f"{row}\n" for row in rows))


def test_labels_are_its_eleven_words(root):
    write_lists(root, [f"{place:05d}.mp4 {word}" for place, word in enumerate(mafw.EMOTIONS)])
    items = list(mafw.items(root))
    assert [item.targets["emotion"] for item in items] == list(mafw.EMOTIONS)
    assert mafw.EMOTIONS[4:8] == ("neutral", "sadness", "surprise", "contempt")
    assert items[3].path == root / "clips/00003.mp4"
    assert items[3].subject == "00003"


def test_each_clip_is_in_the_test_fold_of_one_of_five(root):
    items = list(mafw.items(root))
    for item in items:
        assert sorted(item.folds[f"official_fold{number}"] for number in range(1, 6)) == ["test", *["train"] * 4]
        assert item.folds["default"] == item.folds["fold1"]
    assert {item.folds["default"] for item in items} == {"train", "validation", "test"}


def test_the_english_caption_answers_our_question_and_neutral_clips_have_none(root):
    items = {item.key: item for item in mafw.items(root)}
    assert [turn["role"] for turn in items["00003"].turns] == ["user", "assistant"]
    assert items["00003"].turns[0]["content"] == mafw.QUESTION
    assert items["00003"].turns[1]["content"] == "A face opens its mouth, in picture 3."
    for item in items.values():
        assert bool(item.turns) == (item.targets["emotion"] != "neutral")


@pytest.mark.parametrize("name", ["single_label.txt", "caption-label/single_label.txt"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_captions_are_read_from_the_authors_file_in_either_encoding(root, name, encoding):
    lines = [
        "00003.mp4  anger\t 一位男子。\t A man’s frown.",
        "00004.mp4\tdisgust\t一位男子。\t",
        "00005.mp4\tfear\t一位男子看TV。",
    ]
    text = "\n".join([*lines, "00006.mp4\tneutral", "00007.mp4\tneutral\t-\t-", "00008.mp4\tsadness\t\tThe frown."])
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_bytes(text.encode(encoding))
    told = {item.key: item.turns[1]["content"] for item in mafw.items(root) if item.turns}
    assert told == {"00003": "A man’s frown.", "00008": "The frown."}


def test_captions_are_not_needed(root):
    shutil.rmtree(root / SINGLE / "with_caption")
    assert not any(item.turns for item in mafw.items(root))


@pytest.mark.parametrize("folder", ["split", "Train_Test_Set"])
def test_other_spellings_of_the_folders_are_found(root, folder):
    (root / "Train & Test Set").rename(root / folder)
    (root / "data").mkdir()
    (root / "clips").rename(root / "data/clips")
    items = list(mafw.items(root))
    assert len(items) == 22
    assert all(item.path.exists() for item in items)
    assert sum(bool(item.turns) for item in items) == 20


@pytest.mark.parametrize("line", ["00004.mp4 joy", "00004.mp4", "00004.mp4 4", "../../x.mp4 anger", "00004.mp4 anger_disgust"])
def test_a_wrong_line_is_told_with_its_number(root, line):
    write_lists(root, ["00003.mp4 anger", line])
    with pytest.raises(UserError, match=r"set_1/train\.txt line 2: "):
        list(mafw.items(root))


@pytest.mark.parametrize("line", ["anger\t\tA face.", "00003.mp4", "00003.mp4\t一个人\tA face."])
def test_a_wrong_caption_is_told_with_its_number(root, line):
    (root / "single_label.txt").write_text(f"00005.mp4\tfear\t\tA face.\n{line}\n")
    with pytest.raises(UserError, match=r"single_label\.txt line 2: expected `03352.mp4 happiness`"):
        list(mafw.items(root))


def test_a_file_in_no_encoding_is_told_in_a_line(root):
    (root / "single_label.txt").write_bytes(b"00003.mp4\tanger\t\xff\xff\tA face.\n")
    with pytest.raises(UserError, match=r"single_label\.txt: cannot be read as text in UTF-8 or GB18030"):
        list(mafw.items(root))


@pytest.mark.parametrize("fold", ["train", "test"])
def test_half_of_the_captions_is_not_taken_for_all(root, fold):
    (root / SINGLE / f"with_caption/set_1/{fold}.txt").unlink()
    with pytest.raises(UserError, match=rf"no .*with_caption/set_1/{fold}\.txt there: expected the layout of MAFW"):
        list(mafw.items(root))
