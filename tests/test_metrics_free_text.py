"""The measure of the extractor counts whole facts, once each, and says which line of a set is broken."""

import json
import math

import pytest

from input_pipeline.errors import UserError
from input_pipeline.motion.facts import Fact
from tramp_jax.metrics.free_text import Row, measure, measure_by_kind, read_rows

LEFT = Fact("brow", "left", "amplitude", "reduced", 0.04, "IOD")
RIGHT = Fact("brow", "right", "amplitude", "reduced", 0.04, "IOD")
BOTH = Fact("brow", "both", "amplitude", "reduced", 0.04, "IOD")
BLINKS = Fact("eye", "both", "rate", "normal")
ROWS = [
    Row("1", "both brows", (BOTH,), "development", "plain"),
    Row("2", "brow and blinks", (LEFT, BLINKS), "development", "multiple"),
    Row("3", "nothing", (), "development", "none"),
]


def extractor(**facts):
    return lambda text: facts[text.replace(" ", "_")]


def test_left_and_right_of_equal_level_are_one_fact_of_both():
    found = measure(ROWS, extractor(both_brows=(LEFT, RIGHT), brow_and_blinks=(BLINKS, LEFT), nothing=()))
    assert (found["sentences"], found["facts"], found["sentences_without_facts"]) == (3, 3, 1)
    assert found["direction_recall"] == found["direction_precision"] == found["value_f1"] == 1.0


def test_a_wrong_level_a_wrong_number_and_an_invented_fact_cost():
    other_level = Fact("brow", "left", "amplitude", "absent")
    found = measure(ROWS, extractor(both_brows=(BOTH,), brow_and_blinks=(other_level,), nothing=(BLINKS,)))
    assert found["direction_recall"] == pytest.approx(1 / 3)
    assert found["direction_precision"] == pytest.approx(1 / 3)
    assert found["false_facts"] == 1
    far = Fact("brow", "both", "amplitude", "reduced", 0.4, "IOD")
    found = measure(ROWS[:1], extractor(both_brows=(far, far)))
    assert (found["direction_recall"], found["direction_precision"], found["value_recall"]) == (1.0, 0.5, 0.0)


def test_kinds_are_measured_apart_and_no_facts_have_no_recall():
    found = measure_by_kind(ROWS, extractor(both_brows=(), brow_and_blinks=(LEFT, BLINKS), nothing=()))
    assert list(found) == ["multiple", "none", "plain"]
    assert (found["multiple"]["direction_recall"], found["plain"]["direction_recall"]) == (1.0, 0.0)
    assert math.isnan(found["none"]["direction_recall"])


def test_rows_are_read_and_a_broken_line_is_told(tmp_path):
    path = tmp_path / "set.jsonl"
    good = {"id": "1", "text": "x", "facts": [{"region": "brow", "side": "both", "attribute": "amplitude", "level": "normal"}]}
    good |= {"half": "development", "kind": "plain"}
    path.write_text(json.dumps(good))
    assert read_rows(path) == [Row("1", "x", (Fact("brow", "both", "amplitude", "normal"),), "development", "plain")]
    for broken in ("{", json.dumps(good | {"facts": [{"region": "nose"}]}), json.dumps({"id": "1"}), "3"):
        path.write_text(json.dumps(good) + "\n" + broken)
        with pytest.raises(UserError, match="line 2: not an annotated sentence"):
            read_rows(path)
    with pytest.raises(UserError, match="no such file"):
        read_rows(tmp_path / "missing.jsonl")
