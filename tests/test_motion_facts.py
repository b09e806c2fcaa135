"""What is stated of measured motion, and at which level."""

import numpy as np
import pytest

from input_pipeline.errors import UserError
from input_pipeline.motion.facts import (
    ATTRIBUTES,
    FACT_TABLE,
    LEVELS,
    Fact,
    facts_of,
    in_order,
    is_abnormal,
    is_paired,
    measured_facts,
    mirrored,
    normal_facts,
    without_values,
)
from input_pipeline.motion.kinematics import Kinematics, measure
from input_pipeline.motion.layouts import NUM_TOKENS
from input_pipeline.records import EXPRESSIONS

GOOD_SMILE = {
    "amplitude/mouth_corner/left": 0.2004,
    "amplitude/mouth_corner/right": 0.21,
    "peak_speed/mouth_corner/both": 0.613,
    "hold/mouth_corner/both": 0.7,
    "symmetry/mouth_corner/both": 0.02,
    "rate/eye/both": 15.2,
    "duty_cycle/lips/both": 0.03,
}


def kinematics_of(values):
    times = np.arange(3) / 30
    return Kinematics(times, {}, values, np.ones(3, bool), noise_floor=0.001, iod=1.0, fps=30.0)


def measured(**changes):
    """A good smile with changes; "a__b__c" stands for the key "a/b/c"."""
    return kinematics_of(GOOD_SMILE | {key.replace("__", "/"): value for key, value in changes.items()})


def by_attribute(facts):
    return {fact.attribute: fact for fact in facts}


def test_equal_levels_of_the_two_sides_are_one_fact_with_the_mean_value():
    first = facts_of(measured(), "smile")[0]
    assert first == Fact("mouth_corner", "both", "amplitude", "normal", 0.205, "IOD")


def test_different_levels_are_a_fact_per_side():
    facts = facts_of(measured(amplitude__mouth_corner__left=0.1, symmetry__mouth_corner__both=0.35), "smile")
    assert [(f.side, f.level, f.value) for f in facts[:2]] == [("left", "reduced", 0.1), ("right", "normal", 0.21)]


def test_sides_of_a_symmetric_movement_are_one_fact_although_a_bound_lies_between_them():
    facts = facts_of(measured(amplitude__mouth_corner__left=0.115, amplitude__mouth_corner__right=0.135), "smile")
    assert facts[0] == Fact("mouth_corner", "both", "amplitude", "normal", 0.125, "IOD")


def test_numbers_are_rounded_to_their_step_and_carry_a_unit():
    facts = by_attribute(facts_of(measured(), "smile"))
    assert (facts["peak_speed"].value, facts["peak_speed"].unit) == (0.61, "IOD/s")
    assert (facts["hold"].value, facts["hold"].unit) == (70.0, "%")
    assert (facts["rate"].value, facts["rate"].unit) == (15.0, "/min")


def test_asymmetry_and_parted_lips_are_stated_only_where_they_are_there():
    assert {"symmetry", "duty_cycle"}.isdisjoint(by_attribute(facts_of(measured(), "smile")))
    facts = by_attribute(facts_of(measured(symmetry__mouth_corner__both=0.3, duty_cycle__lips__both=0.6), "smile"))
    assert facts["symmetry"] == Fact("mouth_corner", "left", "symmetry", "reduced", 30.0, "%")
    assert facts["duty_cycle"].level == "markedly_increased"


@pytest.mark.parametrize(("index", "weaker"), [(0.4, "left"), (-0.4, "right")])
def test_the_side_of_an_asymmetry_is_the_weaker_one(index, weaker):
    # Symmetry is (R - L) / (R + L): positive where the right moves more.
    assert by_attribute(facts_of(measured(symmetry__mouth_corner__both=index), "smile"))["symmetry"].side == weaker


def test_what_is_left_out_as_normal_is_still_measured():
    facts = by_attribute(measured_facts(measured(), "smile"))
    assert facts["symmetry"] == Fact("mouth_corner", "both", "symmetry", "normal", 2.0, "%")
    assert set(facts_of(measured(), "smile")) < set(measured_facts(measured(), "smile"))


def test_a_movement_that_is_absent_has_no_speed_hold_or_symmetry():
    still = measured(amplitude__mouth_corner__left=0.0, amplitude__mouth_corner__right=0.001, symmetry__mouth_corner__both=0.9)
    assert set(by_attribute(facts_of(still, "smile"))) == {"amplitude", "rate"}


