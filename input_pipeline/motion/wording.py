"""Facts to English: one sentence per fact, a few wordings each, nothing that is not in the facts.

No score, no diagnosis, no emotion; "smile" and "frown" are names of posed tasks. `parsing` reads every wording back.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from input_pipeline.errors import UserError
from input_pipeline.motion.facts import ATTRIBUTES, Fact, in_order

# Before the first sentence only.
LEAD_INS = {
    "rest": ("At rest", "In the rest task"),
    "smile": ("While smiling", "In the smile task"),
    "frown": ("While frowning", "In the frown task"),
    "squeeze": ("While squeezing the eyes shut", "In the squeeze task"),
    "clench": ("While clenching the teeth", "In the clench task"),
}

# {it}: the region with its side; {pair}: without; {move}: movement; {s}, {does}, {shows}: verb endings for {it}.
WORDINGS: dict[str, dict[str, tuple[str, ...]]] = {
    "amplitude": {
        "absent": ("{move} of {it} is absent", "{it} {shows} no visible {move}", "{it} {does} not move"),
        "markedly_reduced": (
            "{move} of {it} is markedly reduced",
            "{it} {shows} {move} of very small amplitude",
            "{move} of {it} is strongly limited in range",
        ),
        "reduced": (
            "{move} of {it} is reduced",
            "{it} {shows} {move} of reduced amplitude",
            "{move} of {it} is limited in range",
        ),
        "normal": (
            "{move} of {it} is normal",
            "{it} {shows} {move} of normal amplitude",
            "{move} of {it} has its full range",
        ),
    },
    "closure": {
        "absent": ("Closure of {it} is absent", "{it} {does} not close"),
        "markedly_reduced": ("Closure of {it} is markedly reduced", "{it} close{s} only slightly"),
        "reduced": ("Closure of {it} is incomplete", "{it} close{s} only partly", "Closure of {it} is reduced"),
        "normal": ("Closure of {it} is complete", "{it} close{s} fully", "Closure of {it} is normal"),
    },
    "peak_speed": {
        "markedly_reduced": ("Movement speed of {it} is markedly reduced", "{it} move{s} very slowly"),
        "reduced": ("Movement speed of {it} is reduced", "{it} move{s} slowly", "Peak speed of {it} is low"),
        "normal": ("Movement speed of {it} is normal", "{it} move{s} at normal speed", "Movement of {it} is brisk"),
    },
    "onset": {
        "normal": ("Onset of movement of {it} is prompt", "{it} start{s} to move without delay"),
        "increased": ("Onset of movement of {it} is delayed", "{it} start{s} to move late"),
    },
    "hold": {
        "markedly_reduced": ("The end position of {it} is hardly held", "{it} hold{s} the end position only for a moment"),
        "reduced": ("The end position of {it} is held only briefly", "{it} hold{s} the end position for a short time"),
        "normal": ("The end position of {it} is well held", "{it} hold{s} the end position steadily"),
    },
    "decrement": {
        "normal": ("Movement of {it} shows no decrement", "Movement of {it} does not fade"),
        "increased": ("Movement of {it} shows a decrement", "Movement of {it} fades over time"),
    },
    "symmetry": {
        "reduced": (
            "Movement of {pair} is asymmetric, weaker on the {side}",
            "{pair} move unequally, the {side} less than the {other}",
            "There is asymmetry of {pair}, with less movement on the {side}",
        ),
        "normal": ("Movement of {pair} is symmetric", "There is no asymmetry of {pair}", "{pair} move equally on both sides"),
    },
    "rate": {
        "absent": ("No blinks are seen", "Blinking is absent"),
        "markedly_reduced": ("The blink rate is markedly reduced", "Blinking is very infrequent"),
        "reduced": ("The blink rate is reduced", "Blinking is infrequent", "Blinks are few"),
        "normal": ("The blink rate is normal", "Blinking occurs at a normal rate"),
        "increased": ("The blink rate is increased", "Blinking is frequent"),
    },
    "duty_cycle": {
        "normal": ("The lips stay closed", "The lips remain together"),
        "increased": ("The lips are apart for part of the time", "The lips are parted some of the time"),
        "markedly_increased": ("The lips are apart for most of the time", "The lips are parted most of the time"),
    },
    "tremor": {
        "absent": ("No tremor of {it} is seen", "{it} {shows} no tremor"),
        "increased": ("A tremor of {it} is seen", "{it} {shows} a tremor"),
    },
}

# Singular and plural of a paired region; closing is of the eyes, moving of the eyelids.
_PAIRS = {"brow": ("brow", "brows"), "eye": ("eyelid", "eyelids"), "mouth_corner": ("mouth corner", "mouth corners")}
_MIDLINE = {"lips": "the lips", "jaw": "the jaw", "global": "the face as a whole"}
UNIT_WORDS = {"IOD": " IOD", "IOD/s": " IOD/s", "s": " s", "%": "%", "%/s": "% per second", "/min": " per minute"}


def write(facts: Iterable[Fact], expression: str, rng: np.random.Generator | None = None, values: bool = False) -> str:
    """A report: the facts in the order of `facts.in_order`, one sentence each; no facts, no text.

    Args:
      facts: what to say.
      expression: one of `records.EXPRESSIONS`, named at the start.
      rng: chooses among the wordings; None takes the first of each.
      values: puts the numbers with their units in brackets, where facts carry them.

    Raises:
      UserError: unknown expression.
    """
    if expression not in LEAD_INS:
        raise UserError(f"expression {expression!r} has no wording: use one of {', '.join(LEAD_INS)}")
    sentences = [_choose(sentences_for(fact, expression, values), rng) for fact in in_order(facts)]
    if sentences:
        lead_in = _choose(LEAD_INS[expression], rng)
        sentences[0] = f"{lead_in}, {sentences[0][0].lower()}{sentences[0][1:]}"
    return " ".join(sentences)


def sentences_for(fact: Fact, expression: str, values: bool = False) -> tuple[str, ...]:
    """All the wordings of one fact, as sentences without a lead-in.

    Raises:
      UserError: the attribute cannot have this level.
    """
    templates = WORDINGS[fact.attribute].get(fact.level)
    if templates is None:
        raise UserError(f"{fact.attribute} cannot be {fact.level}: use one of {', '.join(WORDINGS[fact.attribute])}")
    words = _words(fact, expression)
    number = f" ({_number(fact)})" if values and fact.value is not None else ""
    texts = [template.format(**words) for template in templates]
    return tuple(f"{text[0].upper()}{text[1:]}{number}." for text in texts)


def _words(fact: Fact, expression: str) -> dict[str, str]:
    singular, plural = ("eye", "eyes") if fact.attribute == "closure" else _PAIRS.get(fact.region, ("", ""))
    it = _MIDLINE.get(fact.region) or (f"both {plural}" if fact.side == "both" else f"the {fact.side} {singular}")
    many = fact.region == "lips" or (fact.region in _PAIRS and fact.side == "both")
    return {
        "it": it,
        "pair": f"the {plural}",
        "side": fact.side,
        "other": "right" if fact.side == "left" else "left",
        "move": "spontaneous movement" if expression == "rest" else "movement",
        "s": "" if many else "s",
        "does": "do" if many else "does",
        "shows": "show" if many else "shows",
    }


def _number(fact: Fact) -> str:
    return f"{fact.value:.{ATTRIBUTES[fact.attribute].decimals}f}{UNIT_WORDS[fact.unit]}"


def _choose(options: tuple[str, ...], rng: np.random.Generator | None) -> str:
    return options[0 if rng is None else int(rng.integers(len(options)))]
