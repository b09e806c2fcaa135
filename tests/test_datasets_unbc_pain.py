"""UNBC-McMaster pain: the largest grade, ratings where they are, people, and files that are not as they should be."""

import shutil

import pytest

from input_pipeline.datasets import unbc_pain
from input_pipeline.errors import ClipError, UserError

SUBJECT, SEQUENCE = "041-zz041", "zz041t1aaaff"


@pytest.fixture
def root(tmp_path):
    unbc_pain.make_fixture(tmp_path)
    return tmp_path


def graded(root, *grades):
    """The first sequence of SUBJECT with these grades of its frames."""
    folder = root / "Frame_Labels/PSPI" / SUBJECT / SEQUENCE
    for path in folder.iterdir():
        path.unlink()
    for frame, grade in enumerate(grades, 1):
        (folder / f"{SEQUENCE}{frame:03d}_facs.txt").write_text(f"   {grade}\n")
    return {item.key: item for item in unbc_pain.items(root)}[f"{SUBJECT}/{SEQUENCE}"]


def test_the_target_is_the_largest_grade_of_the_frames(root):
    assert graded(root, "0.0000000e+00", "1.0000000e+01", "9.0000000e+00").targets["pain"] == 10
    assert graded(root, "0.0000000e+00").targets["pain"] == 0


def test_the_score_is_the_observers_and_the_persons_own_stands_beside_it(root):
    item = graded(root, 0)
    assert (item.score, item.scale_id, item.targets["sub_scores"]) == (2, "OPR", {"VAS": 2})


def test_a_sequence_that_nobody_rated_has_no_score(root):
    item = next(unbc_pain.items(root))
    assert (item.score, item.scale_id) == (None, "")
    assert item.targets == {"pain": 1}


def test_sequences_of_a_person_are_of_one_subject_and_no_split_is_the_authors(root):
    items = list(unbc_pain.items(root))
    assert [item.subject for item in items] == [f"{k:03d}-zz{k:03d}" for k in range(40, 45) for _ in range(2)]
    assert not any(item.folds for item in items)
    assert [len(item.pictures) for item in items] == [5] * 10
    assert [path.stem[-3:] for path in items[0].pictures] == ["001", "002", "003", "004", "005"]


def test_archives_unpacked_into_folders_of_their_names_are_found(root):
    whole = [(item.key, item.score, len(item.pictures)) for item in unbc_pain.items(root)]
    for name in ("Images", "Frame_Labels", "Sequence_Labels"):
        (root / name).rename(root / "inner")
        (root / name).mkdir()
        (root / "inner").rename(root / name / name)
    assert [(item.key, item.score, len(item.pictures)) for item in unbc_pain.items(root)] == whole


def test_hidden_files_are_no_sequences(root):
    (root / "Frame_Labels/PSPI/.hidden/x").mkdir(parents=True)
    (root / "Frame_Labels/PSPI" / SUBJECT / ".DS_Store").write_text("x")
    assert len(list(unbc_pain.items(root))) == 10


def test_a_sequence_without_frames_is_told_as_missing_when_it_is_read(root):
    shutil.rmtree(root / "Images" / SUBJECT / SEQUENCE)
    item = graded(root, 0)
    with pytest.raises(ClipError) as caught:
        item.sha256()
    assert caught.value.code == "missing"


@pytest.mark.parametrize("text", ["17", "-1", "nan", "high", "", "1\n2"])
def test_a_wrong_grade_is_told_with_its_file(root, text):
    with pytest.raises(UserError, match=r"zz041t1aaaff002_facs\.txt"):
        graded(root, 0, text)


@pytest.mark.parametrize(("kind", "text"), [("OPR", "6"), ("VAS", "11"), ("OPR", ""), ("VAS", "much")])
def test_a_wrong_rating_is_told_with_its_file(root, kind, text):
    (root / "Sequence_Labels" / kind / SUBJECT / f"{SEQUENCE}.txt").write_text(text)
    with pytest.raises(UserError, match=rf"{kind}/041-zz041/zz041t1aaaff\.txt"):
        list(unbc_pain.items(root))


def test_a_sequence_without_grades_is_told(root):
    with pytest.raises(UserError, match=r"zz041t1aaaff: no FRAME_facs\.txt in it"):
        graded(root)


def test_the_observers_ratings_are_missed_where_there_are_none_at_all(root):
    shutil.rmtree(root / "Sequence_Labels/OPR")
    with pytest.raises(UserError, match=r"no .*Sequence_Labels/OPR there: expected the layout of UNBC"):
        list(unbc_pain.items(root))


def test_the_persons_own_ratings_are_not_needed(root):
    shutil.rmtree(root / "Sequence_Labels/VAS")
    assert [set(item.targets) for item in unbc_pain.items(root)] == [{"pain"}] * 10
