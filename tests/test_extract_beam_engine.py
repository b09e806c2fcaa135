"""Extraction by Beam: the bytes of the local engine, whatever is killed, done twice, or lies in a bucket."""

import dataclasses
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from bucket import bucket
from test_extract_pool import contents
from video_factory import face_videos

from input_pipeline.datasets import BUILDERS
from input_pipeline.errors import UserError
from input_pipeline.extract.item import Item
from input_pipeline.extract.pool import Settings

pytest.importorskip("apache_beam", reason="Apache Beam is not installed (extra: beam)")
pytest.importorskip("mediapipe", reason="MediaPipe is not installed (extra: extract)")

from input_pipeline.extract.beam_engine import Work, _agreed, _write_items

ROOT = Path(__file__).parents[1]
TWO_PROCESSES = "--beam_pipeline_options=runner=DirectRunner,direct_num_workers=2,direct_running_mode=multi_processing"


def call(module, *args, env=None):
    command = [sys.executable, "-m", f"input_pipeline.{module}", *map(str, args)]
    return subprocess.run(command, cwd=ROOT, env=env or os.environ, capture_output=True, text=True, check=False, timeout=300)


def done(*args, **options):
    finished = call(*args, **options)
    assert finished.returncode == 0, finished.stderr[-3000:]
    return finished.stdout


@pytest.fixture(scope="module")
def videos(media, tmp_path_factory):
    """Three short videos of a face, one of them twice, and one file that is none."""
    folder = tmp_path_factory.mktemp("videos")
    face_videos(media, folder, ("anna", "bert", "carl"))
    (folder / "dora.mp4").write_bytes((folder / "anna.mp4").read_bytes())
    (folder / "emil.mp4").write_text("not a video")
    return folder


@pytest.fixture(scope="module")
def flags(videos, media):
    """Of every extraction here."""
    return ["extract", videos, f"--landmarker={media / 'face_landmarker.task'}", "--expression=smile", "--num_shards=2"]


@pytest.fixture(scope="module")
def local(flags, tmp_path_factory):
    """What the local engine makes of them."""
    folder = tmp_path_factory.mktemp("local") / "own"
    done(*flags, f"--output={folder}")
    return contents(folder)


@pytest.mark.parametrize("name", ["disfa", "instructions", "merr", "toronto_neuroface"])
def test_a_data_set_is_the_same_bytes_by_either_engine(name, tmp_path):
    """Stills of one video; videos, pictures and lists of pictures; frames to keep; landmarks or parts of videos."""
    BUILDERS[name].make_fixture(tmp_path / "root")
    flags = ["build", name, f"--root={tmp_path / 'root'}", "--num_shards=2"]
    done(*flags, f"--output={tmp_path / 'local'}")
    done(*flags, f"--output={tmp_path / 'beam'}", "--engine=beam")
    assert contents(tmp_path / "beam") == contents(tmp_path / "local")


def test_videos_are_the_same_bytes_by_two_processes_of_beam_and_when_bundles_are_done_twice(flags, local, tmp_path):
    done(*flags, f"--output={tmp_path / 'two'}", "--engine=beam", TWO_PROCESSES)
    assert contents(tmp_path / "two") == local
    twice = "--beam_pipeline_options=direct_runner_bundle_repeat=1"
    done(*flags, f"--output={tmp_path / 'twice'}", "--engine=beam", twice)
    assert contents(tmp_path / "twice") == local


def test_killed_and_started_again_beam_goes_on_from_the_parts_to_the_same_bytes(flags, local, tmp_path):
    command = [sys.executable, "-m", "input_pipeline.extract", *map(str, flags[1:])]
    command += [f"--output={tmp_path / 'own'}", "--engine=beam"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while process.poll() is None and not list(tmp_path.glob("own/parts/*.part")):
        time.sleep(0.002)
    assert process.poll() is None
    process.kill()
    process.wait()
    assert 0 < len(list(tmp_path.glob("own/parts/*.part"))) < 3
    assert list(tmp_path.glob("own/parts/items-*.json"))  # which the next run leaves alone, and removes with the parts
    assert "extracted before" in done(*flags, f"--output={tmp_path / 'own'}", "--engine=beam")
    assert contents(tmp_path / "own") == local


def test_videos_and_parts_in_a_bucket_are_the_same_bytes(videos, media, local, tmp_path):
    copy = "import sys; from etils import epath; source, target = map(epath.Path, sys.argv[1:]); target.mkdir(parents=True)\n"
    copy += "for path in source.iterdir(): (target / path.name).write_bytes(path.read_bytes())"
    with bucket() as environment:
        subprocess.run([sys.executable, "-c", copy, videos, "gs://bucket/videos"], check=True, env=environment, timeout=60)
        model = f"--landmarker={media / 'face_landmarker.task'}"
        flags = ["extract", "gs://bucket/videos", model, f"--output={tmp_path / 'own'}", "--expression=smile", "--num_shards=2"]
        flags += ["--engine=beam", "--parts=gs://bucket/parts"]
        refused = call(*flags, env=environment)
        assert (refused.returncode, refused.stderr.count("--ledger is needed")) == (2, 1)
        done(*flags, f"--ledger={tmp_path / 'ledger.csv'}", env=environment)
        left = "from etils import epath; print(*sorted(p.suffix for p in epath.Path('gs://bucket/parts').iterdir()))"
        found = subprocess.run([sys.executable, "-c", left], env=environment, capture_output=True, text=True, timeout=60)
    assert contents(tmp_path / "own") == local
    assert found.stdout.split() == [".bad", ".part", ".part", ".part"]  # a folder that the user names is theirs to remove


def test_what_goes_to_other_machines_says_nothing_of_people(tmp_path):
    turns = ({"role": "user", "content": "Whose face?"},)
    item = Item(tmp_path / "x.mp4", "Anna", "smile", 2.5, "The face of Anna.", key="visit 3", turns=turns, targets={"pain": 7})
    item = dataclasses.replace(item, groups={"sex": "female"})
    work = Work("", True, Settings(), str(tmp_path), b"k", "run")
    _write_items(work, [item])
    (row,) = json.loads(work.list_path("items", 0).read_text())[0]
    assert row.keys() == {"place", "path", "pictures", "start", "end", "fps", "expression"}


def test_workers_that_differ_are_refused():
    rows = [{"kind": "pictures", "about": {"extractor": "e", "mediapipe": version}} for version in ("0.10.31", "0.10.33")]
    with pytest.raises(UserError, match=r"not alike \(mediapipe is 0.10.31 and 0.10.33\)"):
        _agreed(rows)


def test_what_is_wrong_is_one_line_and_code_2(flags, videos, tmp_path):
    out = f"--output={tmp_path / 'own'}"
    for more, words in {
        ("--parts=x",): "are for --engine=beam",
        ("--engine=beam", "--workers=2"): "--workers is for --engine=local",
        ("--engine=beam", f"--landmarker={videos / 'emil.mp4'}"): "not a Face Landmarker model",
        ("--engine=beam", "--frame_size=8"): "frame_size is 8: expected 16 to 2048 pixels",
        ("--engine=beam", "--beam_pipeline_options=runner=NoRunner"): "NoRunner",
    }.items():
        refused = call(*flags, out, *more)
        assert refused.returncode == 2, more
        (line,) = [line for line in refused.stderr.splitlines() if line.startswith("error: ")]  # Beam warns of its own imports
        assert words in line
        assert "Traceback" not in refused.stderr
    assert not (tmp_path / "own" / "manifest.json").exists()
