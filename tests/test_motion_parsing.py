"""Text goes back to the facts that it states, whoever wrote it, and to no others."""

import itertools

import numpy as np
import pytest

from input_pipeline.motion.facts import ATTRIBUTES, Fact, is_paired, mirrored, normal_facts, without_values
from input_pipeline.motion.mirrored_words import swap_sides
from input_pipeline.motion.parsing import parse, parse_facts
from input_pipeline.motion.wording import LEAD_INS, sentences_for, write
from input_pipeline.records import EXPRESSIONS


def sides_of(fact):
    if fact.region == "global":
        return ("none",)
    if fact.attribute == "symmetry":
        return ("both",) if fact.level == "normal" else ("left", "right")
    return ("left", "right", "both") if is_paired(fact) else ("both",)


def statable_facts():
    for name, attribute in ATTRIBUTES.items():
        for region, level in itertools.product(attribute.regions, attribute.levels):
            for side in sides_of(Fact(region, "both", name, level)):
                yield Fact(region, side, name, level)
                yield Fact(region, side, name, level, round(12.3456, attribute.decimals), attribute.unit)


def random_report(seed):
    """Any mixture of facts, one a topic, as a model that was trained on such reports might combine them."""
    rng = np.random.default_rng(seed)
    every = list(statable_facts())
    facts = {(f.region, f.attribute): f for f in (every[i] for i in rng.integers(0, len(every), 8))}
    return tuple(facts.values()), EXPRESSIONS[seed % len(EXPRESSIONS)], rng


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_wording_of_every_fact_is_read_back_exactly(expression):
    for fact in statable_facts():
        for sentence in sentences_for(fact, expression, values=True):
            assert parse_facts(sentence) == (fact,), sentence
            for lead_in in LEAD_INS[expression]:
                assert parse_facts(f"{lead_in}, {sentence[0].lower()}{sentence[1:]}") == (fact,), sentence


@pytest.mark.parametrize("seed", range(40))
def test_whole_reports_are_read_back_and_their_mirror_images_too(seed):
    facts, expression, rng = random_report(seed)
    text = write(facts, expression, rng, values=True)
    assert set(parse_facts(text)) == set(facts)
    assert len(parse(text)) == len(facts)
    assert parse_facts(swap_sides(text)) == mirrored(parse_facts(text))


def test_a_report_without_numbers_states_the_facts_without_values():
    facts, expression, _ = random_report(0)
    assert set(parse_facts(write(facts, expression))) == set(without_values(facts))


def test_normal_reports_are_read_back():
    for expression in EXPRESSIONS:
        assert parse_facts(write(normal_facts(expression), expression)) == normal_facts(expression)


# Written by hand, in words that `wording` does not use.
PARAPHRASES = {
    "The smile is weaker on the left.": ["mouth_corner left symmetry reduced", "mouth_corner left amplitude reduced"],
    "The left corner of the mouth shows a limited excursion during the smile.": ["mouth_corner left amplitude reduced"],
    "Spontaneous lower facial movement is markedly decreased.": ["mouth_corner both amplitude markedly_reduced"],
    "Both eyebrows lift with a full range.": ["brow both amplitude normal"],
    "Left brow: reduced; right brow: normal.": ["brow left amplitude reduced", "brow right amplitude normal"],
    "The left brow moves fully, but the right is reduced.": ["brow left amplitude normal", "brow right amplitude reduced"],
    "The left eye closes completely, the right eye only partly.": ["eye left closure normal", "eye right closure reduced"],
    "The left and right mouth corners move slowly.": ["mouth_corner both peak_speed reduced"],
    "The smile is slow and reduced in amplitude.": [
        "mouth_corner both peak_speed reduced",
        "mouth_corner both amplitude reduced",
    ],
    "Amplitude and speed of both brows are reduced.": ["brow both amplitude reduced", "brow both peak_speed reduced"],
    "Movement of both brows and both mouth corners is reduced.": [
        "brow both amplitude reduced",
        "mouth_corner both amplitude reduced",
    ],
    "The smile is held for only part of the task.": ["mouth_corner both hold reduced"],
    "The left mouth corner moves less than the right.": [
        "mouth_corner left symmetry reduced",
        "mouth_corner left amplitude reduced",
    ],
    "The right mouth corner moves more than the left.": [
        "mouth_corner left symmetry reduced",
        "mouth_corner left amplitude reduced",
    ],
    "The right side lags behind the left in the smile.": [
        "mouth_corner right symmetry reduced",
        "mouth_corner right amplitude reduced",
    ],
    "Mouth corner movement is greater on the right than on the left.": [
        "mouth_corner left symmetry reduced",
        "mouth_corner left amplitude reduced",
    ],
    "Blink frequency is within normal limits.": ["eye both rate normal"],
    "The mouth is open most of the time.": ["lips both duty_cycle markedly_increased"],
    "There is intermittent lip parting.": ["lips both duty_cycle increased"],
    "The jaw trembles.": ["jaw both tremor increased"],
    "Facial movement is reduced overall.": ["global none amplitude reduced"],
}
NEGATIONS = {
    "Left mouth corner movement is not reduced.": ["mouth_corner left amplitude normal"],
    "No reduction in the amplitude of the left brow is seen.": ["brow left amplitude normal"],
    "Movement of the left brow isn't normal.": ["brow left amplitude reduced"],
    "Both brows do not move.": ["brow both amplitude absent"],
    "There is no asymmetry of the brows.": ["brow both symmetry normal"],
    "The smile does not start late.": ["mouth_corner both onset normal"],
    "The smile begins without delay.": ["mouth_corner both onset normal"],
    "The right eye does not close completely.": ["eye right closure reduced"],
    "The blink rate is not reduced.": ["eye both rate normal"],
    "No blinking is observed.": ["eye both rate absent"],
    "The lips do not part.": ["lips both duty_cycle normal"],
    "The lips are not always closed.": ["lips both duty_cycle increased"],
    "No jaw tremor.": ["jaw both tremor absent"],
    "The smile is not held.": ["mouth_corner both hold markedly_reduced"],
}


