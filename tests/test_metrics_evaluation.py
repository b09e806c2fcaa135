"""The results hold what others rely on, agree with SciPy, compare pairs on the same draws, and never hold NaN."""

import dataclasses
import json

import numpy as np
import pytest
from measured_factory import make_measured
from scipy import stats

from input_pipeline.errors import UserError
from input_pipeline.motion.facts import without_values
from input_pipeline.motion.mirrored_words import swap_sides
from input_pipeline.motion.parsing import parse_facts
from input_pipeline.records import EXPRESSIONS
from tramp_jax.metrics import baselines, bootstrap, evaluation, ordinal_regression
from tramp_jax.metrics.text import TEXT_SCORES

DRAWS = 200


@pytest.fixture(scope="module")
def test():
    return make_measured(1, 24, first_subject=30, noise=0.3)


@pytest.fixture(scope="module")
def rivals(test):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ordinal_regression, "PENALTIES", (30.0, 3.0))
        return baselines.predict_baselines(make_measured(0, 30, noise=0.3), test)


@pytest.fixture(scope="module")
def scores(test):
    return test.score + np.random.default_rng(0).normal(0, 0.7, len(test.labels))


def _references(clips):
    return [label.report for label in clips.labels]


def _evaluate(test, scores, reports, rivals, data="simulated"):
    results = evaluation.evaluate_clips(data, test, scores, reports, rivals, draws=DRAWS)
    json.dumps(results, allow_nan=False)
    return results


@pytest.fixture(scope="module")
def results(test, scores, rivals):
    return _evaluate(test, scores, _references(test), rivals)


def _without(clips, **changes):
    return dataclasses.replace(clips, labels=tuple(dataclasses.replace(label, **changes) for label in clips.labels))


def test_the_keys_that_others_rely_on_are_there(results):
    severity, report = results["severity"], results["report"]
    assert (results["data"], results["simulated"]) == ("simulated", True)
    assert results["counts"]["clips"] == 120
    assert results["counts"]["subjects"] == 24
    for table in ("spearman", "spearman_interval", "mae", "quadratic_kappa", "tie_ceiling", "oracle_spearman"):
        assert set(severity[table]) == {*EXPRESSIONS, "mean"}
    assert isinstance(severity["oracle_spearman_mean"], float)
    for name in ("constant_median", "blink_rate", "kinematics_ordinal"):
        assert isinstance(severity["baselines"][name]["spearman_mean"], float)
        assert len(severity["model_minus_baseline"][name]["interval"]) == 2
    assert {"mention", "direction"} <= set(report["fact_f1"])
    assert {"laterality_accuracy", "bleu4", "rouge_l", "grounding"} <= set(report)
    assert set(TEXT_SCORES) <= set(report)
    assert set(report["text_intervals"]) == set(TEXT_SCORES)
    assert set(report["severity_agreement"]) == {"head", "rated"}
    assert report["score_probe"]["generated"] == report["score_probe"]["reference"]
    assert report["unparsed_share"] == 0.0
    assert report["forbidden_share"] == {"diagnosis": 0.0, "emotion": 0.0, "any": 0.0}
    for name in ("always_normal", "nearest_report"):
        assert set(TEXT_SCORES) <= set(report["baselines"][name])
        assert isinstance(report["baselines"][name]["fact_f1_direction"], float)
        assert len(report["model_minus_baseline"][name]["interval"]) == 2


def test_spearman_and_oracle_are_scipys_on_the_same_clips(test, scores, results):
    latent = np.array([label.truth["severity"] for label in test.labels])
    for table, predicted in (("spearman", scores), ("oracle_spearman", latent)):
        found = [
            stats.spearmanr(test.score[test.expression == name], predicted[test.expression == name]).statistic
            for name in EXPRESSIONS
        ]
        np.testing.assert_allclose([results["severity"][table][name] for name in EXPRESSIONS], found, atol=1e-9)
        assert results["severity"][table]["mean"] == pytest.approx(np.mean(found), abs=1e-9)
    severity = results["severity"]
    assert severity["oracle_spearman_mean"] == severity["oracle_spearman"]["mean"]
    assert severity["share_of_oracle"] == pytest.approx(severity["spearman"]["mean"] / severity["oracle_spearman_mean"])


