"""Files of predictions are read as they are, or refused in one line that names file and line."""

import json

import pytest

from input_pipeline.errors import UserError
from tramp_jax.metrics.emotion.predictions import read_predictions
from tramp_jax.metrics.emotion.values import pair_of, units_of


def write(tmp_path, text, name="p.csv"):
    path = tmp_path / name
    path.write_text(text)
    return path


def row(tmp_path, truth, prediction):
    line = json.dumps({"task": "x", "truth": truth, "prediction": prediction})
    return read_predictions(write(tmp_path, line + "\n", "p.jsonl"))[0]


def test_both_forms_give_the_same_rows(tmp_path):
    table = 'dataset,task,subject,truth,prediction\nRAF-DB,expression,a,fear,"Fear, and\nawe"\nRAF-DB,expression,b,anger,\n'
    objects = [
        {"dataset": "RAF-DB", "task": "expression", "subject": "a", "truth": "fear", "prediction": "Fear, and\nawe"},
        {"dataset": "RAF-DB", "task": "expression", "subject": "b", "truth": "anger", "prediction": None},
    ]
    lines = "".join(json.dumps(each) + "\n" for each in objects)
    one, two = (read_predictions(write(tmp_path, text, name)) for text, name in ((table, "p.csv"), (lines, "p.jsonl")))
    strip = [(r.dataset, r.task, r.subject, r.truth, r.prediction) for r in one]
    assert strip == [(r.dataset, r.task, r.subject, r.truth, r.prediction) for r in two]
    assert strip[1][-1] == ""


def test_task_and_data_set_may_be_told_for_all_rows(tmp_path):
    found = read_predictions(write(tmp_path, "truth,prediction\na,b\n"), "expression", "raf_db")[0]
    assert (found.task, found.dataset) == ("expression", "raf_db")


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("truth,prediction\n", "p.csv", "no rows"),
        ("truth,said\na,b\n", "p.csv", "line 2: no 'prediction'"),
        ("task,truth,prediction\nx,a\n", "p.csv", "line 2: another number of fields"),
        ("task,truth,prediction\nx,a,b,c\n", "p.csv", "line 2: another number of fields"),
        ("truth,prediction\na,b\n", "p.csv", "says no task"),
        ('task,truth,prediction\nx,a,"b\n', "p.csv", "cannot be read as CSV"),
        ("task,id,truth,prediction\nx,1,a,b\nx,1,a,c\n", "p.csv", "id '1' is there already"),
        ("[1]\n", "p.jsonl", "line 1: a list, expected an object"),
        ("{\n", "p.jsonl", "line 1: not JSON"),
        ('{"task": "x", "truth": NaN, "prediction": 1}\n', "p.jsonl", "line 1: truth holds 'nan'"),
        ('{"task": "x", "truth": [1, Infinity], "prediction": 1}\n', "p.jsonl", "truth holds 'inf'"),
        ('{"task": ["x"], "truth": 1, "prediction": 1}\n', "p.jsonl", "task is a list"),
        ("[" * 100_000 + "\n", "p.jsonl", "not JSON"),
    ],
)
def test_a_bad_file_is_one_line(tmp_path, text, name, said):
    with pytest.raises(UserError) as error:
        read_predictions(write(tmp_path, text, name))
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_other_bytes_and_no_file_are_one_line(tmp_path):
    (tmp_path / "p.csv").write_bytes(b"truth,prediction\n\xff\xfe,b\n")
    for path in (tmp_path / "p.csv", tmp_path / "none.csv", tmp_path):
        with pytest.raises(UserError, match="cannot be read"):
            read_predictions(path)


@pytest.mark.parametrize(
    ("value", "units", "listed"),
    [
        ("1, 4 12", {"1": 1, "4": 1, "12": 1}, True),
        (["1", "AU04"], {"1": 1, "4": 1}, True),
        ("AU1, AU4 and AU12", {"1": 1, "4": 1, "12": 1}, True),
        ("", {}, True),
        (12, {"12": 1}, True),
        ("1=0 4=2.5, AU12=9", {"1": 0, "4": 2.5}, False),
        ({"1": 0, "AU12": -1, "4": 1}, {"1": 0, "4": 1}, False),
    ],
)
def test_truths_of_action_units(tmp_path, value, units, listed):
    found = units_of(row(tmp_path, value, ""), "truth")
    assert (found, found.listed) == (units, listed)


@pytest.mark.parametrize("value", ["none", "1=", "AU1 is there", {"x": 1}, {"1": "y"}, ["x"], "1=a"])
def test_other_truths_of_action_units_are_refused(tmp_path, value):
    with pytest.raises(UserError, match="expected action units"):
        units_of(row(tmp_path, value, ""), "truth")


def test_a_predicted_sentence_may_name_units(tmp_path):
    found = units_of(row(tmp_path, "1", "The face shows AU4 - Brow Lowerer, and AU12."), "prediction")
    assert (found, found.listed) == ({"4": 1, "12": 1}, True)


@pytest.mark.parametrize(
    ("value", "pair"),
    [("0.1 -0.2", (0.1, -0.2)), ([0.1, -0.2], (0.1, -0.2)), ({"arousal": -0.2, "valence": 0.1}, (0.1, -0.2)), ("-5 -5", None)],
)
def test_truths_of_valence_and_arousal(tmp_path, value, pair):
    assert pair_of(row(tmp_path, value, ""), "truth") == pair


@pytest.mark.parametrize("value", ["high", [0.1], {"valence": 0.1}, [True, 1], ["0.1", "0.2"]])
def test_other_truths_of_valence_and_arousal_are_refused(tmp_path, value):
    with pytest.raises(UserError, match="expected valence and arousal"):
        pair_of(row(tmp_path, value, ""), "truth")
