"""One pair of numbers a report gives the metrics, their intervals over people, and both of any part of the clips."""

import numpy as np
import pytest
from measured_factory import make_measured

from input_pipeline.motion.mirrored_words import swap_sides
from input_pipeline.motion.parsing import parse_facts
from tramp_jax.metrics import evaluation, report_facts, weighted_facts
from tramp_jax.metrics.forbidden import forbidden_share
from tramp_jax.metrics.report_ratios import fact_ratios, intervals, subset_results, word_ratios

DRAWS, SEED = 200, 3


@pytest.fixture(scope="module")
def clips():
    """Reports of 60 clips: a third mirrored, a third of another clip, with a diagnosis here and there; a fifth unreferenced."""
    test = make_measured(1, 12)
    rng = np.random.default_rng(0)
    reports = [label.report for label in test.labels]
    said = [
        swap_sides(text) if i % 3 == 1 else reports[rng.integers(60)] if i % 3 == 2 else text for i, text in enumerate(reports)
    ]
    said = [f"{text} Parkinson's disease is likely." if i % 7 == 0 else text for i, text in enumerate(said)]
    references = [None if i % 5 == 3 else text for i, text in enumerate(reports)]
    measured = [() if i % 4 == 0 else facts for i, facts in enumerate(test.facts)]
    return test.subject, test.expression, said, references, measured


@pytest.fixture(scope="module")
def ratios(clips):
    _, _, said, references, measured = clips
    meant = [None if text is None else parse_facts(text) for text in references]
    return fact_ratios([parse_facts(text) for text in said], meant, measured) | word_ratios(said)


def test_values_are_those_of_the_metrics_over_all_reports(clips, ratios):
    _, _, said, references, measured = clips
    pairs = [(parse_facts(a), parse_facts(b)) for a, b in zip(said, references, strict=True) if b is not None]
    stated, meant = zip(*pairs, strict=True)
    expected = {f"fact_f1_{name}": report_facts.fact_f1(stated, meant)[f"{name}_f1"] for name in report_facts.STRICTNESSES}
    expected |= report_facts.error_table(stated, meant)
    expected["laterality_accuracy"] = report_facts.laterality_accuracy(stated, meant)
    expected["weighted_facts"] = np.nanmean(weighted_facts.per_report(stated, meant))
    grounded = [(parse_facts(text), facts) for text, facts in zip(said, measured, strict=True) if facts]
    expected["grounding"] = report_facts.grounding(*zip(*grounded, strict=True))
    expected |= {f"forbidden_{kind}": share for kind, share in forbidden_share(said).items()}
    expected["unparsed"] = report_facts.unparsed_share(said)
    assert {name: ratio.value for name, ratio in ratios.items()} == pytest.approx(expected, abs=1e-12)
    assert 0 < expected["laterality_accuracy"] < 1
    assert expected["forbidden_diagnosis"] == pytest.approx(9 / 60)


def test_an_interval_is_that_of_drawing_the_people_with_their_reports(clips, ratios):
    subject = clips[0]
    found = intervals(ratios, subject, DRAWS, SEED)
    for name in ("laterality_accuracy", "grounding", "wrong_side", "weighted_facts"):
        ratio = ratios[name].take(ratios[name].of)
        of = subject[ratios[name].of]
        people = np.unique(of)
        counts = np.random.default_rng(SEED).multinomial(len(people), np.full(len(people), 1 / len(people)), size=DRAWS)
        values = []
        for draw in counts:
            rows = np.concatenate([np.flatnonzero(of == person) for person in np.repeat(people, draw)])
            if ratio.whole[rows].any():
                values.append(ratio.part[rows].sum() / ratio.whole[rows].sum())
        assert found[name] == pytest.approx(np.percentile(values, [2.5, 97.5]), abs=1e-12)
        assert found[name][0] <= ratios[name].value <= found[name][1]


def test_results_hold_them_and_those_of_each_part_are_those_of_its_reports_alone(clips, ratios):
    subject, expression, said, references, measured = clips
    last = np.array([int(name[-1]) for name in subject])
    sex = np.array(["", "f", "m"])[np.where(last == 0, 0, 1 + last % 2)]
    baselines = {"none": [""] * len(said)}
    options = {"draws": DRAWS, "seed": SEED}
    results = evaluation.report_results(*clips, baselines, {"group_sex": sex}, **options)
    assert results["intervals"]["fact_f1_direction"] == results["fact_f1_interval"]["direction"]
    parts = results["subsets"]["group_sex"]
    assert set(parts) == {"f", "m"}
    assert parts == subset_results(ratios, subject, sex, **options)
    for name, part in parts.items():
        rows = np.flatnonzero(sex == name)
        own = [[column[i] for i in rows] for column in (said, references, measured)]
        alone = evaluation.report_results(subject[rows], expression[rows], *own, {}, **options)
        assert part["intervals"] == alone["intervals"]
        assert part["fact_f1_direction"] == pytest.approx(alone["fact_f1"]["direction"], abs=1e-12)
        assert part["laterality_accuracy"] == pytest.approx(alone["laterality_accuracy"], abs=1e-12)
        assert part["grounding"] == pytest.approx(alone["grounding"], abs=1e-12)
        assert part["counts"] == {"clips": len(rows), "subjects": len(set(subject[rows]))}


def test_where_nothing_is_to_be_measured_there_is_no_number():
    found = fact_ratios([()], [None], [()]) | word_ratios([""])
    assert found["fact_f1_direction"].value is None
    assert found["grounding"].value is None
    assert found["unparsed"].value is None
    assert found["forbidden_any"].value == 0.0
    ends = intervals(found, np.array(["a"]), 10, 0)
    assert ends["grounding"] == ends["forbidden_any"] == [None, None]
