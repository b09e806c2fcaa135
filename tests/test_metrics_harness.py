"""The shape of lm-evaluation-harness: its keys, its hashes, its names; read by its own code where it is installed."""

import hashlib
import json
import subprocess
import sys

import pytest
from predictions_factory import make_rows, write_rows

from tramp_jax.metrics.bootstrap import SubjectDraws
from tramp_jax.metrics.harness import samples_of, shape, write_harness
from tramp_jax.metrics.prediction_results import evaluate_predictions
from tramp_jax.metrics.predictions import read_predictions
from tramp_jax.metrics.severity_table import ROWS, resampled_tables

REPORT = "Movement of the left mouth corner is markedly reduced."
# Of lm_eval 0.4.13: what `result_schema.py` has for every run, but what tells of its own code and of its tokenizer.
KEYS = {
    "results", "groups", "group_subtasks", "configs", "versions", "n-shot", "higher_is_better", "n-samples", "config",
    "git_hash", "date", "task_hashes", "model_source", "model_name", "model_name_sanitized", "system_instruction",
    "system_instruction_sha", "fewshot_as_multiturn", "chat_template", "chat_template_sha", "total_evaluation_time_seconds",
}  # fmt: skip
LINE = {
    "doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics", "doc_hash", "prompt_hash",
    "target_hash",
}  # fmt: skip
DRAWS = 50


@pytest.fixture
def found(tmp_path):
    rows = make_rows(report=REPORT, reference=REPORT)
    rows[0]["score"] = None
    rows[1]["report"], rows[2]["reference"] = "", None
    return read_predictions(write_rows(tmp_path / "mine.jsonl", rows))


@pytest.fixture
def written(found, tmp_path):
    """The folder, the results and the lines by file name."""
    results = evaluate_predictions(found, draws=DRAWS)
    path = write_harness(tmp_path / "out", results, found, "org/mine", draws=DRAWS)
    lines = {file.name: file.read_text().splitlines() for file in path.parent.glob("samples_*.jsonl")}
    return path, json.loads(path.read_text()), {name: list(map(json.loads, texts)) for name, texts in lines.items()}


def test_files_and_keys_are_those_of_the_harness(written):
    path, shaped, lines = written
    assert path.parent.name == shaped["model_name_sanitized"] == "org__mine"
    date = path.stem.removeprefix("results_")
    assert ":" not in date
    assert set(lines) == {
        f"samples_{task}_{date}.jsonl" for task in ("severity_smile", "severity_rest", "severity_whistle", "report")
    }
    assert set(shaped) == KEYS | {"tramp_jax"}
    for task in lines.values():
        assert [line["doc_id"] for line in task] == list(range(len(task)))
        for line in task:
            assert set(line) == LINE | set(line["metrics"])


def test_values_are_those_of_the_results_with_the_deviation_of_the_draws(found, written):
    _, shaped, _ = written
    severity = evaluate_predictions(found, draws=DRAWS)["severity"]
    clips = found.clips.take(found.clips.rated)
    tables = resampled_tables(SubjectDraws.of(clips.subject, DRAWS), clips, ["smile", "rest", "whistle"], list(ROWS))
    for name in ROWS:
        for of, task in (("smile", "severity_smile"), ("mean", "severity")):
            assert shaped["results"][task][f"{name},none"] == severity[name][of]
            assert shaped["results"][task][f"{name}_stderr,none"] == pytest.approx(tables[name][of].std(ddof=1))
    assert shaped["groups"] == {"severity": shaped["results"]["severity"]}
    assert shaped["group_subtasks"]["severity"] == ["severity_rest", "severity_smile", "severity_whistle"]
    assert shaped["results"]["report"]["fact_f1_direction,none"] == pytest.approx(34 / 35)
    assert shaped["results"]["report"]["bleu4_stderr,none"] == "N/A"
    assert shaped["higher_is_better"]["severity_smile"]["mae"] is False
    assert shaped["higher_is_better"]["severity"]["interval_coverage"] is None


def test_clips_without_rating_or_reference_are_counted_but_not_effective(written):
    _, shaped, lines = written
    counts = shaped["n-samples"]
    assert counts["report"] == {"original": 36, "effective": 35}
    assert sum(counts[task]["original"] - counts[task]["effective"] for task in counts if task != "report") == 1
    assert {name: len(task) for name, task in lines.items()} == {
        name: counts[name.split("_2")[0].removeprefix("samples_")]["effective"] for name in lines
    }