def test_every_interval_holds_its_estimate(results):
    severity, report = results["severity"], results["report"]
    for name in (*EXPRESSIONS, "mean"):
        low, high = severity["spearman_interval"][name]
        assert low < severity["spearman"][name] < high
    for difference in severity["model_minus_baseline"].values():
        assert difference["interval"][0] < difference["spearman_mean"] < difference["interval"][1]
    for difference in report["model_minus_baseline"].values():
        assert difference["interval"][0] < difference["fact_f1_direction"] < difference["interval"][1]


def test_a_model_is_compared_with_each_baseline_on_the_same_draws(test, rivals):
    kinematics = rivals.scores["kinematics_ordinal"]
    same = _evaluate(test, kinematics, None, rivals)["severity"]["model_minus_baseline"]["kinematics_ordinal"]
    assert same == {"spearman_mean": 0.0, "interval": [0.0, 0.0], "mae_mean": 0.0, "mae_interval": [0.0, 0.0]}
    worse = _evaluate(test, -kinematics, None, rivals)["severity"]["model_minus_baseline"]["kinematics_ordinal"]
    assert worse["spearman_mean"] < worse["interval"][1] < 0
    made = bootstrap.expression_mean_of(bootstrap.spearman_of, test.expression, test.score, -kinematics)
    rival = bootstrap.expression_mean_of(bootstrap.spearman_of, test.expression, test.score, kinematics)
    draws = bootstrap.SubjectDraws.of(test.subject, DRAWS)
    by_hand = np.percentile(draws.evaluate(made) - draws.evaluate(rival), [2.5, 97.5])
    np.testing.assert_allclose(worse["interval"], by_hand)


def test_reference_reports_score_one_and_swapped_sides_cost_facts_but_hardly_bleu(test, rivals, results):
    perfect = results["report"]
    assert perfect["fact_f1"] == dict.fromkeys(perfect["fact_f1"], 1.0)
    assert perfect["laterality_accuracy"] == perfect["grounding"] == perfect["rouge_l"] == 1.0
    assert perfect["bleu4"] == pytest.approx(100.0)
    assert not any(perfect["errors"].values())
    swapped = _evaluate(test, None, [swap_sides(text) for text in _references(test)], rivals)["report"]
    assert swapped["fact_f1"]["mention"] == 1.0
    assert swapped["laterality_accuracy"] == 0.0
    assert swapped["fact_f1"]["direction"] < 0.96
    low, high = swapped["weighted_facts_interval"]
    assert low < swapped["weighted_facts"] < high < 0.96
    assert swapped["grounding"] < 0.96
    assert swapped["bleu4"] > 85
    assert swapped["fact_f1_by_expression"]["rest"] == 1.0 > swapped["fact_f1_by_expression"]["smile"]


def test_the_always_normal_report_finds_nothing(results):
    assert results["report"]["baselines"]["always_normal"]["fact_f1_abnormal"] == 0.0
    assert results["report"]["fact_f1"]["abnormal"] == 1.0
    assert results["report"]["baselines"]["always_normal"]["weighted_facts"] == 0.0
    assert results["report"]["weighted_facts"] == 1.0
    assert results["report"]["weighted_facts_interval"] == [1.0, 1.0]


def test_silence_scores_nothing_and_is_a_number_everywhere(test, rivals):
    report = _evaluate(test, None, [""] * 120, rivals)["report"]
    assert report["fact_f1"] == dict.fromkeys(report["fact_f1"], 0.0)
    assert report["bleu4"] == report["rouge_l"] == report["grounding"] == 0.0
    assert report["laterality_accuracy"] is None
    assert any(flag.startswith("laterality_accuracy") for flag in report["flags"])
    assert report["model_minus_baseline"]["always_normal"]["interval"][1] < 0


def test_without_any_finding_the_measures_of_findings_are_null_with_a_flag(test, rivals):
    normal = ["Movement of both mouth corners is normal."] * 120
    report = _evaluate(_without(test, report=normal[0]), None, normal, rivals)["report"]
    assert report["weighted_facts"] is report["fact_f1"]["abnormal"] is None
    assert any(flag.startswith("weighted_facts, fact_f1/abnormal:") for flag in report["flags"])


