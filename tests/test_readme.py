"""The README's commands for one's own videos, word for word, on cuts of real ones."""

import csv
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from video_factory import av, write_video

from input_pipeline.dataset import Dataset
from input_pipeline.records import EXPRESSIONS

pytest.importorskip("mediapipe", reason="MediaPipe is not installed (extra: extract)")
pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
SECONDS = 1.5
# The demo's training, cut to a few steps.
SHORT = {"tramp_jax.train": ["--config.total_steps=4", "--config.checkpoint.every=4", "--config.evaluate_every=0"]}


def section():
    """The text of "Your own videos", and the commands of each of its indented blocks, continued lines joined."""
    text = README.partition("\n## Your own videos\n")[2].partition("\n## ")[0]
    blocks = re.findall(r"(?:^    .+\n)+", text, re.MULTILINE)
    return text, [re.sub(r"\\\n +", "", block).strip().split("\n") for block in blocks]


def cuts(video, starts, folder):
    """Parts of SECONDS of a video, encoded anew."""
    with av.open(str(video)) as container:
        pictures = [(picture.time, picture.to_ndarray(format="rgb24")) for picture in container.decode(video=0)]
    for start in starts:
        part = [(time, rgb) for time, rgb in pictures if start <= time < start + SECONDS]
        yield write_video(folder / f"{video.stem}_{start}.mp4", [rgb for _, rgb in part], [round(1000 * t) for t, _ in part])


@pytest.fixture(scope="module")
def place(media, tmp_path_factory):
    """A folder as a reader has it: a checkout's configs, the landmarker, clip.mp4, and clips.csv with six people."""
    folder = tmp_path_factory.mktemp("readme")
    (folder / "configs").symlink_to(ROOT / "configs")
    (folder / "face_landmarker.task").symlink_to(media / "face_landmarker.task")
    (folder / "clips").mkdir()
    videos = [*cuts(media / "face_wolfgang_langer_pexels.mp4", [1.5 * k for k in range(9)], folder / "clips")]
    videos += cuts(media / "face_then_no_face.mov", [0.0, 1.0], folder / "clips")
    videos += cuts(media / "no_face.mp4", [0.0], folder / "clips")
    (folder / "clip.mp4").write_bytes(videos[0].read_bytes())
    (columns,) = re.findall(r"write a CSV with the columns `([\w,]+)`", section()[0])
    rows = {
        "path": lambda k: f"clips/{videos[k].name}",
        "subject": lambda k: f"patient {k % 6}",
        "expression": lambda k: EXPRESSIONS[k % 5],
        "score": lambda k: k % 5,
        "report": lambda k: f"Movement of the left mouth corner is {('normal', 'reduced')[k % 2]}. Blinking is rare.",
    }
    with (folder / "clips.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns.split(","))
        writer.writerows([rows[column](k) for column in columns.split(",")] for k in range(len(videos)))
    return folder


@pytest.fixture(scope="module")
def done(place):
    """What every command printed, by module."""
    _, blocks = section()
    (assess,), training = blocks
    printed = {}
    for command in [*training, assess]:
        python, *arguments = shlex.split(command)
        assert (python, arguments[0]) == (".venv/bin/python", "-m"), command
        arguments += SHORT.get(arguments[1], [])
        if command is assess:  # the demo's run, which takes minutes; any will do
            (place / "runs" / "demo").symlink_to("mine")
        environment = dict(os.environ) | {"PYTHONPATH": str(ROOT)}
        result = subprocess.run(
            [sys.executable, *arguments], cwd=place, capture_output=True, text=True, timeout=900, env=environment, check=False
        )
        assert result.returncode == 0, f"{command}\n{result.stderr}"
        printed[arguments[1]] = result.stdout + result.stderr
    return printed


def test_the_section_has_the_commands_that_are_tested(done):
    assert list(done) == [
        "input_pipeline.extract", "input_pipeline.validate", "tramp_jax.train", "tramp_jax.evaluate", "tramp_jax.assess"
    ]  # fmt: skip


def test_extraction_keeps_who_shows_a_face_and_says_of_the_other_why(done, place):
    dataset = Dataset.open(place / "data" / "mine")
    assert (dataset.manifest.clips, dataset.manifest.rejected, len(dataset.manifest.subjects)) == (11, 1, 6)
    assert "11 clips of 6 subjects" in done["input_pipeline.extract"]
    (left_out,) = map(json.loads, (place / "data" / "mine" / "dead_letter.jsonl").read_text().splitlines())
    assert left_out["code"] == "no-face"
    assert "no_face" not in json.dumps(left_out)
    ledger = list(csv.DictReader((place / "clips.ledger.csv").open(newline="")))
    assert sorted({row["name"] for row in ledger}) == [f"patient {k}" for k in range(6)]
    assert "11 clips of 6 subjects (1 left out)" in done["input_pipeline.validate"]


def test_training_and_evaluation_leave_the_files_that_the_readme_names(done, place):
    run = place / "runs" / "mine"
    assert "step 4/4" in done["tramp_jax.train"]
    assert {"config.json", "checkpoints", "metrics.jsonl", "events"} <= {path.name for path in run.iterdir()}
    assert (run / "checkpoints" / "4").is_dir()
    results = json.loads((run / "eval" / "results.json").read_text())
    assert results["counts"]["clips"] > 0


def test_assessment_writes_the_page_and_the_fields_that_the_readme_names(done, place):
    text, _ = section()
    (named,) = re.findall(r"same as data \(([^)]*)hashes of", text)
    assessment = json.loads((place / "out" / "assessment.json").read_text())
    fields = re.findall(r"`(\w+)`", named)
    assert len(fields) > 5
    assert not [field for field in fields if field not in assessment]
    assert (place / "out" / "report.html").read_text().startswith("<!DOCTYPE html>")
