"""From a list of clips with groups of people to the results of each group, of a run and again of its samples."""

import json
import os
import subprocess
import sys

import landmark_file_factory as landmark_files
import numpy as np
import pytest
from mixture_factory import make_folder
from predictions_factory import make_rows, write_rows
from run_factory import random_run
from tiny import tiny_config

from input_pipeline.dataset import Dataset
from input_pipeline.errors import UserError
from input_pipeline.splits import write_split
from tramp_jax.evaluator import evaluate, evaluate_file
from tramp_jax.trainer import run_training

PEOPLE = 9
AGES = ("50-59", "60-69", "")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A list of files of landmarks of nine people, extracted by the command to `data`, and a run of it that took no step."""
    folder = tmp_path_factory.mktemp("groups")
    points, lines = landmark_files.face_pixels("openface68"), ["path,subject,expression,score,report,group_sex,group_age"]
    for k in range(PEOPLE):
        landmark_files.write_openface(folder / f"visit{k}.csv", points[: 40 + k])
        lines.append(f"visit{k}.csv,Visitor{k},smile,{k % 5},The mouth corners rise.,{'fm'[k % 2]},{AGES[k % 3]}")
    (folder / "clips.csv").write_text("\n".join(lines) + "\n")
    command = [
        sys.executable,
        "-m",
        "input_pipeline.extract",
        folder / "clips.csv",
        f"--output={folder / 'data'}",
        "--workers=1",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))
    assert done.returncode == 0, done.stderr
    people = sorted({label.subject for label in Dataset.open(folder / "data").labels})
    write_split(folder / "data", "default", dict(zip(people, ["train", "validation"] + ["test"] * (PEOPLE - 2), strict=True)))
    config = tiny_config(model__vision_kind="none", data__features=("x", "y"), model__motion__features=2)
    random_run(config, folder / "data", folder / "run")
    return folder


@pytest.fixture(scope="module")
def results(folder):
    return evaluate(folder / "run", None, "test", with_reports=False)


def test_a_run_is_told_apart_by_every_group_of_its_clips(folder, results):
    labels = {label.clip_id: label for label in Dataset.open(folder / "data").labels}
    rows = [json.loads(line) for line in (folder / "run" / "eval" / "samples.jsonl").read_text().splitlines()]
    assert len(rows) == PEOPLE - 2
    for row in rows:
        groups = labels[row["clip_id"]].groups
        assert {name: row[f"group_{name}"] for name in ("sex", "age")} == {"age": None} | groups
    subsets = results["severity"]["subsets"]
    assert {name: set(parts) for name, parts in subsets.items()} == {
        f"group_{name}": {label.groups[name] for label in labels.values() if name in label.groups} for name in ("sex", "age")
    }
    for sex, part in subsets["group_sex"].items():
        errors = [abs(row["prediction"] - row["score"]) for row in rows if row["group_sex"] == sex]
        assert part["counts"]["clips"] == len(errors) > 0
        np.testing.assert_allclose(part["mae"]["mean"], np.mean(errors))


def test_its_samples_give_the_same_results_of_every_group_to_the_last_digit(folder, results, tmp_path):
    again = evaluate_file(folder / "run" / "eval" / "samples.jsonl", tmp_path)
    assert again["severity"]["subsets"] == results["severity"]["subsets"]
    written = json.loads((folder / "run" / "eval" / "results.json").read_text())
    assert json.loads((tmp_path / "results.json").read_text())["severity"]["subsets"] == written["severity"]["subsets"]


def test_a_file_of_other_clips_is_refused_before_anything_is_written_and_no_old_comparison_stays(tmp_path):
    rows = make_rows()
    mine, other = write_rows(tmp_path / "mine.csv", rows), write_rows(tmp_path / "other.csv", rows[:-1])
    with pytest.raises(UserError, match=r"other\.csv"):
        evaluate_file(mine, tmp_path / "out", against=other)
    assert not (tmp_path / "out").exists()
    evaluate_file(mine, tmp_path / "out", against=mine)
    assert (tmp_path / "out" / "comparison.json").is_file()
    evaluate_file(other, tmp_path / "out")
    assert not (tmp_path / "out" / "comparison.json").exists()


def test_a_run_on_other_expressions_than_pfed5s_is_validated_and_evaluated(tmp_path):
    data = make_folder(tmp_path / "neuroface", 40, expression="spread", report="The mouth corners rise little.")
    config = tiny_config(data__path=str(data), model__vision_kind="none", data__features=("x", "y"), model__motion__features=2)
    config.total_steps = config.checkpoint.every = config.evaluate_every = 1
    run_training(config, tmp_path / "run")
    (row,) = [row for row in map(json.loads, (tmp_path / "run" / "metrics.jsonl").open()) if row["task"] == "validation"]
    assert row["spearman"] is not None
    found = evaluate(tmp_path / "run", None, "test", "best", with_reports=True)
    assert set(found["severity"]["spearman"]) == {"spread", "mean"}
    assert list(found["severity"]["baselines"]) == ["constant_median", "blink_rate", "kinematics_ordinal"]
    assert list(found["report"]["baselines"]) == ["nearest_report"]
    assert found["report"]["counts"]["grounded_clips"] == 0
    assert found["report"]["counts"]["clips_of_expression"] == {"spread": 8}


def test_the_list_names_people_and_the_data_set_does_not(folder, results):
    content = b"".join(
        path.read_bytes() for name in ("data", "run/eval") for path in (folder / name).rglob("*") if path.is_file()
    )
    assert b'"sex": "f"' in content
    assert b"visit" not in content.lower()
