"""A template's sentence is looked up, every other sentence is left to the rules."""

import pytest

from input_pipeline.motion.facts import Fact
from input_pipeline.motion.templates import read_template, statable_facts
from input_pipeline.motion.wording import LEAD_INS, sentences_for


def test_no_two_facts_share_a_sentence():
    for expression in LEAD_INS:
        for fact in statable_facts():
            assert {read_template(sentence) for sentence in sentences_for(fact, expression)} == {fact}


def test_lead_in_number_and_case_do_not_matter():
    fact = Fact("brow", "left", "amplitude", "reduced", 0.03, "IOD")
    assert read_template("IN THE FROWN TASK, movement of the left brow is reduced (0.030 IOD).") == fact
    assert read_template("Movement of the left brow is reduced (0.030 IOD)") == fact


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Movement of the left brow is reduced and slow.",
        "Movement of the left brow is",
        "Movement of the left brow is not reduced.",
        "Movement of the left brow is reduced (0.030 mm).",
        "The left brow barely moves.",
    ],
)
def test_any_other_sentence_is_no_template(text):
    assert read_template(text) is None
