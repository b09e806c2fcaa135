"""Reports beside a data set: three kinds of file, one meaning."""

import json

import pytest

from input_pipeline.datasets.reports import read_reports
from input_pipeline.errors import UserError

REPORTS = {"a_1": "The brow lowers, then holds.", "b_2": "Größe, “quoted”\nin two lines"}
ENTRIES = [{"clip_id": clip, "report": report} for clip, report in REPORTS.items()]
CONTENT = {
    "reports.csv": 'report,rater,clip_id\n"The brow lowers, then holds.",x,a_1\n"Größe, “quoted”\nin two lines",y,b_2\n',
    "reports.json": json.dumps(ENTRIES, indent=1, ensure_ascii=False),
    "reports.jsonl": "\n\n".join(json.dumps(entry, ensure_ascii=False) for entry in ENTRIES),
}


@pytest.mark.parametrize("name", CONTENT)
def test_every_kind_says_the_same(tmp_path, name):
    (tmp_path / name).write_text(CONTENT[name], encoding="utf-8")
    assert read_reports(tmp_path) == REPORTS


def test_no_file_is_no_reports_and_two_are_one_too_many(tmp_path):
    assert read_reports(tmp_path) == {}
    for name in ("reports.csv", "reports.jsonl"):
        (tmp_path / name).write_text(CONTENT[name])
    with pytest.raises(UserError, match=r"reports\.csv and .*reports\.jsonl: keep one"):
        read_reports(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("reports.json", '{"clip_id": "a", "report": "x"}', r"reports\.json: expected a list"),
        ("reports.json", "[1]", r"reports\.json entry 1: expected"),
        ("reports.json", "[", r"reports\.json: not JSON"),
        ("reports.jsonl", '{"clip_id": "a", "report": "x"}\n{"clip_id": "b"}', r"reports\.jsonl line 2: expected"),
        ("reports.jsonl", '{"clip_id": "a", "report": ["x"]}', r"reports\.jsonl line 1: expected"),
        ("reports.jsonl", "x", r"reports\.jsonl line 1: not JSON"),
        ("reports.csv", "clip_id,report\na,x\na,y\n", r"reports\.csv line 3: a second report of 'a'"),
        ("reports.csv", "clip_id,report\na,\n", r"reports\.csv line 2: expected"),
        ("reports.csv", "clip,report\na,x\n", r"reports\.csv: no column 'clip_id'"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(tmp_path, name, content, words):
    (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=words) as caught:
        read_reports(tmp_path)
    assert "\n" not in str(caught.value)
