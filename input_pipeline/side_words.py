"""The words "left" and "right" in what is learned of a report.

Most tokens of a report are wording, and of the few that tell something these are the rarest: the simulator's reports have
0.3 of both together. At the weight of every other token the demo does not learn them, although what they tell is in its input
(docs/demo.md).
"""

from __future__ import annotations

import re

import numpy as np

from input_pipeline.errors import UserError
from input_pipeline.tokenizer import Tokenizer

_WORDS = frozenset({"left", "right"})
_NAMED = re.compile(r"\b(left|right)\b", re.IGNORECASE)


def names_a_side(report: str) -> bool:
    """Whether one of the two words is in the report."""
    return _NAMED.search(report) is not None


def side_word_ids(tokenizer: Tokenizer) -> np.ndarray:
    """Tokens that are one of the two words by themselves, in any case and with or without the space before it.

    Raises:
      UserError: the tokenizer has none for one of the words, which it then writes in pieces.
    """
    texts = [tokenizer.decode([token]).strip().lower() for token in range(tokenizer.vocab_size)]
    if missing := sorted(_WORDS - set(texts)):
        raise UserError(
            f"data.side_word_weight: the tokenizer has no token for {' and '.join(missing)}: set it to 1, or tokenizer.path to "
            "one with both words"
        )
    return np.array([token for token, text in enumerate(texts) if text in _WORDS])


def weights(tokens: np.ndarray, ids: np.ndarray, weight: float) -> np.ndarray:
    """Of each token (S,) int: `weight` for side words, 1 for others, float32."""
    return np.where(np.isin(tokens, ids), np.float32(weight), np.float32(1.0))
