"""Mutated files of every kind that is read: read, or refused in one line, without a crash, a hang, or a gigabyte."""

import json
import os
import resource
import socket
import struct
import subprocess
import sys
from pathlib import Path

import faults
import landmark_file_factory as landmark_files
import malformed_media
import numpy as np
import pytest
import tokenizer_factory
from clip_factory import make_clip, make_jpeg
from safetensors.numpy import save_file
from video_factory import write_video

from input_pipeline.errors import ClipError, UserError
from input_pipeline.extract.video import Limits, Video
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
    write_landmarks(folder / "landmarks")
    return folder


def write_landmarks(folder):
    folder.mkdir()
    face = {name: landmark_files.face_pixels(name)[:4] for name in ("openface68", "insightface106", "mediapipe478")}
    landmark_files.write_openface(folder / "openface.csv", face["openface68"])
    landmark_files.write_pyfeat(folder / "pyfeat.csv", face["openface68"])
    mesh = landmark_files.normalised(face["mediapipe478"])
    frames = [landmark_files.python_result(points) for points in mesh]
    landmark_files.write_json(folder / "mediapipe.json", frames, width=640, height=480)
    landmark_files.write_npy(folder / "mediapipe.npy", mesh)
    np.savez(folder / "insightface.npz", landmarks=face["insightface106"][..., :2], times=landmark_files.TIMES[:4])


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


@pytest.fixture
def listener():
    """A socket of loopback that no one has any business with."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        yield server


def read_all(paths):
    """What became of each file: how many frames, or the code of its refusal."""
    read, refused = {}, {}
    for path in paths:
        try:
            read[path.name] = sum(frame.rgb().size > 0 for frame in Video(path, Limits(frames=5_000)).frames())
        except ClipError as error:
            refused[path.name] = error.code
    return read, refused


def test_truncated_videos_give_what_is_left_or_one_line(tmp_path):
    read, refused = read_all(malformed_media.truncated(tmp_path))
    assert len(read) + len(refused) == 63
    assert set(refused.values()) <= {"not-a-video", "no-frame", "no-video-stream"}
    assert max(read.values()) <= 16
    faults.note("videos cut off", len(read) + len(refused), f"{len(refused)} refused in one line, {len(read)} read in part")


def test_pictures_of_absurd_dimensions_are_refused_or_are_what_they_are(tmp_path):
    read, refused = read_all(malformed_media.absurd_dimensions(tmp_path))
    assert len(read) + len(refused) == 12
    assert all(f"side{side}.gif" in refused for side in (32767, 65535))
    faults.note("videos of absurd dimensions", 12, f"{len(refused)} refused in one line, {len(read)} read as the stream has it")


def test_bombs_cost_no_gigabyte_and_end_at_a_limit(tmp_path):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    read, refused = read_all(malformed_media.bombs(tmp_path))
    assert refused["many_frames.gif"] == "too-many-frames"
    assert refused["days.mkv"] in ("too-long", "too-many-frames")
    assert read == {"large.mp4": 4}
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2**20  # kB
    faults.note("video bombs", 3, "2 refused by frames or duration, 1 within the limits read")


def test_nothing_but_the_file_itself_is_opened(tmp_path, listener):
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    read, refused = read_all(malformed_media.misdirections(tmp_path, address))
    assert read == {}
    assert set(refused.values()) <= {"not-a-video", "no-frame", "no-video-stream", "no-decoder"}
    with pytest.raises(BlockingIOError):
        listener.accept()  # nobody called
    faults.note("playlists of addresses and files", len(refused), "all refused in one line, nothing else opened")
