"""The level that a statement gives an attribute: its words, their degree and their negation, or its number.

`facts.FACT_TABLE` has the level of a bare number.
"""

from __future__ import annotations

from collections.abc import Sequence

from input_pipeline.motion.facts import ATTRIBUTES, FACT_TABLE, level_of
from input_pipeline.motion.free_text.tagging import Tag

_ORDER = ("absent", "markedly_reduced", "reduced", "increased", "normal")
_NEGATED = {
    "absent": "normal",
    "markedly_reduced": "normal",
    "reduced": "normal",
    "normal": "reduced",
    "increased": "normal",
    "markedly_increased": "increased",
}
_SURELY_NOT = ("barely", "hardly", "scarcely")


class Words:
    """What a statement says about degrees: the tags by kind, and whether its head is denied."""

    def __init__(self, tags: Sequence[Tag], inherited_negation: bool = False):
        self.tags = tags
        self.kinds = {tag.kind for tag in tags}
        self.heads = [
            tag for tag in tags if tag.kind in ("level", "is", "finding", "seldom", "often", "trace", "apart", "closed", "open")
        ]
        self.negated = self._negated() ^ inherited_negation
        self.strong = bool(self.kinds & {"strong", "strongadj"}) and not {"mild"} & self.kinds

    def names(self, kind: str) -> list[str]:
        return [tag.name for tag in self.tags if tag.kind == kind]

    def _negated(self) -> bool:
        """Odd number of negations before the last head, or of those of its being seen."""
        denials = [i for i, tag in enumerate(self.tags) if tag.kind == "neg"]
        if not denials:
            return False
        heads = [i for i, tag in enumerate(self.tags) if tag in self.heads]
        last = max(heads, default=len(self.tags))
        counted = 0
        for i in denials:
            seen = any(tag.kind == "exist" and tag.start - self.tags[i].stop <= 3 for tag in self.tags[i + 1 :])
            counted += i < last or seen or not heads
        return counted % 2 == 1

    @property
    def denied(self) -> bool:
        """A negation with nothing but the movement to deny."""
        return self.negated and not [tag for tag in self.heads if tag.kind != "trace"]


def level(attribute: str, words: Words) -> str | None:
    """The level that the words give, one of the attribute's own; None if they give none."""
    return nearest(attribute, _BY_ATTRIBUTE.get(attribute, _extent)(attribute, words))


def nearest(attribute: str, found: str | None) -> str | None:
    """The level itself or, where the attribute has none such, the one next to it."""
    levels = ATTRIBUTES[attribute].levels
    if found is None or found in levels:
        return found
    order = ("absent", "markedly_reduced", "reduced", "normal", "increased", "markedly_increased")
    return min(levels, key=lambda other: (abs(order.index(other) - order.index(found)), order.index(other)))


def opposite(attribute: str, told: str) -> str:
    """The level where another one is denied: a finding becomes none, and no finding the mildest."""
    normal = ATTRIBUTES[attribute].normal
    if told != normal:
        return normal
    return "reduced" if "reduced" in ATTRIBUTES[attribute].levels else "increased"


def of_number(attribute: str, region: str, number: float, task: str | None) -> str | None:
    """The level of FACT_TABLE: of the task's rows if it is known, else what all rows agree on."""
    if attribute == "rate" and number == 0.0:
        return "absent"
    if attribute == "decrement":
        return "increased" if number > 0.0 else "normal"
    rows = [
        (expression, row)
        for expression, table in FACT_TABLE.items()
        for row in table
        if row.attribute == attribute and row.region == region
    ]
    own = [pair for pair in rows if pair[0] == task]
    rows = own or rows or [("", row) for table in FACT_TABLE.values() for row in table if row.attribute == attribute]
    levels = {level_of(row.scale, number / ATTRIBUTES[attribute].factor) for _, row in rows}
    return levels.pop() if len(levels) == 1 else None


