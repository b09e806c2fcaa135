"""chrF (Popovic 2015): F-score of character 1- to 6-grams, recall weighted twice; sacrebleu's corpus chrF2.

Axes: N reports.

Spaces are left out and case counts. An order counts where both sides have such n-grams; precision and recall are averaged over
the orders before F is taken.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tramp_jax.metrics.text.tokens import ngrams

ORDERS = (1, 2, 3, 4, 5, 6)
BETA = 2.0


def chrf2(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """Of the corpus, in 0..100; 0 for an empty one.

    Raises:
      ValueError: the lists differ in length.
    """
    return float(chrf_of(counts(hypotheses, references).sum(axis=0)))


def counts(hypotheses: Sequence[str], references: Sequence[str]) -> np.ndarray:
    """Of each report, (N, 18) float64: matches, n-grams said and n-grams of the reference, orders 1 to 6 each; may be summed.

    Raises:
      ValueError: the lists differ in length.
    """
    pairs = zip(hypotheses, references, strict=True)
    rows = [_counts("".join(said.split()), "".join(meant.split())) for said, meant in pairs]
    return np.array(rows, np.float64).reshape(len(rows), 3 * len(ORDERS))


def chrf_of(sums: np.ndarray) -> np.ndarray:
    """chrF from summed counts (..., 18) -> (...), in 0..100."""
    matches, said, meant = np.split(sums, 3, axis=-1)
    known = (said > 0) & (meant > 0)
    orders = np.maximum(known.sum(axis=-1), 1)
    precision, recall = (_mean(matches, whole, known, orders) for whole in (said, meant))
    weighted = BETA**2 * precision + recall
    return 100.0 * np.divide((1.0 + BETA**2) * precision * recall, weighted, out=np.zeros_like(weighted), where=weighted > 0)


def _mean(matches: np.ndarray, whole: np.ndarray, known: np.ndarray, orders: np.ndarray) -> np.ndarray:
    return np.divide(matches, whole, out=np.zeros_like(matches), where=known).sum(axis=-1) / orders


def _counts(said: str, meant: str) -> list[int]:
    grams = [(ngrams(said, order), ngrams(meant, order)) for order in ORDERS]
    matches = [(one & two).total() for one, two in grams]
    # sacrebleu: what is said does not count against a reference too short to have such n-grams.
    return [*matches, *(one.total() if two else 0 for one, two in grams), *(two.total() for _, two in grams)]
