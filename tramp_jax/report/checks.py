"""Holds a written report against the measured motion, sentence by sentence, in both directions.

What counts as agreement is `metrics.report_facts.grounding`, so the marks on a page and the metric say the same.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from input_pipeline.motion.facts import Fact, is_abnormal
from input_pipeline.motion.parsing import parse
from tramp_jax.metrics.report_facts import grounding

Facts = Sequence[Fact]

# agrees: side and level are the measured ones. degree: right side and direction, another degree or number. unmeasured: what it
# speaks of is no finding of this task, or the movement did not happen. unread: states nothing that the parser can read.
CHECKS = ("agrees", "degree", "disagrees", "unmeasured", "unread")
# Whether the text says what was measured.
IN_TEXT = ("yes", "partly", "degree", "differs", "no")

_STRONG = {"absent": "reduced", "markedly_reduced": "reduced", "markedly_increased": "increased"}


@dataclasses.dataclass(frozen=True)
class Checked:
    """One sentence of a report.

    Attributes:
      text: as written.
      facts: what it states.
      check: one of CHECKS.
      measured: what was measured on the same topics.
    """

    text: str
    facts: tuple[Fact, ...]
    check: str
    measured: tuple[Fact, ...]


def check_report(report: str, measured: Facts) -> list[Checked]:
    """The sentences of a report, each with its check.

    Args:
      report: the text.
      measured: of `input_pipeline.motion.facts.measured_facts`.
    """
    return [check_sentence(sentence.text, sentence.facts, measured) for sentence in parse(report)]


def check_sentence(text: str, facts: tuple[Fact, ...], measured: Facts) -> Checked:
    """A sentence of several facts agrees if all that was measured of them agrees."""
    topics = {_topic(fact) for fact in facts}
    found = tuple(fact for fact in measured if _topic(fact) in topics)
    stated = [_with_side(fact, found) for fact in facts if any(_topic(fact) == _topic(other) for other in found)]
    if not facts:
        check = "unread"
    elif not stated:
        check = "unmeasured"
    elif _share(stated, found) == 1:
        check = "agrees"
    else:
        check = "degree" if _share(_directions(stated), _directions(found)) == 1 else "disagrees"
    return Checked(text, facts, check, found)


def in_text(finding: Fact, stated: Facts) -> str:
    """Whether the facts of a text say this finding: one of IN_TEXT."""
    same = [_with_side(fact, [finding]) for fact in stated if _topic(fact) == _topic(finding) and _sides_meet(fact, finding)]
    if not same:
        return "no"
    share = _share([finding], same)
    if share > 0:
        return "yes" if share == 1 else "partly"
    return "degree" if _share(_directions([finding]), _directions(same)) == 1 else "differs"


def _share(stated: Facts, measured: Facts) -> float:
    return round(grounding([stated], [measured]), 6)


def _topic(fact: Fact) -> tuple[str, str]:
    return fact.region, fact.attribute


def _sides_meet(stated: Fact, finding: Fact) -> bool:
    """Whether the two speak of a common side; an asymmetry, whose side is the weaker one, is about both."""
    return stated.attribute == "symmetry" or stated.side == finding.side or "both" in (stated.side, finding.side)


def _with_side(fact: Fact, measured: Facts) -> Fact:
    """An asymmetry whose weaker side the text leaves open agrees with either."""
    if fact.attribute != "symmetry" or fact.side != "none":
        return fact
    sides = [other.side for other in measured if _topic(other) == _topic(fact) and other.level == fact.level]
    return dataclasses.replace(fact, side=sides[0]) if sides else fact


def _directions(facts: Facts) -> list[Fact]:
    """Findings without their degree and number."""
    levels = [_STRONG.get(fact.level, fact.level) if is_abnormal(fact) else fact.level for fact in facts]
    return [dataclasses.replace(fact, level=level, value=None, unit="") for fact, level in zip(facts, levels, strict=True)]
