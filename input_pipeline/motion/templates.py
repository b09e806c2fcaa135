"""The sentences of `wording` back to their facts, by looking them up: what a template wrote is read exactly."""

from __future__ import annotations

import dataclasses
import itertools
import re

from input_pipeline.motion.facts import ATTRIBUTES, Fact, is_paired
from input_pipeline.motion.wording import LEAD_INS, UNIT_WORDS, sentences_for

_UNITS = {words: unit for unit, words in UNIT_WORDS.items()}
_NUMBER = re.compile(rf" \((\d+(?:\.\d+)?)({'|'.join(re.escape(words) for words in _UNITS)})\)\.?$")
_LEAD_IN = re.compile(rf"(?:{'|'.join(lead_in for lead_ins in LEAD_INS.values() for lead_in in lead_ins)}), ", re.IGNORECASE)


def read_template(sentence: str) -> Fact | None:
    """The fact of a sentence that `wording.sentences_for` can write, with or without a lead-in; None of any other."""
    lead_in = _LEAD_IN.match(sentence)
    body = sentence[lead_in.end() if lead_in else 0 :]
    number = _NUMBER.search(body)
    fact = _BOOK.get((body[: number.start()] if number else body.removesuffix(".")).lower())
    if fact is None or number is None:
        return fact
    return dataclasses.replace(fact, value=float(number[1]), unit=_UNITS[number[2]])


def statable_facts() -> list[Fact]:
    """Every fact that has a wording, without values."""
    every = []
    for name, attribute in ATTRIBUTES.items():
        for region, level in itertools.product(attribute.regions, attribute.levels):
            every += [Fact(region, side, name, level) for side in _sides(region, name, level)]
    return every


def _sides(region: str, attribute: str, level: str) -> tuple[str, ...]:
    if region == "global":
        return ("none",)
    if attribute == "symmetry":
        return ("both",) if level == ATTRIBUTES[attribute].normal else ("left", "right")
    return ("left", "right", "both") if is_paired(Fact(region, "both", attribute, level)) else ("both",)


_BOOK = {
    sentence.removesuffix(".").lower(): fact
    for expression in LEAD_INS
    for fact in statable_facts()
    for sentence in sentences_for(fact, expression)
}
