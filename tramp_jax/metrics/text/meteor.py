"""METEOR without WordNet (Lavie and Agarwal 2007): exact words and Porter stems, no synonyms, hence the name meteor_no_wn.

The numbers equal nltk's `meteor_score` with its default weights, a WordNet without entries and Porter's original stemmer of
1980 (ours is snowballstemmer's "porter"; nltk's own default adds rules). METEOR 1.5 of the captioning papers has other weights,
synonyms and paraphrases: not comparable.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import snowballstemmer

from tramp_jax.metrics.text.tokens import caption_tokens

# nltk's defaults: weight of precision against recall, shape and weight of the penalty for words out of order.
ALPHA, BETA, GAMMA = 0.9, 3.0, 0.5

Numbered = list[tuple[int, str]]

_porter = snowballstemmer.stemmer("porter")


@functools.lru_cache(maxsize=10_000)
def stem(word: str) -> str:
    """Porter's stem of a lower-case word."""
    return _porter.stemWord(word)


def meteor_no_wn(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """Mean over the reports, in 0..1; 0 for an empty corpus.

    Raises:
      ValueError: the lists differ in length.
    """
    scores = meteor_no_wn_of_each(hypotheses, references)
    return math.fsum(scores) / len(scores) if len(scores) else 0.0


def meteor_no_wn_of_each(hypotheses: Sequence[str], references: Sequence[str]) -> np.ndarray:
    """(N,) in 0..1; a report equal to its reference of m words earns 1 - 0.5 / m^3, not 1.

    Raises:
      ValueError: the lists differ in length.
    """
    pairs = zip(hypotheses, references, strict=True)
    return np.array([_meteor(caption_tokens(said), caption_tokens(meant)) for said, meant in pairs], np.float64)


def _meteor(said: list[str], meant: list[str]) -> float:
    exact, left_said, left_meant = _match(list(enumerate(said)), list(enumerate(meant)))
    by_stem, _, _ = _match([(i, stem(word)) for i, word in left_said], [(i, stem(word)) for i, word in left_meant])
    matches = sorted(exact + by_stem)
    if not matches:
        return 0.0
    precision, recall = len(matches) / len(said), len(matches) / len(meant)
    mean = precision * recall / (ALPHA * precision + (1.0 - ALPHA) * recall)
    return mean * (1.0 - GAMMA * (_chunks(matches) / len(matches)) ** BETA)


def _match(said: Numbered, meant: Numbered) -> tuple[list[tuple[int, int]], Numbered, Numbered]:
    """Pairs of positions with equal words, and what is left of both.

    From the end, each word takes the last free equal one, as nltk does. The paper asks for the pairing with the fewest
    crossings, which this is not always.
    """
    places = defaultdict(list)
    for i, word in meant:
        places[word].append(i)
    pairs = [(i, places[word].pop()) for i, word in reversed(said) if places[word]]
    taken_said, taken_meant = {i for i, _ in pairs}, {j for _, j in pairs}
    return pairs, [x for x in said if x[0] not in taken_said], [x for x in meant if x[0] not in taken_meant]


def _chunks(matches: list[tuple[int, int]]) -> int:
    """Runs of matches that are neighbours in both texts."""
    return 1 + sum((b[0] - a[0], b[1] - a[1]) != (1, 1) for a, b in itertools.pairwise(matches))
