"""Several folders as one: every clip is its own, nobody is in two folds, and what does not fit together is told in one line."""

import re

import numpy as np
import pytest
from clip_factory import make_clip
from mixture_factory import make_folder, mixed

from input_pipeline.dataset import Dataset
from input_pipeline.errors import UserError
from input_pipeline.mixture import open_data, place_of, source, split_of
from input_pipeline.shards import write_dataset
from input_pipeline.splits import load_split, write_split


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Folders "one" and "two" of 10 and 20 clips with the same clip ids, of different people."""
    root = tmp_path_factory.mktemp("folders")
    return make_folder(root / "one", 10), make_folder(root / "two", 20, people="other")


def test_every_clip_is_that_of_its_folder_under_a_name_of_its_own(folders):
    data, _ = open_data(mixed(*folders[::-1]))
    parts = {"one": Dataset.open(folders[0]), "two": Dataset.open(folders[1])}
    assert (len(data), data.name, list(data.parts)) == (30, "one + two", ["one", "two"])
    assert len({label.clip_id for label in data.labels}) == 30
    for index in (0, 9, 10, 29):
        name, local = ("one", index) if index < 10 else ("two", index - 10)
        mine, theirs = data.clip(index), parts[name].clip(local)
        assert mine.label == data.labels[index]
        assert mine.label.clip_id == f"{name}/{theirs.label.clip_id}"
        np.testing.assert_array_equal(mine.landmarks, theirs.landmarks)
        assert (data.part_of(index), data.place(index)) == (name, (parts[name].path, local))
        assert data.where("landmarks", index) == parts[name].where("landmarks", local)
    with pytest.raises(IndexError):
        data.clip(30)


def test_folds_are_those_of_the_folders_each_by_its_own_split(folders):
    write_split(folders[1], "moved", {f"other-{k}": ("test", "train", "validation")[k % 3] for k in range(10)})
    data, folds = open_data(mixed(*folders, two={"split": "moved"}))
    one = load_split(data.parts["one"], "default")
    two = load_split(data.parts["two"], "moved")
    assert folds == {fold: one[fold] + [10 + index for index in two[fold]] for fold in folds}


def test_withdrawn_people_are_in_no_fold_and_are_told_where_another_folder_holds_them(tmp_path):
    folders = [make_folder(tmp_path / name, 10, people="same") for name in ("one", "two")]
    (folders[0] / "withdrawn.txt").write_text("same-1\n")
    data, folds = open_data(mixed(*folders))
    assert data.withdrawn == {"same-1"}
    assert [index for index in range(len(data)) if data.has_withdrawn(index)] == [2, 3]
    assert not {2, 3} & {index for indices in folds.values() for index in indices}
    assert {12, 13} <= set(folds["train"])
    assert list(data.notices()) == ["data.sources.two: still read, 1 of its subjects have withdrawn from one"]


def test_a_person_in_two_folds_of_two_folders_is_refused(tmp_path):
    one = make_folder(tmp_path / "one", 10, people="same")
    two = make_folder(tmp_path / "two", 10, people="same", folds=("train", "test", "train", "validation", "test"))
    expected = (
        rf"^subject 'same-1' is in fold train of {re.escape(str(one))} and in fold test of {re.escape(str(two))}: give them one"
    )
    with pytest.raises(UserError, match=expected) as raised:
        open_data(mixed(one, two))
    assert "data.sources.two.own_people=True" in str(raised.value)
    data, _ = open_data(mixed(one, two, two={"own_people": True}))
    assert {label.subject for label in data.labels} == {f"same-{k}" for k in range(5)} | {f"two/same-{k}" for k in range(5)}


def test_a_person_in_one_fold_of_two_folders_is_one_person(tmp_path):
    data, folds = open_data(mixed(*(make_folder(tmp_path / name, 10, people="same") for name in ("one", "two"))))
    assert len({data.labels[index].subject for index in folds["train"]}) == 3
    assert list(data.notices()) == []


def test_a_folder_that_is_named_twice_has_the_same_people_both_times(folders):
    config = mixed(folders[0], one={"own_people": True, "tasks": "severity"})
    config.sources.again = source(str(folders[0]), own_people=True, tasks=("report",))
    assert config.sources.one.tasks == ("severity",)
    data, _ = open_data(config)
    assert {label.subject for label in data.labels} == {f"again/one-{k}" for k in range(5)}


def test_people_under_different_keys_are_told(tmp_path):
    folders = [
        make_folder(tmp_path / name, 10, source_of={"subject_key_id": key}) for name, key in (("one", "1a"), ("two", "2b"))
    ]
    (said,) = open_data(mixed(*folders))[0].notices()
    assert said.startswith("data.sources: one and two were built with different --subject-key-file")
    assert list(open_data(mixed(*folders, one={"own_people": True}))[0].notices()) == []


def test_a_fold_may_be_empty_in_a_source_but_not_in_all(tmp_path):
    full, bare = make_folder(tmp_path / "full", 10), make_folder(tmp_path / "bare", 4, folds=("train",))
    _, folds = open_data(mixed(full, bare))
    assert [len(folds[fold]) for fold in ("train", "validation", "test")] == [10, 2, 2]
    with pytest.raises(UserError, match=r"data\.sources: fold 'validation' has no clips in any of them"):
        open_data(mixed(bare))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"path": "data/demo"}, r"data\.path=data/demo and data\.sources are both set"),
        ({"one": {"weight": -1}}, r"data\.sources\.one: weight=-1, cap=0: must not be negative"),
        ({"one": {"weight": float("nan")}}, r"data\.sources\.one: weight=nan"),
        ({"one": {"cap": -5}}, r"cap=-5: must not be negative"),
        ({"one": {"weight": 2}}, r"data\.sources: one has a weight and two has none: give all of them one, or none"),
        ({"one": {"split": "kfold"}}, r"kfold\.json: no such split; this data set has: default"),
    ],
)
def test_what_is_no_mixture_is_told_in_one_line(folders, changes, words):
    with pytest.raises(UserError, match=words) as raised:
        open_data(mixed(*folders, **changes))
    assert "\n" not in str(raised.value)


def test_a_source_is_made_by_its_helper_and_has_a_name_that_flags_can_say(folders):
    config = mixed(*folders)
    config.sources["not-a-name"] = source(str(folders[0]))
    with pytest.raises(UserError, match=r"data\.sources\.not-a-name: a name has letters"):
        open_data(config)
    config = mixed(*folders)
    config.sources.third = {"path": str(folders[0])}
    with pytest.raises(UserError, match=r"data\.sources\.third: make it with input_pipeline\.mixture\.source"):
        open_data(config)


def test_one_folder_is_opened_as_before(folders):
    config = mixed(path=str(folders[0]))
    data, folds = open_data(config)
    assert isinstance(data, Dataset)
    assert folds == load_split(Dataset.open(folders[0]), "default")
    assert (data.name, data.part_of(3), place_of(config)) == ("one", "", str(folders[0]))


def test_a_folder_is_split_as_its_source_is(folders):
    config = mixed(*folders, two={"split": "moved"}, split="kfold")
    assert split_of(config, f"{folders[1]}/../two") == "moved"
    assert split_of(config, "elsewhere") == "kfold"


def test_unrated_sources_have_no_grades_and_the_others_keep_theirs(folders):
    data, _ = open_data(mixed(*folders))
    bare = data.without_scores(["one"])
    assert {label.score for label in bare.labels[:10]} == {None}
    assert bare.labels[10:] == data.labels[10:]
    assert bare.clip(0).label.score is None


def test_frames_come_from_the_folder_of_the_clip(tmp_path, folders):
    write_dataset([make_clip(k, stored=2, subject=f"seen-{k}") for k in range(3)], tmp_path / "seen", "seen", 1, {})
    write_split(tmp_path / "seen", "default", {f"seen-{k}": fold for k, fold in enumerate(("train", "validation", "test"))})
    data, _ = open_data(mixed(folders[0], tmp_path / "seen"))
    assert len(data.clip(11, with_frames=True).frames) == 2
    with pytest.raises(UserError, match="one: the data set has no frames"):
        data.clip(0, with_frames=True)
