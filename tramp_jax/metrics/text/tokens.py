"""Words of a text as the reference implementation of each score cuts them."""

from __future__ import annotations

import re
import string
from collections import Counter
from collections.abc import Sequence

_ENTITIES = {"&quot;": '"', "&amp;": "&", "&lt;": "<", "&gt;": ">"}
# NIST's mteval-v13a: every sign is a token but the apostrophe; period, comma and dash depend on the digits around them.
_SIGNS = re.compile("([" + re.escape("".join(set(string.punctuation) - set("'.,-"))) + "])")
_STOP_AFTER_NO_DIGIT = re.compile(r"([^0-9])([.,])")
_STOP_BEFORE_NO_DIGIT = re.compile(r"([.,])([^0-9])")
_DASH_AFTER_DIGIT = re.compile(r"([0-9])-")


def tokens_13a(text: str) -> list[str]:
    """Case kept, signs are tokens: sacrebleu's default."""
    text = text.rstrip().replace("<skipped>", "").replace("-\n", "").replace("\n", " ")
    for entity, sign in _ENTITIES.items():
        text = text.replace(entity, sign)
    text = _SIGNS.sub(r" \1 ", f" {text} ")
    text = _STOP_AFTER_NO_DIGIT.sub(r"\1 \2 ", text)
    text = _STOP_BEFORE_NO_DIGIT.sub(r" \1 \2", text)
    return _DASH_AFTER_DIGIT.sub(r"\1 - ", text).split()


def caption_tokens(text: str) -> list[str]:
    """Lower-case words and numbers without signs, in place of the captioning papers' PTB tokenizer, which needs Java.

    Ours: `tokens_13a` without the tokens that have neither letter nor digit. PTB differs in contractions ("is n't") and keeps
    the percent sign, so scores on these tokens are near those papers', not equal to them.
    """
    return [token for token in tokens_13a(text.lower()) if any(sign.isalnum() for sign in token)]


def rouge_tokens(text: str) -> list[str]:
    """Lower-case runs of ASCII letters and digits: rouge-score's, which cuts 0.080 in two."""
    return re.findall(r"[a-z0-9]+", text.lower())


def ngrams(tokens: Sequence[str], order: int) -> Counter[tuple[str, ...]]:
    """How often each run of `order` tokens occurs; of a string, each run of characters."""
    return Counter(tuple(tokens[i : i + order]) for i in range(len(tokens) - order + 1))
