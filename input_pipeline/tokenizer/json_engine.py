"""A Hugging Face tokenizer.json at work: Llama 3.x, Qwen2/2.5, and the fast versions of Llama 2."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence, Set
from typing import Any

import tokenizers

from input_pipeline.errors import UserError
from input_pipeline.tokenizer.files import CONFIG, JSON, parse_json


class JsonEngine:
    """Text and ids by a copy of the tokenizer that knows no control token, so that none can come from text.

    Added tokens are control tokens, "special" or not (Qwen's <tool_call> is not).

    Args:
      files: with tokenizer.json.
      special: named tokens (`files.special_tokens`), control tokens as well.

    Attributes:
      vocab_size: one more than the highest id.
      controls: id of each control token.
      special: as given.

    Raises:
      UserError: broken, not BPE, added tokens that swallow spaces, or a named token that is not in the vocabulary.
    """

    def __init__(self, files: Mapping[str, bytes], special: dict[str, str], where: str):
        rules = parse_json(files, JSON, where)
        kind = rules["model"].get("type") if isinstance(rules.get("model"), dict) else None
        if kind != "BPE":
            raise UserError(f"{where}: {JSON} of model type {kind}: only BPE is supported: take a Llama 2, Llama 3.x or Qwen2")
        whole = _build(rules, where)
        vocabulary = whole.get_vocab(with_added_tokens=True)
        self.vocab_size = max(vocabulary.values(), default=-1) + 1
        self.special = special
        self.controls = {token.content: i for i, token in whole.get_added_tokens_decoder().items()}
        for token in whole.get_added_tokens_decoder().values():
            if token.lstrip or token.rstrip or token.single_word:
                raise UserError(
                    f"{where}: {JSON}: {token.content} is an added token with lstrip, rstrip or single_word, which are "
                    "not supported: set them to false"
                )
        for role, token in special.items():
            if token not in vocabulary:
                raise UserError(f"{where}: {role} {token} of {CONFIG} is not in {JSON}: take both from the same model")
            self.controls[token] = vocabulary[token]
        self._first = self._later = _build(_without(rules, self.controls.keys()), where)
        later = _without(rules | {"pre_tokenizer": _unprefixed(rules.get("pre_tokenizer"))}, self.controls.keys())
        if later["pre_tokenizer"] != rules.get("pre_tokenizer"):
            self._later = _build(later, where)

    def encode(self, text: str, starts: bool = True) -> list[int]:
        """Ids of a stretch between control tokens; `starts` tells that it begins the whole text."""
        return (self._first if starts else self._later).encode(text, add_special_tokens=False).ids

    def decode(self, ids: Sequence[int]) -> str:
        """Text of ids of the vocabulary, none of them a control token."""
        return self._first.decode(list(ids))


def _build(rules: dict[str, Any], where: str) -> tokenizers.Tokenizer:
    try:
        return tokenizers.Tokenizer.from_str(json.dumps(rules))
    except Exception as error:  # the library raises nothing narrower
        reason = " ".join(str(error).split())
        raise UserError(
            f"{where}: {JSON} is not one that tokenizers {tokenizers.__version__} reads ({reason}): pip install -U tokenizers, "
            "or get the file anew"
        ) from error


def _without(rules: dict[str, Any], controls: Set[str]) -> dict[str, Any]:
    """The rules without added tokens, and without control tokens in the vocabulary, where merges could lead to them."""
    model = rules["model"]
    # The model looks its unknown token up; with the 256 bytes in the vocabulary no text becomes it.
    gone = controls - {model.get("unk_token")}
    model = model | {"vocab": {piece: i for piece, i in model["vocab"].items() if piece not in gone}}
    model["merges"] = [merge for merge in model["merges"] if not gone & _pieces(merge)]
    return rules | {"added_tokens": [], "post_processor": None, "truncation": None, "padding": None, "model": model}


def _pieces(merge: str | list[str]) -> set[str]:
    """What a merge joins and what it makes; older files write "left right", newer ones [left, right]."""
    pair = merge.split(" ") if isinstance(merge, str) else merge
    return {*pair, "".join(pair)}


def _unprefixed(pre_tokenizer: dict[str, Any] | None) -> dict[str, Any] | None:
    """The pre-tokenizer as it treats text behind a control token: "first" puts a space before the whole text alone."""
    if pre_tokenizer is None:
        return None
    if pre_tokenizer.get("type") == "Sequence":
        return pre_tokenizer | {"pretokenizers": [_unprefixed(one) for one in pre_tokenizer["pretokenizers"]]}
    if pre_tokenizer.get("type") == "Metaspace" and pre_tokenizer.get("prepend_scheme") == "first":
        return pre_tokenizer | {"prepend_scheme": "never"}
    return pre_tokenizer