def test_a_constant_model_is_zero_with_a_flag_for_each_expression(test, rivals):
    severity = _evaluate(test, np.full(120, 2.0), None, rivals)["severity"]
    assert severity["spearman"]["mean"] == 0.0
    assert severity["spearman_interval"]["mean"] == [0.0, 0.0]
    assert [f for f in severity["flags"] if f.startswith("spearman/")] == [
        f"spearman/{name}: constant prediction" for name in EXPRESSIONS
    ]


def test_real_data_have_no_oracle_and_are_not_called_simulated(test, scores, rivals):
    results = _evaluate(_without(test, truth={}), scores, None, rivals, data="pfed5")
    assert (results["data"], results["simulated"], results["report"]) == ("pfed5", False, None)
    assert results["severity"]["oracle_spearman_mean"] is None
    assert results["severity"]["share_of_oracle"] is None


def test_a_distribution_and_an_interval_add_their_metrics_and_nothing_else(test, scores, rivals, results):
    n = len(test.labels)
    distribution = np.random.default_rng(1).dirichlet(np.ones(5), n).astype(np.float32)
    interval = np.stack([scores - 1, scores + np.linspace(0, 2, n)], axis=1)
    made = evaluation.evaluate_clips(
        "simulated", test, scores, None, rivals, distribution=distribution, interval=interval, draws=DRAWS
    )["severity"]
    json.dumps(made, allow_nan=False)
    smile = test.expression == "smile"
    found = [
        stats.energy_distance(np.arange(5), [y], p) ** 2 / 2
        for y, p in zip(test.score[smile], distribution[smile], strict=True)
    ]
    assert made["rps"]["smile"] == pytest.approx(np.mean(found), abs=1e-7)
    inside = (interval[:, 0] <= test.score) & (test.score <= interval[:, 1])
    assert made["interval_coverage"]["smile"] == pytest.approx(inside[smile].mean())
    assert made["intervals"]["rps"]["mean"][0] < made["rps"]["mean"] < made["intervals"]["rps"]["mean"][1]
    assert made["risk_coverage"]["interval_width"][0] == pytest.approx(np.abs(scores - test.score).mean())
    old = results["severity"]
    assert "rps" not in old
    assert {name: made[name] for name in old if name not in ("intervals", "risk_coverage")} == {
        name: old[name] for name in old if name not in ("intervals", "risk_coverage")
    }


def test_expressions_that_are_not_pfed5s_are_told_of_as_well(test, scores, rivals):
    labels = [dataclasses.replace(x, expression="kiss") if x.expression == "clench" else x for x in test.labels]
    reports = [swap_sides(text) for text in _references(test)]
    found, expected = (
        _evaluate(clips, scores, reports, rivals) for clips in (dataclasses.replace(test, labels=tuple(labels)), test)
    )
    facts, expected_facts = found["report"], expected["report"]
    assert facts["fact_f1_by_expression"]["kiss"] == expected_facts["fact_f1_by_expression"]["clench"] < 1.0
    assert "clench" not in facts["fact_f1_by_expression"]
    assert facts["counts"]["clips_of_expression"]["kiss"] == 24
    found, expected = found["severity"], expected["severity"]
    assert found["spearman"]["kiss"] == expected["spearman"]["clench"]
    assert "clench" not in found["spearman"]
    assert found["spearman"]["mean"] == pytest.approx(expected["spearman"]["mean"])
    assert found["spearman_interval"]["mean"] == pytest.approx(expected["spearman_interval"]["mean"])


def test_several_data_sets_are_told_apart_with_their_subjects(test, scores, rivals):
    first = np.arange(120) < 60
    labels = [
        dataclasses.replace(x, dataset="one" if i < 60 else "two", subject=f"s{i % 60 // 5}") for i, x in enumerate(test.labels)
    ]
    mixed = dataclasses.replace(test, labels=tuple(labels))
    results = _evaluate(mixed, scores, _references(test), rivals, data="mixed")
    assert results["counts"]["subjects"] == results["report"]["counts"]["subjects"] == 24
    found = results["severity"]
    assert found["counts"]["subjects"] == 24
    parts = found["subsets"]["dataset"]
    assert {name: part["counts"]["clips"] for name, part in parts.items()} == {"one": 60, "two": 60}
    rows = first & (test.expression == "smile")
    assert parts["one"]["spearman"]["smile"] == pytest.approx(stats.spearmanr(test.score[rows], scores[rows]).statistic)
    assert (
        parts["one"]["intervals"]["mae"]["mean"][0] < parts["one"]["mae"]["mean"] < parts["one"]["intervals"]["mae"]["mean"][1]
    )


