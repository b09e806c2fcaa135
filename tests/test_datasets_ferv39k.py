"""FERV39k: words, folds, frames in their order, and lines that are not as they should be."""

import pytest

from input_pipeline.datasets import ferv39k
from input_pipeline.errors import ClipError, UserError

LISTS = "4_setups/All_scenes"


@pytest.fixture
def root(tmp_path):
    ferv39k.make_fixture(tmp_path)
    return tmp_path


def write_lists(root, train, test=()):
    for fold, rows in (("train", train), ("test", test)):
        (root / LISTS / f"{fold}_All.csv").write_text("".join(f"{row}\n" for row in rows))


def test_words_are_the_lists_own_and_folds_are_the_authors(root):
    write_lists(root, ["Crisis/Happy/0001 Happy", "War/Happy/0001 Angry"], ["Crisis/Sad/0002 Surprise"])
    items = list(ferv39k.items(root))
    assert [item.targets["emotion"] for item in items] == ["happy", "angry", "surprise"]
    assert [item.folds["official"] for item in items] == ["train", "train", "test"]
    assert [item.subject for item in items] == ["Crisis/Happy/0001", "War/Happy/0001", "Crisis/Sad/0002"]


def test_the_default_split_has_a_validation_fold_out_of_train(root):
    items = list(ferv39k.items(root))
    assert {item.folds["default"] for item in items} == {"train", "validation", "test"}
    assert all((item.folds["default"] == "test") == (item.folds["official"] == "test") for item in items)


@pytest.mark.parametrize("nested", [False, True])
def test_frames_are_found_in_the_order_of_their_numbers(root, nested):
    if nested:
        (root / "2_ClipsforFaceCrop").rename(root / "inner")
        (root / "2_ClipsforFaceCrop").mkdir()
        (root / "inner").rename(root / "2_ClipsforFaceCrop/2_ClipsforFaceCrop")
    item = next(ferv39k.items(root))
    assert [path.name for path in item.pictures] == ["9.jpg", "10.jpg", "11.jpg"]


def test_a_clip_without_frames_is_told_as_missing_when_it_is_read(root):
    write_lists(root, ["Crisis/Happy/9999 Happy"])
    (item,) = ferv39k.items(root)
    with pytest.raises(ClipError) as caught:
        item.sha256()
    assert caught.value.code == "missing"


@pytest.mark.parametrize(
    "line", ["War/Happy/0001 Glad", "War/Happy/0001", "War/Happy/0001,Happy", "../War/0001 Happy", "/War/0001 Happy"]
)
def test_a_wrong_line_is_told_with_its_number(root, line):
    write_lists(root, ["Crisis/Happy/0001 Happy", line])
    with pytest.raises(UserError, match=r"train_All\.csv line 2: "):
        list(ferv39k.items(root))


def test_a_clip_in_both_folds_is_refused(root):
    write_lists(root, ["War/Sad/0001 Sad"], ["War/Sad/0001 Sad"])
    with pytest.raises(UserError, match=r"test_All\.csv line 1: War/Sad/0001 is in test, but in train as well"):
        list(ferv39k.items(root))


def test_a_missing_list_is_told(root):
    (root / LISTS / "test_All.csv").unlink()
    with pytest.raises(UserError, match=r"no 4_setups/All_scenes/test_All\.csv there: expected the layout of FERV39k"):
        list(ferv39k.items(root))
