"""BLEU-4 and ROUGE-L, for comparison with other work only.

Both reward a report with left and right swapped (references: seke_and_evaluation.md B.3); `report_facts` is the measure here.
The numbers equal sacrebleu's corpus BLEU (13a tokens, exponential smoothing) and rouge-score's rougeL without stemming.
"""

from __future__ import annotations

import math
import re
import string
from collections import Counter
from collections.abc import Sequence

_ORDERS = range(1, 5)
_ENTITIES = {"&quot;": '"', "&amp;": "&", "&lt;": "<", "&gt;": ">"}
# NIST's mteval-v13a: every sign is a token but the apostrophe; period, comma and dash depend on the digits around them.
_SIGNS = re.compile("([" + re.escape("".join(set(string.punctuation) - set("'.,-"))) + "])")
_STOP_AFTER_NO_DIGIT = re.compile(r"([^0-9])([.,])")
_STOP_BEFORE_NO_DIGIT = re.compile(r"([.,])([^0-9])")
_DASH_AFTER_DIGIT = re.compile(r"([0-9])-")


def bleu4(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """Corpus BLEU with 1- to 4-grams in 0..100, one reference per hypothesis, case-sensitive; 0 for an empty corpus.

    An order without any match gets half the credit of the one before it (NIST's smoothing).

    Raises:
      ValueError: the lists differ in length.
    """
    matches, totals, lengths = Counter(), Counter(), Counter()
    for hypothesis, reference in zip(hypotheses, references, strict=True):
        said, meant = _tokens_13a(hypothesis), _tokens_13a(reference)
        lengths.update(said=len(said), meant=len(meant))
        for order in _ORDERS:
            grams = _ngrams(said, order)
            matches[order] += (grams & _ngrams(meant, order)).total()
            totals[order] += grams.total()
    if not matches.total() or not all(totals[order] for order in _ORDERS):
        return 0.0
    halves, logs = 1.0, 0.0
    for order in _ORDERS:
        halves *= 1.0 if matches[order] else 2.0
        logs += math.log((matches[order] or 1.0 / halves) / totals[order])
    brevity = min(0.0, 1.0 - lengths["meant"] / lengths["said"])
    return 100.0 * math.exp(brevity + logs / len(_ORDERS))


def rouge_l(hypotheses: Sequence[str], references: Sequence[str]) -> float:
    """Mean over the reports of the F1 of the longest common subsequence of words, in 0..1; 0 for an empty corpus.

    Raises:
      ValueError: the lists differ in length.
    """
    scores = [_rouge_l(_words(a), _words(b)) for a, b in zip(hypotheses, references, strict=True)]
    return math.fsum(scores) / len(scores) if scores else 0.0


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


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+", text.lower())


def _ngrams(tokens: list[str], order: int) -> Counter:
    return Counter(tuple(tokens[i : i + order]) for i in range(len(tokens) - order + 1))


def _tokens_13a(text: str) -> list[str]:
    text = text.rstrip().replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
    for entity, sign in _ENTITIES.items():
        text = text.replace(entity, sign)
    text = _SIGNS.sub(r" \1 ", f" {text} ")
    text = _STOP_AFTER_NO_DIGIT.sub(r"\1 \2 ", text)
    text = _STOP_BEFORE_NO_DIGIT.sub(r" \1 \2", text)
    return _DASH_AFTER_DIGIT.sub(r"\1 - ", text).split()
