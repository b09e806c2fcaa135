"""ROUGE-L is the F1 of rouge-score without stemming."""

import numpy as np
import pytest
from rouge_score import rouge_scorer
from text_factory import ODD_PAIRS, REPORTS, random_reports

from input_pipeline.motion.mirrored_words import swap_sides
from tramp_jax.metrics.text.rouge import rouge_l, rouge_l_of_each


def by_rouge_score(hypotheses, references):
    scorer = rouge_scorer.RougeScorer(["rougeL"], use_stemmer=False)
    return [scorer.score(meant, said)["rougeL"].fmeasure for said, meant in zip(hypotheses, references, strict=True)]


@pytest.mark.parametrize("seed", range(5))
def test_rouge_l_of_reports_equals_rouge_score(seed):
    said, meant = random_reports(seed), random_reports(seed + 100)
    assert rouge_l_of_each(said, meant) == pytest.approx(by_rouge_score(said, meant), abs=1e-12)
    assert rouge_l(said, meant) == pytest.approx(np.mean(by_rouge_score(said, meant)), abs=1e-12)


@pytest.mark.parametrize(("said", "meant"), ODD_PAIRS)
def test_rouge_l_of_odd_pairs_equals_rouge_score(said, meant):
    assert rouge_l([said], [meant]) == pytest.approx(by_rouge_score([said], [meant])[0], abs=1e-12)


def test_identity_is_one_and_nothing_is_zero():
    assert rouge_l(REPORTS, REPORTS) == 1.0
    assert rouge_l([], []) == rouge_l(["", ""], REPORTS[:2]) == 0.0


def test_left_and_right_exchanged_are_hardly_noticed():
    assert rouge_l([swap_sides(text) for text in REPORTS], REPORTS) > 0.95


def test_lists_of_different_length_are_refused():
    with pytest.raises(ValueError, match="argument 2"):
        rouge_l(REPORTS[:2], REPORTS)
