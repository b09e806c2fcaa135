"""MERR: labels, captions of two grains as answers, what is said before the question, and files that are wrong."""

import dataclasses
import json

import numpy as np
import pytest

from input_pipeline.dataset import Dataset
from input_pipeline.datasets import merr
from input_pipeline.errors import ClipError, UserError
from input_pipeline.extract.building import Building, build
from input_pipeline.extract.pool import ExtractionPool, Settings
from input_pipeline.pseudonyms import Pseudonyms
from input_pipeline.records import Label
from input_pipeline.text import questions


@pytest.fixture
def root(tmp_path):
    merr.make_fixture(tmp_path)
    return tmp_path


def write_part(root, grain, rows, key="caption", peaks=()):
    (root / f"MERR_{grain}_grained.txt").write_text("".join(f"{row}\n" for row in rows))
    captions = {row.split()[0]: {key: f" {grain} of {row.split()[0]} "} for row in rows}
    for name, peak in dict(peaks).items():
        captions[name]["peak_index"] = peak
    (root / f"MERR_{grain}_grained.json").write_text(json.dumps(captions))


def drop_part(root, grain):
    for suffix in ("txt", "json"):
        (root / f"MERR_{grain}_grained.{suffix}").unlink()


def test_labels_are_its_nine_words_and_valence_is_of_one(root):
    drop_part(root, "fine")
    write_part(root, "coarse", [*(f"clip{k} 8 {word}" for k, word in enumerate(merr.EMOTIONS)), "clip9 8 happy -5"])
    items = list(merr.items(root))
    assert [item.targets["emotion"] for item in items[:9]] == list(merr.EMOTIONS)
    assert merr.EMOTIONS[:3] == ("neutral", "angry", "happy")
    assert "valence" not in items[0].targets
    assert items[9].targets == {"emotion": "happy", "valence": -0.5}


def test_each_caption_answers_a_question_of_its_own(root):
    items = list(merr.items(root))
    both = items[13]
    label = Label("c", "s", both.expression, "merr", turns=both.turns)
    (coarse, first), (fine, second) = questions(label)
    assert (first, second) == ("A drawn face, coarse, in clip 13.", "A drawn face, fine, in clip 13.")
    assert coarse != fine
    assert coarse.startswith('The person says: "Well, number 13." ')
    assert [len(item.turns) for item in items] == [2] * 12 + [4] * 4 + [2] * 4
    for turn in both.turns[::2]:
        assert not any(word in turn["content"].lower() for word in merr.EMOTIONS)


def test_a_clip_without_a_transcript_is_asked_without(root):
    items = {item.key: item for item in merr.items(root)}
    assert "says" not in items["samplenew_00000019"].turns[0]["content"]
    assert items["samplenew_00000017"].turns[0]["content"].startswith("The person says")


def test_the_fine_label_counts_where_both_parts_have_a_clip(root):
    write_part(root, "coarse", ["a 8 angry", "b 8 happy"])
    write_part(root, "fine", ["a 8 worried"], "smp_reason_caption")
    assert [item.targets["emotion"] for item in merr.items(root)] == ["worried", "happy"]


def test_the_peak_is_a_frame_from_0_and_none_where_none_is_named(root):
    peaks = {"a": "1", "b": 8, "c": "0", "d": "9", "f": "900"}
    write_part(root, "coarse", [*(f"{name} 8 happy" for name in "abcde"), "f 0 happy"], peaks=peaks)
    drop_part(root, "fine")
    found = {item.key: item.targets.get("peak_frame") for item in merr.items(root)}
    # MER-Factory writes a count of 0 frames where it has not counted.
    assert found == {"a": 0, "b": 7, "c": None, "d": None, "e": None, "f": 899}
    assert all("peak_frame" in item.targets or item.key in "cde" for item in merr.items(root))


def test_a_peak_of_the_coarse_part_stays_where_the_fine_one_has_none(root):
    write_part(root, "coarse", ["a 8 angry -5", "b 8 angry"], peaks={"a": "3", "b": "3"})
    write_part(root, "fine", ["a 8 worried", "b 8 sad"], "smp_reason_caption", peaks={"b": "5"})
    assert [item.targets for item in merr.items(root)] == [
        {"emotion": "worried", "peak_frame": 2},
        {"emotion": "sad", "peak_frame": 4},
    ]


@pytest.mark.parametrize("peak", ["-1", "2.5", "third", [3], True])
def test_a_peak_that_is_no_number_is_told(root, peak):
    write_part(root, "coarse", ["a 8 angry"], peaks={"a": peak})
    with pytest.raises(UserError, match=r"MERR_coarse_grained\.json: a: peak_index .*expected a frame's number"):
        list(merr.items(root))


