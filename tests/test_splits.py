"""No subject is ever in two folds, and a split that would allow it is refused."""

import json

import pytest
from clip_factory import make_clip

from input_pipeline.errors import UserError
from input_pipeline.shards import Dataset, write_dataset
from input_pipeline.splits import load_split, make_split, split_path, write_split

FRACTIONS = {"train": 0.6, "validation": 0.2, "test": 0.2}


@pytest.fixture
def dataset(tmp_path):
    write_dataset([make_clip(k, frames=2) for k in range(12)], tmp_path, "made", 2, {})
    return Dataset.open(tmp_path)


def save(dataset, text):
    path = split_path(dataset.path, "s")
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)


def test_a_made_split_puts_every_clip_in_one_fold_and_no_subject_in_two(dataset):
    write_split(dataset.path, "default", make_split((label.subject for label in dataset.labels), FRACTIONS, seed=0))
    folds = load_split(dataset, "default")
    assert sorted(i for indices in folds.values() for i in indices) == list(range(12))
    people = {fold: {dataset.labels[i].subject for i in indices} for fold, indices in folds.items()}
    assert [len(people[fold]) for fold in ("train", "validation", "test")] == [4, 1, 1]
    assert not people["train"] & people["test"]
    assert not people["train"] & people["validation"]
    assert not people["validation"] & people["test"]


@pytest.mark.parametrize("count", [3, 4, 7, 100])
def test_every_fold_gets_a_subject_however_few_there_are(count):
    folds = make_split([f"s{i}" for i in range(count)], {"train": 0.9, "validation": 0.05, "test": 0.05}, seed=1)
    assert len(folds) == count
    assert set(folds.values()) == {"train", "validation", "test"}


def test_a_split_depends_on_seed_and_subjects_only():
    subjects = [f"s{i}" for i in range(20)]
    assert make_split(subjects, FRACTIONS, 3) == make_split(reversed(subjects * 2), FRACTIONS, 3)
    assert make_split(subjects, FRACTIONS, 3) != make_split(subjects, FRACTIONS, 4)


def test_a_subject_in_two_folds_is_refused(dataset):
    save(dataset, '{"folds": {"subject00": "train", "subject01": "test", "subject00": "test"}}')
    with pytest.raises(UserError, match=r"s\.json: subject 'subject00' is in two folds \(train and test\)"):
        load_split(dataset, "s")


def test_a_subject_in_no_fold_is_refused(dataset):
    save(dataset, json.dumps({"folds": {f"subject0{i}": "train" for i in range(5)}}))
    with pytest.raises(UserError, match="subject 'subject05' is in no fold"):
        load_split(dataset, "s")


def test_an_empty_fold_is_refused_where_it_is_needed(dataset):
    save(dataset, json.dumps({"folds": {f"subject0{i}": "test" for i in range(6)} | {"elsewhere": "train"}}))
    with pytest.raises(UserError, match="fold 'train' has no clips"):
        load_split(dataset, "s")
    assert len(load_split(dataset, "s", need=("test",))["test"]) == 12


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not json", "expected"),
        ("[]", "expected"),
        ('{"folds": []}', "expected"),
        ('{"folds": {"subject00": "dev"}}', "unknown fold 'dev'; the folds are train, validation, test: write one of them"),
    ],
)
def test_a_file_that_is_no_split_is_refused(dataset, text, message):
    save(dataset, text)
    with pytest.raises(UserError, match=message):
        load_split(dataset, "s")


def test_where_there_is_no_split_it_is_told_how_to_write_one(dataset):
    with pytest.raises(
        UserError, match=r"fold9\.json: no such split; this data set has: none: copy .* or write it as"
    ) as raised:
        load_split(dataset, "fold9")
    written = str(raised.value).split("write it as ")[1].split(", each")[0]
    save(dataset, written.replace("SUBJECT", "subject00"))
    with pytest.raises(UserError, match="subject 'subject01' is in no fold"):
        load_split(dataset, "s")


def test_an_unknown_split_names_those_that_are_there(dataset):
    write_split(dataset.path, "fold0", {"subject00": "train"})
    with pytest.raises(UserError, match=r"fold9\.json: no such split; this data set has: fold0: name one of them, or"):
        load_split(dataset, "fold9")


@pytest.mark.parametrize(
    ("subjects", "fractions"),
    [(["a", "b"], FRACTIONS), (["a", "b", "c"], {"train": 0.5, "test": 0.1}), (["a", "b"], {"train": 0.5, "dev": 0.5})],
)
def test_impossible_splits_are_refused(subjects, fractions):
    with pytest.raises(UserError):
        make_split(subjects, fractions, seed=0)


@pytest.mark.parametrize("name", ["../other", "a/b", "", ".hidden", "/etc/passwd", ".."])
def test_a_splits_name_is_no_path(dataset, name):
    with pytest.raises(UserError, match="expected a name"):
        load_split(dataset, name)
    with pytest.raises(UserError, match="expected a name"):
        write_split(dataset.path, name, {"subject00": "train"})
