"""The plug-in for lmms-eval: its tasks name what exists, with our metrics; lmms-eval runs it where installed."""

import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from run_factory import random_run
from tiny import tiny_config

from input_pipeline.dataset import Dataset
from input_pipeline.splits import load_split
from tramp_jax.metrics import severity

PLUGIN = Path(__file__).parents[1] / "plugins" / "lmms_eval"


class Loader(yaml.SafeLoader):
    """Reads `!function utils.name` as that text."""


Loader.add_constructor("!function", lambda loader, node: loader.construct_scalar(node))


def run_module(name, *arguments):
    paths = os.pathsep.join([str(PLUGIN), str(PLUGIN.parents[1])])
    command = [sys.executable, "-m", name, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, env=os.environ | {"PYTHONPATH": paths})


@pytest.fixture(scope="module")
def tasks(simulated, tmp_path_factory):
    """An exported folder."""
    output = tmp_path_factory.mktemp("lmms") / "tasks"
    done = run_module("tramp_jax_lmms_eval.export", simulated, f"--output={output}")
    assert done.returncode == 0, done.stderr
    return output


@pytest.fixture(scope="module")
def utils(tasks):
    spec = importlib.util.spec_from_file_location("exported_utils", tasks / "utils.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def docs_of(tasks):
    return [json.loads(line) for line in (tasks / "clips.jsonl").read_text().splitlines()]


def test_the_exported_clips_are_the_test_folds_and_hold_no_pixel(tasks, simulated):
    data = Dataset.open(simulated)
    test = load_split(data, "default")["test"]
    docs = docs_of(tasks)
    assert [doc["clip_id"] for doc in docs] == [data.labels[i].clip_id for i in test]
    assert all(isinstance(value, str | int | float | None) for doc in docs for value in doc.values())


@pytest.mark.parametrize("name", ["tramp_severity", "tramp_report"])
def test_a_task_names_its_clips_and_functions_that_exist(tasks, utils, name):
    task = yaml.load((tasks / f"{name}.yaml").read_text(), Loader)
    assert task["task"] == name
    assert Path(task["dataset_kwargs"]["data_files"]["test"]) == tasks / "clips.jsonl"
    text = (tasks / f"{name}.yaml").read_text()
    for function in re.findall(r"!function utils\.(\w+)", text):
        assert callable(getattr(utils, function))
    doc = docs_of(tasks)[0]
    judge = getattr(utils, task["process_results"].removeprefix("utils."))
    assert set(judge(doc, ["2"])) == {row["metric"] for row in task["metric_list"]}
    assert doc["expression"] in getattr(utils, task["doc_to_text"].removeprefix("utils."))(doc).lower()


def test_metrics_are_means_over_expressions_and_an_answer_without_a_number_is_far_off(tasks, utils):
    docs = docs_of(tasks)
    answers = [f"About {i % 5}.5 of 4" for i in range(len(docs))]
    answers[0] = "I cannot say."
    judged = [utils.judge_severity(doc, [answer]) for doc, answer in zip(docs, answers, strict=True)]
    truth = np.array([doc["score"] for doc in docs], float)
    prediction = np.array([i % 5 + 0.5 for i in range(len(docs))])
    prediction[0] = 4.0 if truth[0] < 2 else 0.0
    expression = np.array([doc["expression"] for doc in docs])
    for name in ("spearman", "mae", "quadratic_kappa", "within_one"):
        expected = np.mean(
            [severity.METRICS[name](*(x[expression == e] for x in (truth, prediction))).value for e in set(expression)]
        )
        assert getattr(utils, name)([found[name] for found in judged]) == pytest.approx(expected)
    assert utils.mean([found["answered"] for found in judged]) == pytest.approx(1 - 1 / len(docs))


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        ("2", 2.0),
        ("On a scale from 0 (normal) to 4 (severe), I would say 3.", 3.0),
        ("Between 0 and 4: 1.5", 1.5),
        ("(0-4) 2", 2.0),
        ("4 out of 4", 4.0),
        ("3/4", 3.0),
        ("0", 0.0),
    ],
)
def test_a_repeated_scale_is_no_answer(tasks, utils, answer, score):
    assert utils.judge_severity(docs_of(tasks)[0], [answer])["mae"]["prediction"] == score


def test_a_scale_alone_is_unanswered(tasks, utils):
    assert utils.judge_severity(docs_of(tasks)[0], ["From 0 to 4."])["answered"] == 0.0


def test_reports_are_judged_by_their_facts(tasks, utils):
    doc = docs_of(tasks)[0]
    assert utils.judge_report(doc, [doc["reference"]]) == {"fact_f1_direction": 1.0, "rouge_l": pytest.approx(1.0)}
    assert utils.judge_report(doc, ["Nothing."])["fact_f1_direction"] == 0.0


def test_the_visuals_are_the_clips_own_frames(tasks, utils):
    pytest.importorskip("PIL", reason="Pillow, which lmms_eval brings, is not installed")
    frames = utils.doc_to_visual(docs_of(tasks)[0])
    assert [frame.size for frame in frames] == [(32, 32)] * 4


def test_a_wrong_folder_is_one_line(tmp_path):
    done = run_module("tramp_jax_lmms_eval.export", tmp_path, f"--output={tmp_path / 'out'}")
    assert (done.returncode, len(done.stderr.strip().splitlines())) == (2, 1)


def test_lmms_eval_runs_a_run_on_the_tasks(tasks, simulated, tmp_path):
    pytest.importorskip("lmms_eval", reason="lmms_eval is not installed")
    pytest.importorskip("tramp_jax_lmms_eval", reason="plugins/lmms_eval is not installed")
    run = random_run(tiny_config(data__text_length=128), simulated, tmp_path / "run")
    flags = ["--model", "tramp_jax", "--model_args", f"checkpoint={run}", "--tasks", "tramp_severity,tramp_report"]
    flags += ["--include_path", str(tasks), "--output_path", str(tmp_path / "out"), "--batch_size", "1", "--log_samples"]
    environment = os.environ | {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"}
    command = [sys.executable, "-m", "lmms_eval", *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=500, env=environment)
    assert done.returncode == 0, done.stderr[-3000:]
    (path,) = (tmp_path / "out").rglob("*results.json")
    results = json.loads(path.read_text())["results"]
    lines = [
        json.loads(line) for line in next((tmp_path / "out").rglob("*samples_tramp_severity.jsonl")).read_text().splitlines()
    ]
    assert len(lines) == len(docs_of(tasks))
    assert results["tramp_severity"]["answered,none"] == 1.0
    own = subprocess.run(
        [sys.executable, "-m", "tramp_jax.evaluate", f"--checkpoint={run}"], capture_output=True, text=True, timeout=500
    )
    assert own.returncode == 0, own.stderr
    expected = json.loads((run / "eval" / "results.json").read_text())["severity"]
    for name in ("spearman", "mae"):
        assert results["tramp_severity"][f"{name},none"] == pytest.approx(expected[name]["mean"], abs=1e-3)
