"""Parts: what was made of a video is found again whole, or not at all."""

import dataclasses

import numpy as np
import pytest
from clip_factory import make_clip

from input_pipeline.errors import UserError
from input_pipeline.extract.parts import Fault, PartStore, read_part
from input_pipeline.records import Label

LABEL = Label(clip_id="c1", subject="s1", expression="frown", dataset="own", score=2.0)


def test_a_clip_comes_back_under_another_label(tmp_path):
    clip = make_clip(3, stored=4)
    store = PartStore(tmp_path / "parts")
    path = store.write("k", clip)
    assert store.find("k") == path
    assert clip.label.subject.encode() not in path.read_bytes()  # a part says nothing of who it shows
    found = read_part(path, LABEL)
    assert found.label == dataclasses.replace(LABEL, source=clip.label.source)
    assert found.frames == clip.frames
    for name in ("landmarks", "colours", "times", "tracked", "frame_index"):
        np.testing.assert_array_equal(getattr(found, name), getattr(clip, name))


def test_a_damaged_part_is_none(tmp_path):
    store = PartStore(tmp_path / "parts")
    path = store.write("k", make_clip(0))
    blob = path.read_bytes()
    for damaged in (blob[:-1], blob[: len(blob) // 2], b"", blob[:200] + bytes([blob[200] ^ 1]) + blob[201:], blob + b"\0"):
        path.write_bytes(damaged)
        assert store.find("k") is None
    path.write_bytes(blob)
    assert store.find("k") == path


def test_a_fault_is_kept_and_a_damaged_one_is_none(tmp_path):
    store = PartStore(tmp_path / "parts")
    store.write_fault("k", Fault("no-face", "no face found"))
    assert store.find("k") == Fault("no-face", "no face found")
    (tmp_path / "parts" / "k.bad").write_text('{"code": "no-')
    assert store.find("k") is None
    assert store.find("other") is None


def test_removing_leaves_no_half_written_part(tmp_path):
    store = PartStore(tmp_path / "parts")
    store.write("k", make_clip(0))
    store.write_fault("l", Fault("no-face", "no face found"))
    (tmp_path / "parts" / "m.part.123.tmp").write_bytes(b"x")
    store.remove()
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_refuses_is_one_line(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match="cannot hold a data set"):
        PartStore(tmp_path / "file" / "parts")
    store = PartStore(tmp_path / "parts")
    (tmp_path / "parts").rmdir()
    with pytest.raises(UserError, match=r"k\.part: cannot be written"):
        store.write("k", make_clip(0))
