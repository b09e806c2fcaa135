"""Facts from English that no template wrote: rules and tables of words, no model, the same answer every time.

A sentence goes through `normalise` (abbreviations, signs), `numbers`, `tagging` (words to the tags of `words_of_face` and
`words_of_motion`), `occasions`, `clauses` (tags to statements) and `reading` (statements to facts). How well that works on
sentences which it was not made from, `benchmarks/free_text_facts.py` measures.
"""

from __future__ import annotations

from collections.abc import Sequence

from input_pipeline.motion.facts import Fact
from input_pipeline.motion.free_text.merging import Stated
from input_pipeline.motion.free_text.normalise import sentences
from input_pipeline.motion.free_text.reading import read_sentence
from input_pipeline.motion.free_text.subjects import Carried

__all__ = ["Carried", "Stated", "extract_facts", "read_sentence", "sentences", "without_implied"]


def extract_facts(text: str) -> list[Fact]:
    """The facts that the text states, in the order of the text."""
    carried = Carried()
    stated = [read_sentence(sentence, carried)[0] for sentence in sentences(text)]
    return [fact for facts in without_implied(stated) for fact in facts]


def without_implied(stated: Sequence[Sequence[Stated]]) -> list[tuple[Fact, ...]]:
    """The facts of each sentence: the extent that a comparison implies only where no sentence tells the extent itself, and an
    asymmetry without a weaker side only where no sentence tells the side.
    """
    every = [one for sentence in stated for one in sentence]
    told = {(one.fact.region, one.fact.attribute) for one in every if not one.implied}
    sided = {one.fact.region for one in every if one.fact.attribute == "symmetry" and one.fact.side in ("left", "right")}

    def is_kept(one: Stated) -> bool:
        if one.implied:
            return (one.fact.region, one.fact.attribute) not in told
        return (one.fact.attribute, one.fact.side) != ("symmetry", "none") or one.fact.region not in sided

    return [tuple(one.fact for one in sentence if is_kept(one)) for sentence in stated]
