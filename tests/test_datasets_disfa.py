"""DISFA: rows to stills of the video, intensities to presence, people to folds."""

import numpy as np
import pytest

from input_pipeline.datasets import disfa
from input_pipeline.errors import UserError
from input_pipeline.extract.excerpt import Reel
from input_pipeline.extract.video import Video

pytest.importorskip("av", reason="PyAV is not installed (extra: extract)")


@pytest.fixture
def root(tmp_path):
    disfa.make_fixture(tmp_path)
    return tmp_path


def test_row_n_is_the_nth_frame_and_intensity_2_is_there(root):
    (root / "ActionUnit_Labels/SN003/SN003_au12.txt").write_text("".join(f"{k},{k % 6}\n" for k in range(1, 31)))
    items = [item for item in disfa.items(root) if item.subject == "SN003"]
    assert [(item.start, item.end, item.key) for item in items] == [(k - 1, k, f"SN003/{k}") for k in (1, 11, 21)]
    assert [item.targets["action_unit_intensity"]["12"] for item in items] == [1, 5, 3]
    assert [item.targets["action_units"]["12"] for item in items] == [0, 1, 1]
    assert tuple(items[0].targets["action_units"]) == disfa.ABOUT.labels["action_units"]
    (wanted,) = (frame.rgb() for frame in Video(items[1].path).frames() if frame.index == 10)
    (found,) = Reel().still(str(items[1].path), items[1].start).frames()
    np.testing.assert_array_equal(found.rgb(), wanted)


def test_an_intensity_of_1_is_not_there_and_of_2_is(root):
    folder = root / "ActionUnit_Labels/SN001"
    for unit, intensity in (("1", 1), ("2", 2)):
        (folder / f"SN001_au{unit}.txt").write_text("".join(f"{k},{intensity}\n" for k in range(1, 31)))
    item = next(item for item in disfa.items(root) if item.subject == "SN001")
    assert (item.targets["action_units"]["1"], item.targets["action_units"]["2"]) == (0, 1)


def test_videos_are_found_however_they_are_spelt_and_a_missing_one_is_named_as_it_should_be(root):
    (root / "Videos_LeftCamera/LeftVideoSN029_comp.avi").unlink()
    paths = {item.subject: item.path for item in disfa.items(root)}
    assert paths["SN003"].name == "leftVideoSN003_comp.avi"
    assert paths["SN003"].exists()
    assert paths["SN029"] == root / "Videos_LeftCamera/LeftVideoSN029_comp.avi"


def test_each_person_is_tested_on_in_one_fold_of_three(root):
    assert len(disfa._PEOPLE) == sum(map(len, disfa.PARTS)) == 27
    folds = {item.subject: item.folds for item in disfa.items(root)}
    assert folds["SN003"]["fold1"] == folds["SN003"]["default"] == folds["SN012"]["fold2"] == folds["SN001"]["fold3"] == "test"
    assert folds["SN012"]["default"] == "validation"
    assert folds["SN012"]["official_fold1"] == "train"
    for each in folds.values():
        assert sorted(each[f"official_fold{k}"] for k in (1, 2, 3)) == ["test", "train", "train"]


@pytest.mark.parametrize("line", ["2;1", "2,6", "2,-1", "2,", "x,1", "0,1", "2,1,1"])
def test_a_wrong_line_is_told_with_its_number(root, line):
    (root / "ActionUnit_Labels/SN001/SN001_au1.txt").write_text(f"1,0\n{line}\n")
    with pytest.raises(UserError, match=r"SN001_au1\.txt line 2: "):
        list(disfa.items(root))


def test_what_does_not_fit_together_is_told(root):
    path = root / "ActionUnit_Labels/SN001/SN001_au4.txt"
    whole = path.read_text()
    path.write_text(whole.replace("30,", "31,"))
    with pytest.raises(UserError, match=r"SN001_au4\.txt: other frames than .* frame 30"):
        list(disfa.items(root))
    path.unlink()
    with pytest.raises(UserError, match=r"SN001_au4\.txt: cannot be read"):
        list(disfa.items(root))
    path.write_text(whole)
    (root / "ActionUnit_Labels/SN001").rename(root / "ActionUnit_Labels/SN014")
    with pytest.raises(UserError, match="nobody of DISFA is called SN014"):
        list(disfa.items(root))
