"""Predictions files are read as they are meant, or refused in one line with file, line, column, found and expected."""

import random

import numpy as np
import pytest
from predictions_factory import make_rows, write_rows

from input_pipeline.errors import UserError
from tramp_jax.metrics.predictions import read_predictions


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_every_column_comes_back(tmp_path, suffix):
    rows = make_rows()
    rows[3]["score"] = rows[4]["group_sex"] = None
    found = read_predictions(write_rows(tmp_path / f"a.{suffix}", rows))
    assert len(found) == 36
    assert found.clip_id.tolist() == [row["clip_id"] for row in rows]
    np.testing.assert_array_equal(found.clips.truth, [np.nan if row["score"] is None else row["score"] for row in rows])
    np.testing.assert_array_equal(found.clips.prediction, [row["prediction"] for row in rows])
    np.testing.assert_array_equal(found.clips.distribution[:, 3], [row["p3"] for row in rows])
    np.testing.assert_array_equal(found.clips.interval[:, 1], [row["high"] for row in rows])
    assert found.groups["group_sex"].tolist() == [row["group_sex"] or "" for row in rows]
    assert found.clips.subject[0] == "clinic/s0"
    assert (found.reports, found.not_read) == (None, ())


def test_five_columns_are_enough(tmp_path):
    rows = [{k: row[k] for k in ("clip_id", "subject", "expression", "score", "prediction")} for row in make_rows()]
    found = read_predictions(write_rows(tmp_path / "a.csv", rows))
    assert (found.clips.distribution, found.clips.interval, found.groups, found.baselines) == (None, None, {}, {})


def test_spreadsheets_put_a_mark_first_spaces_between_and_carriage_returns_and_empty_columns_last(tmp_path):
    (tmp_path / "a.csv").write_bytes(
        b"\xef\xbb\xbfclip_id, subject ,expression,score,prediction,report,,\r\n"
        b'1, s1 ,smile, 2 ,2.5,"Blinking is rare, and slow.",,\r\n2,s1,rest,,1e0,,,\r\n'
    )
    found = read_predictions(tmp_path / "a.csv")
    assert (found.subject.tolist(), found.clips.prediction.tolist()) == (["s1", "s1"], [2.5, 1.0])
    assert found.reports == ["Blinking is rare, and slow.", ""]


def test_one_expression_may_be_called_all(tmp_path):
    found = read_predictions(write_rows(tmp_path / "a.csv", make_rows(expressions=("all",))))
    assert set(found.clips.expression.tolist()) == {"all"}


def test_the_same_key_in_two_data_sets_is_two_people_and_two_clips(tmp_path):
    rows = make_rows(subjects=2) + make_rows(subjects=2, dataset="other")
    found = read_predictions(write_rows(tmp_path / "a.csv", rows))
    assert len(set(found.clips.subject.tolist())) == 4


def test_what_is_not_known_is_told_with_what_it_may_be_meant_for(tmp_path):
    rows = [row | {"mood": "?", "datasets": "x"} for row in make_rows()]
    for row in rows:
        del row["dataset"]
    assert read_predictions(write_rows(tmp_path / "a.csv", rows)).not_read == ("mood", "datasets (meant for dataset?)")


def _with(row: int, **fields):
    def change(rows):
        rows[row] |= fields
        return rows

    return change


def _without(*names):
    return lambda rows: [{k: v for k, v in row.items() if k not in names} for row in rows]


# What is done to good rows, and what the one line says. Row 0 is line 2 of a CSV file.
WRONG = [
    (_with(5, clip_id="0-smile"), "line 7, column 'clip_id': found '0-smile', expected each clip once: line 2 has it already"),
    (_with(5, clip_id=""), "line 7, column 'clip_id': found nothing, expected a text"),
    (_with(0, subject=" "), "line 2, column 'subject': found nothing, expected a text"),
    (_with(0, subject="s" * 300), "expected a text of at most 256 characters, not 300"),
    (_with(0, expression="mean"), "line 2, column 'expression': found 'mean', expected another name"),
    (_with(0, expression="all"), "line 2, column 'expression': found 'all', expected another name"),
    (_with(0, score=5), "line 2, column 'score': found '5', expected a rated grade from 0 to 4"),
    (_with(0, score=-1), "column 'score': found '-1', expected a rated grade from 0 to 4"),
    (_with(0, score="mild"), "column 'score': found 'mild', expected a rated grade from 0 to 4"),
    (_with(2, prediction=""), "line 4, column 'prediction': found nothing, expected a number"),
    (_with(2, prediction="nan"), "column 'prediction': found 'nan', expected a number"),
    (_with(2, prediction="inf"), "column 'prediction': found 'inf', expected a number"),
    (_with(2, prediction="-1e39"), "line 4, column 'prediction': found '-1e39', expected a number of at most 3.4e+38 in size"),
    (_with(2, high="1e300"), "line 4, column 'high': found '1e300', expected a number of at most 3.4e+38 in size"),
    (_with(2, prediction="1,5"), "column 'prediction': found '1,5', expected a number"),
    (_with(2, prediction="1_0"), "column 'prediction': found '1_0', expected a number"),
    (_with(1, p4=0.9), "line 3, column 'p4': found '0.9', expected p0 to p4 to sum to 1, not to 1."),
    (_with(1, p0=-0.1), "line 3, column 'p0': found '-0.1', expected a probability from 0 to 1"),
    (_with(1, p2=""), "line 3, column 'p2': found nothing, expected a probability from 0 to 1"),
    (_with(1, low=9), "line 3, column 'high': found"),
    (_with(1, low=9), "expected at least low, which is 9"),
    (_with(1, low=""), "line 3, column 'low': found nothing, expected a number, as in every other row"),
    (_without("p3"), "found a column 'p0' but no 'p3', expected p0, p1, p2, p3, p4 or none of them"),
    (_without("low"), "found a column 'high' but no 'low'"),
    (_without("prediction"), "line 1: no column 'prediction': found clip_id, subject, expression, score, dataset"),
    (
        lambda rows: [row | {"group_age": str(i)} for i, row in enumerate(rows)],
        "at most 20 labels, not 36: put numbers into bins",
    ),
]


