"""CIDEr-D (Vedantam et al. 2015) with one reference per report, equal to pycocoevalcap's `Cider` on the same tokens.

An n-gram weighs its count times log(N / number of references that have it), so what every reference says weighs nothing.
With one reference, or references that all say the same, all weights are 0 and so is every score: `cider_d` flags it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from tramp_jax.metrics.severity import NO_CLIPS, Metric
from tramp_jax.metrics.text.tokens import caption_tokens, ngrams

ORDERS = (1, 2, 3, 4)
# pycocoevalcap's width of the penalty for another length.
SIGMA = 6.0

Gram = tuple[str, ...]


def cider_d(hypotheses: Sequence[str], references: Sequence[str]) -> Metric:
    """Mean over the reports, in 0..10; flagged where the formula is 0 whatever the reports say.

    Raises:
      ValueError: the lists differ in length.
    """
    scores = cider_d_of_each(hypotheses, references)
    if not len(scores):
        return NO_CLIPS
    return Metric(float(np.mean(scores)), degenerate(references))


def degenerate(references: Sequence[str]) -> str:
    """Why CIDEr-D is 0 for these references whatever the reports say; "" where it is not."""
    if len(references) == 1:
        return "one reference: every n-gram has weight 0"
    weights = _weights([_grams(text) for text in references])
    return "" if any(weights.values()) else "references alike: every n-gram has weight 0"


def cider_d_of_each(hypotheses: Sequence[str], references: Sequence[str]) -> np.ndarray:
    """(N,) in 0..10, with document frequencies from these N references.

    Raises:
      ValueError: the lists differ in length.
    """
    meant = [_grams(text) for text in references]
    weights = _weights(meant)
    unseen = math.log(len(meant)) if meant else 0.0
    scores = [_cider(_grams(said), grams, weights, unseen) for said, grams in zip(hypotheses, meant, strict=True)]
    return np.array(scores, np.float64)


def _grams(text: str) -> list[Counter[Gram]]:
    tokens = caption_tokens(text)
    return [ngrams(tokens, order) for order in ORDERS]


def _weights(references: list[list[Counter[Gram]]]) -> dict[Gram, float]:
    known_in = Counter(gram for reference in references for grams in reference for gram in grams)
    return {gram: math.log(len(references) / count) for gram, count in known_in.items()}


def _cider(said: list[Counter[Gram]], meant: list[Counter[Gram]], weights: Mapping[Gram, float], unseen: float) -> float:
    difference = said[0].total() - meant[0].total()
    total = sum(_cosine(one, two, weights, unseen) for one, two in zip(said, meant, strict=True))
    return 10.0 * total / len(ORDERS) * math.exp(-(difference**2) / (2.0 * SIGMA**2))


def _cosine(said: Counter[Gram], meant: Counter[Gram], weights: Mapping[Gram, float], unseen: float) -> float:
    """Cosine of the two weighted count vectors, with the first clipped to the second where they are multiplied."""
    shared = math.fsum(min(said[gram], count) * count * weights[gram] ** 2 for gram, count in meant.items())
    lengths = _length(said, weights, unseen) * _length(meant, weights, unseen)
    return shared / lengths if lengths else 0.0


def _length(grams: Counter[Gram], weights: Mapping[Gram, float], unseen: float) -> float:
    return math.sqrt(math.fsum((count * weights.get(gram, unseen)) ** 2 for gram, count in grams.items()))