@pytest.mark.parametrize("text", PARAPHRASES)
def test_common_paraphrases_are_read(text):
    assert [f"{f.region} {f.side} {f.attribute} {f.level}" for f in parse_facts(text)] == PARAPHRASES[text]
    assert not any(sentence.negated for sentence in parse(text))


@pytest.mark.parametrize("text", NEGATIONS)
def test_negations_turn_the_level(text):
    assert [f"{f.region} {f.side} {f.attribute} {f.level}" for f in parse_facts(text)] == NEGATIONS[text]
    assert all(sentence.negated for sentence in parse(text))


def test_a_negation_does_not_reach_across_the_sentence():
    (fact,) = parse_facts("Not counting the opening frames of it, movement of both brows is reduced.")
    assert fact.level == "reduced"


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("Peak velocity of the left mouth corner is 0.35 IOD per second, which is reduced.", 0.35, "IOD/s"),
        ("The mouth corners rise by 0.21 inter-ocular distances, a normal amplitude.", 0.21, "IOD"),
        ("The lips are parted for 12 percent of the time.", 12.0, "%"),
        ("Blinking is infrequent, at 4 blinks per minute.", 4.0, "/min"),
        ("The smile starts late, after 1.25 s, 20% of the task.", 1.25, "s"),
        ("The smile is held steadily, for 80% of the 10 s.", 80.0, "%"),
        ("Movement of the 2 brows is reduced.", None, ""),
    ],
)
def test_numbers_are_read_with_their_units(text, value, unit):
    (fact,) = parse_facts(text)
    assert (fact.value, fact.unit) == (value, unit)


@pytest.mark.parametrize(
    "text",
    [
        "The weather is fine.",
        "The severity is 2 out of 4.",
        "This suggests Parkinson's disease.",
        "No emotion is seen in the face.",
        "The recording is of low quality.",
    ],
)
def test_what_cannot_be_read_is_returned_without_facts(text):
    (sentence,) = parse(text)
    assert (sentence.text, sentence.facts) == (text, ())


def test_a_region_is_carried_to_the_next_sentence_and_from_the_task():
    text = "While frowning, the amplitude is normal on the left and reduced on the right. The speed is low."
    assert [(f.region, f.side, f.attribute, f.level) for f in parse_facts(text)] == [
        ("brow", "left", "amplitude", "normal"),
        ("brow", "right", "amplitude", "reduced"),
        ("brow", "both", "peak_speed", "reduced"),
    ]


def test_sentences_are_cut_at_periods_but_not_inside_numbers():
    text = "Movement of the left brow is reduced (0.02 IOD). Nothing else!\nThe lips stay closed"
    assert [s.text for s in parse(text)] == [
        "Movement of the left brow is reduced (0.02 IOD).",
        "Nothing else!",
        "The lips stay closed",
    ]
    assert parse("") == [] == parse(" \n . ! ")


def test_any_words_in_any_order_are_parsed_quickly_and_without_error():
    # A model that is still untrained writes such text, and repeats itself to the end of its budget.
    rng = np.random.default_rng(0)
    words = [*sorted(set(" ".join([*PARAPHRASES, *NEGATIONS]).split())), ", ", ". ", "; ", "and", "but", "12%", "0.3 IOD/s"]
    for _ in range(300):
        assert isinstance(parse(" ".join(rng.choice(words, 25))), list)
    for word in ("left ", "while smiling ", "part of ", "less than ", "not ", "mouth corner and ", "0.1"):
        assert isinstance(parse(word * 400), list)