@pytest.mark.parametrize(("change", "said"), WRONG)
def test_what_is_wrong_is_one_line_with_file_line_column_found_and_expected(tmp_path, change, said):
    with pytest.raises(UserError) as error:
        read_predictions(write_rows(tmp_path / "a.csv", change(make_rows())))
    assert str(error.value).startswith(f"{tmp_path / 'a.csv'}")
    assert said in str(error.value)
    assert "\n" not in str(error.value)


HEADER = "clip_id,subject,expression,score,prediction\n"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("a.csv", "", "found an empty file, expected a header line with clip_id"),
        ("a.csv", HEADER, "found no rows, expected a prediction a line"),
        ("a.jsonl", "", "found no rows"),
        ("a.csv", HEADER + "1,s,smile,2,2,9\n", "line 2: found 6 fields, expected the header's 5"),
        ("a.csv", HEADER + "1,s,smile,2\n", "line 2: found 4 fields, expected the header's 5"),
        ("a.csv", HEADER.replace("score", "score,score") + "1,s,smile,2,2,2\n", "found the column 'score' 2 times"),
        ("a.csv", "clip_id;subject;score\n1;2;3\n", "line 1: found fields between ';', expected commas: export it"),
        ("a.jsonl", "{}\n", "line 1: no column 'clip_id': found none, expected clip_id"),
        ("a.jsonl", "[1]\n", "line 1: found a list, expected an object"),
        ("a.jsonl", '{"clip_id":\n', "line 1: found no JSON"),
        ("a.jsonl", "[" * 100_000, "line 1: found no JSON"),
        ("a.jsonl", '{"clip_id": "\\uD83D"}\n', "line 1: found half of a surrogate pair, expected text in Unicode"),
        ("a.jsonl", '{"clip_id": "\\uD83D\\uDE00"}\n', "line 1: no column 'subject'"),
        ("a.txt", HEADER, "found a '.txt' file, expected .csv or .jsonl"),
        (".", None, "found a folder, expected .csv or .jsonl"),
        ("b.csv", None, "cannot be read as .csv"),
    ],
)
def test_a_file_that_is_none_is_refused(tmp_path, name, text, said):
    if text is not None:
        (tmp_path / name).write_text(text)
    with pytest.raises(UserError) as error:
        read_predictions(tmp_path / name)
    assert "\n" not in str(error.value)
    assert said in str(error.value)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"prediction": True}, "column 'prediction': found True, expected a number"),
        ({"prediction": [2]}, "column 'prediction': found [2], expected a number"),
        ({"prediction": 10**400}, "expected a number"),
        ({"subject": {"a": 1}}, "column 'subject': found {'a': 1}, expected a text"),
        ({"report": 2.5}, "column 'report': found 2.5, expected a text"),
        ({"baseline_predictions": {"constant_median": "x"}}, "expected a number for each name"),
        ({"baseline_predictions": {"other": 1.0}}, "expected an object with the same names in every row"),
        ({"baseline_reports": {"always_normal": None}}, "expected a text for each name"),
    ],
)
def test_json_of_the_wrong_kind_is_refused(tmp_path, fields, said):
    own = {"baseline_predictions": {"constant_median": 2.0}, "baseline_reports": {"always_normal": "Normal."}}
    rows = [row | {"report": "", "reference": None} | own for row in make_rows()]
    rows[1] |= fields
    with pytest.raises(UserError) as error:
        read_predictions(write_rows(tmp_path / "a.jsonl", rows))
    assert str(error.value).startswith(f"{tmp_path / 'a.jsonl'} line 2, ")
    assert said in str(error.value)


def test_json_numbers_that_python_alone_knows_are_refused(tmp_path):
    rows = make_rows()
    rows[0]["prediction"] = float("nan")
    with pytest.raises(UserError, match="found nan, expected a number"):
        read_predictions(write_rows(tmp_path / "a.jsonl", rows))


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_mutated_files_are_read_or_refused(tmp_path, suffix):
    good = bytearray(write_rows(tmp_path / f"a.{suffix}", make_rows(subjects=3)).read_bytes())
    rng = random.Random(0)
    refused = 0
    for _ in range(400):
        data = bytearray(good)
        for _ in range(rng.randint(1, 4)):
            place = rng.randrange(len(data))
            data[place : place + rng.randint(0, 3)] = rng.choice(
                [b"", b"\xff", b'"', b",", b"\n", b"1e999", b"\0", b"{", b"-1"]
            )
        (tmp_path / f"b.{suffix}").write_bytes(data)
        try:
            read_predictions(tmp_path / f"b.{suffix}")
        except UserError:
            refused += 1
    assert 50 < refused < 400


def test_a_distribution_rounded_to_two_digits_sums_to_one_well_enough(tmp_path):
    rows = make_rows()
    for row in rows:
        row |= {f"p{grade}": round(row[f"p{grade}"], 2) for grade in range(5)}
    assert any(abs(sum(row[f"p{grade}"] for grade in range(5)) - 1) > 1e-3 for row in rows)
    read_predictions(write_rows(tmp_path / "a.jsonl", rows))
