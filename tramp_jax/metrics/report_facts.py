"""Scores of a report by the facts in it, each read from the text by `input_pipeline.motion.parsing`.

Every function takes two sequences of equal length, one tuple of facts per report: what the reports state and what they should.

The unit of counting is the topic, (region, attribute). Where left and right can differ, a topic has two halves: "both" is
expanded into left and right, each of weight 1/2, so that "both" and "left" + "right" of equal level are the same statement and
half of a statement earns half. Matching is one to one: a fact stated twice earns once, and its copy counts as false.

F1 at three strictnesses, after RadGraph (references: seke_and_evaluation.md B.3): *mention* compares topics, *direction* also
side and level, *value* also the number where the reference has one. *abnormal* is direction over the findings alone, where the
always-normal report earns 0. Not validated against clinicians; where references come from measured landmarks by rules, these
scores measure agreement with our own rules.
"""

from __future__ import annotations

import dataclasses
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from input_pipeline.motion.facts import ATTRIBUTES, LEVELS, Fact, is_abnormal, is_paired
from input_pipeline.motion.parsing import parse

Facts = Sequence[Fact]

STRICTNESSES = ("mention", "direction", "value", "abnormal")
ERRORS = ("wrong_side", "negation", "wrong_level", "false", "missing", "wrong_value", "overstatement")
# A number agrees within this share of the reference's, or within one reporting step, which for small numbers is more.
TOLERANCE = 0.1


def fact_f1(stated: Sequence[Facts], reference: Sequence[Facts]) -> dict[str, float]:
    """Macro average over the reports: "<strictness>_precision", "_recall" and "_f1" for each of STRICTNESSES.

    Reports without any finding on both sides do not count for "abnormal", which is NaN if that leaves none.

    Raises:
      ValueError: the sequences differ in length.
    """
    return {name: _mean(scores) for name, scores in per_report(stated, reference).items()}


def per_report(stated: Sequence[Facts], reference: Sequence[Facts]) -> dict[str, np.ndarray]:
    """The scores of `fact_f1` before averaging, (N,) each, for intervals over subjects."""
    rows = [score_report(said, meant) for said, meant in zip(stated, reference, strict=True)]
    names = [f"{level}_{part}" for level in STRICTNESSES for part in ("precision", "recall", "f1")]
    return {name: np.array([row[name] for row in rows], np.float64) for name in names}


def score_report(stated: Facts, reference: Facts) -> dict[str, float]:
    """The scores of one report. Nothing stated is 0; nothing stated where nothing was to be stated is 1."""
    said, meant = halves(stated), halves(reference)
    mentions = _mentions(said), _mentions(meant)
    scores = _rates("mention", *mentions, sum((mentions[0] & mentions[1]).values()))
    scores |= _rates("direction", said, meant, _matched(said, meant, _same_direction))
    scores |= _rates("value", said, meant, _matched(said, meant, number_is_right))
    said, meant = [fact for fact in said if is_abnormal(fact)], [fact for fact in meant if is_abnormal(fact)]
    if not said and not meant:
        return scores | dict.fromkeys(("abnormal_precision", "abnormal_recall", "abnormal_f1"), math.nan)
    return scores | _rates("abnormal", said, meant, _matched(said, meant, _same_direction))


def laterality_accuracy(stated: Sequence[Facts], reference: Sequence[Facts]) -> float:
    """Share of the one-sided reference facts that are mentioned whose side is right; pooled, NaN if none is mentioned.

    One-sided: a half whose other half has another level or none, or the weaker side of an asymmetry. Mentioned: something of
    the same level, failing that of the same polarity, is stated on the topic. Right: it is stated on that side alone.
    """
    hits = [hit for said, meant in zip(stated, reference, strict=True) for hit in lateral_hits(said, meant)]
    return float(np.mean(hits)) if hits else math.nan


