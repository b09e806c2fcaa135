"""What is written comes back, and what is damaged, missing or foreign is named."""

import dataclasses
import hashlib
import json
import multiprocessing
import threading

import numpy as np
import pytest
from clip_factory import make_clip

from input_pipeline import shards
from input_pipeline.errors import UserError
from input_pipeline.shards import Dataset, Rejected, ShardWriter, finish_dataset, start_dataset, write_dataset


def write(folder, clips, num_shards=3):
    return write_dataset(clips, folder, "made", num_shards, {"tool": "test"})


@pytest.fixture
def folder(tmp_path):
    write(tmp_path / "data", [make_clip(k, stored=4, score=k / 2, report="Moves.") for k in range(7)])
    return tmp_path / "data"


def test_every_clip_comes_back_unchanged(folder):
    dataset = Dataset.open(folder)
    expected = {f"clip{k:03d}": make_clip(k, stored=4, score=k / 2, report="Moves.") for k in range(7)}
    assert len(dataset) == 7
    for index, label in enumerate(dataset.labels):
        clip, original = dataset.clip(index, with_frames=True), expected.pop(label.clip_id)
        assert clip.label == label == original.label
        assert clip.frames == original.frames
        for name in ("landmarks", "colours", "times", "tracked", "frame_index"):
            np.testing.assert_array_equal(getattr(clip, name), getattr(original, name))
    assert not expected


def test_manifest_counts_and_hashes_what_is_on_disk(folder):
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["clips"] == 7
    assert manifest["layout"] == "tokens63"
    assert manifest["subjects"] == {"subject00": 2, "subject01": 2, "subject02": 2, "subject03": 1}
    assert manifest["grades"] == {"0": 1, "1": 2, "2": 2, "3": 2}  # scores 0, .5, 1, ... 3, halves up
    assert manifest["expressions"] == {"smile": 7}
    listed = {f["name"]: f["sha256"] for f in [*manifest["landmarks"], *manifest["frames"], manifest["labels"]]}
    assert {"landmarks-00002-of-00003.arrayrecord", "frames-00000-of-00003.arrayrecord", "labels.jsonl"} <= set(listed)
    for name, sha in listed.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == sha
    assert Dataset.open(folder).verify() == []


def test_without_frames_the_frame_shards_are_never_touched(folder):
    for path in folder.glob("frames-*"):
        path.write_bytes(b"x" * path.stat().st_size)
    dataset = Dataset.open(folder)
    assert all(not dataset.clip(i).frames for i in range(7))
    with pytest.raises(UserError, match=r"frames-00000-of-00003\.arrayrecord.*not a whole ArrayRecord"):
        dataset.clip(0, with_frames=True)


def test_worker_processes_write_a_shard_each(tmp_path):
    folder = start_dataset(tmp_path / "data")
    with multiprocessing.get_context("fork").Pool(2) as pool:
        summaries = pool.starmap(_work, [(str(folder), 1), (str(folder), 0)])
    finish_dataset(folder, "made", summaries, {})
    assert [label.clip_id for label in Dataset.open(folder).labels] == ["clip000", "clip002", "clip001", "clip003"]


def _work(folder, index):
    with ShardWriter(folder, index, 2, with_frames=False) as writer:
        for k in (index, index + 2):
            writer.add(make_clip(k))
        return writer.close()


