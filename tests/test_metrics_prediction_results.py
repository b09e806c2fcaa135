"""A file of predictions gets the results that a run gets; a run's samples are such a file, with the same numbers."""

import dataclasses
import io
import json

import numpy as np
import pytest
from measured_factory import make_measured
from predictions_factory import make_rows, write_rows
from rich.console import Console
from scipy import stats

from input_pipeline.errors import UserError
from input_pipeline.motion.mirrored_words import swap_sides
from tramp_jax.metrics import evaluation, ordinal_regression
from tramp_jax.metrics.baselines import predict_baselines
from tramp_jax.metrics.prediction_results import constant_of_same_clips, evaluate_predictions, prediction_rows
from tramp_jax.metrics.predictions import read_predictions
from tramp_jax.metrics.tables import print_results

DRAWS = 200


def _evaluate(path, rows):
    found = read_predictions(write_rows(path, rows))
    results = evaluate_predictions(found, draws=DRAWS)
    json.dumps(results, allow_nan=False)
    return found, results


@pytest.fixture(scope="module")
def run():
    """What `evaluate.evaluate` has after scoring: clips, scores, reports, baselines and answers."""
    test = make_measured(1, 14, first_subject=30, noise=0.3)
    labels = [dataclasses.replace(x, score=None) if i % 7 == 0 else x for i, x in enumerate(test.labels)]
    test = dataclasses.replace(test, labels=tuple(labels))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ordinal_regression, "PENALTIES", (3.0,))
        rivals = predict_baselines(make_measured(0, 20, noise=0.3), test)
    rng = np.random.default_rng(0)
    scores = np.float32([label.truth["severity"] for label in test.labels] + rng.normal(0, 0.7, len(labels)))
    answers = {
        "distribution": rng.dirichlet(np.ones(5), len(labels)).astype(np.float32),
        "interval": np.sort(rng.uniform(0, 4, (len(labels), 2)).astype(np.float32), axis=1),
    }
    reports = [swap_sides(label.report) if i % 3 else label.report for i, label in enumerate(labels)]
    return test, scores, reports, rivals, answers


@pytest.mark.parametrize("with_reports", [True, False])
def test_the_samples_of_a_run_are_a_predictions_file_with_the_same_numbers(run, tmp_path, with_reports):
    test, scores, reports, rivals, answers = run
    reports = reports if with_reports else None
    expected = evaluation.evaluate_clips("simulated", test, scores, reports, rivals, **answers, draws=DRAWS)
    rows = evaluation.sample_rows(test, scores, reports, rivals, **answers)
    found, results = _evaluate(tmp_path / "samples.jsonl", rows)
    assert results["severity"] == expected["severity"]
    assert (results["data"], results["simulated"], results["counts"]) == ("simulated", True, expected["counts"])
    if with_reports:
        apart = {name for name in results["report"] if results["report"][name] != expected["report"][name]}
        # Grounding needs the measured clips.
        ends = [dict(found["report"]["intervals"], grounding=None) for found in (results, expected)]
        assert ends[0] == ends[1]
        assert apart <= {"grounding", "counts", "baselines", "flags", "intervals"}
    again, more = _evaluate(tmp_path / "again.jsonl", prediction_rows(found))
    assert more == results
    assert prediction_rows(again) == prediction_rows(found)


def test_the_expressions_are_those_of_the_file_and_the_mean_is_theirs(tmp_path):
    rows = make_rows()
    _, results = _evaluate(tmp_path / "a.csv", rows)
    found = {}
    for name in ("smile", "rest", "whistle"):
        of = [row for row in rows if row["expression"] == name]
        found[name] = stats.spearmanr([row["score"] for row in of], [row["prediction"] for row in of]).statistic
    severity = results["severity"]
    assert list(severity["spearman"]) == ["rest", "smile", "whistle", "mean"]
    assert severity["spearman"] == pytest.approx(found | {"mean": np.mean(list(found.values()))}, abs=1e-9)
    assert severity["counts"]["clips_of_expression"] == {"rest": 12, "smile": 12, "whistle": 12}


def test_groups_and_data_sets_are_told_apart(tmp_path):
    rows = make_rows(subjects=10) + make_rows(seed=1, subjects=10, dataset="second")
    rows[0]["group_sex"] = ""
    _, results = _evaluate(tmp_path / "a.csv", rows)
    subsets = results["severity"]["subsets"]
    assert {name: list(parts) for name, parts in subsets.items()} == {"dataset": ["clinic", "second"], "group_sex": ["f", "m"]}
    women = [row for row in rows if row["group_sex"] == "f"]
    part = subsets["group_sex"]["f"]
    assert part["counts"]["clips"] == len(women) == 29
    expected = np.mean(
        [
            np.mean([abs(r["score"] - r["prediction"]) for r in women if r["expression"] == e])
            for e in part["counts"]["clips_of_expression"]
        ]
    )
    assert part["mae"]["mean"] == pytest.approx(expected)
    assert part["intervals"]["mae"]["mean"][0] < expected < part["intervals"]["mae"]["mean"][1]
    assert "group_sex: 1 clips have no label" in results["severity"]["flags"]
    stream = io.StringIO()
    print_results(results, Console(file=stream, width=100))
    assert "group_sex" in stream.getvalue()
    assert "too narrow" not in stream.getvalue()
    few = _evaluate(tmp_path / "b.csv", [row for row in rows if row["subject"] in ("s0", "s1", "s2")])[1]
    print_results(few, Console(file=stream, width=100))
    assert "note: group_sex f: 4 subjects: the interval is too narrow" in stream.getvalue()
    assert "note: group_sex m: 2 subjects: the interval is too narrow" in stream.getvalue()


