"""BLEU and ROUGE-L are the numbers that sacrebleu and rouge-score give."""

import random
import string

import numpy as np
import pytest
from rouge_score import rouge_scorer
from sacrebleu.metrics import BLEU
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a

from input_pipeline.motion.facts import ATTRIBUTES, Fact
from input_pipeline.motion.parsing import swap_sides
from input_pipeline.motion.wording import write
from tramp_jax.metrics.text import _tokens_13a, bleu4, rouge_l

REPORTS = (
    "While smiling, movement of the left mouth corner is reduced (0.080 IOD). The blink rate is normal (12 per minute).",
    "In the smile task, the left mouth corner shows movement of reduced amplitude. Blinking occurs at a normal rate.",
    "At rest, the lips are apart for 35.5% of the time; the blink-rate is 3-4 per minute, isn't it?",
    "Movement of both brows is absent.",
)


def random_reports(seed, count=20):
    rng = np.random.default_rng(seed)
    topics = ["amplitude", "peak_speed", "hold", "onset", "decrement"]
    texts = []
    for _ in range(count):
        facts = [
            Fact("brow", rng.choice(["left", "right"]), name, rng.choice(ATTRIBUTES[name].levels), 0.25, "IOD")
            for name in rng.choice(topics, 3, replace=False)
        ]
        texts.append(write(facts, "frown", rng, values=bool(rng.integers(2))))
    return texts


def reference_bleu(hypotheses, references):
    return BLEU().corpus_score(hypotheses, [references]).score


def reference_rouge(hypotheses, references):
    scorer = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=False)
    return np.mean([scorer.score(meant, said)["rougeL"].fmeasure for said, meant in zip(hypotheses, references, strict=True)])


@pytest.mark.parametrize("seed", range(5))
def test_scores_of_reports_equal_the_reference_packages(seed):
    said, meant = random_reports(seed), random_reports(seed + 100)
    assert bleu4(said, meant) == pytest.approx(reference_bleu(said, meant), abs=1e-9)
    assert rouge_l(said, meant) == pytest.approx(reference_rouge(said, meant), abs=1e-12)
    assert 5 < bleu4(said, meant) < 95


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (REPORTS[0], REPORTS[1]),
        (REPORTS[2], REPORTS[0]),
        ("Movement is reduced", REPORTS[3]),  # shorter than four words: no 4-gram at all
        ("Brows of both movement absent the", REPORTS[3]),  # words match, longer n-grams do not
        ("nothing here that fits at all", REPORTS[3]),
        ("", REPORTS[3]),
        (REPORTS[3], ""),
        (REPORTS[3] + " " + REPORTS[3], REPORTS[3]),  # repeats earn once
    ],
)
def test_scores_of_odd_pairs_equal_the_reference_packages(said, meant):
    assert bleu4([said], [meant]) == pytest.approx(reference_bleu([said], [meant]), abs=1e-9)
    assert rouge_l([said], [meant]) == pytest.approx(reference_rouge([said], [meant]), abs=1e-12)


def test_tokens_are_those_of_mteval_13a_for_any_signs():
    rng, reference = random.Random(0), Tokenizer13a()
    alphabet = "ab 01.,-'\n&" + string.punctuation
    for text in [*REPORTS, "&quot;a&quot; &lt;b&gt; &amp;amp; <skipped>x-\ny é,ü"]:
        assert _tokens_13a(text) == reference(text.rstrip()).split()
    for _ in range(3000):
        text = "".join(rng.choices(alphabet, k=rng.randint(0, 30)))
        assert _tokens_13a(text) == reference(text.rstrip()).split(), repr(text)


def test_identity_is_the_top_and_nothing_is_zero():
    assert bleu4(REPORTS, REPORTS) == pytest.approx(100.0)
    assert rouge_l(REPORTS, REPORTS) == 1.0
    assert bleu4([], []) == rouge_l([], []) == 0.0
    assert bleu4(["", ""], REPORTS[:2]) == rouge_l(["", ""], REPORTS[:2]) == 0.0


def test_both_barely_notice_left_and_right_exchanged():
    # Why these two are not the measure of a report here.
    swapped = [swap_sides(text) for text in REPORTS]
    assert bleu4(swapped, REPORTS) > 85
    assert rouge_l(swapped, REPORTS) > 0.95


def test_lists_of_different_length_are_refused():
    for metric in (bleu4, rouge_l):
        with pytest.raises(ValueError, match="argument 2"):
            metric(REPORTS[:2], REPORTS)