def lateral_hits(stated: Facts, reference: Facts) -> list[bool]:
    """Of one report: for each one-sided reference fact that is mentioned, whether its side is right."""
    said, meant = halves(stated), halves(reference)
    hits = []
    for fact in _one_sided(meant):
        same_topic = [other for other in said if topic(other) == topic(fact)]
        named = [other for other in same_topic if other.level == fact.level]
        named = named or [other for other in same_topic if is_abnormal(other) == is_abnormal(fact)]
        if named:
            hits.append({other.side for other in named} == {fact.side})
    return hits


def error_table(stated: Sequence[Facts], reference: Sequence[Facts]) -> dict[str, float]:
    """Mean number of errors per report, by kind (ERRORS), NaN without reports; one side of a topic that has two counts 1/2.

    What does not match is paired off in this order: wrong_side (topic and level right), negation (a finding for a normal or the
    reverse), wrong_level; the rest was stated without being so (false) or not stated (missing). Two more look closer and count
    no fact anew: wrong_value is a number that is off where side and level are right, overstatement a wrong_level that is
    further from normal than it should be.
    """
    totals: Counter = Counter()
    for said, meant in zip(stated, reference, strict=True):
        totals.update(errors_of(said, meant))
    return {kind: totals[kind] / len(stated) if stated else math.nan for kind in ERRORS}


def errors_of(stated: Facts, reference: Facts) -> Counter:
    """The errors of one report, see `error_table`."""
    return _errors(halves(stated), halves(reference))


def grounding(stated: Sequence[Facts], measured: Sequence[Facts]) -> float:
    """Share of the stated facts that agree with the measured ones, mean over the reports; needs no reference report.

    Side and level must agree, and the number where one is stated. A report that states nothing earns 0.

    Args:
      stated: facts of each report.
      measured: `input_pipeline.motion.facts.measured_facts` of each clip.
    """
    return _mean(np.array([grounded_share(said, signal) for said, signal in zip(stated, measured, strict=True)]))


def grounded_share(stated: Facts, measured: Facts) -> float:
    """Of one report, see `grounding`."""
    said, signal = halves(stated), halves(measured)
    return _matched(said, signal, _number_is_not_wrong) / _weight(said) if said else 0.0


def unparsed_share(texts: Sequence[str]) -> float:
    """Share of the sentences on motion in these reports that state no fact that can be read; NaN without such sentences."""
    unread, of_motion = np.sum([unread_sentences(text) for text in texts], axis=0) if texts else (0.0, 0.0)
    return float(unread / of_motion) if of_motion else math.nan


def unread_sentences(text: str) -> tuple[float, float]:
    """Sentences on motion without a fact that can be read, and sentences on motion."""
    found = [not sentence.facts for sentence in parse(text) if sentence.of_motion]
    return float(sum(found)), float(len(found))


def deviation(fact: Fact) -> int:
    """Steps between the fact's level and the normal one: "reduced" is -1, "absent" -3, "markedly_increased" 2."""
    return LEVELS.index(fact.level) - LEVELS.index("normal") if is_abnormal(fact) else 0


def halves(facts: Facts) -> list[Fact]:
    """Left and right for each "both" that means both."""
    expanded = []
    for fact in facts:
        sides = ("left", "right") if is_paired(fact) and fact.side == "both" else (fact.side,)
        expanded += [dataclasses.replace(fact, side=side) for side in sides]
    return expanded


def topic(fact: Fact) -> tuple[str, str]:
    """What the fact is about, whatever it says of it."""
    return fact.region, fact.attribute


def _weight(facts: Iterable[Fact] | Counter) -> float:
    if isinstance(facts, Counter):
        return float(facts.total())
    return sum(0.5 if is_paired(fact) else 1.0 for fact in facts)


def _mentions(facts: list[Fact]) -> Counter:
    """How often each topic is spoken of: once for its two halves, twice where one side is told twice."""
    per_side = Counter((topic(fact), fact.side) for fact in facts)
    mentions: Counter = Counter()
    for (named, _), count in per_side.items():
        mentions[named] = max(mentions[named], count)
    return mentions


