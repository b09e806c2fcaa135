"""The hash that names what is made of an item."""

import os

from input_pipeline.extract.item import Item


def sha256(path, **more):
    return Item(path, "s", "rest", **more).sha256()


def test_a_frame_rate_that_a_data_set_knows_is_in_the_hash(tmp_path):
    path, other = tmp_path / "a.npy", tmp_path / "b.npy"
    path.write_bytes(b"1")
    other.write_bytes(b"1")
    assert len({sha256(path), sha256(path, fps=25.0), sha256(path, fps=30.0)}) == 3
    assert sha256(path, fps=25.0) == sha256(other, fps=25.0)
    assert sha256(path, pictures=(path, other)) == sha256(path, pictures=(path, other), fps=1.0)
    assert sha256(path, pictures=(path, other)) != sha256(path, pictures=(path, other), fps=2.0)


def test_a_video_that_was_changed_has_other_parts(tmp_path):
    path = tmp_path / "v.avi"
    path.write_bytes(b"1")
    first = sha256(path, start=0, end=1)
    path.write_bytes(b"2")
    os.utime(path, ns=(1, 1))  # of the same size; the clock may not have gone on
    assert sha256(path, start=0, end=1) != first
