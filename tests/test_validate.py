"""`python -m input_pipeline.validate` finds what is wrong, one line each."""

import dataclasses
import hashlib
import json
import subprocess
import sys

import pytest
from array_record.python import array_record_module
from clip_factory import make_clip

from input_pipeline.datasets import get_builder
from input_pipeline.errors import UserError
from input_pipeline.shards import Dataset, write_dataset
from input_pipeline.splits import make_split, write_split
from input_pipeline.validate import describe, find_problems, main


@pytest.fixture
def folder(tmp_path):
    clips = [make_clip(k, stored=3, report="Moves.") for k in range(8)]
    write_dataset(clips, tmp_path, "made", 2, {})
    subjects = [clip.label.subject for clip in clips]
    write_split(tmp_path, "default", make_split(subjects, {"train": 0.5, "validation": 0.25, "test": 0.25}, seed=0))
    return tmp_path


def test_a_sound_data_set_has_no_problems_and_is_described(folder):
    assert list(find_problems(folder)) == []
    assert describe(folder) == (
        f"{folder}: 8 clips of 4 subjects (0 left out); tokens63, with frames; split default: train 4, validation 2, test 2"
    )


def test_groups_are_told_with_their_clips_but_not_those_of_people_who_withdrew(tmp_path):
    known = [{"sex": "m"}, {"sex": "f", "age": "60-69"}, {}, {"sex": "f"}, {"sex": "m"}, {"sex": "x"}]
    write_dataset([make_clip(k, groups=groups) for k, groups in enumerate(known)], tmp_path, "made", 1, {})
    assert list(find_problems(tmp_path)) == []
    assert "; group age: 60-69 1, not known 5; group sex: f 2, m 2, x 1, not known 1" in describe(tmp_path)
    (tmp_path / "withdrawn.txt").write_text("subject02\n")
    assert "; group age: 60-69 1, not known 3; group sex: f 2, m 1, not known 1" in describe(tmp_path)


def test_a_damaged_record_is_found_by_its_hash_and_by_reading(folder):
    path = folder / "landmarks-00001-of-00002.arrayrecord"
    blob = bytearray(path.read_bytes())
    blob[blob.index(make_clip(3).landmarks.tobytes()[:64])] ^= 1
    path.write_bytes(blob)
    problems = list(find_problems(folder))
    assert len(problems) == 2
    assert "landmarks-00001-of-00002.arrayrecord: SHA-256 is" in problems[0]
    assert "record 1 (clip003) is damaged" in problems[1]


def test_frames_of_another_clip_are_found_even_where_every_hash_is_right(folder):
    dataset = Dataset.open(folder)
    blobs = [dataset.record("frames", index) for index in (1, 0, 2, 3)]
    path = folder / "frames-00000-of-00002.arrayrecord"
    writer = array_record_module.ArrayRecordWriter(str(path), "group_size:1,uncompressed")
    for blob in blobs:
        writer.write(blob)
    writer.close()
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["frames"][0] |= {"bytes": path.stat().st_size, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    problems = list(find_problems(folder))
    assert len(problems) == 2
    assert "frames-00000-of-00002.arrayrecord: record 0 (clip000) holds clip 'clip002'" in problems[0]


def test_a_broken_image_is_found(tmp_path):
    clip = make_clip(0, stored=3)
    broken = dataclasses.replace(clip, frames=(*clip.frames[:2], b"\xff\xd8 cut"))
    write_dataset([broken], tmp_path, "made", 1, {})
    (problem,) = find_problems(tmp_path)
    assert "frames-00000-of-00001.arrayrecord: record 0 (clip000): a frame is not a readable JPEG" in problem


def test_counts_that_do_not_fit_the_labels_are_found(folder):
    path = folder / "manifest.json"
    manifest = json.loads(path.read_text())
    path.write_text(json.dumps(manifest | {"grades": {"4": 8}}))
    assert list(find_problems(folder)) == [f"{folder}: the labels count other grades than the manifest; rebuild the data"]


def test_a_split_that_shares_a_subject_is_found(folder):
    (folder / "splits" / "leaky.json").write_text('{"folds": {"subject00": "train", "subject00": "test"}}')
    (problem,) = find_problems(folder)
    assert "leaky.json: subject 'subject00' is in two folds" in problem


def run(*args):
    return subprocess.run([sys.executable, "-m", "input_pipeline.validate", *args], capture_output=True, text=True, check=False)


def test_the_command_leaves_with_0_on_a_sound_folder(folder):
    result = run(str(folder))
    assert (result.returncode, result.stderr) == (0, "")
    assert "8 clips of 4 subjects" in result.stdout


def test_the_command_leaves_with_2_and_a_line_per_problem(folder):
    (folder / "frames-00000-of-00002.arrayrecord").unlink()
    (folder / "landmarks-00000-of-00002.arrayrecord").write_bytes(b"x")
    result = run(str(folder))
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    first, second = result.stdout.splitlines()
    assert "landmarks-00000-of-00002.arrayrecord: 1 bytes, expected" in first
    assert "frames-00000-of-00002.arrayrecord: missing" in second
    assert result.stderr == f"error: {folder}: 2 problems found: mend what is told above, or build the data set again\n"


@pytest.mark.parametrize("args", [(), ("nowhere",), ("a", "b")])
def test_wrong_arguments_are_one_line(args):
    result = run(*args)
    assert result.returncode == 2
    assert len(result.stderr.splitlines()) == 1


def test_what_was_not_measured_is_described(tmp_path):
    sources = [{}, {"colours": "none"}, {"colours": "none", "depth": "none"}]
    write_dataset([make_clip(k, source=source) for k, source in enumerate(sources)], tmp_path, "made", 1, {})
    assert list(find_problems(tmp_path)) == []
    assert describe(tmp_path).endswith("tokens63, no frames; 2 clips without colours; 1 clips without depth")


def test_instruction_data_is_checked_row_by_row_and_medium_by_medium(tmp_path, capsys):
    get_builder("instructions").make_fixture(tmp_path)
    main([str(tmp_path / "part1.json")])
    assert "6 rows with 6 questions, 6 clips, all there" in capsys.readouterr().out
    (tmp_path / "media" / "9.mp4").unlink()
    with pytest.raises(UserError, match=r"part2\.jsonl row 4: media/9\.mp4 is not below"):
        main([str(tmp_path / "part2.jsonl")])
