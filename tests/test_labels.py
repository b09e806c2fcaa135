"""The label index: what was written is read, by threads as well, and memory does not grow with it."""

import concurrent.futures
import dataclasses
import subprocess
import sys

import pytest

from input_pipeline.errors import UserError
from input_pipeline.labels import Labels, from_line, to_line
from input_pipeline.records import Label


def label(number):
    return Label(
        f"clip{number}", f"subject{number % 7}", "smile", "own", score=number % 5 / 2, report=f"Größe {number} 🙂\u2028."
    )


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "labels.jsonl"
    path.write_text("".join(to_line(label(number)) for number in range(3000)), encoding="utf-8")
    return path


def test_every_label_is_the_one_written_by_place_and_in_order(path):
    labels = Labels(path)
    assert list(labels) == [label(number) for number in range(3000)]
    assert (labels[0], labels[1024], labels[-1]) == (label(0), label(1024), label(2999))
    with pytest.raises(IndexError):
        labels[3000]


def test_threads_may_share_them(path):
    labels = Labels(path)
    places = [place * 1237 % 3000 for place in range(6000)]
    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        assert list(threads.map(labels.__getitem__, places)) == [label(place) for place in places]


@pytest.mark.parametrize("end", ["", "\n"])
def test_a_last_line_without_its_end_counts(tmp_path, end):
    path = tmp_path / "labels.jsonl"
    path.write_text(to_line(label(0)) + to_line(label(1)).rstrip("\n") + end, encoding="utf-8")
    assert list(Labels(path)) == [label(0), label(1)]


# Groups that are no texts by name.
STRANGE = [
    to_line(Label("c", "s", "smile", "own", groups=groups)).rstrip("\n")
    for groups in ({"age": 61}, {"age": None}, ["age"], "age", [["sex", "f"]])
]


@pytest.mark.parametrize("line", ["{", "[1]", '{"clip_id": "a"}', "\xff", "1", *STRANGE])
def test_a_line_that_is_no_label_is_told_at_once(tmp_path, line):
    path = tmp_path / "labels.jsonl"
    path.write_bytes(to_line(label(0)).encode() + line.encode("latin-1") + b"\n")
    with pytest.raises(UserError, match=r"labels\.jsonl: not a label index"):
        Labels(path)


def test_a_file_cut_off_while_it_is_open_is_told(path):
    labels = Labels(path)
    with path.open("r+b") as file:
        file.truncate(2000)
    assert labels[0] == label(0)
    with pytest.raises(UserError, match="not a label index"):
        labels[2999]


def test_lines_go_there_and_back():
    assert from_line(to_line(label(4))) == label(4)


def test_groups_go_there_and_back_and_a_label_without_is_the_line_that_it_was():
    told = dataclasses.replace(label(4), groups={"sex": "female", "skin tone": "Größe VI"})
    assert from_line(to_line(told)) == told
    assert to_line(Label("c", "s", "smile", "own")) == (
        '{"clip_id": "c", "dataset": "own", "expression": "smile", "report": null, "scale_id": "", "score": null, '
        '"source": {}, "subject": "s", "targets": {}, "truth": {}, "turns": []}\n'
    )


def test_fifty_thousand_more_labels_take_less_than_five_megabytes(tmp_path):
    path, lines = tmp_path / "labels.jsonl", [to_line(label(number)) for number in range(1000)]
    path.write_text("".join(lines * 51), encoding="utf-8")
    program = (
        "import pathlib, sys, psutil\n"
        "from input_pipeline.labels import Labels\n"
        "path, memory = pathlib.Path(sys.argv[1]), psutil.Process().memory_info\n"
        "small = path.with_name('small'); small.write_bytes(b''.join(path.read_bytes().splitlines(True)[:1000]))\n"
        "one = Labels(small); before = memory().rss; two = Labels(path)\n"
        "print(len(two) - len(one), memory().rss - before)"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    more, grown = map(int, done.stdout.split())
    assert more == 50_000
    assert grown < 5 * 2**20
