"""Extraction in a process of its own: the same clips, and a file that kills, stops or fills it costs that file alone."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from video_factory import write_video

from input_pipeline.errors import ClipError, UserError
from input_pipeline.extract import Landmarker, extract_clip
from input_pipeline.extract.isolated import ClipExtractor
from input_pipeline.extract.video import Limits
from input_pipeline.records import encode_frame_record, encode_landmark_record

pytest.importorskip("mediapipe", reason="MediaPipe is not installed (extra: extract)")

ABOUT = {"expression": "rest", "subject": "s1", "clip_id": "c1", "dataset": "own", "score": 2.0, "report": "Blinking is rare."}


@pytest.fixture(scope="module")
def model(media):
    return media / "face_landmarker.task"


@pytest.fixture
def extractor(model):
    with ClipExtractor(model) as opened:
        yield opened


def test_it_is_extract_clip_in_another_process(media, model, extractor):
    seen = []
    theirs = extractor.extract(media / "face_then_no_face.mov", progress=lambda *call: seen.append(call), **ABOUT)
    ours = extract_clip(media / "face_then_no_face.mov", Landmarker(model), **ABOUT)
    for encode in (encode_landmark_record, encode_frame_record):
        assert encode(theirs) == encode(ours)
    assert seen[:169] == [(k + 1, 169) for k in range(169)]
    assert extractor.sha256 == theirs.label.source["landmarker_sha256"]


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        (signal.SIGKILL, "worker-killed", "was ended from outside after 20 frames"),
        (signal.SIGSEGV, "worker-died", r"has ended the process that reads it after 20 frames \(SIGSEGV\)"),
    ],
)
def test_a_worker_that_dies_is_noticed_at_once_with_the_file_and_another_goes_on(media, extractor, number, code, words):
    killed = []

    def kill(done, expected):
        if done == 20 and not killed:
            killed.append(time.monotonic())
            os.kill(extractor._process.pid, number)

    with pytest.raises(ClipError, match=rf"face_then_no_face\.mov: .*{words}") as caught:
        extractor.extract(media / "face_then_no_face.mov", progress=kill, **ABOUT)
    assert time.monotonic() - killed[0] < 2
    assert caught.value.code == code
    assert len(extractor.extract(media / "face_then_no_face.mov", **ABOUT).times) == 169
    assert extractor.starts == 2


def test_a_worker_that_hangs_is_ended(media, model):
    with ClipExtractor(model, Limits(stall=1.0)) as extractor:
        worker = extractor._process

        def stop(done, expected):
            if done == 5:
                os.kill(worker.pid, signal.SIGSTOP)

        with pytest.raises(ClipError, match="takes too long after") as caught:
            extractor.extract(media / "face_then_no_face.mov", progress=stop, **ABOUT)
        assert caught.value.code == "too-slow"
        assert worker.returncode == -signal.SIGKILL


def test_a_file_that_takes_long_in_all_is_given_up(media, model):
    with (
        ClipExtractor(model, Limits(work=0.2)) as extractor,
        pytest.raises(ClipError, match=r"takes too long .* 0\.2 s in all"),
    ):
        extractor.extract(media / "face_then_no_face.mov", **ABOUT)


def test_memory_beyond_the_limit_is_one_line_and_the_next_file_is_read(media, model, tmp_path):
    pictures = [np.zeros((4096, 4096, 3), np.uint8)] * 8
    large = write_video(tmp_path / "large.mp4", pictures, range(0, 320, 40))
    with ClipExtractor(model, Limits(memory=250 * 2**20)) as extractor:
        with pytest.raises(ClipError, match=r"large\.mp4: takes more than 250 MB") as caught:
            extractor.extract(large, **ABOUT)
        assert caught.value.code == "too-much-memory"
        with pytest.raises(ClipError, match="no face found in 95 frames"):
            extractor.extract(media / "no_face.mp4", **ABOUT)
        assert extractor.starts == 2


def test_what_is_no_fault_of_a_file_names_no_code(media, model, extractor):
    with pytest.raises(UserError, match="subject is empty") as caught:
        extractor.extract(media / "no_face.mp4", **(ABOUT | {"subject": ""}))
    assert not isinstance(caught.value, ClipError)
    with pytest.raises(UserError, match="not a Face Landmarker model"):
        ClipExtractor(media / "no_face.mp4")


def test_a_worker_ends_with_the_process_that_started_it(model):
    script = (
        "import os, sys\n"
        "from input_pipeline.extract.isolated import ClipExtractor\n"
        "extractor = ClipExtractor(sys.argv[1])\n"
        "print(extractor._process.pid, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    environment = os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])}
    done = subprocess.run([sys.executable, "-c", script, str(model)], capture_output=True, text=True, env=environment)
    worker, end = int(done.stdout), time.monotonic() + 10
    while Path(f"/proc/{worker}").exists() and time.monotonic() < end:
        time.sleep(0.02)
    assert not Path(f"/proc/{worker}").exists()


def test_the_worker_may_write_no_file_and_take_no_more_than_the_ceiling(model, extractor):
    limits = Path(f"/proc/{extractor._process.pid}/limits")
    if not limits.exists():
        pytest.skip("this system does not tell a process's limits")
    rows = {line[:26].strip(): line[26:].split()[0] for line in limits.read_text().splitlines()}
    assert (rows["Max file size"], rows["Max core file size"]) == ("0", "0")
    assert Limits().memory < int(rows["Max data size"]) < Limits().memory + 3 * 2**30


def test_what_goes_over_the_socket_is_no_pickle(media, model, monkeypatch):
    """A worker that a video has taken over must not be able to run anything here."""
    with ClipExtractor(model) as extractor:
        received = []
        plain = extractor._receive_bytes
        monkeypatch.setattr(extractor, "_receive_bytes", lambda *args: received.append(plain(*args)) or received[-1])
        extractor.extract(media / "face_then_no_face.mov", **ABOUT)
    *messages, landmarks, frames = received
    assert all(isinstance(json.loads(message), dict) for message in messages)
    assert [blob[8:9] for blob in (landmarks, frames)] == [b"{", b"{"]  # safetensors
