"""ROUGE-L (Lin 2004): rouge-score's F1 of the longest common subsequence of words, without stemming."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tramp_jax.metrics.text.tokens import rouge_tokens


def rouge_l(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """Mean over the reports, in 0..1; 0 for an empty corpus.

    Raises:
      ValueError: the lists differ in length.
    """
    scores = rouge_l_of_each(hypotheses, references)
    return math.fsum(scores) / len(scores) if len(scores) else 0.0


def rouge_l_of_each(hypotheses: Sequence[str], references: Sequence[str]) -> np.ndarray:
    """(N,) in 0..1.

    Raises:
      ValueError: the lists differ in length.
    """
    pairs = zip(hypotheses, references, strict=True)
    return np.array([_rouge_l(rouge_tokens(said), rouge_tokens(meant)) for said, meant in pairs], np.float64)


def _rouge_l(said: list[str], meant: list[str]) -> float:
    common = _longest_common_subsequence(said, meant)
    return 2.0 * common / (len(said) + len(meant)) if common else 0.0


def _longest_common_subsequence(first: list[str], second: list[str]) -> int:
    row = [0] * (len(second) + 1)
    for word in first:
        above_left = 0
        for i, other in enumerate(second, start=1):
            above = row[i]
            row[i] = above_left + 1 if word == other else max(above, row[i - 1])
            above_left = above
    return row[-1]
