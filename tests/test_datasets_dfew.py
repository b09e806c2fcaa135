"""DFEW: codes to words, the five folds, frames in their order, and lists that are not as they should be."""

import pytest

from input_pipeline.datasets import dfew
from input_pipeline.errors import ClipError, UserError

SPLITS = "EmoLabel_DataSplit"


@pytest.fixture
def root(tmp_path):
    dfew.make_fixture(tmp_path)
    return tmp_path


def write_lists(root, train, test):
    """The same two lists for all five folds."""
    for fold, rows in (("train", train), ("test", test)):
        for number in range(1, 6):
            text = "\n".join(["video_name,label", *rows])
            (root / SPLITS / f"{fold}(single-labeled)/set_{number}.csv").write_text(f"{text}\n")


def test_codes_are_words_in_their_order_and_no_single_label_is_no_target(root):
    write_lists(root, [f"{code + 11},{code}" for code in range(8)], ["20,7"])
    items = list(dfew.items(root))
    assert [item.targets.get("emotion") for item in items] == [
        *[None, "happy", "sad", "neutral", "angry", "surprise", "disgust", "fear"],
        "fear",
    ]
    assert all(item.targets == {} or item.targets["emotion"] for item in items)


def test_each_clip_is_in_the_test_fold_of_one_of_five(root):
    items = list(dfew.items(root))
    assert len(items) == 18
    for item in items:
        official = [item.folds[f"official_fold{number}"] for number in range(1, 6)]
        assert sorted(official) == ["test", "train", "train", "train", "train"]
        assert item.folds["default"] == item.folds["fold1"]
        assert (item.folds["fold1"] == "test") == (official[0] == "test")
    assert {item.folds["default"] for item in items} == {"train", "validation", "test"}


def test_frames_are_in_the_order_of_their_numbers(root):
    item = next(dfew.items(root))
    assert [path.name for path in item.pictures] == ["00012_9.jpg", "00012_10.jpg", "00012_11.jpg"]
    assert item.fps == dfew.FPS


@pytest.mark.parametrize("folder", ["clip_224x224", "clip_224x224_16f"])
def test_other_forms_of_the_frames_and_of_the_lists_are_found(root, folder):
    (root / "Clip/jpg_256").rename(root / "Clip" / folder)
    for fold in ("train", "test"):
        (root / SPLITS / f"{fold}(single-labeled)").rename(root / SPLITS / f"{fold}(single_labeled)")
    item = next(dfew.items(root))
    assert item.pictures[0] == root / "Clip" / folder / "00012/00012_9.jpg"


def test_a_clip_without_frames_is_told_as_missing_when_it_is_read(root):
    write_lists(root, ["999,1"], ["12,1"])
    item = next(dfew.items(root))
    with pytest.raises(ClipError) as caught:
        item.sha256()
    assert caught.value.code == "missing"


@pytest.mark.parametrize("line", ["12,8", "12,-1", "12,", "../12,3", "12.mp4,3"])
def test_a_wrong_line_is_told_with_its_number(root, line):
    (root / SPLITS / "test(single-labeled)/set_2.csv").write_text(f"video_name,label\n30,1\n{line}\n")
    with pytest.raises(UserError, match=r"test\(single-labeled\)/set_2\.csv line 3: .*expected a number"):
        list(dfew.items(root))


@pytest.mark.parametrize(
    ("train", "test", "message"),
    [
        (["12,1", "12,2"], [], r"set_1\.csv line 3: 00012 is '2', but '1'"),
        (["12,1"], ["12,1"], r"set_1\.csv line 2: 00012 is in test, but in train as well"),
    ],
)
def test_lists_that_contradict_each_other_are_refused(root, train, test, message):
    write_lists(root, train, test)
    with pytest.raises(UserError, match=message):
        list(dfew.items(root))


def test_a_list_that_is_cut_off_or_missing_is_told(root):
    path = root / SPLITS / "train(single-labeled)/set_4.csv"
    whole = path.read_text().splitlines()
    path.write_text("\n".join(whole[:-1]))
    with pytest.raises(UserError, match=r"00028 is in no list of fold4"):
        list(dfew.items(root))
    path.unlink()
    with pytest.raises(UserError, match=r"no .*set_4\.csv or .*: expected the layout of DFEW"):
        list(dfew.items(root))
