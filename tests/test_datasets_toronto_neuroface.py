"""Toronto NeuroFace: rows to parts of videos, sub-scores to a sum, people to folds."""

import collections

import pytest

from input_pipeline.datasets import toronto_neuroface
from input_pipeline.datasets.toronto_neuroface import DIAGNOSIS
from input_pipeline.errors import UserError
from input_pipeline.records import NEUROFACE

pytest.importorskip("av", reason="PyAV is not installed (extra: extract)")
HEADER = "File Name,repID,Number of Frames,start,end\n"
NAME = "N002_02_NSM_SPREAD_color"


@pytest.fixture
def root(tmp_path):
    toronto_neuroface.make_fixture(tmp_path)
    return tmp_path


def parts(root, rows):
    """(repetition, start, end) of what becomes of rows `repetition,frames,start,end`."""
    (root / "Toronto_NeuroFace_split.csv").write_text(HEADER + "".join(f"{NAME},{row}\n" for row in rows))
    return [(item.key, item.start, item.end) for item in toronto_neuroface.items(root)]


def test_frames_count_from_1_with_the_end_included(root):
    assert parts(root, ["2,5,12,16", "1,10,2,11"]) == [(f"{NAME}/1", 1, 11), (f"{NAME}/2", 11, 16)]


def test_repetitions_that_overlap_are_taken_apart_by_their_numbers_of_frames(root):
    # Both ranges are too long by what they share: together they have 25 frames.
    assert parts(root, ["1,10,2,16", "2,15,9,26"]) == [(f"{NAME}/1", 1, 11), (f"{NAME}/2", 11, 26)]
    # One that begins within the one before, by a slip, begins after it.
    assert parts(root, ["3,10,2,11", "4,12,1,22"]) == [(f"{NAME}/3", 1, 11), (f"{NAME}/4", 11, 22)]
    with pytest.raises(UserError, match=f"{NAME} repetition 5 lies within others"):
        parts(root, ["4,10,2,11", "5,10,2,11"])


def test_tasks_are_expressions_and_the_sum_is_the_score(root):
    items = {item.subject: item for item in toronto_neuroface.items(root)}
    assert tuple(item.expression for item in items.values()) == NEUROFACE
    for word, name in (("SPREAD", "spread"), ("OPEN", "open"), ("BLOW", "blow"), ("BIGSMILE", "big_smile")):
        assert {item.expression for item in items.values() if word in item.path.stem} == {name}
    scores = (root / "scores.csv").read_text().splitlines()
    assert scores[0] == "File Name,symmetry,range_of_motion,speed,variability,fatigue"
    values = [float(value) for value in scores[1].split(",")[1:]]
    assert list(items["N002"].targets["sub_scores"].items()) == list(zip(scores[0].split(",")[1:], values, strict=True))
    assert (items["N002"].score, items["N002"].scale_id) == (sum(values), "neuroface-sum-of-5")
    assert items["S013"].score is None
    assert "fatigue" not in items["S013"].targets["sub_scores"]
    assert len(items["S013"].targets["sub_scores"]) == 4


def test_the_letters_of_a_name_are_the_groups_of_the_paper(root):
    counted = collections.Counter(DIAGNOSIS[name.rstrip("0123456789")] for name in toronto_neuroface._PEOPLE)
    assert counted == {"ALS": 11, "stroke": 14, "healthy": 11}
    found = {item.subject: item.groups for item in toronto_neuroface.items(root)}
    assert [found[name]["diagnosis"] for name in ("A014", "N002", "OP03", "S013")] == ["ALS", "healthy", "stroke", "stroke"]


def test_repetitions_may_be_rated_one_by_one(root):
    rows = [f"{NAME},1,1,1,1,1,1", f"{NAME},2,2,2,2,2,2"]
    text = "\n".join(["File Name,repID,symmetry,range_of_motion,speed,variability,fatigue", *rows])
    (root / "scores.csv").write_text(text)
    (root / "Toronto_NeuroFace_split.csv").write_text(f"{HEADER}{NAME},1,9,1,9\n{NAME},2,9,10,18\n")
    assert [item.score for item in toronto_neuroface.items(root)] == [5, 10]


def test_videos_are_found_in_any_folder_but_once(root):
    (root / "videos").rename(root / "Controls")
    assert all(item.path.exists() for item in toronto_neuroface.items(root))
    (root / "Controls" / f"{NAME}.avi").rename(root / "Controls" / f"{NAME}.mp4")
    assert {item.path.name for item in toronto_neuroface.items(root) if item.subject == "N002"} == {f"{NAME}.mp4"}
    (root / f"{NAME}.avi").write_bytes(b"1")
    with pytest.raises(UserError, match="a second video of that name"):
        list(toronto_neuroface.items(root))


def test_the_list_is_found_under_both_of_its_names(root):
    (root / "data").mkdir()
    (root / "Toronto_NeuroFace_split.csv").rename(root / "data/Toronto_NeuroFace_split_.csv")
    assert len(list(toronto_neuroface.items(root))) == 12


def test_each_person_is_tested_on_in_one_fold_of_three(root):
    assert len(toronto_neuroface._PEOPLE) == 36
    assert {len(part) for part in toronto_neuroface.PARTS} == {12}
    folds = {item.subject: item.folds for item in toronto_neuroface.items(root)}
    assert folds["N002"]["fold1"] == folds["N002"]["default"] == folds["S013"]["fold2"] == folds["A010"]["fold3"] == "test"
    assert folds["A014"]["default"] == "validation"
    for each in folds.values():
        assert sorted(each[f"official_fold{k}"] for k in (1, 2, 3)) == ["test", "train", "train"]


@pytest.mark.parametrize("row", ["1,10,0,9", "1,10,9,2", "1,x,1,10", "1,10,1", "1,10,1,"])
def test_a_wrong_row_of_the_list_is_told_with_its_line(root, row):
    with pytest.raises(UserError, match=r"split\.csv line 3: "):
        parts(root, ["1,10,1,10", row])


def test_a_strange_name_is_told(root):
    for name in ("N999_02_NSM_SPREAD_color", "N002_02_DDK_PA_color", "N002"):
        (root / "Toronto_NeuroFace_split.csv").write_text(f"{HEADER}{name},1,9,1,9\n")
        with pytest.raises(UserError, match=f"'{name}', expected a person and a task"):
            list(toronto_neuroface.items(root))


def test_scores_that_are_missing_twice_or_wrong_are_told(root):
    path = root / "scores.csv"
    whole = path.read_text()
    path.write_text(whole.replace(NAME, "N001_02_NSM_SPREAD_color"))
    with pytest.raises(UserError, match=f"no scores of {NAME}, repetition 1"):
        list(toronto_neuroface.items(root))
    path.write_text(whole + whole.splitlines()[1])
    with pytest.raises(UserError, match=rf"scores\.csv line 8: a second row of {NAME}"):
        list(toronto_neuroface.items(root))
    path.write_text(whole.replace(whole.splitlines()[1], f"{NAME},1,1,1,1,25"))
    with pytest.raises(UserError, match=r"scores\.csv line 2: '25'"):
        list(toronto_neuroface.items(root))
