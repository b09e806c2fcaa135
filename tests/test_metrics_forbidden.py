"""Reports that name a diagnosis or an emotion are counted, reports of motion are not."""

import math
import pathlib

import numpy as np
import pytest

from input_pipeline.motion.facts import normal_facts
from input_pipeline.motion.free_text.words_of_motion import PREDICATE
from input_pipeline.motion.wording import write
from input_pipeline.records import EXPRESSIONS
from tramp_jax.metrics.emotion.labels import SPELLINGS
from tramp_jax.metrics.forbidden import forbidden_share, forbidden_words
from tramp_jax.metrics.free_text import read_rows


@pytest.mark.parametrize(
    ("text", "kind", "word"),
    [
        ("This suggests Parkinson's disease.", "diagnosis", "Parkinson"),
        ("There is no sign of PARKINSONISM.", "diagnosis", "PARKINSONISM"),
        ("A mild facial palsy on the left.", "diagnosis", "palsy"),
        ("Hypomimia is evident.", "diagnosis", "Hypomimia"),
        ("Consistent with PD.", "diagnosis", "PD"),
        ("Masked facies.", "diagnosis", "facies"),
        ("Hypokinesia of the lower face.", "diagnosis", "Hypokinesia"),
        ("The smile looks happy.", "emotion", "happy"),
        ("She seems depressed.", "emotion", "depressed"),
        ("The face shows no emotion.", "emotion", "emotion"),
        ("An angry frown.", "emotion", "angry"),
    ],
)
def test_a_diagnosis_or_an_emotion_is_found(text, kind, word):
    other = {"diagnosis": "emotion", "emotion": "diagnosis"}[kind]
    assert forbidden_words(text)[kind][0].startswith(word)
    assert forbidden_words(text)[other] == []


@pytest.mark.parametrize(
    "text",
    [
        "There is no smile.",
        "The frown happens late and the smile is slow.",
        "The left mouth corner is affected and droops.",
        "The lids contact each other and the jaw is relaxed.",
        "Movement of the depressor muscles is reduced.",
        "The saddle of the nose stays still, the smile is a bit crooked.",
    ],
)
def test_motion_is_neither(text):
    assert forbidden_words(text) == {"diagnosis": [], "emotion": []}


def test_no_template_and_no_word_for_motion_is_forbidden():
    rng = np.random.default_rng(0)
    assert forbidden_share([write(normal_facts(name), name, rng) for name in EXPRESSIONS])["any"] == 0.0
    assert forbidden_share(list(PREDICATE.values()))["any"] == 0.0


def test_every_word_for_an_emotion_that_the_benchmark_knows_is_forbidden():
    # "Doubtful" is how sure a finding is; no emotion is none.
    words = [word for family, spellings in SPELLINGS.items() if family not in ("neutral", "doubt") for word in spellings]
    assert [word for word in words if not forbidden_words(f"A face of {word}.")["emotion"]] == []


def test_sentences_of_motion_that_people_wrote_are_neither():
    rows = read_rows(pathlib.Path(__file__).parent / "data" / "free_text_facts.jsonl")
    stating = [row.text for row in rows if row.half == "development" and row.facts]
    named = [text for text in stating if any(forbidden_words(text).values())]
    assert len(stating) > 100
    # It does name them, beside its finding.
    assert named == ["This cheerful 71-year-old man, diagnosed in 2016, smiles with a markedly reduced amplitude."]


def test_the_share_is_of_reports_not_of_words():
    texts = ["Sad and angry.", "A stroke, and sad.", "The smile is slow.", ""]
    assert forbidden_share(texts) == {"diagnosis": 0.25, "emotion": 0.5, "any": 0.5}
    assert all(math.isnan(share) for share in forbidden_share([]).values())