def test_lines_hold_answer_target_and_hashes(written):
    _, shaped, lines = written
    (name,) = [name for name in lines if "smile" in name]
    line = lines[name][0]
    assert line["resps"] == [[line["filtered_resps"][0]]]
    assert line["absolute_error"] == pytest.approx(abs(float(line["resps"][0][0]) - float(line["target"])))
    digest = hashlib.sha256(json.dumps(line["doc"], indent=2, ensure_ascii=False).encode()).hexdigest()
    assert line["doc_hash"] == digest
    whole = "".join(line["doc_hash"] + line["prompt_hash"] + line["target_hash"] for line in lines[name])
    assert shaped["task_hashes"]["severity_smile"] == hashlib.sha256(whole.encode()).hexdigest()


def test_simulated_is_said_and_nothing_but_the_date_changes(found, tmp_path):
    results = evaluate_predictions(found, draws=DRAWS) | {"simulated": True}
    paths = [write_harness(tmp_path / name, results, found, "mine", draws=DRAWS) for name in "ab"]
    one, two = (json.loads(path.read_text()) for path in paths)
    assert one["tramp_jax"]["simulated"] is True
    assert one["date"] != two["date"]
    assert one | {"date": 0} == two | {"date": 0}


def test_the_deviation_of_one_person_is_not_known(tmp_path):
    one = read_predictions(write_rows(tmp_path / "one.csv", make_rows(subjects=1, report="x", reference="x")))
    results = shape(evaluate_predictions(one, draws=50), one, samples_of(one), "m", draws=50)["results"]
    assert results["severity"]["mae_stderr,none"] == results["report"]["fact_f1_direction_stderr,none"] == "N/A"


def test_without_reports_there_is_no_report_task(tmp_path):
    found = read_predictions(write_rows(tmp_path / "mine.csv", make_rows()))
    shaped = shape(evaluate_predictions(found, draws=DRAWS), found, samples_of(found), "mine", draws=DRAWS)
    assert "report" not in shaped["results"]


def test_evaluate_writes_it_on_request(tmp_path):
    source = write_rows(tmp_path / "mine.csv", make_rows())
    flags = [f"--predictions={source}", f"--output={tmp_path / 'out'}", f"--harness-output={tmp_path / 'harness'}"]
    done = subprocess.run([sys.executable, "-m", "tramp_jax.evaluate", *flags], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    (path,) = (tmp_path / "harness" / "mine").glob("results_*.json")
    assert str(path) in done.stdout
    assert json.loads(path.read_text())["results"]["severity"]["spearman,none"] > 0.5


def test_no_expression_overwrites_the_samples_of_another(tmp_path):
    long = "é" * 200
    found = read_predictions(write_rows(tmp_path / "a.csv", make_rows(expressions=("a/b", "a:b", "A:b", long, long + "e"))))
    path = write_harness(tmp_path / "out", evaluate_predictions(found, draws=DRAWS), found, "mine", draws=DRAWS)
    said = [json.loads(line)["doc"]["expression"] for file in path.parent.glob("samples_*") for line in file.open()]
    assert sorted(said) == sorted(found.clips.expression.tolist())


def test_the_harness_reads_it(found, written, tmp_path):
    utils = pytest.importorskip("lm_eval.utils", reason="lm_eval is not installed")
    tracker = pytest.importorskip("lm_eval.loggers.evaluation_tracker")
    path, shaped, lines = written
    table = utils.make_table(shaped)
    assert "|severity" in table
    assert "±" in table
    assert utils.get_results_filenames([str(path)]) == [str(path)]
    for name in lines:
        assert utils.get_file_task_name(name) in shaped["task_hashes"]
        assert utils.get_file_datetime(name) == path.stem.removeprefix("results_")
    # What its own tracker computes and writes of these lines.
    own = tracker.EvaluationTracker(output_path=str(tmp_path / "own"))
    own.general_config_tracker.log_experiment_args("tramp_jax", {"model": "org/mine"}, None, None, None)
    own.save_results_aggregated({}, samples=samples_of(found))
    (theirs,) = (tmp_path / "own" / "org__mine").glob("results_*.json")
    expected = json.loads(theirs.read_text())
    assert expected["task_hashes"] == shaped["task_hashes"]
    assert set(expected) <= set(shaped)
    schema = pytest.importorskip("lm_eval.result_schema")
    assert set(shaped) - {"tramp_jax"} <= set(schema.EvalResults.__annotations__)
    assert set(schema.SampleResult.__annotations__) == LINE