def _extent(attribute: str, words: Words) -> str | None:
    """Amplitude, closure, speed, and what has no rule of its own."""
    own = [tag for tag in words.heads if tag.kind in ("level", "is")]
    said = [tag.name.rpartition(":")[2] for tag in own if tag.kind == "level" or tag.name.startswith(attribute)]
    said += (
        ["absent"]
        if attribute == "closure" and "open" in words.kinds and not {"less", "mild"} & words.kinds and not said
        else []
    )
    said += ["reduced"] if attribute == "closure" and "apart" in words.kinds and not said else []
    said += ["normal"] if words.kinds & {"more", "same"} and attribute == "peak_speed" and not said else []
    # "Less than full" is reduced.
    said = [] if "less" in words.kinds and set(said) == {"normal"} else said
    said += ["reduced"] if words.kinds & {"less", "mild", "seldom"} and not said else []
    said += ["normal"] if ("strongadj" in words.kinds or "meet" in words.kinds) and not said else []
    if "trace" in words.kinds and (not said or said == ["absent"] or "open" in words.kinds):
        return "markedly_reduced"
    if not said:
        return _denied(attribute) if words.negated else None
    found = min(said, key=_ORDER.index)
    if (
        found == "absent"
        and "normal" in said
        and own[-1].name == "normal"
        and own[-1].text not in ("completely", "fully", "entirely")
    ):
        found = "normal" if own[0].text == "still" else found
    if found == "absent" and "open" in words.kinds and "level:reduced" in said:
        found = "reduced"
    if words.negated:
        return _NEGATED[found]
    if "trace" in words.kinds:
        return _of_trace(words, found)
    if "almost" in words.kinds:
        return {"absent": "markedly_reduced", "normal": "reduced"}.get(found, found)
    return "markedly_reduced" if found == "reduced" and words.strong else found


def _of_trace(words: Words, found: str) -> str:
    """Hardly reduced is normal, hardly full is reduced; minimally reduced is reduced."""
    sure = any(tag.text.startswith(_SURELY_NOT) for tag in words.tags if tag.kind == "trace")
    if not sure:
        return "markedly_reduced" if found == "normal" else found
    return {"normal": "markedly_reduced", "reduced": "normal"}.get(found, found)


def _denied(attribute: str) -> str | None:
    return "absent" if attribute in ("amplitude", "closure", "rate") else None


def _present(words: Words) -> bool:
    """Whether a finding that is named is there."""
    hardly = any(tag.text.startswith(_SURELY_NOT) for tag in words.tags if tag.kind == "trace")
    gone = "absent" in words.names("level") or "denied" in words.kinds
    return not (words.negated ^ (gone or hardly))


def _onset(attribute: str, words: Words) -> str | None:
    if "finding" in words.kinds and "onset" in words.names("finding"):
        return "increased" if _present(words) else "normal"
    said = [name.rpartition(":")[2] for name in words.names("is")] + words.names("level")
    late = (
        words.kinds & {"less"}
        or {"increased", "reduced", "markedly_reduced", "absent"} & set(said)
        or words.kinds & {"long", "trace"}
    )
    if not late and not (said or "atonce" in words.kinds or words.kinds & {"early", "more", "same"}):
        return None
    return "increased" if bool(late) ^ words.negated else "normal"


def _hold(attribute: str, words: Words) -> str | None:
    times = set(words.names("time"))
    said = words.names("level")
    for told in [name.partition(":")[2] for name in words.names("is") if name.startswith("hold")]:
        return "normal" if words.negated else "markedly_reduced" if words.strong else told
    if "atonce" in words.kinds and words.kinds & {"letgo", "drop"}:
        return "normal" if words.negated else "markedly_reduced"
    if "early" in words.kinds and not said:
        return "normal" if words.negated else "reduced"
    if "moment" in times or "trace" in words.kinds:
        return "markedly_reduced"
    if times & {"brief", "some"}:
        return "normal" if words.negated else "reduced"
    if words.negated and not said:
        return "reduced" if times or words.kinds & {"constant", "long"} else "markedly_reduced"
    if said:
        return _extent(attribute, words)
    if "less" in words.kinds:
        return "reduced"
    held = times & {"whole", "most"} or words.kinds & {"constant", "long", "strongadj"}
    return "normal" if held or not words.kinds & {"number", "time"} else None