def test_threads_read_the_same_clips(folder):
    dataset, seen = Dataset.open(folder), []
    threads = [
        threading.Thread(target=lambda: seen.append([dataset.clip(i, True).landmarks.sum() for i in range(7)]))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 8
    assert all(row == seen[0] for row in seen)


def test_more_shards_than_clips_still_open(tmp_path):
    write(tmp_path, [make_clip(0), make_clip(1)], num_shards=4)
    assert [Dataset.open(tmp_path).clip(i).label.clip_id for i in range(2)] == ["clip000", "clip001"]


def _with(clip, **changes):
    return dataclasses.replace(clip, **changes)


@pytest.mark.parametrize(
    ("clip", "reason"),
    [
        (_with(make_clip(9), times=np.zeros(12, np.float32)), "strictly increasing"),
        (_with(make_clip(9), landmarks=np.full((12, 63, 3), np.nan)), "not finite"),
        (_with(make_clip(9), landmarks=np.full((12, 63, 3), 1e6)), "not finite in float16"),
        (_with(make_clip(9), tracked=np.zeros(12, bool)), "no tracked frame"),
        (make_clip(9, expression="grin"), "'grin' is none of rest, smile"),
        (make_clip(9, score=float("nan")), "not finite"),
        (make_clip(9, stored=3), "has frames, the data set has none"),
        (make_clip(9, size=478, layout="mediapipe478"), "layout mediapipe478 differs from tokens63"),
        (make_clip(9, size=62), "expected (12, 63, 3) for layout tokens63"),
        (make_clip(9, layout="dlib68"), "layout 'dlib68' is none of"),
    ],
)
def test_a_bad_clip_goes_to_the_dead_letter_list_and_the_others_stay(tmp_path, clip, reason):
    manifest = write(tmp_path, [make_clip(0), clip, make_clip(1)], num_shards=1)
    (line,) = (tmp_path / "dead_letter.jsonl").read_text().splitlines()
    assert (manifest.clips, manifest.rejected) == (2, 1)
    assert json.loads(line)["clip_id"] == "clip009"
    assert reason in json.loads(line)["reason"]


def test_clips_that_could_not_be_made_are_listed_too(tmp_path):
    manifest = write(tmp_path, [Rejected("a.mp4", "no face"), make_clip(0, stored=2)], num_shards=1)
    assert (manifest.clips, manifest.rejected, manifest.has_frames) == (1, 1, True)


@pytest.mark.parametrize(
    ("clips", "message"),
    [
        ([make_clip(0), make_clip(1), make_clip(0)], "clip id 'clip000' is there 2 times"),
        ([], "no usable clip"),
        ([Rejected("a", "no face")], "1 left out, first reason: no face"),
        ([make_clip(0), make_clip(1, size=478, layout="mediapipe478")], "layouts mediapipe478, tokens63"),
    ],
)
def test_a_data_set_that_cannot_be_whole_is_refused(tmp_path, clips, message):
    with pytest.raises(UserError, match=message):
        write(tmp_path, clips)
    assert not (tmp_path / "manifest.json").exists()


def test_a_missing_shard_is_refused_at_the_end(tmp_path):
    with ShardWriter(start_dataset(tmp_path), 1, 2, with_frames=False) as writer:
        writer.add(make_clip(0))
        summary = writer.close()
    with pytest.raises(UserError, match=r"shards \[1\] of 2"):
        finish_dataset(tmp_path, "made", [summary], {})


def test_a_build_that_fails_leaves_no_shard_and_no_manifest(folder):
    def clips():
        yield make_clip(0)
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        write(folder, clips(), num_shards=2)
    assert not list(folder.glob("*.tmp"))
    with pytest.raises(UserError, match=r"no manifest\.json"):
        Dataset.open(folder)


def test_a_full_disk_is_told_in_one_line(tmp_path):
    (tmp_path / "landmarks-00000-of-00001.arrayrecord.tmp").symlink_to("/dev/full")
    with pytest.raises(UserError, match=r"landmarks-00000-of-00001\.arrayrecord: .*No space left.*; check space"):
        write(tmp_path, [make_clip(0)], num_shards=1)


def test_a_second_build_leaves_no_shard_of_the_first(folder):
    write(folder, [make_clip(0)], num_shards=1)
    assert [path.name for path in folder.glob("*.arrayrecord")] == ["landmarks-00000-of-00001.arrayrecord"]


def test_a_flipped_bit_names_the_file_the_record_and_the_clip(folder):
    dataset = Dataset.open(folder)
    needle = dataset.clip(3).landmarks.tobytes()[:64]
    path = folder / "landmarks-00001-of-00003.arrayrecord"
    blob = bytearray(path.read_bytes())
    blob[blob.index(needle)] ^= 1
    path.write_bytes(blob)
    dataset = Dataset.open(folder)
    with pytest.raises(UserError, match=r"landmarks-00001-of-00003\.arrayrecord: record 0 \(clip001\) is damaged") as error:
        dataset.clip(3)
    assert "\n" not in str(error.value)
    assert dataset.clip(4).label.clip_id == "clip004"  # neighbours still read
    assert len(dataset.verify()) == 1


def test_shards_in_the_wrong_order_are_noticed(folder):
    first, second = (folder / f"landmarks-0000{i}-of-00003.arrayrecord" for i in (1, 2))
    first_bytes = first.read_bytes()
    first.write_bytes(second.read_bytes())
    second.write_bytes(first_bytes)
    with pytest.raises(UserError, match=r"record 0 \(clip001\) holds clip 'clip002'"):
        Dataset.open(folder).clip(3)


def test_what_cannot_be_opened_is_one_line_with_the_next_step(folder, tmp_path):
    with pytest.raises(UserError, match=r"no such folder; make a data set with"):
        Dataset.open(tmp_path / "nowhere")
    (folder / "frames-00001-of-00003.arrayrecord").unlink()
    with pytest.raises(UserError, match=r"frames-00001-of-00003\.arrayrecord: missing, expected \d+ bytes; copy it again"):
        Dataset.open(folder)


def test_a_file_of_another_size_is_refused(folder):
    with open(folder / "landmarks-00000-of-00003.arrayrecord", "ab") as file:
        file.write(b"more")
    with pytest.raises(UserError, match=r"landmarks-00000-of-00003\.arrayrecord: \d+ bytes, expected"):
        Dataset.open(folder)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m | {"schema": "tramp-jax/dataset/9"}, "schema is 'tramp-jax/dataset/9'"),
        (lambda m: m | {"record_schema": "old"}, "with records 'old'"),
        (lambda m: {k: v for k, v in m.items() if k != "clips"}, "missing or unknown"),
        (lambda m: [], "schema is None"),
    ],
)
def test_a_foreign_manifest_is_refused(folder, change, message):
    path = folder / "manifest.json"
    path.write_text(json.dumps(change(json.loads(path.read_text()))))
    with pytest.raises(UserError, match=message):
        Dataset.open(folder)


def test_find_fault_accepts_a_clip_without_anything_optional():
    assert shards.find_fault(make_clip(0)) is None
