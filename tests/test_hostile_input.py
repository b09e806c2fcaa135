"""Mutated files of every kind that is read: read, or refused in one line, without a crash, a hang, or a gigabyte."""

import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import faults
import numpy as np
import pytest
import tokenizer_factory
from clip_factory import make_clip, make_jpeg
from safetensors.numpy import save_file
from video_factory import write_video

from input_pipeline.errors import UserError
from input_pipeline.images import decode_frames
from input_pipeline.shards import write_dataset
from input_pipeline.splits import write_split
from tests.tiny import tiny_config
from tramp_jax.config import save_config

COUNT = int(os.environ.get("TRAMP_JAX_MUTATIONS", "300"))


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """A folder with a good input for each reader of `mutated_inputs.READERS`."""
    folder = tmp_path_factory.mktemp("good")
    clips = [make_clip(k, stored=3) for k in range(6)]
    write_dataset(iter(clips), folder / "dataset", "good", 1, {})
    subjects = sorted({clip.label.subject for clip in clips})
    write_split(folder / "dataset", "default", dict.fromkeys(subjects, "train"))
    for name in ("frame", "table", "run", "tensors", "tokenizer", "json_tokenizer", "video"):
        (folder / name).mkdir()
    (folder / "frame" / "frame.jpg").write_bytes(make_jpeg(0))
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 255, (48, 64, 3), np.uint8) for _ in range(8)]
    write_video(folder / "video" / "clip.mp4", pictures, range(0, 8 * 40, 40))
    rows = ["path,subject,expression,score,report", "clip.mp4,a,smile,2,Blinking is rare.", "clip.mp4,b,rest,,"]
    (folder / "table" / "clips.csv").write_text("\n".join(rows) + "\n")
    (folder / "table" / "clip.mp4").write_bytes(b"x")
    save_config(tiny_config(), folder / "run" / "config.json")
    save_file({"a": np.ones((8, 4), np.float32), "b": np.arange(5)}, folder / "tensors" / "model.safetensors")
    (folder / "tokenizer" / "tokenizer.model").write_bytes(tokenizer_factory.llama2_model())
    tokenizer_factory.qwen(folder / "json_tokenizer")
    return folder


def run(good, count, seed):
    script = Path(__file__).with_name("mutated_inputs.py")
    environment = os.environ | {"PYTHONPATH": str(script.parents[1])}
    command = [sys.executable, str(script), str(good), str(count), str(seed)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=30 * count + 60)


@pytest.mark.timeout(3600)
def test_no_mutated_input_crashes_hangs_or_bursts_a_reader(good):
    done = run(good, COUNT, 0)
    assert done.returncode == 0, f"{done.returncode}: {done.stderr[-2000:]}"
    found = json.loads(done.stdout.splitlines()[-1])
    assert {name: rows["wrong"] for name, rows in found.items() if rows["wrong"]} == {}
    for name, rows in found.items():
        faults.note(
            f"mutated {name}", rows["read"] + rows["refused"], f"{rows['refused']} refused in one line, {rows['read']} read"
        )
        assert rows["read"] + rows["refused"] > 0
    assert sum(rows["refused"] for rows in found.values()) > COUNT // 4


def test_a_jpeg_of_absurd_dimensions_is_refused_by_its_header():
    blob = bytearray(make_jpeg(0))
    place = blob.index(b"\xff\xc0") + 5
    blob[place : place + 4] = struct.pack(">HH", 65500, 65500)
    with pytest.raises(UserError, match="65500 x 65500 pixels"):
        decode_frames([bytes(blob)], 16)
