"""Fact scores fall where a report says something else, and only there."""

import dataclasses
import math
import re

import numpy as np
import pytest

from input_pipeline.motion.facts import Fact, mirrored, normal_facts
from input_pipeline.motion.mirrored_words import swap_sides
from input_pipeline.motion.parsing import parse_facts
from input_pipeline.motion.wording import write
from tramp_jax.metrics.report_facts import (
    STRICTNESSES,
    deviation,
    error_table,
    fact_f1,
    grounding,
    laterality_accuracy,
    per_report,
    score_report,
    unparsed_share,
)

LEFT = Fact("mouth_corner", "left", "amplitude", "reduced", 0.08, "IOD")
RIGHT = Fact("mouth_corner", "right", "amplitude", "normal", 0.2, "IOD")
SPEED = Fact("mouth_corner", "both", "peak_speed", "markedly_reduced", 0.15, "IOD/s")
ASYMMETRY = Fact("mouth_corner", "left", "symmetry", "reduced", 43.0, "%")
BLINKS = Fact("eye", "both", "rate", "normal", 14.0, "/min")
REPORT = (LEFT, RIGHT, SPEED, ASYMMETRY, BLINKS)


def with_change(old, **changes):
    return tuple(dataclasses.replace(fact, **changes) if fact is old else fact for fact in REPORT)


def f1(stated, reference=REPORT):
    return {level: score_report(stated, reference)[f"{level}_f1"] for level in STRICTNESSES}


def errors(stated, reference=REPORT):
    return {kind: count for kind, count in error_table([stated], [reference]).items() if count}


def test_identity_is_one_and_order_does_not_matter():
    for stated in (REPORT, REPORT[::-1]):
        assert f1(stated) == dict.fromkeys(STRICTNESSES, 1.0)
        assert errors(stated) == {}
        assert laterality_accuracy([stated], [REPORT]) == 1.0
        assert grounding([stated], [REPORT]) == 1.0


def test_an_empty_report_is_zero():
    assert f1(()) == dict.fromkeys(STRICTNESSES, 0.0)
    assert grounding([()], [REPORT]) == 0.0
    assert errors(()) == {"missing": 4.0}
    assert math.isnan(laterality_accuracy([()], [REPORT]))


def test_a_side_swap_lowers_everything_but_the_mention():
    scores = f1(mirrored(REPORT))
    # What has no side, speed of both corners and blinking, stays: two of four topics.
    assert scores["mention"] == 1.0
    assert scores["direction"] == scores["value"] == 0.5
    assert laterality_accuracy([mirrored(REPORT)], [REPORT]) == 0.0
    assert errors(mirrored(REPORT)) == {"wrong_side": 2.0}
    assert grounding([mirrored(REPORT)], [REPORT]) == 0.5


def test_a_negated_finding_and_an_invented_one_are_negations():
    for stated in (with_change(SPEED, level="normal"), with_change(BLINKS, level="reduced")):
        assert f1(stated)["direction"] == 0.75
        assert f1(stated)["abnormal"] < 1.0
        assert errors(stated) == {"negation": 1.0}
    assert errors(with_change(ASYMMETRY, side="both", level="normal")) == {"negation": 1.0}


def test_another_level_is_a_wrong_level_with_the_side_right():
    stated = with_change(LEFT, level="markedly_reduced")
    assert f1(stated)["mention"] == 1.0
    assert f1(stated)["direction"] == pytest.approx(3.5 / 4)
    assert errors(stated) == {"wrong_level": 0.5, "overstatement": 0.5}
    assert errors(with_change(SPEED, level="reduced")) == {"wrong_level": 1.0}
    assert laterality_accuracy([stated], [REPORT]) == 1.0


def test_deviation_counts_steps_from_what_is_normal():
    levels = ("absent", "markedly_reduced", "reduced", "normal", "increased")
    assert [deviation(dataclasses.replace(BLINKS, level=level)) for level in levels] == [-3, -2, -1, 0, 1]
    tremors = (Fact("jaw", "both", "tremor", level) for level in ("absent", "increased"))
    assert [deviation(tremor) for tremor in tremors] == [0, 1]
    assert deviation(Fact("lips", "both", "duty_cycle", "markedly_increased")) == 2