def _decrement(attribute: str, words: Words) -> str | None:
    if "decrement" in words.names("finding"):
        return "increased" if _present(words) else "normal"
    if words.kinds & {"less", "more"}:
        return "normal" if words.negated else "increased"
    if "constant" in words.kinds:
        return "normal" if not words.negated else "increased"
    return ("normal" if words.negated else "increased") if "over" in words.names("time") else None


def _symmetry(attribute: str, words: Words) -> str | None:
    if "symmetry" in words.names("finding"):
        return "reduced" if _present(words) else "normal"
    if "symmetry:normal" in words.names("is"):
        bad = words.negated or {"reduced", "markedly_reduced", "absent"} & set(words.names("level"))
        return "reduced" if bad else "normal"
    found = _extent(attribute, words)
    return "reduced" if found in ("absent", "markedly_reduced") or words.denied else found


def _rate(attribute: str, words: Words) -> str | None:
    speeds = [name.rpartition(":")[2] for name in words.names("is") if name.startswith("peak_speed")]
    if "often" in words.kinds or "most" in words.names("time") or "whole" in words.names("time") or "normal" in speeds:
        too_often = any(tag.text.startswith(("too", "excess")) for tag in words.tags if tag.kind == "often")
        return "increased" if not words.negated else "normal" if too_often else "reduced"
    if "seldom" in words.kinds or "some" in words.names("time"):
        return "normal" if words.negated else "markedly_reduced" if words.strong else "reduced"
    raised = any(tag.text in ("raised", "elevated", "rises", "rose") for tag in words.tags if tag.kind == "move")
    if (raised or "more" in words.kinds) and "level" not in words.kinds:
        return "increased"
    if speeds:
        return "markedly_reduced" if words.strong else "reduced"
    return _extent(attribute, words)


def _duty_cycle(attribute: str, words: Words) -> str | None:
    mostly = bool({"most", "whole"} & set(words.names("time"))) or "constant" in words.kinds
    rarely = "seldom" in words.kinds or "trace" in words.kinds
    apart = bool(words.kinds & {"apart", "open"})
    if not apart and not words.kinds & {"closed", "meet", "close"}:
        return _of_share_of_time(words)
    absent = "absent" in words.names("level")
    if "meet" in words.kinds and words.negated:
        return "markedly_increased" if mostly else "increased"
    if apart:
        if words.negated ^ absent:
            return "increased" if mostly else "normal"
        return "normal" if rarely else "markedly_increased" if mostly else "increased"
    if any(tag.text == "never" for tag in words.tags) and words.negated:
        return "markedly_increased"
    if words.negated or absent or {"reduced", "markedly_reduced"} & set(words.names("level")) or "some" in words.names("time"):
        return "increased"
    return "markedly_increased" if rarely else "normal"


def _of_share_of_time(words: Words) -> str | None:
    """Of "apart for 30% of the time, too much" the second part."""
    said = words.names("level")
    if "normal" in said or "absent" in said:
        return "increased" if words.negated else "normal"
    if words.names("time"):
        return "markedly_increased" if {"most", "whole"} & set(words.names("time")) else "increased"
    return "markedly_increased" if words.strong and said else "increased" if said or "often" in words.kinds else None


def _tremor(attribute: str, words: Words) -> str | None:
    if "tremor" in words.names("finding"):
        return "increased" if _present(words) else "absent"
    return "absent" if {"absent", "normal"} & set(words.names("level")) or "denied" in words.kinds else None


_BY_ATTRIBUTE = {
    "onset": _onset,
    "hold": _hold,
    "decrement": _decrement,
    "symmetry": _symmetry,
    "rate": _rate,
    "duty_cycle": _duty_cycle,
    "tremor": _tremor,
}