def _rates(name: str, said: list[Fact] | Counter, meant: list[Fact] | Counter, matched: float) -> dict[str, float]:
    """Precision, recall and F1 from the matched weight."""
    if not said and not meant:
        return {f"{name}_precision": 1.0, f"{name}_recall": 1.0, f"{name}_f1": 1.0}
    precision = matched / _weight(said) if said else 0.0
    recall = matched / _weight(meant) if meant else 0.0
    f1 = 2.0 * matched / (_weight(said) + _weight(meant))
    return {f"{name}_precision": precision, f"{name}_recall": recall, f"{name}_f1": f1}


def _matched(said: list[Fact], meant: list[Fact], agree: Callable[[Fact, Fact], bool]) -> float:
    """Weight of the facts that find a partner of equal topic, side and level for which `agree(stated, reference)` holds.

    Both lists go by rising value: as the tolerance rises with the reference, the first partner that fits is then the best.
    """
    free = defaultdict(list)
    for fact in sorted(said, key=_by_value):
        free[_direction(fact)].append(fact)
    matched = []
    for fact in sorted(meant, key=_by_value):
        partners = free[_direction(fact)]
        if (partner := next((i for i, other in enumerate(partners) if agree(other, fact)), None)) is not None:
            matched.append(partners.pop(partner))
    return _weight(matched)


def _direction(fact: Fact) -> tuple[str, str, str, str]:
    return *topic(fact), fact.side, fact.level


def _by_value(fact: Fact) -> tuple[bool, float]:
    return fact.value is None, fact.value or 0.0


def _same_direction(stated: Fact, reference: Fact) -> bool:
    return True


def number_is_right(stated: Fact, reference: Fact) -> bool:
    """Whether the reference's number, where it has one, is stated within the tolerance."""
    return reference.value is None or (stated.value is not None and _number_is_not_wrong(stated, reference))


def _number_is_not_wrong(stated: Fact, reference: Fact) -> bool:
    if stated.value is None or reference.value is None:
        return True
    step = 10.0 ** -ATTRIBUTES[reference.attribute].decimals
    tolerance = max(TOLERANCE * abs(reference.value), step) * (1.0 + 1e-9)
    return stated.unit == reference.unit and abs(stated.value - reference.value) <= tolerance


def _one_sided(facts: list[Fact]) -> list[Fact]:
    other = {"left": "right", "right": "left"}
    told = {_direction(fact) for fact in facts}
    sided = [fact for fact in facts if fact.side in other]
    return [fact for fact in sided if (*topic(fact), other[fact.side], fact.level) not in told]


def _errors(said: list[Fact], meant: list[Fact]) -> Counter:
    both = Counter(map(_direction, said)) & Counter(map(_direction, meant))
    wrong_value = _matched(said, meant, _same_direction) - _matched(said, meant, _number_is_not_wrong)
    said, meant = _beyond(said, both), _beyond(meant, both)
    errors: Counter = Counter(wrong_value=wrong_value)
    for kind, is_kind in _KINDS.items():
        for fact in list(said):
            partner = next((other for other in meant if topic(other) == topic(fact) and is_kind(fact, other)), None)
            if partner is not None:
                said.remove(fact)
                meant.remove(partner)
                errors[kind] += _weight([partner])
                if kind == "wrong_level" and abs(deviation(fact)) > abs(deviation(partner)):
                    errors["overstatement"] += _weight([partner])
    errors.update({"false": _weight(said), "missing": _weight(meant)})
    return errors


_KINDS: dict[str, Callable[[Fact, Fact], bool]] = {
    "wrong_side": lambda stated, reference: stated.level == reference.level,
    "negation": lambda stated, reference: (
        is_abnormal(stated) != is_abnormal(reference) and (stated.side == reference.side or not is_paired(reference))
    ),
    "wrong_level": lambda stated, reference: stated.side == reference.side,
}


def _beyond(facts: list[Fact], matched: Counter) -> list[Fact]:
    """The facts without one copy of each matched one."""
    left, matched = [], matched.copy()
    for fact in facts:
        if matched[_direction(fact)]:
            matched[_direction(fact)] -= 1
        else:
            left.append(fact)
    return left


def _mean(scores: np.ndarray) -> float:
    """Mean of what is defined; NaN if nothing is."""
    defined = scores[~np.isnan(scores)]
    return float(defined.mean()) if len(defined) else math.nan