def test_the_picture_of_the_peak_is_stored_however_few_are(root, tmp_path):
    pytest.importorskip("av", reason="PyAV is not installed (extra: extract)")
    drop_part(root, "fine")
    names = [f"samplenew_{k:08d}" for k in range(8)]
    write_part(root, "coarse", [f"{name} 8 happy" for name in names], peaks=dict(zip(names, "12345678", strict=True)))
    pictures = {}
    for most in (2, 64):
        output = tmp_path / f"data{most}"
        plan = Building(output, "merr", "", tmp_path / "key", tmp_path / "ledger.csv", Settings(32, most), workers=1)
        build(list(merr.items(root)), plan, {})
        dataset = Dataset.open(output)
        assert {label.targets["peak_frame"] for label in dataset.labels} == set(range(8))
        for index, label in enumerate(dataset.labels):
            clip = dataset.clip(index, with_frames=True)
            assert len(clip.frames) == min(most, 8)
            (place,) = np.flatnonzero(clip.frame_index == label.targets["peak_frame"])
            pictures.setdefault(label.targets["peak_frame"], []).append(clip.frames[place])
    assert all(few == all_of_them for few, all_of_them in pictures.values())


def test_a_part_is_of_the_frame_that_was_to_be_kept(root):
    pytest.importorskip("av", reason="PyAV is not installed (extra: extract)")
    item = next(merr.items(root))
    without, other = (dataclasses.replace(item, targets=targets) for targets in ({"emotion": "sad"}, {"peak_frame": 5}))
    with ExtractionPool("", 1) as pool:
        keys = [pool.key(Pseudonyms(b"k" * 32).parts, each, "sha") for each in (item, other, without)]
        assert len(set(keys)) == 3
        plain = dataclasses.replace(item, targets={})
        assert pool.key(Pseudonyms(b"k" * 32).parts, plain, "sha") == keys[2]


@pytest.mark.parametrize(("left", "count"), [("coarse", 16), ("fine", 8)])
def test_one_part_is_enough(root, left, count):
    drop_part(root, "fine" if left == "coarse" else "coarse")
    assert len(list(merr.items(root))) == count


@pytest.mark.parametrize("suffix", ["txt", "json"])
def test_half_of_a_part_is_told(root, suffix):
    (root / f"MERR_fine_grained.{suffix}").unlink()
    with pytest.raises(UserError, match=rf"no MERR_fine_grained\.{suffix} there: expected the layout of MERR"):
        list(merr.items(root))


def test_videos_are_mp4_or_avi_and_a_missing_one_is_told_when_it_is_read(root):
    items = list(merr.items(root))
    assert items[0].path == root / "video/samplenew_00000000.mp4"
    assert items[1].path == root / "video/samplenew_00000001.avi"
    items[1].path.unlink()
    missing = list(merr.items(root))[1]
    with pytest.raises(ClipError) as caught:
        missing.sha256()
    assert caught.value.code == "missing"


@pytest.mark.parametrize(
    "line", ["b 8 joyful", "b 8", "b happy", "b eight happy", "a 8 happy", "../b 8 happy", "b 8 happy 11", "b 8 happy x"]
)
def test_a_wrong_line_is_told_with_its_number(root, line):
    write_part(root, "coarse", ["a 8 angry", line])
    with pytest.raises(UserError, match=r"MERR_coarse_grained\.txt line 2: "):
        list(merr.items(root))


@pytest.mark.parametrize("text", ["{", "[]", "[" * 99_999, "\udcff"], ids=["cut", "list", "deep", "bytes"])
def test_a_damaged_json_file_is_told_in_a_line(root, text):
    (root / "MERR_coarse_grained.json").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match=r"MERR_coarse_grained\.json: (cannot be read as JSON|expected clips)") as caught:
        list(merr.items(root))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("entry", [None, {}, {"caption": ""}, {"caption": 3}, "text"])
def test_a_clip_without_a_caption_is_told(root, entry):
    write_part(root, "coarse", ["a 8 angry", "b 8 happy"])
    captions = {"a": {"caption": "A face."}} | ({} if entry is None else {"b": entry})
    (root / "MERR_coarse_grained.json").write_text(json.dumps(captions))
    with pytest.raises(UserError, match=r"line 2: b has no caption in .*MERR_coarse_grained\.json"):
        list(merr.items(root))
