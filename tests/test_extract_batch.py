"""Lists of videos, and `python -m input_pipeline.extract` from video files to a data set."""

import csv
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import landmark_file_factory as landmark_files
import pytest
from video_factory import av, write_video

from input_pipeline.errors import UserError
from input_pipeline.extract.batch import list_items
from input_pipeline.extract.item import Item
from input_pipeline.shards import Dataset

pytest.importorskip("mediapipe", reason="MediaPipe is not installed (extra: extract)")

REPOSITORY = Path(__file__).parents[1]


def extract(*args):
    command = [sys.executable, "-m", "input_pipeline.extract", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=REPOSITORY, env=dict(os.environ))


@pytest.fixture(scope="module")
def folder(media, tmp_path_factory):
    """Two short videos with a face, one without, and a text file that calls itself a video."""
    folder = tmp_path_factory.mktemp("videos")
    for name, source in (
        ("anna", "face_wolfgang_langer_pexels.mp4"),
        ("bert", "face_then_no_face.mov"),
        ("carl", "no_face.mp4"),
    ):
        with av.open(str(media / source)) as container:
            pictures = [
                picture.to_ndarray(format="rgb24") for picture, _ in zip(container.decode(video=0), range(8), strict=False)
            ]
        write_video(folder / f"{name}.mp4", pictures, range(0, 320, 40))
    (folder / "dora.mp4").write_text("not a video")
    return folder


def table(tmp_path, text):
    path = tmp_path / "list.csv"
    path.write_text(text)
    return path


def test_a_csv_says_what_it_knows_and_flags_fill_the_rest(tmp_path):
    path = table(tmp_path, 'path,subject,expression,score,report\na.mp4,p1,frown,2.5,"Brows, both."\nsub/b.mp4,,,,\n')
    assert list_items(path, expression="smile") == [
        Item(tmp_path / "a.mp4", "p1", "frown", 2.5, "Brows, both."),
        Item(tmp_path / "sub/b.mp4", "b", "smile"),
    ]


def test_columns_of_groups_are_kept_as_they_are_where_they_say_something(tmp_path):
    path = table(tmp_path, "path,group_sex,group_skin tone\na.mp4, female ,VI\nb.mp4,,II\nc.mp4,,\n")
    groups = [item.groups for item in list_items(path, expression="smile")]
    assert groups == [{"sex": "female", "skin tone": "VI"}, {"skin tone": "II"}, {}]
    assert len(list_items(table(tmp_path, ages(20)), expression="smile")) == 20


def ages(number):
    return "path,group_age\n" + "".join(f"{k}.mp4,{40 + k}\n" for k in range(number))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            ages(21),
            "column 'group_age': found 21 labels, '40' for one, expected at most 20: put numbers into bins such as 60-69",
        ),
        (f"path,group_site\na.mp4,{'x' * 257}\n", "line 2, column 'group_site': found"),
        ("path,group_\na.mp4,x\n", "unknown column 'group_', expected path, subject, expression, score, report, group_NAME"),
        ("path,Group_sex\na.mp4,x\n", "did you mean group_NAME"),
        ("path,subject,group_site\na.mp4,Anna,of ANNA\n", "line 2, column 'group_site': 'of ANNA' names the subject"),
        ("path,grade\na.mp4,2\n", "unknown column 'grade'"),
        ("path,Score\na.mp4,2\n", "did you mean score"),
        ("subject\np1\n", "no column 'path'"),
        ("path\n", "no rows"),
        ("", "no column 'path'"),
        ("path,expression\na.mp4,smirk\n", "line 2: unknown expression 'smirk'"),
        ("path,score\na.mp4,high\n", "line 2: score 'high' is not a number"),
        ("path,score\na.mp4,nan\n", "line 2: score 'nan' is not a number"),
        ("path,report\na.mp4,one, two\n", "line 2: more fields"),
        ("path,score\n,2\n", "line 2: no path"),
        ("path;score\na.mp4;2\n", "list.csv line 1: found fields between ';', expected commas: export it with commas"),
        ("path\tscore\na.mp4\t2\n", "list.csv line 1: found fields between '\\t', expected commas: export it with commas"),
        ("path,subject,report\na.mp4,Anna,When ANNA smiles.\n", "line 2: the report names the subject 'Anna'"),
    ],
)
def test_a_wrong_csv_is_one_line_before_any_video_is_read(tmp_path, text, words):
    with pytest.raises(UserError) as caught:
        list_items(table(tmp_path, text), expression="smile")
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_folder_needs_an_expression_and_names_subjects_after_files(tmp_path):
    for name in ("b.mp4", "a.mp4"):
        (tmp_path / name).write_bytes(b"x")
    assert [(item.path.name, item.subject) for item in list_items(tmp_path, "rest")] == [("a.mp4", "a"), ("b.mp4", "b")]
    assert [item.subject for item in list_items(tmp_path / "a.mp4", "rest", subject="p9")] == ["p9"]
    with pytest.raises(UserError, match="--expression"):
        list_items(tmp_path)
    with pytest.raises(UserError, match="no such file"):
        list_items(tmp_path / "absent.csv")


