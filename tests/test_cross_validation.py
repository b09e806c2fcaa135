"""From a run and a data set to both protocols side by side, on people whom the run never saw."""

import collections
import dataclasses
import io
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from run_factory import random_run
from tiny import demo_config

from input_pipeline.dataset import Dataset
from input_pipeline.errors import UserError
from input_pipeline.splits import write_split
from tramp_jax.cross_validation import run_protocols, unseen_clips
from tramp_jax.inference import TrainedModel
from tramp_jax.metrics.label_groups import with_groups
from tramp_jax.metrics.prediction_results import evaluate_predictions
from tramp_jax.metrics.predictions import read_predictions
from tramp_jax.metrics.protocol_results import pooled_rows
from tramp_jax.metrics.protocol_tables import print_protocols
from tramp_jax.seen_people import seen_people

SEEN = {"train": 2, "validation": 1}


@pytest.fixture(scope="module")
def run(simulated, tmp_path_factory):
    """A run, three of whose twelve people it learned from or was chosen by."""
    folder = tmp_path_factory.mktemp("cross")
    data = folder / "data"
    shutil.copytree(simulated, data)
    people = sorted({label.subject for label in Dataset.open(data).labels})
    folds = ["train"] * SEEN["train"] + ["validation"] * SEEN["validation"] + ["test"] * (len(people) - sum(SEEN.values()))
    write_split(data, "few", dict(zip(people, folds, strict=True)))
    config = demo_config()
    config.data.split = "few"
    return random_run(config, data, folder / "run")


@pytest.fixture(scope="module")
def results(run):
    model = TrainedModel(run)
    dataset = Dataset.open(model.config.data.path)
    chosen = unseen_clips(dataset, seen_people(model.config.data))
    found, pooled = run_protocols(model, dataset, chosen, ["3", "loso"], 0, 4, 2)
    return found, pooled, [dataset.labels[i] for i in chosen]


def test_only_people_whom_the_run_never_saw_are_evaluated(run, results):
    labels = Dataset.open(TrainedModel(run).config.data.path).labels
    people = sorted({label.subject for label in labels})
    assert {label.subject for label in results[2]} == set(people[3:])
    assert results[0]["counts"]["subjects"] == 9


def test_other_data_of_the_same_people_are_refused(run, simulated):
    config = TrainedModel(run).config.data
    write_split(Path(config.path), "all", {label.subject: "train" for label in Dataset.open(config.path).labels})
    config.split = "all"
    with pytest.raises(UserError, match="no rated clip of a person whom the run was not trained on"):
        unseen_clips(Dataset.open(simulated), seen_people(config))


def test_both_schemes_have_both_protocols_and_their_difference(results):
    found = results[0]
    assert list(found["schemes"]) == ["3-fold", "leave-one-subject-out"]
    for scheme in found["schemes"].values():
        fair, literature = (row["mean"] for row in (scheme["fair"]["spearman"], scheme["literature"]["spearman"]))
        if len(scheme["by_seed"]) == 1:
            np.testing.assert_allclose(scheme["optimism"]["mean"]["difference"], literature - fair)
        low, high = scheme["optimism"]["mean"]["interval"]
        assert low <= scheme["optimism"]["mean"]["difference"] <= high
    assert [len(scheme["by_seed"]) for scheme in found["schemes"].values()] == [2, 1]
    by_fold = found["schemes"]["3-fold"]["by_fold"]
    assert by_fold["literature"] >= by_fold["fair"]
    assert found["schemes"]["leave-one-subject-out"]["by_fold"] is None
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_the_table_says_which_column_was_chosen_on_test_and_that_the_data_are_simulated(results):
    console = Console(width=80, record=True, file=io.StringIO())
    print_protocols(results[0] | {"protocol": "fair", "encoder": "trained"}, console)
    text = console.export_text()
    assert text.startswith("SIMULATED data: 45 clips of 9 subjects whom the encoder (trained) never saw.")
    assert len(re.findall(r"fair \(default\) +literature ON TEST +literature - fair", text)) == 2
    assert "first of 2 deals; the difference is the mean of all" in " ".join(text.split())
    assert "…" not in text
    assert "TraMP-Former" in text
    assert "one model per expression, the best epoch on the test set" in " ".join(text.split())


def test_the_pooled_predictions_are_a_file_that_evaluates_to_the_same_numbers(results, tmp_path):
    found, pooled, labels = results
    ids, sets = [label.clip_id for label in labels], [label.dataset for label in labels]
    told = [dataclasses.replace(label, groups={"last": label.subject[-1]}) for label in labels]
    rows = with_groups(pooled_rows(pooled["3-fold"], "fair", ids, sets), told)
    path = tmp_path / "pooled.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    again = evaluate_predictions(read_predictions(path))
    assert again["severity"]["spearman"] == found["schemes"]["3-fold"]["fair"]["spearman"]
    assert again["severity"]["spearman_interval"] == found["schemes"]["3-fold"]["fair"]["spearman_interval"]
    counted = {last: part["counts"]["clips"] for last, part in again["severity"]["subsets"]["group_last"].items()}
    assert counted == collections.Counter(label.subject[-1] for label in labels)
