"""A file of predictions with its data set is grounded and has the baselines of a run; what does not agree is refused."""

import dataclasses
import functools
import json
import shutil

import numpy as np
import pytest
from predictions_factory import write_rows
from run_factory import random_run
from tiny import tiny_config

from input_pipeline.dataset import Dataset
from input_pipeline.errors import UserError
from input_pipeline.motion.mirrored_words import swap_sides
from input_pipeline.shards import write_dataset
from input_pipeline.splits import load_split, write_split
from tramp_jax.evaluator import evaluate, evaluate_file
from tramp_jax.metrics import evaluation
from tramp_jax.metrics.baselines import measure_clips, predict_baselines
from tramp_jax.metrics.prediction_results import evaluate_predictions
from tramp_jax.metrics.predictions import read_predictions
from tramp_jax.metrics.predictions_data import measure_predictions
from tramp_jax.metrics.training_data import open_training_data

DRAWS = 50
# Clips are measured once.
opened = functools.lru_cache(Dataset.open)
PARTS = ("data", "simulated", "counts", "severity", "report")
# What samples.jsonl has of the data set and the baselines, rather than of the model.
NOT_OF_THE_MODEL = ("dataset", "latent", "reference", "baseline_predictions", "baseline_reports", "fact_f1_direction")


@pytest.fixture(scope="module")
def data(simulated, tmp_path_factory):
    """The simulated data set with a second split, "halves", of which six subjects are in training."""
    folder = tmp_path_factory.mktemp("halves") / "simulated"
    shutil.copytree(simulated, folder)
    subjects = sorted({label.subject for label in Dataset.open(folder).labels})
    folds = ["train"] * 6 + ["validation"] + ["test"] * 5
    write_split(folder, "halves", dict(zip(subjects, folds, strict=True)))
    return folder


def rows_of(folder, split="halves"):
    """A row for each test clip: its mirrored report, and a prediction near its hidden severity."""
    dataset = opened(folder)
    rng = np.random.default_rng(0)
    rows = []
    for index in load_split(dataset, split, need=())["test"]:
        label = dataset.labels[index]
        row = {name: getattr(label, name) for name in ("clip_id", "subject", "expression", "score")}
        row |= {"prediction": float(label.truth["severity"] + rng.normal(0, 0.5))}
        rows.append(row | {"report": swap_sides(label.report), "reference": label.report})
    return rows


def measured_of(path, rows, folder, split="halves"):
    found = measure_predictions(read_predictions(write_rows(path, rows)), open_training_data(str(folder), split))
    json.dumps([found.about, found.notes], allow_nan=False)
    return found


def results_of(path, rows, folder, split="halves"):
    found = measured_of(path, rows, folder, split)
    results = evaluate_predictions(found.predictions, found.facts, draws=DRAWS)
    json.dumps(results, allow_nan=False)
    return found, results


def rebuilt(source, output, **changes):
    """The data set with other labels, for example without any grade."""
    dataset = Dataset.open(source)
    clips = (dataset.clip(index) for index in range(len(dataset)))
    write_dataset(
        (dataclasses.replace(clip, label=dataclasses.replace(clip.label, **changes)) for clip in clips), output, "mine", 1, {}
    )
    shutil.copytree(source / "splits", output / "splits")
    return output


@pytest.fixture(scope="module")
def run(simulated, tmp_path_factory):
    """A run of random parameters, and its results."""
    folder = tmp_path_factory.mktemp("runs") / "random"
    config = tiny_config(data__text_length=128, generation__batch_size=4, generation__max_new_tokens=8)
    random_run(config, simulated, folder)
    evaluate(folder, None, "test", with_reports=True)
    return folder / "eval"


@pytest.mark.parametrize("kept", ["all columns", "those of the model"])
def test_the_samples_of_a_run_have_its_grounding_and_its_baselines_to_the_last_digit(run, simulated, tmp_path, kept):
    samples = [json.loads(line) for line in (run / "samples.jsonl").read_text().splitlines()]
    if kept == "those of the model":
        samples = [{name: row[name] for name in row if name not in NOT_OF_THE_MODEL} for row in samples]
    source = write_rows(tmp_path / "samples.jsonl", samples)
    found = evaluate_file(source, tmp_path / "out", data=str(simulated))
    expected = json.loads((run / "results.json").read_text())
    # Reports of random words state nothing; the baselines' do.
    assert 0 < expected["report"]["baselines"]["nearest_report"]["grounding"] < 1
    assert set(expected["severity"]["baselines"]) == {"constant_median", "blink_rate", "kinematics_ordinal"}
    assert {name: found[name] for name in PARTS} == {name: expected[name] for name in PARTS}
    # Random reports may begin or end with blanks, which are not read.
    again, before = (
        [json.loads(line) | {"report": None} for line in (folder / "samples.jsonl").read_text().splitlines()]
        for folder in (tmp_path / "out", run)
    )
    assert again == before
    assert found["predictions"]["data"]["training_clips"] == 45


