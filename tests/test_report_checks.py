import pytest
from report_factory import as_clip, measured, smile_face

from input_pipeline.motion.facts import Fact, measured_facts, normal_facts
from input_pipeline.motion.mirrored_words import swap_sides
from input_pipeline.motion.wording import write
from input_pipeline.records import EXPRESSIONS
from tramp_jax.metrics.report_facts import grounding
from tramp_jax.report.checks import check_report, in_text

MEASURED = (
    Fact("mouth_corner", "left", "amplitude", "reduced", 0.081, "IOD"),
    Fact("mouth_corner", "right", "amplitude", "normal", 0.142, "IOD"),
    Fact("mouth_corner", "left", "symmetry", "reduced", 27.0, "%"),
    Fact("eye", "both", "rate", "markedly_reduced", 3.0, "/min"),
    Fact("lips", "both", "duty_cycle", "normal", 2.0, "%"),
)


def check(text, measured=MEASURED):
    (sentence,) = check_report(text, measured)
    return sentence.check


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_what_is_written_from_the_measurement_agrees_with_it(expression):
    facts = normal_facts(expression)
    assert {sentence.check for sentence in check_report(write(facts, expression), facts)} == {"agrees"}


def test_one_sentence_about_one_side_is_held_against_that_side():
    assert check("Movement of the left mouth corner is reduced.") == "agrees"
    assert check("Movement of the right mouth corner is reduced.") == "disagrees"
    assert check("Movement of both mouth corners is reduced.") == "disagrees"


def test_a_report_with_left_and_right_swapped_disagrees_wherever_it_names_a_side():
    text = write(MEASURED, "smile")
    assert [s.check for s in check_report(text, MEASURED)] == ["agrees"] * 5
    assert [s.check for s in check_report(swap_sides(text), MEASURED)] == ["disagrees"] * 3 + ["agrees"] * 2


def test_the_right_direction_in_another_degree_is_told_from_the_wrong_direction():
    assert check("The blink rate is reduced.") == "degree"
    assert check("The blink rate is normal.") == "disagrees"
    assert check("The blink rate is increased.") == "disagrees"


def test_a_wrong_number_is_another_degree_and_a_rounded_one_agrees():
    assert check("Movement of the left mouth corner is reduced (0.083 IOD).") == "agrees"
    assert check("Movement of the left mouth corner is reduced (0.11 IOD).") == "degree"


def test_an_asymmetry_without_a_side_agrees_with_the_measured_one():
    assert check("There is asymmetry of the mouth corners.") == "agrees"
    assert check("Movement of the mouth corners is symmetric.") == "disagrees"


def test_what_was_not_measured_and_what_says_nothing_are_not_judged():
    assert check("Movement of both brows is absent.") == "unmeasured"
    assert check("The video looks fine.") == "unread"


def test_a_sentence_brings_what_was_measured_on_its_topic():
    (sentence,) = check_report("Movement of the right mouth corner is reduced.", MEASURED)
    assert sentence.measured == MEASURED[:2]


def test_findings_know_whether_the_text_says_them():
    stated = [
        fact
        for s in check_report("Movement of the left mouth corner is markedly reduced. No blinks.", MEASURED)
        for fact in s.facts
    ]
    assert [in_text(fact, stated) for fact in MEASURED] == ["degree", "no", "no", "degree", "no"]
    both = Fact("mouth_corner", "both", "amplitude", "markedly_reduced")
    assert in_text(both, stated) == "partly"
    assert in_text(MEASURED[0], MEASURED) == "yes"


def test_marks_and_metric_say_the_same():
    facts = measured_facts(measured(as_clip(*smile_face(left=0.05))), "smile")
    for text in (write(facts, "smile"), swap_sides(write(facts, "smile"))):
        sentences = check_report(text, facts)
        stated = [fact for sentence in sentences for fact in sentence.facts]
        assert (grounding([stated], [facts]) == 1) == all(sentence.check == "agrees" for sentence in sentences)
