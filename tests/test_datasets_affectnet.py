"""AffectNet: codes to words, sentinels left out, every way in which a value is saved, folds, files missing or wrong."""

import numpy as np
import pytest

from input_pipeline.datasets import affectnet
from input_pipeline.errors import ClipError, UserError


@pytest.fixture
def root(tmp_path):
    affectnet.make_fixture(tmp_path)
    return tmp_path


def save(root, name, **values):
    for suffix, value in values.items():
        np.save(root / "train_set/annotations" / f"{name}_{suffix}.npy", value)


def targets(root, name):
    return next(item.targets for item in affectnet.items(root) if item.key == f"train/{name}")


def test_codes_are_words_in_their_order_and_the_last_three_none(root):
    words = ["neutral", "happy", "sad", "surprise", "fear", "disgust", "anger", "contempt"]
    found = [targets(root, code).get("emotion") for code in range(11)]
    assert found == [*words, None, None, None]


def test_valence_and_arousal_of_minus_two_are_left_out_each_by_itself(root):
    save(root, 3, val=np.array("-2"), aro=np.array("-2.0"))
    save(root, 4, val=np.array(-1.0), aro=np.array(-2))
    assert targets(root, 3) == {"emotion": "surprise"}
    assert targets(root, 4) == {"emotion": "fear", "valence": -1.0}


@pytest.mark.parametrize("saved", ["0.5", b"0.5", 0.5, np.float32(0.5), ["0.5"], [0.5], [[0.5]]])
def test_a_value_is_read_however_it_was_saved(root, saved):
    save(root, 3, val=np.array(saved))
    assert targets(root, 3)["valence"] == 0.5


@pytest.mark.parametrize(
    ("suffix", "value"),
    [
        ("exp", "11"),
        ("exp", "-1"),
        ("exp", "2.5"),
        ("exp", ["1", "2"]),
        ("exp", "happy"),
        ("val", "-1.5"),
        ("val", "nan"),
        ("val", b"\xff"),
        ("aro", "1.01"),
        ("aro", []),
    ],
)
def test_a_wrong_value_is_told_with_its_file(root, suffix, value):
    save(root, 3, **{suffix: np.array(value)})
    with pytest.raises(UserError, match=rf"^\S+train_set/annotations/3_{suffix}\.npy: [^\n]+$"):
        list(affectnet.items(root))


def test_objects_are_never_unpickled(root):
    np.save(root / "train_set/annotations/3_exp.npy", np.array({"a": 1}), allow_pickle=True)
    with pytest.raises(UserError, match=r"3_exp\.npy: no NPY file of one value"):
        list(affectnet.items(root))


def npy(header, body=b""):
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + body


@pytest.mark.parametrize("suffix", ["exp", "val", "aro"])
@pytest.mark.parametrize(
    "content",
    [
        None,
        b"",
        b"PK\x03\x04",
        npy(b"{'descr': '<f8', 'fortran_order': False, 'shape': ()}\n"),
        npy(b"{'descr': '<f8', 'fortran_order': False, 'shape': (" + b"9" * 18 + b",)}\n"),
        npy(b"{'descr': '<f8', 'fortran_order': False, 'shape': (" + b"9" * 30 + b",)}\n"),
        npy(b"{'descr': ',f8', 'fortran_order': False, 'shape': ()}\n"),
        npy(b"{'descr': '<U1', 'fortran_order': False, 'shape': ()}\n", b"\xff\xff\xff\x00"),
        npy(b"{((\n"),
    ],
)
def test_a_label_file_that_is_missing_or_broken_is_told(root, suffix, content):
    path = root / f"val_set/annotations/5_{suffix}.npy"
    path.unlink() if content is None else path.write_bytes(content)
    with pytest.raises(UserError, match=rf"^\S+val_set/annotations/5_{suffix}\.npy: [^\n]+$"):
        list(affectnet.items(root))


def test_a_missing_picture_is_a_clip_that_says_so(root):
    before = len(list(affectnet.items(root)))
    (root / "train_set/images/7.jpg").unlink()
    items = {item.key: item for item in affectnet.items(root)}
    assert len(items) == before
    with pytest.raises(ClipError) as caught:
        items["train/7"].sha256()
    assert caught.value.code == "missing"


def test_folds_are_the_authors_with_their_validation_set_as_test(root):
    items = list(affectnet.items(root))
    assert {item.folds["official"] for item in items if "train_set" in str(item.path)} == {"train"}
    assert {item.folds["official"] for item in items if "val_set" in str(item.path)} == {"test"}
    assert {item.folds["default"] for item in items} == {"train", "validation", "test"}


def test_the_same_id_in_both_folds_is_two_pictures(root):
    subjects = [item.subject for item in affectnet.items(root)]
    assert len(set(subjects)) == len(subjects) == 40


@pytest.mark.parametrize(("train", "val"), [("train", "val"), ("train_set", "validation_set")])
def test_folders_spelt_otherwise_give_the_same_set(root, train, val):
    expected = [(item.key, item.targets, item.folds) for item in affectnet.items(root)]
    (root / "train_set").rename(root / train)
    (root / "val_set").rename(root / val)
    assert [(item.key, item.targets, item.folds) for item in affectnet.items(root)] == expected


def test_what_file_managers_leave_is_no_picture(root):
    before = len(list(affectnet.items(root)))
    for name in ("images/._1.jpg", "images/Thumbs.db", "annotations/._1_exp.npy"):
        (root / "train_set" / name).write_bytes(b"x")
    assert len(list(affectnet.items(root))) == before
