"""Aff-Wild2: lines to frames of each task, what is unknown left out, people kept apart across tasks."""

import pytest

from input_pipeline.datasets import aff_wild2
from input_pipeline.datasets.fixtures import write_video
from input_pipeline.errors import UserError

pytest.importorskip("av", reason="PyAV is not installed (extra: extract)")
FOLDERS = {"va": "VA_Estimation_Challenge", "expr": "EXPR_Classification_Challenge", "au": "AU_Detection_Challenge"}
HEADERS = {
    "va": "valence,arousal",
    "expr": "Neutral,Anger,Disgust,Fear,Happiness,Sadness,Surprise,Other",
    "au": "AU1,AU2,AU4,AU6,AU7,AU10,AU12,AU15,AU23,AU24,AU25,AU26",
}
UNITS = [1, 2, 4, 6, 7, 10, 12, 15, 23, 24, 25, 26]


@pytest.fixture
def root(tmp_path):
    """A layout with crops and no labels yet."""
    (tmp_path / "cropped_aligned/v").mkdir(parents=True)
    return tmp_path


def write(root, kind, lines, video="v", fold="Train_Set", header=None):
    path = root / "annotations" / FOLDERS[kind] / fold / f"{video}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    for name in ("Train_Set", "Validation_Set"):
        (path.parent.parent / name).mkdir(exist_ok=True)
    path.write_text("\n".join([header or HEADERS[kind], *lines]) + "\n")
    return path


def listed(root):
    return list(aff_wild2.items(root))


def test_line_n_after_the_header_is_picture_n_and_every_tenth_labelled_one_is_taken(root):
    write(root, "expr", ["-1", "-1", "4", *["0"] * 30])
    items = listed(root)
    assert [item.path.relative_to(root) for item in items] == [
        (root / f"cropped_aligned/v/{frame:05d}.jpg").relative_to(root) for frame in (3, 13, 23, 33)
    ]
    assert items[0].pictures == (items[0].path,)
    assert (items[0].targets, items[0].key) == ({"emotion": "happiness"}, "v/3")


def test_codes_are_words_in_their_order(root):
    write(root, "expr", [str(code) for code in range(8) for _ in range(10)])
    assert tuple(item.targets["emotion"] for item in listed(root)) == aff_wild2.EMOTIONS
    assert HEADERS["expr"].lower().split(",") == list(aff_wild2.EMOTIONS)


def test_tasks_of_one_video_meet_in_the_frame_and_what_is_unknown_is_left_out(root):
    write(root, "va", ["0.5,-0.25", *["-5,-5"] * 10, "-1,1"])
    write(root, "expr", ["-1"] * 12)
    write(root, "au", ["1,0,-1,-1,-1,-1,-1,-1,-1,-1,-1,0", *[",".join(["-1"] * 12)] * 9, ",".join(["0"] * 12)])
    first, *rest = listed(root)
    assert first.targets == {"valence": 0.5, "arousal": -0.25, "action_units": {"1": 1, "2": 0, "26": 0}}
    assert rest == []  # frames 11 and 12 are the second and third that are labelled
    assert [int(unit) for unit in aff_wild2.ABOUT.labels["action_units"]] == UNITS


def test_a_video_that_any_task_validates_on_is_not_trained_on_by_default(root):
    write(root, "va", ["0,0"], "a")
    write(root, "expr", ["0"], "a", "Validation_Set")
    write(root, "va", ["0,0"], "b")
    a, b = (item.folds for item in listed(root))
    assert (a["official_va"], a["official_expr"], a["default"]) == ("train", "test", "test")
    assert b["official_va"] == b["official_expr"] == "train"
    assert b["default"] in ("train", "validation")
    # A split must know everybody, and there is no task without labels.
    assert a.keys() == b.keys() == {"default", "official_va", "va", "official_expr", "expr"}


def test_without_crops_a_still_is_a_frame_of_the_video_but_not_of_the_second_person(root):
    (root / "cropped_aligned/v").rmdir()
    (root / "cropped_aligned").rmdir()
    write_video(root / "batch2/v.mp4", 48, 64, 12, 30, seed=0)
    write(root, "expr", ["2"] * 11)
    write(root, "expr", ["2"], "v_left")
    first, last, other = listed(root)
    assert (first.path.name, first.start, first.end, last.start, last.end) == ("v.mp4", 0, 1, 10, 11)
    assert (other.path, other.end) == (root / "cropped_aligned/v_left/00001.jpg", 0)
    (root / "cropped_aligned/v").mkdir(parents=True)
    assert listed(root)[0].path == root / "cropped_aligned/v/00001.jpg"


def test_labels_are_found_under_the_names_of_other_years(root):
    write(root, "expr", ["5"], header=HEADERS["expr"].removesuffix(",Other"))
    (root / "annotations/EXPR_Classification_Challenge").rename(root / "annotations/EXPR_Set")
    (root / "annotations").rename(root / "2nd ABAW")
    assert [item.targets for item in listed(root)] == [{"emotion": "sadness"}]
    (root / "2nd ABAW/EXPR_Set").rename(root / "EXPR_Set")
    assert [item.targets for item in listed(root)] == [{"emotion": "sadness"}]
    write(root, "expr", ["5"])
    with pytest.raises(UserError, match="two folders of labels of one task"):
        listed(root)


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        *(("va", line) for line in ("0.1", "0.1,-1.5", "0.1,x", "0,0,0", "nan,0")),
        *(("expr", line) for line in ("8", "-2", "1,1")),
        *(("au", ",".join(values)) for values in ("0" * 11, "0" * 11 + "2")),
    ],
)
def test_a_wrong_line_is_told_with_its_number(root, kind, line):
    path = write(root, kind, [line])
    with pytest.raises(UserError, match=rf"{path} line 2: ") as caught:
        listed(root)
    assert "\n" not in str(caught.value)


def test_a_file_of_another_task_or_with_a_gap_is_told(root):
    path = write(root, "va", ["0,0"], header=HEADERS["expr"])
    with pytest.raises(UserError, match=r"line 1: .*expected valence,arousal"):
        listed(root)
    path.write_text("valence,arousal\n0,0\n\n0,0\n")
    with pytest.raises(UserError, match="line 4: an empty line before it"):
        listed(root)


def test_a_video_in_both_sets_of_a_task_is_told(root):
    write(root, "va", ["0,0"])
    write(root, "va", ["0,0"], fold="Validation_Set")
    with pytest.raises(UserError, match="is in Train_Set and Validation_Set of VA_Estimation_Challenge"):
        listed(root)


def test_a_missing_set_is_told(root):
    write(root, "va", ["0,0"])
    (root / "annotations/VA_Estimation_Challenge/Validation_Set").rmdir()
    with pytest.raises(UserError, match="no Validation_Set there"):
        listed(root)