def test_a_number_lowers_the_value_score_beyond_a_tenth_or_one_step():
    assert f1(with_change(SPEED, value=0.165))["value"] == 1.0
    assert f1(with_change(SPEED, value=0.17))["value"] == 0.75
    assert f1(with_change(SPEED, value=0.17))["direction"] == 1.0
    assert errors(with_change(SPEED, value=0.165)) == {}
    assert errors(with_change(SPEED, value=0.17)) == {"wrong_value": 1.0}
    assert errors(with_change(LEFT, value=0.3)) == {"wrong_value": 0.5}
    assert errors(with_change(SPEED, value=None, unit="")) == {}
    # A number that goes with a wrong level is not told twice.
    assert errors(with_change(SPEED, level="reduced", value=0.4)) == {"wrong_level": 1.0}
    assert f1(with_change(SPEED, unit="IOD"))["value"] == 0.75
    assert f1(with_change(SPEED, value=None, unit=""))["value"] == 0.75
    # 3 against 2 per minute is one reporting step, far as that is in percent.
    assert score_report([dataclasses.replace(BLINKS, value=3.0)], [dataclasses.replace(BLINKS, value=2.0)])["value_f1"] == 1.0


def test_a_reference_without_numbers_asks_for_none():
    bare = tuple(dataclasses.replace(fact, value=None, unit="") for fact in REPORT)
    assert f1(REPORT, bare)["value"] == f1(bare, bare)["value"] == 1.0


def test_an_added_fact_costs_precision_a_left_out_one_recall():
    added = score_report((*REPORT, Fact("jaw", "both", "tremor", "increased")), REPORT)
    assert (added["mention_precision"], added["mention_recall"]) == (0.8, 1.0)
    assert (added["direction_precision"], added["direction_recall"]) == (0.8, 1.0)
    left_out = score_report(REPORT[:-1], REPORT)
    assert (left_out["direction_precision"], left_out["direction_recall"]) == (1.0, 0.75)
    assert errors((*REPORT, Fact("jaw", "both", "tremor", "increased"))) == {"false": 1.0}
    assert errors(REPORT[:-1]) == {"missing": 1.0}


def test_saying_it_twice_does_not_earn_twice():
    for strictness in ("mention", "direction", "value"):
        twice = score_report((*REPORT, BLINKS), REPORT)
        assert (twice[f"{strictness}_precision"], twice[f"{strictness}_recall"]) == (0.8, 1.0)
    # Nor does a repeated half stand for the other half.
    assert score_report((SPEED, SPEED), (SPEED, BLINKS))["direction_recall"] == 0.5
    assert score_report((BLINKS,), (BLINKS, BLINKS))["direction_recall"] == 0.5
    left = dataclasses.replace(SPEED, side="left")
    assert score_report((left, left), (SPEED,))["direction_recall"] == 0.5
    assert errors((*REPORT, BLINKS)) == {"false": 1.0}


def test_both_is_left_and_right_of_equal_level():
    halves = tuple(dataclasses.replace(SPEED, side=side) for side in ("left", "right"))
    assert f1((LEFT, RIGHT, *halves, ASYMMETRY, BLINKS)) == dict.fromkeys(STRICTNESSES, 1.0)
    assert score_report(halves[:1], (SPEED,))["direction_recall"] == 0.5


def test_saying_both_for_one_side_has_no_laterality():
    both = (dataclasses.replace(LEFT, side="both"), ASYMMETRY)
    # Left reduced said of both is wrong, the asymmetry is right, the normal right side is not mentioned as such.
    assert laterality_accuracy([both], [REPORT]) == 0.5
    assert math.isnan(laterality_accuracy([REPORT], [(SPEED, BLINKS)]))


def test_two_abnormal_sides_exchanged_are_not_excused():
    reference = (LEFT, dataclasses.replace(RIGHT, level="markedly_reduced"))
    assert laterality_accuracy([mirrored(reference)], [reference]) == 0.0
    assert laterality_accuracy([reference], [reference]) == 1.0
    assert laterality_accuracy([(dataclasses.replace(LEFT, level="markedly_reduced"), RIGHT)], [(LEFT, RIGHT)]) == 1.0


def test_the_always_normal_report_finds_nothing():
    scores = fact_f1([normal_facts("smile")], [REPORT])
    assert scores["abnormal_f1"] == 0.0
    assert scores["direction_f1"] > 0.0


def test_findings_are_not_scored_where_there_are_none():
    normal = normal_facts("smile")
    scores = fact_f1([normal, ()], [normal, REPORT])
    assert scores["abnormal_f1"] == 0.0
    assert math.isnan(fact_f1([normal], [normal])["abnormal_f1"])
    assert math.isnan(fact_f1([], [])["direction_f1"])


