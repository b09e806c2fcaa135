"""A folder with a list: columns of any name, parts, pictures in order, and rows that are not as they should be."""

import json

import pytest

from input_pipeline.datasets import clips_folder
from input_pipeline.errors import UserError

pytest.importorskip("av", reason="PyAV is not installed (extra: extract)")


@pytest.fixture
def root(tmp_path):
    (tmp_path / "a.mp4").write_bytes(b"1")
    (tmp_path / "p").mkdir()
    for k in (1, 2, 9, 10, 11):
        (tmp_path / f"p/{k}.JPG").write_bytes(b"1")
    (tmp_path / "p/notes.txt").write_text("")
    return tmp_path


def listed(root, *lines):
    (root / "clips.csv").write_text("".join(f"{line}\n" for line in lines))
    return list(clips_folder.items(root))


def test_our_names_need_no_map(root):
    header = "path,subject,expression,score,report,scale_id,start,end,fps,fold"
    (item,) = listed(root, header, "a.mp4,anna,smile,2.5,A smile.,mine,3,9,,test")
    assert (item.path, item.start, item.end) == (root / "a.mp4", 3, 9)
    assert (item.subject, item.expression, item.score, item.scale_id) == ("anna", "smile", 2.5, "mine")
    assert (item.report, item.folds) == ("A smile.", {"default": "test"})


def test_a_map_names_their_columns_and_leaves_the_others_alone(root):
    (root / "columns.json").write_text(json.dumps({"path": "video", "score": "Grade (0-4)"}))
    (item,) = listed(root, "id,video,Grade (0-4),subject,path", "7,a.mp4,3,anna,elsewhere.mp4")
    assert (item.path, item.score, item.subject) == (root / "a.mp4", 3.0, "anna")


def test_groups_go_by_our_names_and_by_those_of_a_map(root):
    one, two = listed(root, "path,group_sex,group_age,fps", "a.mp4,f,60-69,", "p/1.JPG,,70-79,")
    assert (one.groups, two.groups) == ({"sex": "f", "age": "60-69"}, {"age": "70-79"})
    (root / "columns.json").write_text(json.dumps({"group_sex": "Geschlecht", "group_age": "Alter"}))
    (item,) = listed(root, "path,Geschlecht,Alter,age,group_device,group_sex", "a.mp4,w,60-69,61,phone,never read")
    assert item.groups == {"sex": "w", "age": "60-69", "device": "phone"}
    (root / "columns.json").unlink()
    with pytest.raises(UserError, match=r"clips\.csv, column 'group_age': found 21 labels"):
        listed(root, "path,start,end,group_age", *(f"a.mp4,{k},{k + 1},{k}" for k in range(21)))


def test_what_is_not_said_is_not_known(root):
    one, two = listed(root, "path,start,end", "a.mp4,0,5", "a.mp4,5,9")
    assert (one.expression, one.score, one.report, one.folds) == ("unposed", None, None, {})
    assert one.subject == one.key != two.key == two.subject


def test_pictures_of_a_folder_are_in_the_order_of_their_numbers_and_cut_as_videos_are(root):
    whole, part, one = listed(root, "path,start,end,fps", "p,,,25", "p,1,3,25", "p/9.JPG,,,")
    assert [path.stem for path in whole.pictures] == ["1", "2", "9", "10", "11"]
    assert [path.stem for path in part.pictures] == ["2", "9"]
    assert (whole.fps, part.start, part.end) == (25, 0, 0)
    assert one.pictures == (root / "p/9.JPG",)


def test_files_of_landmarks_have_the_frame_rate_that_is_said(root):
    (root / "l.npy").write_bytes(b"1")
    (item,) = listed(root, "path,fps", "l.npy,25")
    assert (item.path, item.fps, item.pictures) == (root / "l.npy", 25, ())


@pytest.mark.parametrize(
    ("header", "row", "words"),
    [
        ("path,score", "a.mp4,x", "line 3: score 'x' is not a number"),
        ("path,score", ",1", "line 3: no path"),
        ("path", "../a.mp4", r"line 3: names '\.\./a\.mp4'"),
        ("path,expression", "a.mp4,smlie", "line 3: unknown expression 'smlie'.* did you mean smile"),
        ("path,subject,report", "a.mp4,anna,Anna smiles.", "line 3: the report names the subject"),
        ("path,start,end", "a.mp4,5,5", "line 3: start '5' and end '5'"),
        ("path,start,end", "a.mp4,5,", "line 3: start '5' and end ''"),
        ("path,start,end", "a.mp4,-1,5", "line 3: start '-1'"),
        ("path,start,end", "l.npy,0,5", "line 3: start and end are of videos and pictures"),
        ("path,fps,start,end", "p,25,2,6", "line 3: ends at picture 6, .* has 5"),
        ("path,fps", "p,", "line 3: no fps"),
        ("path,fps", "a.mp4,25", "line 3: fps is of pictures"),
        ("path,fps", "p,0", "line 3: '0', expected a number from 1 to 1000"),
        ("path,fold", "a.mp4,val", "line 3: fold 'val', expected one of train, validation, test"),
        ("path,fold", "a.mp4,test", "a fold in some rows and none in others"),
        ("path,scroe", "a.mp4,1", "unknown column 'scroe'.*did you mean score"),
        ("path,Grade", "a.mp4,1", r"unknown column 'Grade'.*columns\.json says"),
        ("video", "a.mp4", "no column 'path'"),
        ("path;score", "a.mp4;1", r"clips\.csv line 1: found fields between ';', expected commas: export it with commas"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(root, header, row, words):
    with pytest.raises(UserError, match=words) as caught:
        listed(root, header, "a.mp4" + header.count(",") * ",", row)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"scroe": "Grade"}', r"columns\.json: unknown column 'scroe'"),
        ('{"score": 3}', r"columns\.json: expected our names to yours"),
        ('["score"]', r"columns\.json: expected our names to yours"),
        ("{", r"columns\.json: not JSON"),
        ('{"score": "grade"}', r"clips\.csv: no column 'grade'"),
    ],
)
def test_a_wrong_map_is_told(root, text, words):
    (root / "columns.json").write_text(text)
    with pytest.raises(UserError, match=words):
        listed(root, "path,Grade", "a.mp4,1")


def test_a_list_of_another_folder_is_told(root):
    with pytest.raises(UserError, match=r"none of its 2 files is there, .*x/a\.mp4 for one"):
        listed(root, "path", "x/a.mp4", "x/b.mp4")
    assert len(listed(root, "path", "x/a.mp4", "a.mp4")) == 2


def test_a_map_that_says_nothing_of_the_path_leaves_it_its_name(root):
    (root / "columns.json").write_text('{"score": "Grade"}')
    with pytest.raises(UserError, match="no column 'path'"):
        listed(root, "video,Grade", "a.mp4,1")
