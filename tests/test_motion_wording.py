"""Reports say the facts, all the facts, and nothing else."""

import re

import numpy as np
import pytest

from input_pipeline.errors import UserError
from input_pipeline.motion.facts import ATTRIBUTES, Fact, normal_facts
from input_pipeline.motion.wording import LEAD_INS, WORDINGS, sentences_for, write
from input_pipeline.records import EXPRESSIONS

FACTS = (
    Fact("mouth_corner", "left", "amplitude", "reduced", 0.08, "IOD"),
    Fact("mouth_corner", "right", "amplitude", "normal", 0.21, "IOD"),
    Fact("mouth_corner", "both", "peak_speed", "reduced", 0.35, "IOD/s"),
    Fact("mouth_corner", "left", "symmetry", "reduced", 45.0, "%"),
    Fact("eye", "both", "rate", "markedly_reduced", 3.0, "/min"),
)
# Feelings, diseases, grades, judgements on a person. "Smile" and "frown" name posed tasks and stay.
FORBIDDEN = (
    r"happ\w*|sad\w*|ang(er|ry)|joy\w*|fear\w*|disgust\w*|surprise\w*|emotion\w*|mood|feel\w*|pain\w*|anxi\w*|depress\w*|"
    r"parkinson\w*|disease|disorder|syndrome|dystonia|palsy|paresis|hypomimia|bradykinesia|diagnos\w*|patient|symptom\w*|"
    r"sever\w*|grade|score|mild\w*|moderate\w*|slight impairment|masked|pathologic\w*|healthy|suggest\w*|consistent with"
)


def every_fact():
    for name, attribute in ATTRIBUTES.items():
        for region in attribute.regions:
            for level in attribute.levels:
                yield Fact(region, "none" if region == "global" else "left", name, level)


def test_the_report_as_it_reads():
    assert write(FACTS, "smile") == (
        "While smiling, movement of the left mouth corner is reduced. Movement of the right mouth corner is normal. "
        "Movement speed of both mouth corners is reduced. Movement of the mouth corners is asymmetric, weaker on the left. "
        "The blink rate is markedly reduced."
    )


def test_numbers_come_with_units_and_only_when_asked_for():
    text = write(FACTS, "smile", values=True)
    for number in ("(0.080 IOD)", "(0.210 IOD)", "(0.35 IOD/s)", "(45%)", "(3 per minute)"):
        assert number in text
    for seed in range(20):
        assert not re.search(r"\d", write(FACTS, "smile", np.random.default_rng(seed)))


def test_one_sentence_per_fact_in_an_order_that_does_not_depend_on_the_input():
    assert write(reversed(FACTS), "smile") == write(FACTS, "smile")
    assert write(FACTS, "smile").count(".") == len(FACTS)
    assert write((), "smile") == ""


def test_the_generator_decides_the_wording_and_nothing_else_does():
    texts = [write(FACTS, "smile", np.random.default_rng(seed)) for seed in (1, 1, 2, 3, 4)]
    assert texts[0] == texts[1]
    assert len(set(texts)) > 2


def test_every_level_of_every_attribute_has_two_or_three_wordings_that_differ():
    assert {name: set(levels) for name, levels in WORDINGS.items()} == {n: set(a.levels) for n, a in ATTRIBUTES.items()}
    for fact in every_fact():
        sentences = sentences_for(fact, "smile")
        assert 2 <= len(sentences) <= 3
        assert len(set(sentences)) == len(sentences)


def test_verbs_agree_with_one_side_and_with_two():
    one, two = (sentences_for(Fact("eye", side, "closure", "normal"), "squeeze")[1] for side in ("left", "both"))
    assert (one, two) == ("The left eye closes fully.", "Both eyes close fully.")


def test_movement_at_rest_is_spontaneous():
    assert write(normal_facts("rest"), "rest").startswith("At rest, spontaneous movement of both mouth corners is normal.")


def test_every_expression_is_named_at_the_start():
    assert set(LEAD_INS) == set(EXPRESSIONS)
    for expression in EXPRESSIONS:
        assert write(normal_facts(expression), expression).startswith(LEAD_INS[expression][0] + ", ")


def test_no_wording_holds_a_diagnosis_an_emotion_or_a_grade():
    for expression in EXPRESSIONS:
        said = " ".join(sentence for fact in every_fact() for sentence in sentences_for(fact, expression))
        said += " ".join(LEAD_INS[expression])
        assert not re.search(rf"\b({FORBIDDEN})\b", said, re.IGNORECASE)


def test_every_sentence_is_clean_english_typography():
    for fact in every_fact():
        for sentence in sentences_for(fact, "smile"):
            assert re.fullmatch(r"[A-Z][a-z]*(?:,? [a-z]+)+\.", sentence), sentence


def test_unknown_expression_and_impossible_level_are_told_in_one_line():
    with pytest.raises(UserError, match="'wink' has no wording: use one of rest"):
        write(FACTS, "wink")
    with pytest.raises(UserError, match="onset cannot be absent: use one of normal, increased"):
        write([Fact("brow", "both", "onset", "absent")], "frown")