def test_the_average_is_over_reports_not_over_facts():
    stated, reference = [REPORT, ()], [REPORT, (BLINKS,)]
    assert fact_f1(stated, reference)["direction_f1"] == 0.5
    np.testing.assert_array_equal(per_report(stated, reference)["direction_f1"], [1.0, 0.0])
    assert error_table(stated, reference)["missing"] == 0.5
    assert fact_f1([()], [()])["direction_f1"] == 1.0


def test_grounding_asks_nothing_of_numbers_that_were_not_stated():
    bare = tuple(dataclasses.replace(fact, value=None, unit="") for fact in REPORT)
    assert grounding([bare], [REPORT]) == 1.0
    assert grounding([with_change(SPEED, value=0.3)], [REPORT]) == 0.75
    assert grounding([(BLINKS,), ()], [REPORT, REPORT]) == 0.5


@pytest.mark.parametrize("seed", range(5))
def test_scores_read_through_the_text_do_not_depend_on_its_words(seed):
    rng = np.random.default_rng(seed)
    text, other = (write(REPORT, "smile", rng, values=True) for _ in range(2))
    read = parse_facts(text)
    assert f1(read, parse_facts(other)) == dict.fromkeys(STRICTNESSES, 1.0)
    assert f1(parse_facts(swap_sides(text)), read)["direction"] == 0.5
    assert f1(parse_facts(text.replace(" is ", " is not ").replace(" shows ", " does not show ")), read)["direction"] < 1.0


# The same report as a template writes it and as somebody else would.
TEMPLATE = (
    "Movement of the left mouth corner is reduced (0.080 IOD). Movement of the right mouth corner is normal (0.200 IOD). "
    "Movement speed of both mouth corners is markedly reduced (0.15 IOD/s). The blink rate is normal (14 per minute)."
)
FREE = (
    "On smiling, the left oral commissure travels 0.08 IOD, which is less than expected. The right one goes up by 0.20 IOD, "
    "in full. The smile unfolds extremely slowly, with a peak speed of 0.15 IOD/s. "
    "She blinks 14 times a minute, as is normal."
)
CHANGES = {
    "swap of sides": lambda text: swap_sides(text),
    "negation": lambda text: text.replace("is markedly", "is not").replace("extremely slowly", "by no means slowly"),
    "change of number": lambda text: text.replace("0.08", "0.05"),
    "added fact": lambda text: f"{text} The jaw trembles.",
    "left out fact": lambda text: text[: text.index("left")].rpartition(".")[0] + text[text.index("right") - 4 :],
}


@pytest.mark.parametrize("text", [TEMPLATE, FREE], ids=["template", "free"])
def test_a_text_is_itself_in_any_order_of_its_sentences(text):
    read = parse_facts(text)
    assert f1(read, parse_facts(TEMPLATE)) == f1(read, read) == dict.fromkeys(STRICTNESSES, 1.0)
    sentences = re.split(r"(?<=\.) ", text)
    assert f1(parse_facts(" ".join(sentences[2:] + sentences[:2])), read) == dict.fromkeys(STRICTNESSES, 1.0)
    assert f1(parse_facts(""), read) == dict.fromkeys(STRICTNESSES, 0.0)


@pytest.mark.parametrize("text", [TEMPLATE, FREE], ids=["template", "free"])
@pytest.mark.parametrize("change", CHANGES)
def test_every_change_of_what_a_text_says_lowers_its_score(text, change):
    read = parse_facts(text)
    scores = f1(parse_facts(CHANGES[change](text)), read)
    assert scores["value"] < 1.0
    assert scores["direction"] == 1.0 if change == "change of number" else scores["direction"] < 1.0


def test_sentences_on_motion_that_state_nothing_readable_are_counted():
    # What is no motion cannot be unread, and what the vocabulary cannot say (speed of the whole face) is.
    texts = [
        "The blink rate is normal. The weather is fine.",
        "Movement of both brows is absent. All facial movements are slow.",
    ]
    assert unparsed_share(texts) == pytest.approx(1 / 3)
    assert math.isnan(unparsed_share(["", "The weather is fine."]))


def test_lists_of_different_length_are_refused():
    for metric in (fact_f1, laterality_accuracy, error_table, grounding):
        with pytest.raises(ValueError, match="argument 2"):
            metric([REPORT], [])
