"""All the word scores of one writer, of the corpus and of every bootstrap draw.

Axes: N reports, d draws.

A draw of subjects is a weight per report (see `bootstrap`). BLEU and chrF of a draw are of its summed counts, as of a corpus;
ROUGE-L, METEOR and CIDEr-D are its weighted means, the last with the document frequencies of the whole set, so that a draw
changes which reports are averaged and not what an n-gram weighs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from tramp_jax.metrics import bootstrap
from tramp_jax.metrics.text import bleu, chrf, cider, meteor, rouge
from tramp_jax.metrics.text.tokens import caption_tokens, tokens_13a

_BLEU = {f"bleu{order}": order for order in bleu.ORDERS}
_CAPTION_BLEU = {f"caption_bleu{order}": order for order in bleu.ORDERS}
# Keys of the results; docs/evaluation_text.md defines each. "bleu1" to "bleu4" and "chrf" are in 0..100, "cider_d" in 0..10.
TEXT_SCORES = (*_BLEU, *_CAPTION_BLEU, "rouge_l", "meteor_no_wn", "cider_d", "chrf")


class TextScores(NamedTuple):
    """`values` and `statistics` by the names of TEXT_SCORES; `flags` say which value is a convention."""

    values: dict[str, float] | dict[str, None]
    statistics: dict[str, bootstrap.Statistic]
    flags: list[str]


NO_SCORES = TextScores(dict.fromkeys(TEXT_SCORES), {}, [])


def score_texts(hypotheses: Sequence[str], references: Sequence[str]) -> TextScores:
    """Scores N >= 1 reports against one reference each.

    Raises:
      ValueError: the lists differ in length, or are empty.
    """
    if not len(references):
        raise ValueError("no reports to score")
    statistics = _statistics(hypotheses, references)
    once = np.ones((1, len(references)))
    flag = cider.degenerate(references)
    values = {name: float(statistics[name](once)[0]) for name in TEXT_SCORES}
    return TextScores(values, statistics, [f"cider_d: {flag}"] if flag else [])


def _statistics(hypotheses: Sequence[str], references: Sequence[str]) -> dict[str, bootstrap.Statistic]:
    plain = bleu.counts(hypotheses, references, tokens_13a)
    caption = bleu.counts(hypotheses, references, caption_tokens)
    found = {name: _of_sums(plain, lambda sums, n=n: bleu.bleu(sums, n)) for name, n in _BLEU.items()}
    found |= {name: _of_sums(caption, lambda sums, n=n: bleu.caption_bleu(sums, n)) for name, n in _CAPTION_BLEU.items()}
    found["rouge_l"] = bootstrap.mean_of(rouge.rouge_l_of_each(hypotheses, references))
    found["meteor_no_wn"] = bootstrap.mean_of(meteor.meteor_no_wn_of_each(hypotheses, references))
    found["cider_d"] = bootstrap.mean_of(cider.cider_d_of_each(hypotheses, references))
    found["chrf"] = _of_sums(chrf.counts(hypotheses, references), chrf.chrf_of)
    return found


def _of_sums(counts: np.ndarray, score: Callable[[np.ndarray], np.ndarray]) -> bootstrap.Statistic:
    return lambda weights: score(weights @ counts)
