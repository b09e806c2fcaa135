"""A free text names one label, or decides nothing."""

import pytest

from input_pipeline.datasets.registry import BUILDERS
from tramp_jax.metrics.emotion import labels

AFFECTNET = BUILDERS["affectnet"].ABOUT.labels["emotion"]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Happy", "happy"),
        ("sadness.", "sad"),
        ("The corners of the mouth rise. The person looks joyful.", "happy"),
        ("She is not happy but sad.", "sad"),
        ("There is no sign of fear; anger dominates.", "anger"),
        ("He isn't angry. He is surprised.", "surprise"),
        ("happiness, not sadness", "happy"),
        ("A happy face. A sad one beside it.", "happy"),
        ("happy or sad", ""),
        ("unhappy", ""),
        ("I cannot tell.", ""),
        ("", ""),
    ],
)
def test_the_first_sentence_that_names_a_label_decides(text, label):
    assert labels.first_label(text, AFFECTNET) == label


def test_the_last_word_is_emotion_llamas_rule_and_guesses_neutral():
    assert labels.last_word("The emotion is happy", AFFECTNET) == "happy"
    assert labels.last_word("The emotion is happy.", AFFECTNET) == "neutral"
    assert labels.last_word("", AFFECTNET) == "neutral"
    assert labels.last_word("", ("a", "b")) == ""


@pytest.mark.parametrize(
    ("written", "name"),
    [("RAF-DB", "raf_db"), ("CK+", "ck_plus"), ("Aff-Wild2", "aff_wild2"), ("CAER-S", "caer_s"), ("FER+", "fer_plus")],
)
def test_classes_are_the_builders_in_its_order(written, name):
    assert labels.vocabulary_of(written) == (BUILDERS[name].ABOUT.labels["emotion"], True)


def test_an_unknown_data_set_has_the_labels_of_its_truths():
    assert labels.vocabulary_of("mine", ["b", "A ", "b"]) == (("a", "b"), False)


def test_every_label_of_every_builder_names_itself_and_nothing_else():
    for name, builder in BUILDERS.items():
        for label in builder.ABOUT.labels.get("emotion", ()):
            assert labels.first_label(f"They look {label}.", builder.ABOUT.labels["emotion"]) == label, (name, label)
            assert labels.same_word(label.upper(), builder.ABOUT.labels["emotion"]) == label
