"""CK+: codes to words, sequences in order, action units with and without intensity, people, files that are wrong."""

import json
import shutil

import pytest

from input_pipeline.datasets import ck_plus
from input_pipeline.errors import ClipError, UserError

EMOTION = "Emotion/S005/002/S005_002_00000004_emotion.txt"
FACS = "FACS/S005/002/S005_002_00000004_facs.txt"


@pytest.fixture
def root(tmp_path):
    ck_plus.make_fixture(tmp_path)
    return tmp_path


def read(root, key="S005/002"):
    return next(item for item in ck_plus.items(root) if item.key == key)


def test_codes_are_words_in_their_order(root):
    found = []
    for code in range(8):
        (root / EMOTION).write_text(f"   {code:.7e}\n")
        found.append(read(root).targets["emotion"])
    assert found == ["neutral", "anger", "contempt", "disgust", "fear", "happy", "sadness", "surprise"]


def test_without_an_emotion_file_there_is_no_emotion(root):
    (root / EMOTION).unlink()
    assert "emotion" not in read(root).targets
    shutil.rmtree(root / "Emotion/S005/002")
    assert "emotion" not in read(root).targets


def test_units_that_are_not_listed_are_absent_and_intensity_zero_is_unknown(root):
    (root / FACS).write_text("   1.2000000e+01   4.0000000e+00\n   2.5000000e+01   0.0000000e+00\n   6.2e+01   1.0e+00\n")
    targets = read(root).targets
    units, intensity = targets["action_units"], targets["action_unit_intensity"]
    assert {unit for unit, value in units.items() if value} == {"12", "25", "62"}
    assert set(units) == {*map(str, ck_plus.UNITS), "62"}
    assert intensity["12"] == 4
    assert intensity["62"] == 1
    assert intensity["1"] == 0
    assert "25" not in intensity


def test_labels_come_back_from_a_record_as_they_went(root):
    for item in ck_plus.items(root):
        assert json.loads(json.dumps(item.targets)) == item.targets


def test_a_clip_is_the_whole_sequence_in_order_and_nothing_else(root):
    folder = root / "cohn-kanade-images/S005/002"
    for name in ("._S005_002_00000001.png", "S005_002_00000001 copy.png", ".DS_Store"):
        (folder / name).write_bytes(b"x")
    (folder / "S005_002_00000004.png").rename(folder / "S005_002_00000010.png")
    item = read(root)
    assert [path.name for path in item.pictures] == [f"S005_002_{k:08d}.png" for k in (1, 2, 3, 10)]
    assert (item.path, item.fps) == (item.pictures[0], 30)


def test_people_are_known_and_no_folds_are_official(root):
    items = list(ck_plus.items(root))
    assert {item.subject for item in items} == {"S005", "S105", "S205", "S305", "S405", "S505"}
    assert all(item.subject == item.path.name[:4] and not item.folds for item in items)


def test_a_sequence_without_action_units_is_told(root):
    (root / FACS).unlink()
    with pytest.raises(UserError, match=r"FACS/S005/002: no \*_facs\.txt there"):
        list(ck_plus.items(root))


def test_a_sequence_without_pictures_is_a_clip_that_says_so(root):
    shutil.rmtree(root / "cohn-kanade-images/S005/002")
    item = read(root)
    assert item.path.name == "S005_002_00000004.png"
    with pytest.raises(ClipError) as caught:
        item.sha256()
    assert caught.value.code == "missing"


@pytest.mark.parametrize("content", ["8", "-1", "1.5", "happy", "1\n2", ""])
def test_a_wrong_emotion_is_told_with_its_file(root, content):
    (root / EMOTION).write_text(content)
    with pytest.raises(UserError, match=r"S005_002_00000004_emotion\.txt(:| line 1:) "):
        list(ck_plus.items(root))


@pytest.mark.parametrize("line", ["12", "12 6", "12 -1", "0 1", "100 1", "x 1", "12.5 1", "12 1 1"])
def test_a_wrong_action_unit_is_told_with_its_line(root, line):
    (root / FACS).write_text(f"1 2\n{line}\n")
    with pytest.raises(UserError, match=r"S005_002_00000004_facs\.txt line 2: "):
        list(ck_plus.items(root))


def test_two_files_for_one_peak_are_told(root):
    shutil.copy(root / FACS, root / "FACS/S005/002/S005_002_00000003_facs.txt")
    with pytest.raises(UserError, match=r"FACS/S005/002: 2 files \*_facs\.txt"):
        list(ck_plus.items(root))


def test_archives_unpacked_into_folders_of_their_own_give_the_same_set(root):
    expected = [(item.key, item.targets) for item in ck_plus.items(root)]
    for folder, inside in (("extended-cohn-kanade-images", "cohn-kanade-images"), ("FACS_labels", "FACS")):
        (root / folder).mkdir()
        shutil.move(root / inside, root / folder / inside)
    (root / "Emotion").rename(root / "Emotion_labels")
    assert [(item.key, item.targets) for item in ck_plus.items(root)] == expected