def test_unrated_clips_and_clips_without_reference_are_left_out_and_counted(test, scores, rivals):
    labels = [dataclasses.replace(x, score=None, report=None) if i >= 60 else x for i, x in enumerate(test.labels)]
    partly = dataclasses.replace(test, labels=tuple(labels))
    results = _evaluate(partly, np.where(np.arange(120) < 60, scores, 99.0), _references(test), rivals)
    first = baselines.MeasuredClips(test.labels[:60], test.features[:60], test.facts[:60])
    halves = baselines.BaselinePredictions(
        {name: values[:60] for name, values in rivals.scores.items()}, {name: t[:60] for name, t in rivals.reports.items()}
    )
    expected = _evaluate(first, scores[:60], _references(test)[:60], halves)
    assert results["severity"] == expected["severity"]
    assert results["report"]["fact_f1"] == expected["report"]["fact_f1"]
    assert results["report"]["counts"] == {**expected["report"]["counts"], "grounded_clips": 120}
    assert results["counts"]["clips"] == 120


@pytest.mark.filterwarnings("error::RuntimeWarning")
def test_nothing_to_measure_is_none_with_a_flag_and_never_nan(test, scores, rivals):
    bare = dataclasses.replace(_without(test, score=None, report=None, truth={}), facts=((),) * 120)
    results = _evaluate(bare, scores, _references(test), rivals)
    assert results["severity"]["spearman"]["mean"] is None
    assert results["severity"]["spearman_interval"]["mean"] == [None, None]
    assert results["severity"]["model_minus_baseline"]["kinematics_ordinal"] == {
        "spearman_mean": None,
        "interval": [None, None],
        "mae_mean": None,
        "mae_interval": [None, None],
    }
    assert results["report"]["fact_f1"]["direction"] is None
    assert results["report"]["grounding"] is None
    # Nothing to compare with is no report without errors.
    assert set(results["report"]["errors"].values()) == {None}
    assert results["report"]["flags"]


def test_one_expression_of_one_subject_still_gives_numbers_and_says_how_little_they_are_worth(test, scores, rivals):
    keep = [0]
    one = baselines.MeasuredClips(test.labels[:1], test.features[keep], test.facts[:1])
    few = baselines.BaselinePredictions(
        {name: values[keep] for name, values in rivals.scores.items()}, {name: t[:1] for name, t in rivals.reports.items()}
    )
    results = _evaluate(one, scores[keep], _references(one), few)
    assert results["severity"]["spearman"]["rest"] == 0.0
    assert "smile" not in results["severity"]["spearman"]
    assert "spearman/rest: fewer than 2 clips" in results["severity"]["flags"]
    assert "spearman_interval/mean: one subject: no interval" in results["severity"]["flags"]


def test_a_diverged_model_is_told_in_one_line_with_the_clip(test, scores, rivals):
    broken = scores.copy()
    broken[7] = np.nan
    with pytest.raises(UserError, match=rf"clip {test.labels[7].clip_id}: predicted score is nan \(1 of 120 such\)"):
        evaluation.evaluate_clips("simulated", test, broken, None, rivals)
    with pytest.raises(ValueError, match="119"):
        evaluation.evaluate_clips("simulated", test, scores[1:], None, rivals)


def test_samples_hold_one_json_line_per_clip_with_what_each_said(test, scores, rivals):
    reports = _references(test)
    rows = evaluation.sample_rows(test, scores, reports, rivals)
    assert [row["clip_id"] for row in rows] == [label.clip_id for label in test.labels]
    row = json.loads(json.dumps(rows[6], allow_nan=False))
    assert row["prediction"] == scores[6]
    assert row["latent"] == test.labels[6].truth["severity"]
    assert row["baseline_predictions"]["kinematics_ordinal"] == rivals.scores["kinematics_ordinal"][6]
    assert row["baseline_reports"]["nearest_report"] == rivals.reports["nearest_report"][6]
    assert row["fact_f1_direction"] == 1.0
    assert "report" not in evaluation.sample_rows(test, scores, None, rivals)[0]


def test_the_made_clips_measure_what_their_reports_say(test):
    for label, facts in zip(test.labels, test.facts, strict=True):
        assert set(parse_facts(label.report)) == set(without_values(facts))