def test_nor_has_one_that_is_lost_in_the_noise():
    noisy = measured(amplitude__mouth_corner__left=0.05, peak_speed__mouth_corner__both=0.0, hold__mouth_corner__both=0.0)
    assert set(by_attribute(facts_of(noisy, "smile"))) == {"amplitude", "rate"}


def test_every_row_reads_a_number_that_kinematics_measures():
    rng = np.random.default_rng(0)
    face = rng.uniform(-1, 1, (1, NUM_TOKENS, 3)) + 0.001 * rng.standard_normal((60, NUM_TOKENS, 3))
    values = measure(face, "tokens63", np.arange(60) / 30).values
    for row in (row for rows in FACT_TABLE.values() for row in rows):
        assert {f"{row.attribute}/{row.region}/{side}" for side in row.sides} <= set(values)


def test_what_was_not_measured_is_not_stated():
    facts = facts_of(measured(rate__eye__both=float("nan"), amplitude__mouth_corner__right=float("nan")), "smile")
    assert "rate" not in by_attribute(facts)
    assert facts[0].side == "left"
    assert facts_of(kinematics_of({}), "rest") == ()


def test_a_value_on_a_bound_belongs_to_the_level_after_it():
    assert by_attribute(facts_of(measured(hold__mouth_corner__both=0.45), "smile"))["hold"].level == "normal"
    assert by_attribute(facts_of(measured(hold__mouth_corner__both=0.4499), "smile"))["hold"].level == "reduced"


def test_every_expression_has_a_table_of_plausible_size():
    assert set(FACT_TABLE) == set(EXPRESSIONS)
    for rows in FACT_TABLE.values():
        assert 4 <= len(rows) <= 6


def test_the_table_stays_inside_the_vocabulary_and_its_bounds_rise():
    for row in (row for rows in FACT_TABLE.values() for row in rows):
        levels, bounds = row.scale[::2], row.scale[1::2]
        assert set(levels) <= set(ATTRIBUTES[row.attribute].levels)
        assert row.region in ATTRIBUTES[row.attribute].regions
        assert ATTRIBUTES[row.attribute].normal in levels
        assert list(bounds) == sorted(bounds)
        assert len(levels) == len(bounds) + 1


def test_the_always_normal_report_holds_no_finding():
    for expression in EXPRESSIONS:
        facts = normal_facts(expression)
        assert len(facts) >= 3
        assert not any(is_abnormal(fact) or fact.unit for fact in facts)


def test_no_tremor_and_closed_lips_are_no_findings_but_no_movement_is():
    assert not is_abnormal(Fact("jaw", "both", "tremor", "absent"))
    assert not is_abnormal(Fact("lips", "both", "duty_cycle", "normal"))
    assert is_abnormal(Fact("brow", "both", "amplitude", "absent"))


def test_blinking_symmetry_and_midline_regions_have_no_halves():
    assert is_paired(Fact("eye", "both", "closure", "normal"))
    for region, attribute in (("eye", "rate"), ("brow", "symmetry"), ("jaw", "peak_speed"), ("lips", "duty_cycle")):
        assert not is_paired(Fact(region, "both", attribute, "normal"))


def test_mirroring_twice_changes_nothing_and_once_the_sides_alone():
    facts = facts_of(measured(amplitude__mouth_corner__left=0.1, symmetry__mouth_corner__both=0.35), "smile")
    assert mirrored(mirrored(facts)) == facts
    assert [f.side for f in mirrored(facts)][:2] == ["right", "left"]
    assert by_attribute(mirrored(facts))["symmetry"].side == "right"
    assert all(f.value is None and f.unit == "" for f in without_values(facts))


def test_order_does_not_depend_on_the_input():
    facts = facts_of(measured(amplitude__mouth_corner__left=0.1, symmetry__mouth_corner__both=0.35), "smile")
    assert in_order(reversed(facts)) == facts


def test_words_outside_the_vocabulary_and_numbers_without_unit_are_refused():
    with pytest.raises(ValueError, match="closed vocabulary"):
        Fact("cheek", "left", "amplitude", "reduced")
    with pytest.raises(ValueError, match="closed vocabulary"):
        Fact("brow", "left", "amplitude", "sad")
    with pytest.raises(ValueError, match="come together"):
        Fact("brow", "left", "amplitude", "reduced", 0.1)
    assert {level for attribute in ATTRIBUTES.values() for level in attribute.levels} == set(LEVELS)


def test_an_unknown_expression_is_told_in_one_line():
    with pytest.raises(UserError, match="'wink' has no facts: use one of rest"):
        facts_of(measured(), "wink")
