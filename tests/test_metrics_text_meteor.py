"""METEOR without WordNet is nltk's with a WordNet that has no entries, and Porter's stems are nltk's of the 1980 algorithm."""

import re

import numpy as np
import pytest
from nltk.stem.porter import PorterStemmer
from nltk.translate.meteor_score import meteor_score
from text_factory import ODD_PAIRS, REPORTS, random_reports

from tramp_jax.metrics.text import meteor
from tramp_jax.metrics.text.tokens import caption_tokens

PORTER = PorterStemmer(mode=PorterStemmer.ORIGINAL_ALGORITHM)


class NoWordNet:
    def synsets(self, word):
        return []


def by_nltk(said, meant):
    pairs = zip(map(caption_tokens, said), map(caption_tokens, meant), strict=True)
    return [meteor_score([reference], report, stemmer=PORTER, wordnet=NoWordNet()) for report, reference in pairs]


@pytest.mark.parametrize("seed", range(5))
def test_meteor_of_reports_equals_nltk(seed):
    said, meant = random_reports(seed), random_reports(seed + 100)
    assert meteor.meteor_no_wn_of_each(said, meant) == pytest.approx(by_nltk(said, meant), abs=1e-12)
    assert meteor.meteor_no_wn(said, meant) == pytest.approx(np.mean(by_nltk(said, meant)), abs=1e-12)


@pytest.mark.parametrize(("said", "meant"), ODD_PAIRS)
def test_meteor_of_odd_pairs_equals_nltk(said, meant):
    assert meteor.meteor_no_wn([said], [meant]) == pytest.approx(by_nltk([said], [meant])[0], abs=1e-12)


def test_stems_of_the_words_of_reports_are_nltks():
    words = {word for seed in range(20) for text in random_reports(seed) for word in re.findall("[a-z]+", text.lower())}
    words |= {"caresses", "ponies", "ties", "agreed", "feeding", "hopping", "relational", "digitizer", "hopefulness", "roll"}
    assert len(words) > 70
    assert {word: meteor.stem(word) for word in words} == {word: PORTER.stem(word) for word in words}


def test_stems_match_where_words_do_not_and_synonyms_never():
    assert meteor.meteor_no_wn(["moving brow"], ["moves brow"]) == meteor.meteor_no_wn(["moves brow"], ["moves brow"])
    assert meteor.meteor_no_wn(["big"], ["large"]) == 0.0


def test_identity_lacks_the_penalty_of_one_chunk_and_nothing_is_zero():
    assert meteor.meteor_no_wn(["one two three"], ["one two three"]) == pytest.approx(1 - 0.5 / 27)
    assert meteor.meteor_no_wn(REPORTS, REPORTS) > 0.99
    assert meteor.meteor_no_wn([], []) == meteor.meteor_no_wn(["", ""], REPORTS[:2]) == 0.0


def test_lists_of_different_length_are_refused():
    with pytest.raises(ValueError, match="argument 2"):
        meteor.meteor_no_wn(REPORTS[:2], REPORTS)
