"""chrF is sacrebleu's."""

import numpy as np
import pytest
from sacrebleu.metrics import CHRF
from text_factory import ODD_PAIRS, REPORTS, random_reports

from tramp_jax.metrics.text.chrf import chrf2, chrf_of, counts


def by_sacrebleu(said, meant):
    return CHRF().corpus_score(said, [meant]).score


@pytest.mark.parametrize("seed", range(5))
def test_chrf_of_reports_equals_sacrebleu(seed):
    said, meant = random_reports(seed), random_reports(seed + 100)
    assert chrf2(said, meant) == pytest.approx(by_sacrebleu(said, meant), abs=1e-9)
    assert 10 < chrf2(said, meant) < 95


@pytest.mark.parametrize(("said", "meant"), [*ODD_PAIRS, ("abc", "abcdefg"), ("abcdefg", "abc"), ("a", "b")])
def test_chrf_of_odd_pairs_equals_sacrebleu(said, meant):
    assert chrf2([said], [meant]) == pytest.approx(by_sacrebleu([said], [meant]), abs=1e-9)


def test_chrf_of_a_corpus_with_odd_pairs_equals_sacrebleu():
    # What is said against a reference of three characters adds no 4-grams to the corpus.
    said, meant = zip(*ODD_PAIRS, ("abcdefg", "abc"), strict=True)
    assert chrf2(said, meant) == pytest.approx(by_sacrebleu(said, meant), abs=1e-9)


def test_a_draw_of_reports_is_the_corpus_of_the_drawn_ones():
    said, meant = random_reports(0), random_reports(100)
    weights = np.random.default_rng(0).integers(0, 3, (4, len(said)))
    for row, value in zip(weights, chrf_of(weights @ counts(said, meant)), strict=True):
        again = [np.repeat(np.array(texts, dtype=object), row).tolist() for texts in (said, meant)]
        assert value == pytest.approx(chrf2(*again), abs=1e-9)


def test_identity_is_the_top_and_nothing_is_zero():
    assert chrf2(REPORTS, REPORTS) == pytest.approx(100.0)
    assert chrf2([], []) == chrf2(["", ""], REPORTS[:2]) == 0.0


def test_lists_of_different_length_are_refused():
    with pytest.raises(ValueError, match="argument 2"):
        chrf2(REPORTS[:2], REPORTS)
