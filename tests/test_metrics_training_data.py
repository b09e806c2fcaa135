"""`--data=RUN` stands for the folders that a run has: what it wrote of their clips is evaluated as it was."""

import dataclasses
import json

import pytest
from predictions_factory import write_rows
from run_factory import random_run
from tiny import tiny_config

from input_pipeline.dataset import Dataset
from input_pipeline.errors import UserError
from input_pipeline.mixture import source
from input_pipeline.shards import write_dataset
from input_pipeline.splits import write_split
from tramp_jax.evaluator import evaluate, evaluate_file

PARTS = ("data", "simulated", "counts", "severity", "report")
OF_THE_MODEL = ("clip_id", "subject", "expression", "dataset", "score", "prediction", "low", "high", "report")
OF_THE_MODEL += tuple(f"p{grade}" for grade in range(5))


def part_of(simulated, output, name, people, folds):
    """A data set of some of the simulated people, who are in these folds of its split "mine"."""
    whole = Dataset.open(simulated)
    subjects = sorted({label.subject for label in whole.labels})[people]
    clips = (whole.clip(index) for index, label in enumerate(whole.labels) if label.subject in subjects)
    clips = (dataclasses.replace(clip, label=dataclasses.replace(clip.label, dataset=name)) for clip in clips)
    write_dataset(clips, output, name, 1, {})
    write_split(output, "mine", dict(zip(subjects, folds, strict=True)))
    return output


@pytest.fixture(scope="module")
def run(simulated, tmp_path_factory):
    """A run of random parameters on three folders: people of its own in one, no grades from another, somebody withdrawn."""
    root = tmp_path_factory.mktemp("several")
    folds = ["train", "train", "train", "validation", "test", "test"]
    config = tiny_config(model__vision_kind="none", data__features=("x", "y"), model__motion__features=2)
    config.data.text_length, config.generation.batch_size, config.generation.max_new_tokens = 128, 4, 8
    ours = part_of(simulated, root / "ours", "clinic", slice(0, 6), folds)
    # The same keys as in the first, for other people.
    theirs = part_of(simulated, root / "theirs", "hospital", slice(0, 6), folds[::-1])
    told = part_of(simulated, root / "told", "diary", slice(6, 12), folds)
    (told / "withdrawn.txt").write_text(f"{Dataset.open(told).labels[0].subject}\n")
    config.data.sources.ours = source(str(ours), split="mine")
    config.data.sources.theirs = source(str(theirs), split="mine", own_people=True)
    config.data.sources.told = source(str(told), split="mine", tasks=("report",))
    random_run(config, None, root / "run")
    evaluate(root / "run", None, "test", with_reports=True)
    return root / "run"


@pytest.fixture(scope="module")
def samples(run):
    return [json.loads(line) for line in (run / "eval" / "samples.jsonl").read_text().splitlines()]


def test_the_samples_of_a_run_on_several_folders_give_its_results_to_the_last_digit(run, samples, tmp_path):
    kept = [{name: row[name] for name in OF_THE_MODEL} for row in samples]
    found = evaluate_file(write_rows(tmp_path / "samples.jsonl", kept), tmp_path / "out", data=str(run))
    expected = json.loads((run / "eval" / "results.json").read_text())
    assert {name: found[name] for name in PARTS} == {name: expected[name] for name in PARTS}
    assert found["data"] == "clinic + diary + hospital"
    assert set(found["severity"]["baselines"]) == {"constant_median", "blink_rate", "kinematics_ordinal"}
    assert found["report"]["counts"]["grounded_clips"] == 30
    assert found["severity"]["counts"]["clips"] == 20
    about = found["predictions"]["data"]
    assert {name: part["folder"] for name, part in about["sources"].items()} == {n: n for n in ("ours", "theirs", "told")}
    # Three people of each folder, less one who has withdrawn.
    assert (about["training_subjects"], about["sources"]["ours"]["split"]) == (8, "mine")


def test_a_folder_alone_is_no_place_for_them_and_the_way_to_name_all_is_told(run, samples, tmp_path):
    source = write_rows(tmp_path / "samples.jsonl", samples)
    with pytest.raises(UserError, match=r"line 1: clip 'ours/.*'ours' is a source of a run on several folders, .*--data=RUN"):
        evaluate_file(source, tmp_path / "out", data=str(run.parent / "ours"), split="mine")


def test_a_run_keeps_its_split_and_its_training_people_are_refused(run, samples, tmp_path):
    source = write_rows(tmp_path / "samples.jsonl", samples)
    with pytest.raises(UserError, match=r"--split=mine: .*run is a run, which keeps the split .*: leave --split away"):
        evaluate_file(source, tmp_path / "out", data=str(run), split="mine")
    label = next(label for label in Dataset.open(run.parent / "ours").labels if label.subject not in str(samples))
    known = {"clip_id": f"ours/{label.clip_id}", "subject": label.subject, "expression": label.expression}
    rows = [{name: row[name] for name in OF_THE_MODEL} for row in samples]
    rows.append(rows[0] | known | {"dataset": "clinic", "score": label.score})
    with pytest.raises(UserError, match=r"is in the training fold of run .*: leave these rows out, or name a run that holds"):
        evaluate_file(write_rows(tmp_path / "more.jsonl", rows), tmp_path / "out", data=str(run))


def test_a_run_on_one_folder_stands_for_that_folder_and_its_split(simulated, samples, run, tmp_path):
    config = tiny_config(model__vision_kind="none", data__features=("x", "y"), model__motion__features=2, data__split="mine")
    random_run(config, run.parent / "ours", tmp_path / "run")
    rows = [row | {"clip_id": row["clip_id"].removeprefix("ours/")} for row in samples if row["dataset"] == "clinic"]
    source = write_rows(tmp_path / "samples.jsonl", [{name: row[name] for name in OF_THE_MODEL} for row in rows])
    one = evaluate_file(source, tmp_path / "one", data=str(tmp_path / "run"))
    two = evaluate_file(source, tmp_path / "two", data=str(run.parent / "ours"), split="mine")
    assert one == two
