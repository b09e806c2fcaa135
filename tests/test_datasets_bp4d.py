"""BP4D: rows to pictures, unknown units left out, people to folds."""

import pytest

from input_pipeline.datasets import bp4d
from input_pipeline.errors import UserError

pytest.importorskip("av", reason="PyAV is not installed (extra: extract)")
LABELS = "AUCoding/AU_OCC"


@pytest.fixture
def root(tmp_path):
    bp4d.make_fixture(tmp_path)
    return tmp_path


def write(path, rows, header=("0", *bp4d.ACTION_UNITS)):
    path.write_text("".join(f"{','.join(map(str, row))}\n" for row in (header, *rows)))


def test_unknown_units_are_left_out_and_frames_without_any_are_none(root):
    values = [(101, *["9"] * 12), *((k, "1", "0", *["9"] * 10) for k in range(111, 133))]
    write(root / LABELS / "F001_T1.csv", values)
    items = [item for item in bp4d.items(root) if item.subject == "F001"]
    assert [item.key for item in items] == ["F001/T1/111", "F001/T1/121", "F001/T1/131"]
    assert {tuple(item.targets["action_units"].items()) for item in items} == {(("1", 1), ("2", 0))}


def test_columns_go_by_their_names_and_units_that_nobody_reports_are_left_out(root):
    header = ("frame", *bp4d.ACTION_UNITS[::-1], "5")
    write(root / LABELS / "F001_T1.csv", [(111, *"100000000000", "1")], header)
    (item,) = [item for item in bp4d.items(root) if item.subject == "F001"]
    assert item.targets["action_units"] == {unit: int(unit == "24") for unit in bp4d.ACTION_UNITS}


def test_pictures_are_found_by_number_with_three_digits_or_four_and_missing_ones_are_named(root):
    for subject, name in (("F007", "111.jpg"), ("F013", "0111.jpg")):
        item = next(item for item in bp4d.items(root) if item.key == f"{subject}/T1/111")
        assert item.path == root / "2D+3D" / subject / "T1" / name
        assert item.path.exists()
    (root / "2D+3D/F007/T1/111.jpg").unlink()
    item = next(item for item in bp4d.items(root) if item.key == "F007/T1/111")
    assert item.path == root / "2D+3D/F007/T1/0111.jpg"


def test_the_other_name_of_the_pictures_folder_is_accepted(root):
    (root / "2D+3D").rename(root / "Sequences(2D+3D)")
    assert all(item.path.exists() for item in bp4d.items(root))


def test_each_person_is_tested_on_in_one_fold_of_three(root):
    assert len(bp4d._PEOPLE) == sum(map(len, bp4d.PARTS)) == 41
    assert sum(name.startswith("F") for name in bp4d._PEOPLE) == 23
    assert {(item.subject[0], item.groups["sex"]) for item in bp4d.items(root)} == {("F", "female"), ("M", "male")}
    folds = {item.subject: item.folds for item in bp4d.items(root)}
    assert folds["F007"]["fold1"] == folds["F007"]["default"] == folds["F013"]["fold2"] == folds["F001"]["fold3"] == "test"
    assert folds["F013"]["default"] == "validation"
    for each in folds.values():
        assert sorted(each[f"official_fold{k}"] for k in (1, 2, 3)) == ["test", "train", "train"]


@pytest.mark.parametrize("row", ["112,2" + 11 * ",0", "112," + 11 * ",0", "x,1" + 11 * ",0", "112,1"])
def test_a_wrong_line_is_told_with_its_number(root, row):
    write(root / LABELS / "F001_T1.csv", [(111, *"100000000000")])
    with (root / LABELS / "F001_T1.csv").open("a") as file:
        file.write(f"{row}\n")
    with pytest.raises(UserError, match=r"F001_T1\.csv line 3: "):
        list(bp4d.items(root))


@pytest.mark.parametrize("name", ["F024_T1.csv", "F001_T9.csv", "F001.csv"])
def test_nobody_else_is_taken_for_a_person_of_the_set(root, name):
    (root / LABELS / "F001_T1.csv").rename(root / LABELS / name)
    with pytest.raises(UserError, match=rf"{name}: expected F001_T1\.csv"):
        list(bp4d.items(root))


def test_a_missing_unit_is_told(root):
    write(root / LABELS / "F001_T1.csv", [(111, *"10000000000")], ("0", *bp4d.ACTION_UNITS[:-1]))
    with pytest.raises(UserError, match=r"F001_T1\.csv: no column '24'"):
        list(bp4d.items(root))
