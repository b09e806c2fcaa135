"""The printed results say first whether the data are simulated, and say plainly when the model loses."""

import copy
import io

import numpy as np
import pytest
from measured_factory import make_measured
from predictions_factory import make_rows, write_rows
from rich.console import Console

from tramp_jax.metrics import evaluation, tables
from tramp_jax.metrics.baselines import BaselinePredictions, always_normal
from tramp_jax.metrics.comparison import compare
from tramp_jax.metrics.prediction_results import evaluate_predictions
from tramp_jax.metrics.predictions import read_predictions
from tramp_jax.metrics.scored import ScoredClips


@pytest.fixture(scope="module")
def results():
    test = make_measured(1, 12)
    rng = np.random.default_rng(0)
    near = {"kinematics_ordinal": test.score + rng.normal(0, 0.3, 60), "constant_median": np.full(60, 2.0)}
    rivals = BaselinePredictions(near, {"always_normal": always_normal(test, test)})
    reports = [label.report for label in test.labels]
    return evaluation.evaluate_clips("simulated", test, test.score + rng.normal(0, 1.5, 60), reports, rivals, draws=100)


def _printed(results) -> str:
    stream = io.StringIO()
    tables.print_results(results, Console(file=stream, width=100))
    return stream.getvalue()


def _with_difference(results, difference: float, low: float, high: float):
    changed = copy.deepcopy(results)
    changed["severity"]["model_minus_baseline"] = {
        "kinematics_ordinal": {"spearman_mean": difference, "interval": [low, high]},
    }
    return changed


def test_the_first_line_says_simulated_or_names_the_data(results):
    assert _printed(results).splitlines()[0].startswith("SIMULATED data: 60 held-out clips of 12 subjects")
    real = _printed({**results, "data": "pfed5", "simulated": False})
    assert real.splitlines()[0] == "Data: pfed5, 60 held-out clips of 12 subjects."
    assert "SIMULATED" not in real
    mixed = _printed({**results, "data": "mine + simulated", "simulated": False})
    assert mixed.splitlines()[0] == "Data: mine + simulated, 60 held-out clips of 12 subjects, some of them SIMULATED."


def test_every_number_stands_beside_oracle_ceiling_and_baselines(results):
    lines = _printed(results).splitlines()
    for name, table in (("model ", "spearman"), ("oracle", "oracle_spearman"), ("tie ceiling", "tie_ceiling")):
        (line,) = [line for line in lines if line.strip("│ ").startswith(name)][:1]
        assert f"{results['severity'][table]['mean']:.3f}" in line
    assert any("kinematics baseline" in line for line in lines)
    assert any("always normal" in line and "0.00" in line for line in lines)
    assert any(line.startswith("note: severity: spearman") for line in lines) == bool(results["severity"]["flags"])


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((-0.10, -0.20, -0.01), "the model LOSES to kinematics baseline: -0.100 [-0.200, -0.010]."),
        ((-0.01, -0.05, 0.03), "not shown to beat kinematics baseline: -0.010 [-0.050, 0.030]"),
        ((0.01, -0.02, 0.04), "not shown to beat kinematics baseline: +0.010 [-0.020, 0.040]"),
        ((0.10, 0.05, 0.15), "the model beats kinematics baseline: +0.100 [0.050, 0.150]."),
        ((None, None, None), "not compared with kinematics baseline"),
        ((0.10, None, None), "+0.100 over kinematics baseline, without an interval"),
    ],
)
def test_the_verdict_follows_the_difference_and_its_interval(results, numbers, words):
    assert words in _printed(_with_difference(results, *numbers))


def test_of_few_people_nobody_is_said_to_win(results):
    few = _with_difference(results, 0.10, 0.05, 0.15)
    few["severity"]["counts"]["subjects"] = few["report"]["counts"]["subjects"] = 9
    printed = " ".join(_printed(few).split())
    assert "Spearman: +0.100 [0.050, 0.150] over kinematics baseline; 9 subjects are too few to say which is better." in printed
    assert "beats" not in printed
    assert "LOSES" not in printed


def test_a_model_that_loses_is_said_to_lose(results):
    assert "Spearman: the model LOSES to kinematics baseline" in _printed(results)
    assert "Fact F1 (direction): the model beats always normal" in _printed(results)


def test_the_tables_fit_a_terminal_of_80_columns(results):
    stream = io.StringIO()
    tables.print_results(results, Console(file=stream, width=80))
    assert "…" not in stream.getvalue()
    assert any(line.split()[:1] == ["model"] and len(line.split()) == 7 for line in stream.getvalue().splitlines())


def test_the_weighted_findings_are_told_with_their_interval(results):
    report = {**results["report"], "weighted_facts": 0.41, "weighted_facts_interval": [-0.06, 0.88]}
    assert "the always-normal report earns 0: 0.41 [-0.06, 0.88]." in _printed({**results, "report": report})


def test_reports_that_name_a_disease_or_cannot_be_read_are_told(results):
    assert "diagnosis" not in _printed(results)
    assert "could not be read" not in _printed(results)
    report = {
        **results["report"],
        "forbidden_share": {"diagnosis": 0.004, "emotion": 0.0, "any": 0.004},
        "unparsed_share": 0.25,
    }
    printed = _printed({**results, "report": report})
    assert "0.4 % of the reports name a diagnosis or an emotion" in printed
    assert "25.0 % of their sentences on motion could not be read" in printed


def test_clips_without_a_rating_are_told(results):
    assert "without a rated grade" not in _printed(results)
    counts = results["severity"]["counts"]
    fewer = {**results, "severity": {**results["severity"], "counts": {**counts, "clips": counts["clips"] - 7}}}
    assert "note: severity: left out 7 clips without a rated grade" in _printed(fewer)


def test_missing_values_and_missing_tasks_print_without_failing(results):
    nothing = evaluation.severity_results(ScoredClips(*(np.zeros(0),) * 4), {}, expressions=("rest", "smile"))
    printed = _printed({**results, "severity": nothing, "report": None})
    assert "–" in printed
    assert "nan" not in printed.lower()
    assert "Reports" not in printed
    assert "Severity" not in _printed({**results, "severity": None})


@pytest.mark.parametrize("name", ["[/smile]", "[bold]", ":smile:", "[x](y)"])
def test_names_of_a_file_are_printed_as_they_are(tmp_path, name):
    """They are no markup: "[/smile]" would end in a traceback, "[bold]" would vanish."""
    own = {"baseline_predictions": {name: 2.0}, "baseline_reports": {name: ""}, "group_sex": name}
    rows = [row | own | {"report": "", "reference": "The lips are closed."} for row in make_rows(expressions=(name,))]
    rows[0]["dataset"] = name
    found = read_predictions(write_rows(tmp_path / "[a].jsonl", rows))
    printed = _printed(evaluate_predictions(found, draws=20)).splitlines()
    assert [name, "mean"] in [line.split() for line in printed]
    # The header, two baselines, and the parts of data set and group for scores and for reports.
    assert [line.split()[0] for line in printed if line.strip()].count(name) == 7
    assert any(line.strip().startswith(f"MAE, {name} ") for line in printed)
    stream = io.StringIO()
    tables.print_comparison(compare(found, found, draws=20), Console(file=stream, width=100))
    assert "[a].jsonl less [a].jsonl" in stream.getvalue()
