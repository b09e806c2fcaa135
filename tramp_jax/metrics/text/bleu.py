"""BLEU-1 to -4 of a corpus (Papineni et al. 2002), as sacrebleu and as the captioning papers' code compute it.

Axes: N reports.

Both divide clipped n-gram matches by n-grams said, summed over the corpus, and take the geometric mean over the orders times
a brevity penalty. `bleu` is sacrebleu's: 13a tokens with their case, an order without a match gets half the credit of the one
before it (NIST's "exp" smoothing), 0 to 100. `caption_bleu` is pycocoevalcap's: words alone in lower case, no smoothing but
1e-15 matches, 0 to 1.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tramp_jax.metrics.text.tokens import ngrams, tokens_13a

ORDERS = (1, 2, 3, 4)
# pycocoevalcap's, so that nothing is divided by zero.
_SMALL, _TINY = 1e-9, 1e-15

Tokenise = Callable[[str], list[str]]


def bleu4(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """sacrebleu's corpus BLEU with its default settings, in 0..100; 0 for an empty corpus.

    Raises:
      ValueError: the lists differ in length.
    """
    return float(bleu(counts(hypotheses, references, tokens_13a).sum(axis=0), 4))


def counts(hypotheses: Sequence[str], references: Sequence[str], tokenise: Tokenise) -> np.ndarray:
    """What BLEU needs of each report, (N, 10) float64: the sum over reports is what it needs of the corpus.

    Returns:
      clipped matches of order 1 to 4, n-grams said of order 1 to 4, tokens said, tokens of the reference.

    Raises:
      ValueError: the lists differ in length.
    """
    rows = [_counts(tokenise(said), tokenise(meant)) for said, meant in zip(hypotheses, references, strict=True)]
    return np.array(rows, np.float64).reshape(len(rows), 2 * len(ORDERS) + 2)


def bleu(sums: np.ndarray, order: int) -> np.ndarray:
    """sacrebleu's BLEU with 1- to `order`-grams from summed counts (..., 10) -> (...), in 0..100."""
    matches, said, lengths, reference_lengths = _parts(sums, order)
    halved = 0.5 ** np.cumsum(matches == 0, axis=-1)
    known = np.any(matches > 0, axis=-1) & np.all(said > 0, axis=-1)
    precision = np.where(matches > 0, matches, halved) / np.maximum(said, 1.0)
    brevity = np.minimum(0.0, 1.0 - reference_lengths / np.maximum(lengths, 1.0))
    return np.where(known, 100.0 * np.exp(brevity + np.log(precision).mean(axis=-1)), 0.0)


def caption_bleu(sums: np.ndarray, order: int) -> np.ndarray:
    """pycocoevalcap's BLEU with 1- to `order`-grams from summed counts (..., 10) -> (...), in 0..1."""
    matches, said, lengths, reference_lengths = _parts(sums, order)
    ratio = (lengths + _TINY) / (reference_lengths + _SMALL)
    brevity = np.minimum(0.0, 1.0 - 1.0 / ratio)
    return np.prod((matches + _TINY) / (said + _SMALL), axis=-1) ** (1.0 / order) * np.exp(brevity)


def _counts(said: list[str], meant: list[str]) -> list[int]:
    grams = [(ngrams(said, order), ngrams(meant, order)) for order in ORDERS]
    matches = [(one & two).total() for one, two in grams]
    return [*matches, *(one.total() for one, _ in grams), len(said), len(meant)]


def _parts(sums: np.ndarray, order: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    most = len(ORDERS)
    return sums[..., :order], sums[..., most : most + order], sums[..., -2], sums[..., -1]