def test_reports_that_state_facts_are_grounded_in_their_own_clips_in_any_order_of_the_rows(data, tmp_path):
    dataset, rows = opened(data), rows_of(data)
    folds = load_split(dataset, "halves")
    train, test = measure_clips(dataset, folds["train"]), measure_clips(dataset, folds["test"])
    said, scores = [row["report"] for row in rows], np.array([row["prediction"] for row in rows])
    rivals = predict_baselines(train, test)
    expected = evaluation.evaluate_clips("simulated", test, scores, said, rivals, draws=DRAWS)
    assert 0.2 < expected["report"]["grounding"] < 0.9
    _, results = results_of(tmp_path / "a.jsonl", rows, data)
    assert {name: results[name] for name in PARTS} == expected
    order = np.random.default_rng(1).permutation(len(rows))
    found, shuffled = results_of(tmp_path / "b.csv", [rows[k] for k in order], data)
    for part in ("severity", "report"):
        assert shuffled[part]["baselines"].keys() == expected[part]["baselines"].keys()
    assert shuffled["report"]["grounding"] == pytest.approx(expected["report"]["grounding"], abs=1e-12)
    for name, values in rivals.scores.items():
        # Sums in another order.
        np.testing.assert_allclose(found.predictions.baselines[name], values[order], rtol=1e-12)
    for name, texts in rivals.reports.items():
        assert found.predictions.baseline_reports[name] == [texts[k] for k in order]
    assert found.notes == []
    assert not [flag for flag in shuffled["severity"]["flags"] if "of these very clips" in flag]


def test_baselines_are_of_the_split_that_is_named(data, tmp_path):
    rows = [row for row in rows_of(data) if row["subject"] in {r["subject"] for r in rows_of(data, "default")}]
    assert rows
    halves, default = (measured_of(tmp_path / "a.jsonl", rows, data, split) for split in ("halves", "default"))
    assert (halves.about["split"], halves.about["training_subjects"]) == ("halves", 6)
    assert (default.about["split"], default.about["training_subjects"]) == ("default", 9)
    assert (halves.predictions.baselines["blink_rate"] != default.predictions.baselines["blink_rate"]).any()


def test_a_baseline_of_the_file_is_kept_beside_the_fitted_ones_and_told_where_they_differ(data, tmp_path):
    own = {"baseline_predictions": {"constant_median": 4.0, "ours": 1.0}, "baseline_reports": {"always_normal": "Odd."}}
    rows = [row | own for row in rows_of(data)]
    found, results = results_of(tmp_path / "a.jsonl", rows, data)
    assert set(results["severity"]["baselines"]) == {"constant_median", "blink_rate", "kinematics_ordinal", "ours"}
    assert set(found.predictions.baselines["constant_median"]) == {4.0}
    assert set(found.predictions.baseline_reports["always_normal"]) == {"Odd."}
    assert set(results["report"]["baselines"]) == {"always_normal", "nearest_report"}
    assert found.notes == [
        "baselines/constant_median: the file's own is kept; in 25 of 25 clips the fitted one differs",
        "baselines/always_normal: the file's own is kept; in 25 of 25 clips the fitted one differs",
    ]


