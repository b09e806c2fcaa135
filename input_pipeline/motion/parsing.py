"""English to facts: templates by looking them up, other English by rules, no model, the same answer every time.

A sentence that `wording` can write gives exactly its fact; any other is read by `free_text`. What cannot be read is a sentence
without facts, so that a score over the facts can be told apart from a score over the text.
"""

from __future__ import annotations

import dataclasses
import re

from input_pipeline.motion.facts import Fact
from input_pipeline.motion.free_text import Carried, Stated, read_sentence, sentences, without_implied
from input_pipeline.motion.templates import read_template

_NOT = re.compile(r"\b(?:no|not|without|never|neither|nor|cannot)\b|n't\b", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Sentence:
    """One sentence of a report.

    Attributes:
      text: as written, without surrounding space.
      facts: what it states; empty where it could not be read.
      negated: whether it denies something ("no asymmetry", "not reduced").
      of_motion: whether it speaks of how the face moves, read or not.
    """

    text: str
    facts: tuple[Fact, ...]
    negated: bool
    of_motion: bool


def parse(text: str) -> list[Sentence]:
    """The sentences of a report with their facts, in the order of the text.

    What a statement leaves out (region, side, attribute) it takes from the one before it: "the left brow moves fully, but the
    right is reduced".
    """
    carried = Carried()
    read = [(written, *_read(written, carried)) for written in sentences(text)]
    told = without_implied([stated for _, stated, _ in read])
    return [
        Sentence(written, facts, bool(_NOT.search(written)), of_motion)
        for (written, _, of_motion), facts in zip(read, told, strict=True)
    ]


def parse_facts(text: str) -> tuple[Fact, ...]:
    """All the facts of a report, in the order of the text."""
    return tuple(fact for sentence in parse(text) for fact in sentence.facts)


def _read(sentence: str, carried: Carried) -> tuple[list[Stated], bool]:
    fact = read_template(sentence)
    if fact is None:
        return read_sentence(sentence, carried)
    carried.follow(fact)
    return [Stated(fact)], True
