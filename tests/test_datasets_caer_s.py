"""CAER-S: folders to words, spellings, folds, folders that are missing or too many."""

import shutil

import pytest

from input_pipeline.datasets import caer_s
from input_pipeline.errors import UserError


@pytest.fixture
def root(tmp_path):
    caer_s.make_fixture(tmp_path / "set")
    return tmp_path / "set"


def facts(root):
    return [(item.key, item.targets, item.folds) for item in caer_s.items(root)]


def test_a_still_has_the_word_of_its_folder(root):
    items = {item.path.relative_to(root).as_posix(): item.targets for item in caer_s.items(root)}
    assert items["train/Anger/0001.png"] == {"emotion": "anger"}
    assert items["test/Sad/0002.png"] == {"emotion": "sad"}
    assert caer_s.ABOUT.labels["emotion"] == ("anger", "disgust", "fear", "happy", "neutral", "sad", "surprise")
    assert {each["emotion"] for each in items.values()} == set(caer_s.ABOUT.labels["emotion"])


def test_folds_are_the_authors(root):
    items = list(caer_s.items(root))
    assert all(item.folds["official"] == item.path.parent.parent.name for item in items)
    assert {item.folds["default"] for item in items} == {"train", "validation", "test"}
    assert all(item.folds["default"] == "test" for item in items if item.folds["official"] == "test")


def test_other_spellings_give_the_same_set(root, tmp_path):
    expected = facts(root)
    for fold in ("train", "test"):
        (root / fold / "Anger").rename(root / fold / "Angry")
    (root / "train").rename(root / "Train")
    assert facts(root) == expected
    (root / "Train").rename(root / "train")
    (tmp_path / "outer").mkdir()
    shutil.move(root, tmp_path / "outer/CAER-S")
    assert facts(tmp_path / "outer") == expected


def test_a_folder_too_many_is_told(root):
    (root / "test/Contempt").mkdir()
    with pytest.raises(UserError, match=r"test/Contempt: a folder that is no emotion of CAER-S"):
        list(caer_s.items(root))
    (root / "test/Contempt").rename(root / "test/Angry")
    with pytest.raises(UserError, match=r"test/Angry: a second folder of anger"):
        list(caer_s.items(root))


def test_a_folder_too_few_is_told(root):
    shutil.rmtree(root / "test/Fear")
    with pytest.raises(UserError, match=r"test: no Fear there: .*to obtain it: "):
        list(caer_s.items(root))


def test_what_file_managers_leave_is_no_still(root):
    expected = facts(root)
    (root / "train/.cache").mkdir()
    (root / "train/__MACOSX").mkdir()
    (root / "train/Fear/._0001.png").write_bytes(b"x")
    (root / "train/Fear/Thumbs.db").write_bytes(b"x")
    assert facts(root) == expected