CHANGES = {
    "clip": (3, {"clip_id": "nobody"}, r"a.jsonl line 4: clip 'nobody' is not in .*simulated \('simulated'\), nor are 0 other"),
    "data set": (3, {"dataset": "clinic"}, r"line 1: clip '.*' of data set 'clinic' is not in .*, nor are 24 other of 25 rows"),
    "subject": (2, {"subject": "p7"}, r"line 3, column 'subject': found 'p7', but .* has 'sim0-.*' for clip 'sim0-.* \(1 such"),
    "expression": (0, {"expression": "frown"}, r"line 1, column 'expression': found 'frown', but .* has 'rest' for clip"),
    "score": (5, {"score": 0.25}, r"line 6, column 'score': found 0.25, but .* has \d for clip '.*' \(1 such rows\)"),
    "no score": (5, {"score": None}, r"line 6, column 'score': found nothing, but .* has \d for clip"),
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_row_that_is_not_of_the_data_set_is_refused_with_its_line(data, tmp_path, what):
    number, change, said = CHANGES[what]
    rows = rows_of(data)
    if what == "data set":
        rows = [row | change for row in rows]
    rows[number] |= change
    with pytest.raises(UserError, match=said) as error:
        measured_of(tmp_path / "a.jsonl", rows, data)
    assert "\n" not in str(error.value)


def test_clips_of_expressions_without_facts_have_baselines_and_nothing_to_ground_in(data, tmp_path):
    unposed = rebuilt(data, tmp_path / "mine", expression="unposed")
    rows = [row | {"expression": "unposed", "report": "The mouth corners rise little."} for row in rows_of(data)]
    found = measured_of(tmp_path / "a.jsonl", rows, unposed)
    assert set(found.facts) == {()}
    assert set(found.predictions.baselines) == {"constant_median", "blink_rate", "kinematics_ordinal"}
    assert set(found.predictions.baseline_reports) == {"nearest_report"}


def test_whoever_is_in_the_training_fold_is_refused(data, tmp_path):
    with pytest.raises(
        UserError, match=r"line 1: subject 'sim0-.*' is in the training fold of split 'default' \(15 of 25 rows, 3 "
    ):
        measured_of(tmp_path / "a.jsonl", rows_of(data), data, "default")


def test_a_split_that_is_not_there_is_refused_with_those_that_are(data, tmp_path):
    with pytest.raises(UserError, match=r"thirds.json: no such split; this data set has: default, halves"):
        measured_of(tmp_path / "a.jsonl", rows_of(data), data, "thirds")


def test_clips_of_people_who_have_withdrawn_are_in_no_figure_and_no_file(data, tmp_path):
    folder, rows = tmp_path / "copy", rows_of(data)
    shutil.copytree(data, folder)
    gone, trained = rows[0]["subject"], Dataset.open(folder).labels[0].subject
    assert gone != trained
    (folder / "withdrawn.txt").write_text(f"{gone}\n{trained}\n")
    left = [row for row in rows if row["subject"] != gone]
    both, without = tmp_path / "both.jsonl", tmp_path / "without.jsonl"
    found = evaluate_file(write_rows(both, rows), tmp_path / "a", data=str(folder), split="halves", against=both)
    other = evaluate_file(write_rows(without, left), tmp_path / "b", data=str(folder), split="halves")
    assert {name: found[name] for name in PARTS} == {name: other[name] for name in PARTS}
    assert found["counts"]["clips"] == len(left) == 20
    assert found["predictions"]["data"]["training_subjects"] == 5
    assert found["predictions"]["notes"] == ["5 clips of 1 subjects who have withdrawn are left out"]
    assert gone not in "".join(path.read_text() for path in (tmp_path / "a").iterdir())
    alone = write_rows(tmp_path / "alone.jsonl", rows[:5])
    with pytest.raises(UserError, match=r"the subjects of all 5 rows are in the withdrawn.txt of .*copy: nothing is left"):
        measure_predictions(read_predictions(alone), open_training_data(str(folder), "halves"))


def test_where_nobody_rated_reports_are_grounded_and_the_files_own_grades_stand(data, tmp_path):
    bare = rebuilt(data, tmp_path / "mine", score=None, report=None, dataset="mine")
    rows = rows_of(data)
    silent = [row | {"score": None, "reference": None} for row in rows]
    found, results = results_of(tmp_path / "a.jsonl", silent, bare)
    _, graded = results_of(tmp_path / "b.jsonl", rows, bare)
    _, whole = results_of(tmp_path / "c.jsonl", rows, data)
    assert results["report"]["grounding"] == graded["report"]["grounding"] == whole["report"]["grounding"]
    assert "no clip has a reference report: only grounding is measured" in results["report"]["flags"]
    assert (results["data"], results["simulated"], results["severity"]["counts"]["clips"]) == ("mine", False, 0)
    assert found.predictions.baselines == {}
    # No rated training clip: the constant is the one of these clips, and told to be.
    assert set(graded["severity"]["baselines"]) == {"constant_median"}
    assert any("of these very clips" in flag for flag in graded["severity"]["flags"])


def test_what_the_file_leaves_out_or_says_otherwise_is_told(data, tmp_path):
    rows = rows_of(data)
    unrated = rebuilt(data, tmp_path / "mine", score=None, dataset="mine")
    assert measured_of(tmp_path / "a.jsonl", rows, unrated).notes == [
        "score: 25 of 25 clips are rated in the file and not in the data set: not checked"
    ]
    changed = [row | {"score": None, "reference": "Blinking is rare."} for row in rows]
    assert measured_of(tmp_path / "b.jsonl", changed, data).notes == [
        "score: empty in the whole file, so severity is not evaluated; the data set rates 25 clips",
        "reference: 25 of 25 are not the data set's; the file's are compared with",
    ]
    bare = [{name: row[name] for name in row if name != "reference"} for row in rows]
    found = measured_of(tmp_path / "c.jsonl", bare, data)
    assert found.notes == ["reference: the file has none; those of the data set are taken (25 of 25 clips)"]
    assert found.predictions.references == [row["reference"] for row in rows]
