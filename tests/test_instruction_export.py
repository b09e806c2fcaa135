"""`python -m input_pipeline.instructions`: what goes out comes in again, with the same turns and the same bytes of pictures."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from clip_factory import make_clip

from input_pipeline.dataset import WITHDRAWN, Dataset
from input_pipeline.datasets import get_builder
from input_pipeline.errors import UserError
from input_pipeline.extract.building import Building, build
from input_pipeline.extract.pool import Settings
from input_pipeline.instruction_export import write_instructions
from input_pipeline.instruction_json import read_rows
from input_pipeline.shards import write_dataset
from input_pipeline.splits import write_split
from input_pipeline.text import questions
from input_pipeline.validate import describe_instructions, find_problems

TURNS = (
    {"role": "user", "content": "What moves?"},
    {"role": "assistant", "content": "The left brow rises.\nLittle else."},
    {"role": "user", "content": "And the mouth? «ß»"},
    {"role": "assistant", "content": "It is still."},
)


@pytest.fixture
def folder(tmp_path):
    """Of clips with turns, with reports, without a text, and stills; two clips of each subject."""
    texts = [{"turns": TURNS}, {"report": "Blinking is rare."}, {}, {"turns": TURNS[:2], "report": "Not this."}]
    clips = [make_clip(k, frames=1 if k == 5 else 12, stored=1 if k == 5 else 4, **texts[k % 4]) for k in range(8)]
    write_dataset(clips, tmp_path / "data", "made", 2, {})
    write_split(
        tmp_path / "data",
        "default",
        {"subject00": "train", "subject01": "train", "subject02": "validation", "subject03": "test"},
    )
    return tmp_path / "data"


def test_groups_of_people_stay_behind(tmp_path):
    clips = [make_clip(k, stored=2, report="Blinking is rare.", groups={"ethnicity": "Hohenfelsian"}) for k in range(3)]
    write_dataset(clips, tmp_path / "data", "made", 1, {})
    assert b"Hohenfelsian" in (tmp_path / "data" / "labels.jsonl").read_bytes()
    for shape in ("conversations", "messages"):
        write_instructions(Dataset.open(tmp_path / "data"), range(3), tmp_path / shape, shape, lines=True)
        written = [path.read_bytes() for path in (tmp_path / shape).rglob("*") if path.is_file()]
        assert len(written) > 3
        assert not [content for content in written if b"ethnicity" in content or b"Hohenfelsian" in content]


def run(*args):
    command = [sys.executable, "-m", "input_pipeline.instructions", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("shape", ["conversations", "messages"])
@pytest.mark.parametrize("lines", [False, True])
def test_what_goes_out_is_valid_and_built_again_with_the_same_turns_and_people(folder, tmp_path, shape, lines):
    pytest.importorskip("av", reason="PyAV is not installed (extra: extract)")
    dataset, root = Dataset.open(folder), tmp_path / "out"
    written = write_instructions(dataset, range(8), root, shape, lines)
    assert (written.rows, written.questions, written.textless) == (6, 8, 2)
    assert "6 rows with 8 questions, 6 clips, all there" in describe_instructions(written.path)
    items = list(get_builder("instructions").items(root))
    plan = Building(tmp_path / "again", "instructions", "", tmp_path / "key", tmp_path / "ledger", Settings(32, 16), workers=1)
    assert build(items, plan, {}).rejected == 0
    again = Dataset.open(tmp_path / "again")
    assert list(find_problems(tmp_path / "again")) == []
    told = [label for label in dataset.labels if label.turns or label.report]
    assert sorted(map(questions, again.labels)) == sorted(map(questions, told))
    assert len({label.subject for label in again.labels}) == len({label.subject for label in told})
    for item, label in zip(items, told, strict=True):
        assert item.subject == label.subject
        clip = dataset.clip(dataset.labels.index(label), with_frames=True)
        assert [path.read_bytes() for path in item.pictures] == list(clip.frames)
        if len(clip.frames) > 1:
            seconds = np.ptp(clip.times[clip.frame_index])
            assert (len(item.pictures) - 1) / item.fps == pytest.approx(seconds, rel=1e-3)


def test_rows_are_as_others_read_them(folder, tmp_path):
    dataset = Dataset.open(folder)
    rows = {}
    for shape in ("conversations", "messages"):
        path = write_instructions(dataset, range(8), tmp_path / shape, shape, lines=False).path
        rows[shape] = {row["id"]: row for row in json.loads(path.read_text())}
    llava, factory = rows["conversations"], rows["messages"]
    # VideoLLaMA3's trainer takes exactly one video in a list, and a folder of pictures for a video (mm_utils.load_video).
    assert llava["clip000"]["video"] == ["frames/clip000"]
    assert llava["clip000"]["conversations"][0] == {"from": "human", "value": "<video>\nWhat moves?"}
    assert llava["clip000"]["conversations"][1]["from"] == "gpt"
    # LLaMA-Factory counts media against placeholders: one list of pictures, one <video>.
    assert factory["clip000"]["videos"] == [[f"frames/clip000/{k:05d}.jpg" for k in range(4)]]
    text = "".join(message["content"] for message in factory["clip000"]["messages"])
    assert text.count("<video>") == 1
    assert [message["role"] for message in factory["clip000"]["messages"]] == ["user", "assistant"] * 2
    assert llava["clip005"]["image"] == ["frames/clip005/00000.jpg"] == factory["clip005"]["images"]
    assert llava["clip005"]["conversations"][0]["value"].startswith("<image>\n")


def test_a_fold_is_written_and_nothing_of_who_has_withdrawn(folder, tmp_path):
    (folder / WITHDRAWN).write_text("subject00\n")
    done = run(folder, f"--output={tmp_path / 'train'}", "--fold=train")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("1 rows with 1 questions, 4 pictures; 1 clips without a text left out; 1 subjects withdrawn\n")
    assert [row.key for row in read_rows(tmp_path / "train" / "instructions.json")] == ["clip003"]
    done = run(folder, f"--output={tmp_path / 'all'}", "--lines")
    assert done.returncode == 0, done.stderr
    subjects = sorted(row.subject for row in read_rows(tmp_path / "all" / "instructions.jsonl"))
    assert subjects == ["subject01", "subject02", "subject02", "subject03"]
    assert not list((tmp_path / "all" / "frames").glob("clip00[01]"))


def test_a_killed_run_leaves_no_folder_and_the_same_command_does_it_all(tmp_path):
    texts = {"report": "Blinking is rare."}
    write_dataset([make_clip(k, stored=12, **texts) for k in range(400)], tmp_path / "data", "made", 1, {})
    command = [sys.executable, "-m", "input_pipeline.instructions", str(tmp_path / "data"), f"--output={tmp_path / 'out'}"]
    process = subprocess.Popen(command)
    begun = time.monotonic()
    while not list((tmp_path / ".out.partial").glob("frames/*/*.jpg")) and time.monotonic() - begun < 60:
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (tmp_path / "out").exists()
    stray = tmp_path / ".out.partial" / "frames" / "stray"
    stray.mkdir()
    done = run(*command[3:])
    assert done.returncode == 0, done.stderr
    assert "400 rows with 400 questions, 4800 pictures" in done.stdout
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "out"]
    assert not (tmp_path / "out" / "frames" / "stray").exists()


def test_wrong_calls_end_with_one_line_and_code_2(folder, tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("x")
    output = f"--output={tmp_path / 'out'}"
    for args, words in {
        (): "expected one data set folder and --output",
        (folder,): "expected one data set folder and --output",
        (tmp_path / "none", output): "no such folder",
        (folder, f"--output={tmp_path / 'full'}"): "is there and not empty",
        (folder, f"--output={tmp_path / 'full' / 'x'}"): "is there and not empty",
        (folder, f"--output={tmp_path / 'full' / 'x' / 'y'}"): "cannot be written (Not a directory)",
        (folder, "--output=gs://bucket/x"): "expected a path of this machine",
        (folder, output, "--fold=trian"): "value should be one of",
        (folder, output, "--fold=train", "--split=kfold"): "no such split; this data set has: default",
        (folder, output, "--split=default"): "--split=default: of which fold? add --fold=train",
        (folder, output, "--shape=sharegpt"): "value should be one of",
    }.items():
        done = run(*args)
        assert (done.returncode, len(done.stderr.splitlines())) == (2, 1), (args, done.stderr)
        assert words in done.stderr
    assert not (tmp_path / "out").exists()


def test_a_data_set_without_frames_or_texts_is_refused(tmp_path):
    write_dataset([make_clip(0, report="Rare.")], tmp_path / "bare", "made", 1, {})
    write_dataset([make_clip(0, stored=2)], tmp_path / "mute", "made", 1, {})
    for name, words in {"bare": "has no frames", "mute": "none of 1 clips has a report or answers"}.items():
        with pytest.raises(UserError, match=words):
            write_instructions(Dataset.open(tmp_path / name), [0], tmp_path / "out", "messages", lines=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bare", "mute"]


def test_no_clip_id_leads_out_of_the_folder(tmp_path):
    clip = make_clip(0, stored=2, report="Rare.")
    clip = dataclasses.replace(clip, label=dataclasses.replace(clip.label, clip_id="../../escaped"))
    write_dataset([clip], tmp_path / "data", "made", 1, {})
    with pytest.raises(UserError, match="expected an id of letters"):
        write_instructions(Dataset.open(tmp_path / "data"), [0], tmp_path / "a" / "out", "messages", lines=False)
    assert not list(tmp_path.rglob("*.jpg"))
