"""PFED5-plus: lists by place, expressions and scores, pictures or trajectories, reports, people in one list alone."""

import numpy as np
import pytest
from landmark_file_factory import face_pixels

from input_pipeline.dataset import Dataset
from input_pipeline.datasets import pfed5_plus
from input_pipeline.errors import UserError
from input_pipeline.extract.building import Building, build
from input_pipeline.extract.pool import Settings
from input_pipeline.records import EXPRESSIONS

pytest.importorskip("av", reason="PyAV is not installed (extra: extract)")


@pytest.fixture
def root(tmp_path):
    pfed5_plus.make_fixture(tmp_path / "root")
    return tmp_path / "root"


def write_lists(root, train, test, names=("train_41.csv", "test_41.csv")):
    for name, rows in zip(names, (train, test), strict=True):
        (root / "data" / name).write_text("".join(f"{row}\n" for row in ["any,header,of,five,fields", *rows]))


def listed(root):
    return list(pfed5_plus.items(root))


def test_columns_go_by_their_place_and_a_clip_id_names_folder_and_patient(root):
    (root / "data/reports.csv").unlink()
    write_lists(root, ["clip0000001_11,3.5,6,0,1"], ["clip0000004_14,0,6,2,4"])
    smile, clench = listed(root)
    assert [path.relative_to(root).as_posix() for path in smile.pictures] == [
        f"frames/11/clip0000001/{frame:05d}.jpg" for frame in range(1, 7)
    ]
    assert (smile.subject, smile.expression, smile.score, smile.scale_id) == ("11", "smile", 3.5, "mds-updrs-0-4")
    assert (clench.subject, clench.expression, clench.score) == ("14", "clench", 0)
    assert [smile.folds["official"], clench.folds["official"], clench.folds["default"]] == ["train", "test", "test"]


def test_the_class_index_of_the_older_lists_is_in_the_fourth_column(root):
    for name in ("train_41.csv", "test_41.csv", "reports.csv"):
        (root / "data" / name).unlink()
    for code, name in enumerate(EXPRESSIONS):
        write_lists(root, [f"clip0000001_11,3,6,{code}"], [], ("PFED5_train.csv", "PFED5_test.csv"))
        assert [item.expression for item in listed(root)] == [name]


def test_reports_go_to_their_clips(root):
    reports = {item.key: item.report for item in listed(root)}
    assert reports["clip0000000_10"] is None
    assert reports["clip0000001_11"].startswith("The mouth corners rise")
    with (root / "data/reports.csv").open("a") as file:
        file.write("clip0000001_12,Of nobody.\n")
    with pytest.raises(UserError, match="a report of 'clip0000001_12', which is in neither list"):
        listed(root)


def test_a_report_that_names_its_patient_is_told(root):
    write_lists(root, ["clip0000001_Bond,3,6,0,1"], [])
    (root / "frames/11").rename(root / "frames/Bond")
    (root / "data/reports.csv").write_text("clip_id,report\nclip0000001_Bond,Mr Bond smiles.\n")
    with pytest.raises(UserError, match="the report names the subject"):
        listed(root)


def test_somebody_of_train_validates_and_nobody_is_in_two_folds(root):
    folds = {}
    for item in listed(root):
        assert folds.setdefault(item.subject, item.folds) == item.folds
    assert sorted(each["default"] for each in folds.values()) == ["test", "train", "train", "train", "validation"]


def test_people_in_both_lists_are_in_no_official_split(root):
    write_lists(root, ["clip0000001_11,3,6,0,1", "clip0000002_12,3,6,0,2"], ["clip0000006_11,3,6,0,1"])
    (root / "data/reports.csv").unlink()
    assert [item.folds for item in listed(root)] == [{}, {}, {}]


@pytest.mark.parametrize("layout", ["PFED5", "."])
def test_patients_are_found_in_other_folders(root, layout):
    folder = root / layout
    folder.mkdir(exist_ok=True)
    for patient in (root / "frames").iterdir():
        patient.rename(folder / patient.name)
    pictures = [path for item in listed(root) for path in item.pictures]
    assert len(pictures) == 54
    assert all(path.exists() for path in pictures)


def test_clips_without_pictures_are_listed_all_the_same(root):
    for path in (root / "frames/11/clip0000001").iterdir():
        path.unlink()
    item = next(item for item in listed(root) if item.key == "clip0000001_11")
    assert item.pictures == (root / "frames/11/clip0000001",)
    for path in (root / "frames").iterdir():
        path.rename(root / f"of_somebody_else_{path.name}")
    assert len(listed(root)) == 9
    assert listed(root)[0].pictures == (root / "frames/10/clip0000000",)


def test_without_frames_the_trajectories_are_read_at_our_frame_rate(root, tmp_path):
    (root / "frames").rename(tmp_path / "away")
    with pytest.raises(UserError, match="no frames or data/detect_73_crop there"):
        listed(root)
    points = face_pixels("insightface106")[:, 33:, :2].round()
    for item in (tmp_path / "away").glob("*/*"):
        path = root / "data/detect_73_crop" / item.parent.name / f"{item.name}-{item.parent.name}.npy"
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, points + int(item.name[-1]))
    items = listed(root)
    assert all(item.path.suffix == ".npy" and item.path.exists() and not item.pictures for item in items)
    plan = Building(tmp_path / "data", "pfed5_plus", "", tmp_path / "key", tmp_path / "ledger.csv", Settings(), workers=1)
    assert build(items, plan, {}).rejected == 0
    clip = Dataset.open(tmp_path / "data").clip(0)
    np.testing.assert_allclose(clip.times, np.arange(len(points)) / 30, atol=1e-5)
    assert clip.layout == "tokens63"


@pytest.mark.parametrize(
    "row",
    [
        "clip0000001_11,5,6,0,1",
        "clip0000001_11,x,6,0,1",
        "clip0000001_11,1,6,0,5",
        "clip0000001_11,1,6,0,1.5",
        "clip0000001_11,1,6,0",
        "clip0000001,1,6,0,1",
        "clip0000001_,1,6,0,1",
        "clip0000001_..,1,6,0,1",
    ],
)
def test_a_wrong_row_is_told_with_its_line(root, row):
    (root / "data/reports.csv").unlink()
    write_lists(root, ["clip0000002_12,1,6,0,1", row], [])
    with pytest.raises(UserError, match=r"train_41\.csv line 3: "):
        listed(root)


def test_a_missing_list_is_told(root):
    (root / "data/test_41.csv").unlink()
    with pytest.raises(UserError, match=r"no test_41\.csv there"):
        listed(root)
