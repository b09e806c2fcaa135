"""The weighted score is 1 for the reference, 0 for the always-normal report, and falls with every kind of error."""

import dataclasses
import itertools
import math

import numpy as np
import pytest

from input_pipeline.motion.facts import Fact, is_abnormal, mirrored, normal_facts
from input_pipeline.motion.parsing import parse_facts
from input_pipeline.motion.wording import write
from tramp_jax.metrics.weighted_facts import per_report, score_report

LEFT = Fact("mouth_corner", "left", "amplitude", "reduced", 0.08, "IOD")
RIGHT = Fact("mouth_corner", "right", "amplitude", "normal", 0.2, "IOD")
SPEED = Fact("mouth_corner", "both", "peak_speed", "markedly_reduced", 0.15, "IOD/s")
BLINKS = Fact("eye", "both", "rate", "normal", 14.0, "/min")
TREMOR = Fact("jaw", "both", "tremor", "increased")
REPORT = (LEFT, RIGHT, SPEED, BLINKS)
# Half a topic one step from normal, two halves further away.
LEFT_WEIGHT, SPEED_WEIGHT = 0.5 * 0.5, 1.0
WHOLE = LEFT_WEIGHT + SPEED_WEIGHT


def with_change(old, **changes):
    return tuple(dataclasses.replace(fact, **changes) if fact is old else fact for fact in REPORT)


def test_identity_is_one_in_any_order_and_any_words():
    for stated in itertools.permutations(REPORT):
        assert score_report(stated, REPORT) == 1.0
    for seed in range(5):
        rng = np.random.default_rng(seed)
        said, meant = (parse_facts(write(REPORT, "smile", rng, values=True)) for _ in range(2))
        assert score_report(said, meant) == 1.0


def test_nothing_said_and_all_normal_are_zero():
    assert score_report((), REPORT) == 0.0
    assert score_report(normal_facts("smile"), REPORT) == 0.0


def test_every_kind_of_error_costs_what_the_formula_says():
    wrong = {
        "sides exchanged": (mirrored(REPORT), LEFT_WEIGHT * 0.5 / 1.5 + SPEED_WEIGHT),
        "negated finding": (with_change(SPEED, level="normal"), LEFT_WEIGHT),
        "number off": (with_change(SPEED, value=0.3), LEFT_WEIGHT + SPEED_WEIGHT / 1.25),
        "number left out": (with_change(SPEED, value=None, unit=""), LEFT_WEIGHT + SPEED_WEIGHT / 1.25),
        "understated": (with_change(SPEED, level="reduced"), LEFT_WEIGHT + SPEED_WEIGHT / 1.5),
        "overstated": (with_change(LEFT, level="absent"), LEFT_WEIGHT * 0.5 / 1.5 + SPEED_WEIGHT),
        "added finding": ((*REPORT, TREMOR), WHOLE - 0.5),
        "finding of a normal": (with_change(BLINKS, level="reduced"), WHOLE - 0.5),
        "said twice": ((*REPORT, SPEED), WHOLE - 1.0),
        "left out": ((RIGHT, SPEED, BLINKS), SPEED_WEIGHT),
    }
    for name, (stated, earned) in wrong.items():
        assert score_report(stated, REPORT) == pytest.approx(earned / WHOLE), name
        assert score_report(stated, REPORT) < 1.0, name


def test_what_is_normal_weighs_nothing():
    assert score_report((LEFT, SPEED), REPORT) == 1.0
    assert score_report((*REPORT, Fact("lips", "both", "duty_cycle", "normal")), REPORT) == 1.0


def test_more_false_than_true_is_below_zero_and_above_minus_one():
    assert score_report((TREMOR,), REPORT) == pytest.approx(-0.5 / 1.5)
    assert score_report((TREMOR,), (BLINKS,)) == pytest.approx(-0.5 / 1.5)
    many = [Fact(region, "both", "amplitude", "absent") for region in ("brow", "eye", "jaw", "mouth_corner")]
    assert -1.0 < score_report(many, (BLINKS,)) < score_report((TREMOR,), (BLINKS,))


def test_no_finding_on_either_side_is_not_scored():
    assert math.isnan(score_report((BLINKS,), (RIGHT,)))
    np.testing.assert_array_equal(per_report([REPORT, (), (TREMOR,)], [REPORT, (), ()]), [1.0, np.nan, -1 / 3])


def test_the_best_pairing_is_found_whatever_the_order():
    # Two reduced sides of different degree, both told with the other's degree: two level errors, not two wrong sides.
    reference = (LEFT, dataclasses.replace(RIGHT, level="markedly_reduced", value=0.03))
    stated = (
        dataclasses.replace(LEFT, level="markedly_reduced", value=0.08),
        dataclasses.replace(RIGHT, level="reduced", value=0.03),
    )
    earned = 0.5 * (0.5 * 0.5 / 1.0 + 1.0 / 1.5)
    for said, meant in itertools.product(itertools.permutations(stated), itertools.permutations(reference)):
        assert score_report(said, meant) == pytest.approx(earned / (0.5 * 1.5))


def test_scores_equal_a_search_over_all_pairings():
    rng = np.random.default_rng(0)
    levels = ("absent", "markedly_reduced", "reduced", "normal")

    def random_facts():
        return [
            Fact(
                "brow",
                str(rng.choice(["left", "right"])),
                "amplitude",
                str(rng.choice(levels)),
                float(rng.integers(1, 4)),
                "IOD",
            )
            for _ in range(rng.integers(0, 4))
        ]

    step = {"absent": 3, "markedly_reduced": 2, "reduced": 1}

    def weight(fact):
        return 0.5 if fact.level == "reduced" else 1.0

    def credit(said, meant):
        wrong = (said.side != meant.side) + 0.5 * abs(step[said.level] - step[meant.level]) + 0.25 * (said.value != meant.value)
        return weight(meant) ** 2 / (weight(meant) + wrong)

    def best(said, meant):
        if not said:
            return 0.0
        first, rest = said[0], said[1:]
        paired = [credit(first, other) + best(rest, meant[:i] + meant[i + 1 :]) for i, other in enumerate(meant)]
        return max([best(rest, meant) - weight(first), *paired])

    for _ in range(200):
        stated, reference = random_facts(), random_facts()
        said, meant = ([fact for fact in facts if is_abnormal(fact)] for facts in (stated, reference))
        if not said and not meant:
            continue
        gained = 0.5 * best(said, meant)
        expected = gained / (1 - gained) if gained < 0 else gained / (0.5 * sum(map(weight, meant)))
        assert score_report(stated, reference) == pytest.approx(expected, abs=1e-12)


def test_lists_of_different_length_are_refused():
    with pytest.raises(ValueError, match="argument 2"):
        per_report([REPORT], [])
