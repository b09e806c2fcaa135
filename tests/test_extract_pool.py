"""Many videos through several processes: killed anywhere and started again, they become the same bytes."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from video_factory import face_videos

from input_pipeline.errors import UserError
from input_pipeline.extract.batch import list_items
from input_pipeline.extract.pack import name_outcomes
from input_pipeline.extract.parts import Fault, PartStore
from input_pipeline.extract.pool import ExtractionPool, Settings
from input_pipeline.pseudonyms import Pseudonyms

pytest.importorskip("mediapipe", reason="MediaPipe is not installed (extra: extract)")

ROOT = Path(__file__).parents[1]
NAMES = ("anna", "bert", "carl", "dora", "emil", "fritz")
KEY = Pseudonyms(b"k" * 32)


@pytest.fixture(scope="module")
def videos(media, tmp_path_factory):
    """Six short videos of a face, one of them twice, and one file that is none."""
    folder = tmp_path_factory.mktemp("videos")
    face_videos(media, folder, NAMES)
    (folder / "gerd.mp4").write_bytes((folder / "anna.mp4").read_bytes())
    (folder / "hans.mp4").write_text("not a video")
    return folder


def run(videos, media, folder, workers=2, **settings):
    items = list_items(videos, "smile")
    with ExtractionPool(media / "face_landmarker.task", workers, Settings(**settings)) as pool:
        return items, list(pool.run(items, PartStore(folder), KEY.parts, workers))


def test_what_is_there_is_not_made_again_and_faults_are_not_tried_again(videos, media, tmp_path):
    items, first = run(videos, media, tmp_path)
    assert sorted(outcome.place for outcome in first) == list(range(len(items)))
    by_name = {outcome.item.path.stem: outcome for outcome in first}
    assert all(by_name[name].result.is_file() for name in NAMES)
    assert by_name["hans"].result.code == "not-a-video"
    assert by_name["gerd"].result == by_name["anna"].result  # one part for one content
    _, second = run(videos, media, tmp_path)
    assert {outcome.seconds for outcome in second} == {0.0}
    assert {o.place: o.result for o in second} == {o.place: o.result for o in first}
    _, other = run(videos, media, tmp_path, frame_size=64)
    assert not {str(o.result) for o in other if isinstance(o.result, Path)} & {str(o.result) for o in first}


def test_the_first_of_two_in_the_list_is_kept_whichever_came_first(videos, media, tmp_path):
    _, outcomes = run(videos, media, tmp_path)
    for order in (outcomes, outcomes[::-1]):
        named = {each.outcome.item.path.stem: each for each in name_outcomes(order, KEY)}
        assert isinstance(named["anna"].outcome.result, Path)
        assert named["gerd"].outcome.result.code == "duplicate"
        assert named["anna"].clip_id in named["gerd"].outcome.result.reason
    ids = [each.clip_id for each in name_outcomes(outcomes, KEY)]
    assert ids == sorted(ids)


def test_a_worker_that_something_else_kills_is_tried_again_and_one_that_a_file_kills_is_not(videos, media, tmp_path):
    (item,) = list_items(videos / "anna.mp4", "smile")
    for number, code, kept in ((signal.SIGTERM, "worker-killed", False), (signal.SIGSEGV, "worker-died", True)):
        store = PartStore(tmp_path / code)
        with ExtractionPool(media / "face_landmarker.task", 1) as pool:
            extractor = pool._all[0]
            started = lambda item, x=extractor, n=number: lambda done, expected: os.kill(x._process.pid, n)  # noqa: E731
            (outcome,) = pool.run([item], store, KEY.parts, 1, started)
            assert outcome.result.code == code
            found = store.find(pool.key(KEY.parts, item, outcome.sha256))
            assert (isinstance(found, Fault), found is None) == (kept, not kept)


def test_a_full_disk_ends_the_run_and_its_processes(videos, media, tmp_path):
    items, store = list_items(videos, "smile"), PartStore(tmp_path / "parts")
    (tmp_path / "parts").rmdir()
    with ExtractionPool(media / "face_landmarker.task", 2) as pool:
        with pytest.raises(UserError, match="cannot be written"):
            list(pool.run(items, store, KEY.parts, 2))
        assert [extractor._process for extractor in pool._all] == [None, None]


def command(videos, media, output, *more):
    arguments = [str(videos), f"--landmarker={media / 'face_landmarker.task'}", f"--output={output}", "--expression=smile"]
    return [sys.executable, "-m", "input_pipeline.extract", *arguments, "--num_shards=2", *more]


def contents(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_killed_at_any_point_and_started_again_it_writes_the_same_bytes(videos, media, tmp_path):
    options = {"cwd": ROOT, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": dict(os.environ)}
    whole, broken, rng = tmp_path / "whole", tmp_path / "broken", random.Random(0)
    assert subprocess.run(command(videos, media, whole, "--workers=1"), **options).returncode == 0
    kills = 0
    for _ in range(4):
        process = subprocess.Popen(command(videos, media, broken, "--workers=2"), **options)
        made = len(list(broken.glob("parts/*.part")))
        while process.poll() is None and len(list(broken.glob("parts/*.part"))) <= made:
            time.sleep(0.002)
        time.sleep(rng.random() * 0.05)
        kills += process.poll() is None
        process.kill()
        process.wait()
    assert kills
    # A folder with a manifest is whole, and is told to be; parts that were left are removed.
    assert subprocess.run(command(videos, media, broken, "--workers=2"), **options).returncode in (0, 2)
    assert contents(broken) == contents(whole)
    assert len(contents(whole)) == 8  # two shards of each family, labels, dead letters, manifest, split


def test_killed_while_packing_it_writes_the_same_bytes(videos, media, tmp_path):
    """The manifest is last: a folder without one is packed anew from the parts, which are removed after it."""
    options = {"cwd": ROOT, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "env": dict(os.environ)}
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    assert subprocess.run(command(videos, media, whole), **options).returncode == 0
    process = subprocess.Popen(command(videos, media, broken), **options)
    while process.poll() is None and not list(broken.glob("*.tmp")):
        time.sleep(0.0005)
    killed = process.poll() is None
    process.kill()
    process.wait()
    assert killed
    assert subprocess.run(command(videos, media, broken), **options).returncode in (0, 2)
    assert contents(broken) == contents(whole)


def test_a_clip_whose_process_something_else_kills_is_not_left_out_for_good(videos, media, tmp_path):
    process = subprocess.Popen(
        command(videos, media, tmp_path / "own", "--workers=1"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not list(tmp_path.glob("own/parts/*.part")):
        time.sleep(0.002)
    (worker,) = psutil.Process(process.pid).children()
    worker.kill()
    _, told = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "was ended from outside (1 such); nothing is packed yet: run the same command again" in told
    assert told.count("\n") == 1
    assert not (tmp_path / "own" / "manifest.json").exists()
    assert subprocess.run(command(videos, media, tmp_path / "own"), cwd=ROOT, capture_output=True, check=False).returncode == 0
    assert len((tmp_path / "own" / "labels.jsonl").read_text().splitlines()) == len(NAMES)
