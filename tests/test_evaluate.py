"""`--predictions` needs no JAX, writes what a run's evaluation writes, and refuses in one line with exit code 2."""

import json
import os
import subprocess
import sys

import pytest
from predictions_factory import make_rows, write_rows

from input_pipeline.dataset import Dataset
from input_pipeline.splits import load_split

# As `python -m tramp_jax.evaluate` where neither JAX nor what is built on it can be imported.
WITHOUT_JAX = """
import runpy, sys
for name in ("jax", "flax", "optax", "orbax"):
    sys.modules[name] = None
sys.argv[0] = "evaluate"
runpy.run_module("tramp_jax.evaluate", run_name="__main__", alter_sys=True)
"""


def evaluate(*arguments, **environment):
    command = [sys.executable, "-c", WITHOUT_JAX, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=os.environ | environment)


def test_a_csv_file_is_evaluated_without_jax_and_its_samples_again_with_the_same_numbers(tmp_path):
    source = write_rows(tmp_path / "mine.csv", make_rows(mood="?"))
    done = evaluate(f"--predictions={source}", f"--output={tmp_path / 'one'}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1].startswith("Data: clinic, 36 clips of 12 subjects in mine.csv.")
    assert "columns not read: mood" in done.stdout
    first = json.loads((tmp_path / "one" / "results.json").read_text())
    assert first["predictions"]["not_read"] == ["mood"]
    again = evaluate(
        f"--predictions={tmp_path / 'one' / 'samples.jsonl'}", f"--output={tmp_path / 'two'}", f"--against={tmp_path / 'one'}"
    )
    assert again.returncode == 0, again.stderr
    second = json.loads((tmp_path / "two" / "results.json").read_text())
    assert second["severity"] == first["severity"]
    compared = json.loads((tmp_path / "two" / "comparison.json").read_text())
    assert compared["metrics"]["spearman"]["mean"] | {"one": 0, "two": 0} == {
        "one": 0,
        "two": 0,
        "difference": 0.0,
        "interval": [0.0, 0.0],
    }


def test_a_terminal_that_is_not_unicode_gets_the_same_files(tmp_path):
    rows = [row | {"expression": "grüß 😀", "report": "– ok", "reference": None} for row in make_rows(expressions=("a",))]
    flags = [f"--predictions={write_rows(tmp_path / 'mine.jsonl', rows)}", f"--output={tmp_path / 'out'}"]
    done = evaluate(*flags, LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    assert done.returncode == 0, done.stderr
    assert "gr?? ?" in done.stdout
    lines = (tmp_path / "out" / "samples.jsonl").read_text(encoding="utf-8").splitlines()
    assert [(json.loads(line)["expression"], json.loads(line)["report"]) for line in lines] == [("grüß 😀", "– ok")] * 12


def test_with_its_data_set_a_file_is_grounded_and_has_fitted_baselines_without_jax(simulated, tmp_path):
    dataset = Dataset.open(simulated)
    fields = ("clip_id", "subject", "expression", "score", "report")
    labels = [dataset.labels[index] for index in load_split(dataset, "default")["test"]]
    rows = [{name: getattr(label, name) for name in fields} | {"prediction": 2} for label in labels]
    source = write_rows(tmp_path / "mine.csv", rows)
    done = evaluate(f"--predictions={source}", f"--output={tmp_path / 'out'}", f"--data={simulated}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[1].startswith("SIMULATED data: 10 clips of 2 subjects in mine.csv.")
    assert "note: reference: the file has none; those of the data set are taken" in " ".join(done.stdout.split())
    found = json.loads((tmp_path / "out" / "results.json").read_text())
    # The simulator's reports, where they are right, are so by measurement too.
    assert found["report"]["grounding"] > found["report"]["baselines"]["always_normal"]["grounding"] > 0
    assert set(found["severity"]["baselines"]) == {"constant_median", "blink_rate", "kinematics_ordinal"}
    assert "of these very clips" not in done.stdout
    refused = evaluate(f"--predictions={source}", f"--output={tmp_path / 'no'}", f"--data={simulated}", "--split=no")
    assert (refused.returncode, len(refused.stderr.strip().splitlines())) == (2, 1)
    assert "no.json: no such split; this data set has: default" in refused.stderr


def test_two_models_are_told_apart(tmp_path):
    rows = make_rows(subjects=30)
    mine = write_rows(tmp_path / "mine.csv", rows)
    constant = write_rows(tmp_path / "constant.csv", [row | {"prediction": 2} for row in rows])
    done = evaluate(f"--predictions={mine}", f"--output={tmp_path / 'out'}", f"--against={constant}")
    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stdout.splitlines() if line.split()[:1] == ["spearman"]]
    assert line.rstrip().endswith("one is better")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "expected --checkpoint or --predictions"),
        (["--predictions={good}", "--checkpoint=runs/x"], "expected --checkpoint or --predictions"),
        (["--predictions={good}"], "needs --output=DIR"),
        (["--predictions={good}", "--output={folder}/out", "--data={folder}"], "manifest"),
        (["--predictions={good}", "--output={folder}/out", "--split=x"], "--split goes with --predictions and --data"),
        (["--checkpoint={folder}", "--data={folder}", "--split=x"], "--split goes with --predictions and --data"),
        (["--predictions={folder}/none.csv", "--output={folder}/out"], "none.csv: cannot be read"),
        (["--predictions={bad}", "--output={folder}/out"], "bad.csv line 3, column 'score': found '7', expected a rated grade"),
        (["--predictions={good}", "--output={good}"], "cannot be written"),
        (["--predictions={good}", "--output={folder}/out", "--against={folder}"], "found no samples.jsonl there nor in eval"),
        (["--predictions={good}", "--output={folder}/out", "--against={fewer}"], "1 of 36 clips are not in"),
        (["--predictions={folder}/samples.jsonl", "--output={folder}"], "would overwrite"),
        (["--predictions={good}", "--output={folder}/out", "--against={folder}/none"], "no such file or folder"),
        (["--predictions={good}", "--output={folder}/out", "--step=best"], "--step goes with --checkpoint"),
        (["--predictions={good}", "--output={folder}/out", "--noreports"], "--reports goes with --checkpoint"),
        (["--predictions={good}", "--output={folder}/out", "--common-clips"], "--common-clips goes with --against"),
        (["--checkpoint=runs/x", "--output={folder}/out"], "--output goes with --predictions"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(tmp_path, arguments, said):
    rows = make_rows()
    good = write_rows(tmp_path / "good.csv", rows)
    fewer = write_rows(tmp_path / "fewer.csv", rows[1:])
    rows[1]["score"] = 7
    bad = write_rows(tmp_path / "bad.csv", rows)
    if said == "would overwrite":
        write_rows(tmp_path / "samples.jsonl", make_rows())
    done = evaluate(*(x.format(good=good, bad=bad, fewer=fewer, folder=tmp_path) for x in arguments))
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert done.stderr.startswith("error: ")
    assert said in done.stderr
