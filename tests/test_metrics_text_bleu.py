"""BLEU-1 to -4 are the numbers of sacrebleu and, in the captioning variant, of pycocoevalcap."""

import numpy as np
import pytest
from pycocoevalcap.bleu.bleu import Bleu
from sacrebleu.metrics import BLEU
from text_factory import ODD_PAIRS, REPORTS, random_reports

from input_pipeline.motion.mirrored_words import swap_sides
from tramp_jax.metrics.text.bleu import ORDERS, bleu, bleu4, caption_bleu, counts
from tramp_jax.metrics.text.tokens import caption_tokens, tokens_13a


def of_corpus(said, meant):
    sums = counts(said, meant, tokens_13a).sum(axis=0)
    return [float(bleu(sums, order)) for order in ORDERS]


def of_captions(said, meant):
    sums = counts(said, meant, caption_tokens).sum(axis=0)
    return [float(caption_bleu(sums, order)) for order in ORDERS]


def by_sacrebleu(said, meant):
    return [BLEU(max_ngram_order=order).corpus_score(said, [meant]).score for order in ORDERS]


def by_pycocoevalcap(said, meant):
    spoken, references = ({i: [" ".join(caption_tokens(text))] for i, text in enumerate(texts)} for texts in (said, meant))
    return Bleu(4).compute_score(references, spoken, verbose=0)[0]


@pytest.mark.parametrize("seed", range(5))
def test_bleu_of_reports_equals_both_packages(seed):
    said, meant = random_reports(seed), random_reports(seed + 100)
    assert of_corpus(said, meant) == pytest.approx(by_sacrebleu(said, meant), abs=1e-9)
    assert of_captions(said, meant) == pytest.approx(by_pycocoevalcap(said, meant), abs=1e-9)
    assert bleu4(said, meant) == of_corpus(said, meant)[3]
    assert 5 < bleu4(said, meant) < 95


@pytest.mark.parametrize(("said", "meant"), ODD_PAIRS)
def test_bleu_of_odd_pairs_equals_both_packages(said, meant):
    assert of_corpus([said], [meant]) == pytest.approx(by_sacrebleu([said], [meant]), abs=1e-9)
    assert of_captions([said], [meant]) == pytest.approx(by_pycocoevalcap([said], [meant]), abs=1e-9)


def test_bleu_of_a_corpus_with_odd_pairs_equals_both_packages():
    said, meant = zip(*ODD_PAIRS, strict=True)
    assert of_corpus(said, meant) == pytest.approx(by_sacrebleu(said, meant), abs=1e-9)
    assert of_captions(said, meant) == pytest.approx(by_pycocoevalcap(said, meant), abs=1e-9)


def test_a_draw_of_reports_is_the_corpus_of_the_drawn_ones():
    said, meant = random_reports(0), random_reports(100)
    weights = np.random.default_rng(0).integers(0, 3, (4, len(said)))
    drawn = bleu(weights @ counts(said, meant, tokens_13a), 4)
    for row, value in zip(weights, drawn, strict=True):
        again = [np.repeat(np.array(texts, dtype=object), row).tolist() for texts in (said, meant)]
        assert value == pytest.approx(bleu4(*again), abs=1e-9)


def test_identity_is_the_top_and_nothing_is_zero():
    assert of_corpus(REPORTS, REPORTS) == pytest.approx([100.0] * 4)
    assert of_captions(REPORTS, REPORTS) == pytest.approx([1.0] * 4)
    assert of_corpus([], []) == [0.0] * 4
    assert of_corpus(["", ""], REPORTS[:2]) == [0.0] * 4


def test_left_and_right_exchanged_are_hardly_noticed():
    assert bleu4([swap_sides(text) for text in REPORTS], REPORTS) > 85


def test_lists_of_different_length_are_refused():
    with pytest.raises(ValueError, match="argument 2"):
        bleu4(REPORTS[:2], REPORTS)