def test_the_constant_is_the_best_one_and_told_to_be_of_these_clips(tmp_path):
    found, results = _evaluate(tmp_path / "a.csv", make_rows())
    own = results["severity"]["baselines"]["constant_median"]
    assert own["spearman_mean"] == 0.0
    for name in ("smile", "rest", "whistle"):
        truth = found.clips.truth[found.clips.expression == name]
        assert own["mae"][name] == pytest.approx(min(np.abs(truth - c).mean() for c in np.arange(0, 4.01, 0.5)))
    assert any("constant_median: of these very clips" in flag for flag in results["severity"]["flags"])
    assert set(constant_of_same_clips(found.clips)) <= set(np.arange(0, 4.01, 0.5))


def test_reports_of_any_model_are_scored_beside_the_always_normal_one(run, tmp_path):
    test, scores, reports, _, _ = run
    rows = [
        {"clip_id": x.clip_id, "subject": x.subject, "expression": x.expression, "score": x.score, "prediction": float(s)}
        | {"report": said, "reference": x.report}
        for x, s, said in zip(test.labels, scores, reports, strict=True)
    ]
    found, results = _evaluate(tmp_path / "a.csv", rows)
    assert results["report"]["fact_f1"]["mention"] == 1.0
    assert results["report"]["fact_f1"]["direction"] < 1.0
    assert set(results["report"]["baselines"]) == {"always_normal"}
    assert results["report"]["grounding"] is None
    assert prediction_rows(found)[0]["fact_f1_direction"] == 1.0


def test_without_any_rated_grade_there_is_nothing_to_say(tmp_path):
    with pytest.raises(UserError, match="column 'score' is empty in all 36 rows"):
        _evaluate(tmp_path / "a.csv", make_rows(score=""))


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_a_collapsed_model_of_one_person_is_numbers_and_flags(tmp_path):
    rows = [row | {"prediction": 2.0, "score": 2} for row in make_rows(subjects=1)]
    _, results = _evaluate(tmp_path / "a.csv", rows)
    severity = results["severity"]
    assert severity["spearman"]["mean"] == severity["icc_a1"]["mean"] == severity["quadratic_kappa"]["mean"] == 0.0
    assert "spearman/rest: fewer than 2 clips" in severity["flags"]
    assert "spearman_interval/mean: one subject: no interval" in severity["flags"]
    assert severity["intervals"]["mae"]["mean"] == [None, None]
    assert severity["model_minus_baseline"]["constant_median"]["interval"] == [None, None]


@pytest.mark.filterwarnings("error::RuntimeWarning")
@pytest.mark.parametrize("spread", [1, -1])
def test_scores_as_large_as_float32_holds_are_numbers_in_every_figure(tmp_path, spread):
    """A diverged model: nothing overflows to what JSON cannot hold."""
    largest = float(np.finfo(np.float32).max)
    rows = [row | {"low": -largest, "high": largest} for row in make_rows()]
    for i, row in enumerate(rows):
        row["prediction"] = largest * spread**i
    _, results = _evaluate(tmp_path / "a.csv", rows)
    severity = results["severity"]
    json.dumps(results, allow_nan=False)
    assert severity["mae"]["smile"] == pytest.approx(largest)
    assert severity["relative_l2"]["smile"] == pytest.approx(100 * (largest / 4) ** 2)
    assert severity["interval_width"]["mean"] == pytest.approx(2 * largest)
    assert None not in severity["intervals"]["icc_a1"]["mean"] + severity["intervals"]["pearson"]["mean"]


def test_an_interval_counts_the_people_of_its_own_clips(tmp_path):
    rows = [row for row in make_rows() if row["expression"] == "smile" or row["subject"] == "s1"]
    rows += [row | {"clip_id": f"{row['clip_id']}-again"} for row in rows if row["expression"] == "rest"]
    _, results = _evaluate(tmp_path / "a.csv", rows)
    severity = results["severity"]
    assert severity["intervals"]["mae"]["rest"] == [None, None]
    assert None not in severity["intervals"]["mae"]["smile"] + severity["intervals"]["mae"]["mean"]
    said = [flag for flag in severity["flags"] if flag.startswith("spearman_interval")]
    assert said == ["spearman_interval/rest: one subject: no interval", "spearman_interval/whistle: one subject: no interval"]