def test_bad_videos_go_to_the_dead_letter_list_and_the_rest_is_packed(folder, media, tmp_path):
    (folder / "eve.mp4").write_bytes((folder / "anna.mp4").read_bytes())
    out = tmp_path / "own"
    done = extract(folder, f"--landmarker={media / 'face_landmarker.task'}", f"--output={out}", "--expression=smile")
    assert (done.returncode, done.stderr) == (0, "")
    assert "2 clips of 2 subjects" in done.stdout
    assert "3 left out" in done.stdout
    for name in ("carl.mp4: no face found", "dora.mp4: not a video", "eve.mp4: the same as clip c"):
        assert name in done.stdout  # the console may name files
    dataset = Dataset.open(out)
    rows = {Path(row["path"]).name: row for row in csv.DictReader(folder.with_name(f"{folder.name}.ledger.csv").open())}
    kept = sorted((rows["anna.mp4"], rows["bert.mp4"]), key=lambda row: row["clip_id"])
    assert [(label.subject, label.clip_id) for label in dataset.labels] == [(row["subject"], row["clip_id"]) for row in kept]
    assert {name: row["status"] for name, row in rows.items()} == {
        "anna.mp4": "ok",
        "bert.mp4": "ok",
        "carl.mp4": "no-face",
        "dora.mp4": "not-a-video",
        "eve.mp4": "duplicate",
    }
    assert {row["key_id"] for row in rows.values()} == {dataset.manifest.source["subject_key_id"]}
    clip = dataset.clip(0, with_frames=True)
    assert clip.tracked.all()
    assert len(clip.frames) == len(clip.times) == 8
    reasons = [json.loads(line) for line in (out / "dead_letter.jsonl").read_text().splitlines()]
    codes = {row["clip_id"]: row["code"] for row in reasons}
    assert codes == {rows[name]["clip_id"]: rows[name]["status"] for name in ("carl.mp4", "dora.mp4", "eve.mp4")}


def test_a_csv_carries_scores_and_reports_into_the_data_set(folder, media, tmp_path):
    listed = table(tmp_path, f"path,subject,expression,score,report\n{folder / 'anna.mp4'},p1,frown,3,Brows move little.\n")
    out = tmp_path / "own"
    done = extract(listed, f"--landmarker={media / 'face_landmarker.task'}", f"--output={out}", "--name=clinic")
    assert done.returncode == 0, done.stderr
    label = Dataset.open(out).labels[0]
    assert (label.expression, label.score) == ("frown", 3.0)
    assert re.fullmatch("s[0-9a-f]{16}", label.subject)
    assert re.fullmatch("c[0-9a-f]{16}", label.clip_id)
    assert (label.report, label.dataset) == ("Brows move little.", "clinic")
    again = extract(listed, f"--landmarker={media / 'face_landmarker.task'}", f"--output={out}")
    assert again.returncode == 2
    assert "holds a data set already" in again.stderr


def test_wrong_calls_end_with_one_line_and_code_2(folder, media, tmp_path):
    model, out = f"--landmarker={media / 'face_landmarker.task'}", f"--output={tmp_path / 'own'}"
    calls = {
        ("anna.mp4",): "--output is needed",
        (): "expected one file",
        (folder / "anna.mp4", out, "--expression=smile"): "--landmarker is needed for videos",
        (folder / "anna.mp4", model, out, "--expression=smile", "--image_size=640"): "expected width,height",
        (folder / "carl.mp4", model, out, "--expression=smile"): "carl.mp4: no face found in 8 frames",
        (folder / "dora.mp4", model, out, "--expression=smile"): "not a video",
        (folder / "anna.mp4", model, out, "--expression=smirk"): "unknown expression 'smirk'",
        (folder / "anna.mp4", f"--landmarker={folder / 'dora.mp4'}", out, "--expression=smile"): "not a Face Landmarker model",
    }
    for args, words in calls.items():
        done = extract(*args)
        assert done.returncode == 2, args
        assert done.stderr.startswith("error: ")
        assert words in done.stderr
        assert done.stderr.count("\n") == 1
    assert not (tmp_path / "own" / "manifest.json").exists()


def test_landmarks_of_another_tool_become_a_data_set_without_videos_or_landmarker(tmp_path):
    folder, out = tmp_path / "landmarks", tmp_path / "own"
    folder.mkdir()
    for number, name in enumerate(("anna", "bert", "carl")):
        landmark_files.write_openface(folder / f"{name}.csv", landmark_files.face_pixels("openface68")[: 12 + number])
    whole = (folder / "anna.csv").read_text()
    (folder / "dora.csv").write_text(whole[: len(whole) // 2])
    (folder / "eric.csv").write_text(whole.replace(",", ";"))
    (folder / "notes.csv").write_text("name;room\nanna;3\n")
    done = extract(folder, f"--output={out}", "--expression=smile", "--workers=2")
    assert done.returncode == 0, done.stderr
    assert "3 clips of 3 subjects" in done.stdout
    assert "splits/default.json" in done.stdout
    dataset = Dataset.open(out)
    assert (dataset.manifest.layout, dataset.manifest.has_frames) == ("openface68", False)
    assert sorted(len(dataset.clip(index).times) for index in range(3)) == [12, 13, 14]
    assert dataset.manifest.source["landmark_files"] == "input_pipeline.landmark_files/1"
    rows = [json.loads(line) for line in (out / "dead_letter.jsonl").read_text().splitlines()]
    assert [row["code"] for row in rows] == ["no-landmarks"] * 2
    assert not [row for row in rows if re.search("dora|eric", row["reason"])]
    assert sorted("found fields between ';', expected commas" in row["reason"] for row in rows) == [False, True]
