"""Facts from English that no template wrote: rules and tables of words, no model, the same answer every time."""

from __future__ import annotations

from input_pipeline.motion.facts import Fact
from input_pipeline.motion.free_text.normalise import sentences
from input_pipeline.motion.free_text.reading import read_sentence
from input_pipeline.motion.free_text.subjects import Carried


def extract_facts(text: str) -> list[Fact]:
    """The facts that the text states, in the order of the text."""
    carried = Carried()
    stated = [one for sentence in sentences(text) for one in read_sentence(sentence, carried)[0]]
    told = {(one.fact.region, one.fact.attribute) for one in stated if not one.implied}
    return [one.fact for one in stated if not one.implied or (one.fact.region, one.fact.attribute) not in told]
