"""Files of predictions are read as they are, or refused in one line that names file and line."""

import json

import pytest

from input_pipeline.errors import UserError
from tramp_jax.metrics.emotion.predictions import read_predictions
from tramp_jax.metrics.emotion.values import pair_of, units_of


def write(tmp_path, text, name="p.csv"):
    path = tmp_path / name
    path.write_bytes(text.encode())
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


def test_a_row_holds_its_fields_as_written_without_spaces_around_and_nothing_as_an_empty_text(tmp_path):
    table = write(tmp_path, 'task, truth ,prediction,emotion,\nx, fear ,"a\r\nb", joy ,\n\nx,,  ,,\n')
    one, two = read_predictions(table)
    assert (one.truth, one.prediction, one.emotion, one.where) == ("fear", "a\r\nb", "joy", f"{table} line 3")
    assert (two.truth, two.prediction, two.emotion, two.where) == ("", "", "", f"{table} line 5")


def test_json_keeps_its_numbers_lists_and_objects_and_names_lines_in_json_files_too(tmp_path):
    objects = [{"id": 7, "truth": 0, "prediction": [1, " a "]}, {"truth": {"1": 0.5}, "prediction": True, "dataset": 1.5}]
    lines = write(tmp_path, "\ufeff" + "\n\n".join(map(json.dumps, objects)) + "\n", "p.json")
    one, two = read_predictions(lines, "x", "raf_db")
    assert (one.id, one.truth, one.prediction, one.dataset, one.where) == ("7", 0, [1, " a "], "raf_db", f"{lines} line 1")
    assert (two.id, two.truth, two.prediction, two.dataset, two.where) == ("", {"1": 0.5}, True, "1.5", f"{lines} line 3")
    assert two.task == "x"


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("truth,prediction\n", "p.csv", "found no rows"),
        ("truth,said\na,b\n", "p.csv", "line 1: no column 'prediction': found truth, said, expected truth, prediction"),
        ('{"truth": 1}\n', "p.jsonl", "line 1: no column 'prediction': found truth, expected truth, prediction"),
        ("truth,truth,prediction\na,b,c\n", "p.csv", "line 1: found the column 'truth' 2 times"),
        ("task,truth,prediction\nx,a\n", "p.csv", "line 2: found 2 fields, expected the header's 3"),
        ("task,truth,prediction\nx,a,b,c\n", "p.csv", "line 2: found 4 fields, expected the header's 3"),
        ("truth,prediction\na,b\n", "p.csv", "says no task"),
        ('task,truth,prediction\nx,a,"b\n', "p.csv", "cannot be read as .csv in UTF-8"),
        ("task,id,truth,prediction\nx,1,a,b\nx,1,a,c\n", "p.csv", "id '1' is there already"),
        ("[1]\n", "p.jsonl", "line 1: found a list, expected an object"),
        ("{\n", "p.jsonl", "line 1: found no JSON"),
        ('{"task": "x", "truth": NaN, "prediction": 1}\n', "p.jsonl", "line 1, column 'truth': found nan, expected text or"),
        ('{"task": "x", "truth": [1, Infinity], "prediction": 1}\n', "p.jsonl", "'truth': found [1, inf], expected text or"),
        ('{"task": "x", "truth": 1, "prediction": {"1": [2]}}\n', "p.jsonl", "found {'1': [2]}, expected text or"),
        ('{"task": "x", "truth": 1, "prediction": {"1": NaN}}\n', "p.jsonl", "finite numbers, not nan"),
        ('{"task": ["x"], "truth": 1, "prediction": 1}\n', "p.jsonl", "column 'task': found ['x'], expected a word"),
        ('{"task": "x", "id": true, "truth": 1, "prediction": 1}\n', "p.jsonl", "column 'id': found True, expected a word"),
        ("[" * 100_000 + "\n", "p.jsonl", "found no JSON"),
        ("task,truth,prediction\nx,a,b\n", "p.txt", "found a '.txt' file, expected .csv or .jsonl or .json"),
    ],
)
def test_a_bad_file_is_one_line(tmp_path, text, name, said):
    with pytest.raises(UserError) as error:
        read_predictions(write(tmp_path, text, name))
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_other_bytes_and_no_file_are_one_line(tmp_path):
    (tmp_path / "p.csv").write_bytes(b"truth,prediction\n\xff\xfe,b\n")
    for path in (tmp_path / "p.csv", tmp_path / "none.csv"):
        with pytest.raises(UserError, match="cannot be read"):
            read_predictions(path)
    with pytest.raises(UserError, match=r"found a folder, expected \.csv"):
        read_predictions(tmp_path)


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
