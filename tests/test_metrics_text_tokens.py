"""Tokens are those of the packages that the scores are compared with."""

import random
import string

from rouge_score.tokenize import tokenize
from sacrebleu.tokenizers.tokenizer_13a import Tokenizer13a
from text_factory import REPORTS

from tramp_jax.metrics.text.tokens import caption_tokens, ngrams, rouge_tokens, tokens_13a


def random_texts():
    rng = random.Random(0)
    alphabet = "ab 01.,-'\n&" + string.punctuation
    yield from (*REPORTS, "&quot;a&quot; &lt;b&gt; &amp;amp; <skipped>x-\ny é,ü")
    for _ in range(3000):
        yield "".join(rng.choices(alphabet, k=rng.randint(0, 30)))


def test_tokens_are_those_of_mteval_13a_and_of_rouge_score_for_any_signs():
    reference = Tokenizer13a()
    for text in random_texts():
        assert tokens_13a(text) == reference(text.rstrip()).split(), repr(text)
        assert rouge_tokens(text) == tokenize(text, None), repr(text)


def test_caption_tokens_are_words_and_whole_numbers_in_lower_case():
    assert caption_tokens('The "Left" brow (0.080 IOD) - 35.5%; isn\'t it?') == [
        "the", "left", "brow", "0.080", "iod", "35.5", "isn't", "it",
    ]  # fmt: skip
    assert caption_tokens("... -- !") == []


def test_ngrams_are_counted_and_none_are_longer_than_the_text():
    assert ngrams(["a", "b", "a", "b"], 2) == {("a", "b"): 2, ("b", "a"): 1}
    assert ngrams("ab", 3) == {}
