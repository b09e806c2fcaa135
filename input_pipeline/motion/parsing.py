"""English to facts: regular expressions and a synonym lexicon, no model, the same answer every time.

Reads every wording of `wording` back exactly, and common paraphrases of it. What it cannot read it returns as a sentence
without facts, so that a score over the facts can be told apart from a score over the text. The lexicon is ours.
"""

from __future__ import annotations

import dataclasses
import re

from input_pipeline.motion.facts import ATTRIBUTES, Fact

# In each table the first pattern that matches counts; patterns see lower-case text.
_REGIONS = (
    ("mouth_corner", r"(?:mouth|lip|oral) (?:corner|angle|commissure)s?|(?:corner|angle)s? of the (?:mouth|lips?)"),
    ("mouth_corner", r"commissures?|lower fac(?:e|ial)"),
    ("brow", r"(?:eye)?brows?|forehead"),
    ("eye", r"eye ?lids?|eyes?|lids?|blink\w*"),
    ("jaw", r"jaw|mandib\w+|chin"),
    ("lips", r"lips?|mouth"),
    ("global", r"face|facial"),
)
# The posed task stands for the region that it moves, where no region is named.
_TASKS = (("mouth_corner", r"smil\w+"), ("brow", r"frown\w*"), ("eye", r"squeez\w+"), ("mouth_corner", r"clench\w*"))

# Comparisons of the two sides.
_LESS = r"(?:weaker|less|smaller|lower|reduced|slower)"
_MORE = r"(?:stronger|more|larger|greater|faster)"
_ATTRIBUTES = (
    ("rate", r"blink\w*"),
    ("tremor", r"trem(?:or|ors|ulous|bles?|bling)|quiver\w*"),
    ("symmetry", r"(?:a|dis)?symmetr\w*|(?:un)?equal\w*|uneven\w*|lopsided|lags behind"),
    ("symmetry", rf"(?:{_LESS}|{_MORE}) (?:mobile )?(?:on the (?:left|right) )?than (?:on )?(?:the )?(?:left|right)"),
    ("hold", r"held|holds?|holding|sustain\w*|maintain\w*"),
    ("decrement", r"decrement\w*|fad(?:es?|ing)|fatigu\w+|wan(?:es?|ing)"),
    ("onset", r"onset|starts?|begins?|initiat\w+|latency|delay\w*"),
    ("peak_speed", r"speed|velocity|slow\w*|fast|quick\w*|brisk\w*|rapid\w*|swift\w*"),
    ("duty_cycle", r"apart|parts?(?! of)|part(?:ed|ing)|gap|separat\w+|together|sealed"),
    ("closure", r"clos(?:es?|ed|ing|ure)|shut|open|squeez\w+"),
    ("amplitude", r"amplitude|excursion|range|mov\w+|motion|displacement|mobil\w+|rais\w+|elevat\w+|lift\w*|activity"),
)
_PAIR_OF_ATTRIBUTES = re.compile(r"\b(?:amplitude|range|speed|velocity) and (?:\w+ )?(?:amplitude|range|speed|velocity)\b")
# What a level alone is about: "the left mouth corner is reduced".
_ASSUMED = {"mouth_corner": "amplitude", "brow": "amplitude"}
_DEFAULT_REGION = {"rate": "eye", "duty_cycle": "lips", "tremor": "jaw", "closure": "eye"}

_LESSER = (
    ("absent", r"absent|absence|missing|immobile|motionless"),
    ("markedly_reduced", r"barely|hardly|scarcely|minimal\w*"),
    (
        "reduced",
        r"reduc\w+|decreas\w+|diminish\w+|limited|limitation|restrict\w+|small\w*|low|lower(?:ed)?|weak\w*|less\w*|lack\w*"
        r"|impair\w+|poor\w*|incomplete\w*|partial\w*|partly|slow\w*|infrequent\w*|rare\w*|few|slight\w* only|only slight\w*",
    ),
    ("increased", r"increas\w+|elevated|excessive|frequent\w*|high|higher"),
    ("normal", r"normal\w*|full|fully|preserved|intact|unremarkable|complete\w*|brisk\w*|good|adequate\w*|well|regular"),
    ("normal", r"fast|quick\w*|rapid\w*|swift\w*|unimpaired|unrestricted|unaffected"),
)
_APART = r"apart|parts?(?! of)|part(?:ed|ing)|open\w*|gap|separat\w+"
_MOSTLY = r"most|mostly|throughout|always|constant\w*|permanent\w*|continuous\w*"
_LEVELS = {
    "amplitude": _LESSER,
    "peak_speed": _LESSER,
    "rate": _LESSER,
    "closure": (*_LESSER, ("markedly_reduced", r"largely open|mostly open")),
    "hold": (
        ("markedly_reduced", r"hardly|barely|(?:for )?a moment|momentar\w+"),
        ("reduced", r"brief\w*|short\w*|part of|not sustained"),
        *_LESSER,
        ("normal", r"steadi\w*|steady|throughout|stable|sustained|maintained|held"),
    ),
    "onset": (
        ("increased", r"delay\w*|late|slow\w*|prolonged|hesita\w+"),
        ("normal", r"prompt\w*|normal\w*|immediate\w*|timely"),
    ),
    "decrement": (("normal", r"absent"), ("increased", r"decrement\w*|fad(?:es?|ing)|fatigu\w+|wan(?:es?|ing)")),
    "symmetry": (
        ("normal", r"asymmetry is absent|symmetric\w* is normal"),
        ("reduced", r"asymmetr\w*|dissymmetr\w*|unequal\w*|uneven\w*|lopsided|reduced|impaired"),
        ("normal", r"symmetr\w*|equal\w*"),
        ("reduced", r"than|lags"),
    ),
    "duty_cycle": (
        ("markedly_increased", rf"(?:{_APART})\b.*\b(?:{_MOSTLY})|(?:{_MOSTLY})\b.*\b(?:{_APART})"),
        ("increased", _APART),
        ("normal", r"closed|together|sealed|shut|in contact|closure"),
    ),
    "tremor": (("absent", r"absent|free of"), ("increased", r"trem\w+|quiver\w*")),
}
_STRONGLY = re.compile(
    r"\b(?:(?:marked|severe|strong|great|considerab|substantial|profound)(?:ly|le|y)?|very|much|only slightly)\b"
)
_STRONGER = {"reduced": "markedly_reduced", "increased": "markedly_increased"}
_WEAKER = {strong: weak for weak, strong in _STRONGER.items()}

_NOT = re.compile(r"\b(?:no|not|without|never|neither|nor|cannot)\b|n't\b")
# How far a negation reaches: "no visible tremor", "does not have a clearly reduced range".
_REACH = 5
_NEGATED = {
    "absent": "normal",
    "markedly_reduced": "normal",
    "reduced": "normal",
    "normal": "reduced",
    "increased": "normal",
    "markedly_increased": "increased",
}
# Attributes whose normal level has no opposite called "reduced", or whose denial is "absent".
_NEGATED_OF = {
    "tremor": {"increased": "absent", "absent": "increased"},
    "onset": {"normal": "increased"},
    "decrement": {"normal": "increased"},
    "duty_cycle": {"normal": "increased"},
    "hold": {"normal": "markedly_reduced"},
}
# "No blinks", "does not move", "do not close": a negation with nothing but the attribute to deny.
_DENIED = {"amplitude": "absent", "closure": "absent", "rate": "absent"}

# Which side is the weaker one; the group "stronger" names the other.
_WEAKER_SIDE = (
    rf"\b{_LESS}\b(?:(?! than ).)*?\b(?P<weaker>left|right)\b",
    rf"\b(?P<weaker>left|right)\b(?: \w+){{0,5}}? (?:{_LESS}|lags)\b",
    rf"\b{_MORE}\b(?:(?! than ).)*?\b(?P<stronger>left|right)\b",
    rf"\b(?P<stronger>left|right)\b(?: \w+){{0,5}}? {_MORE}\b",
    r"\b(?P<weaker>left|right)\b",
)

_UNITS = (
    ("IOD/s", r"(?:iod|inter-?ocular distances?) ?(?:/ ?s|per second)"),
    ("IOD", r"iod|inter-?ocular distances?"),
    ("%/s", r"(?:%|percent|per cent) ?(?:/ ?s|per second)"),
    ("%", r"%|percent|per cent"),
    ("/min", r"(?:(?:blinks?|times) )?(?:/ ?min(?:ute)?|per minute|a minute)"),
    ("s", r"seconds?|sec|s\b"),
)
_NUMBERS = tuple((unit, re.compile(rf"(?<![\w.])(\d+(?:\.\d+)?) ?(?:{words})(?!\w)")) for unit, words in _UNITS)

_SENTENCE = re.compile(r"[^.!?\n]+(?:[.](?=\d)[^.!?\n]+)*[.!?]*")
_LEAD_IN = re.compile(
    r"^(?:at rest,? |(?:while|when|during|on|in|for|with)\b(?:(?!left|right)[^,])*"
    r"\b(?:rest|smil\w+|frown\w*|squeez\w+|clench\w*)\b(?:(?!left|right)[^,])*, )"
)
_CLAUSE = re.compile(r"; | ?,? (?:but|whereas|while|although) |, and |, (?=the (?:left|right)\b(?! (?:side )?(?:less|more)))")
_SIDES = re.compile(r"\b(left|right)(?=(?:wards?|most)?\b)", re.IGNORECASE)


@dataclasses.dataclass(frozen=True)
class Sentence:
    """One sentence of a report.

    Attributes:
      text: as written, without surrounding space.
      facts: what it states; empty where it could not be read.
      negated: whether it denies something ("no asymmetry", "not reduced").
    """

    text: str
    facts: tuple[Fact, ...]
    negated: bool


def parse(text: str) -> list[Sentence]:
    """The sentences of a report with their facts, in the order of the text.

    A clause that names no region speaks of the last one named, and a second clause of the last attribute too
    ("the left brow moves fully, but the right is reduced").
    """
    sentences, region = [], None
    for match in _SENTENCE.finditer(text):
        written = match.group().strip()
        if re.search(r"\w", written):
            facts, region = _read(written.lower(), region)
            sentences.append(Sentence(written, facts, bool(_NOT.search(written.lower()))))
    return sentences


def parse_facts(text: str) -> tuple[Fact, ...]:
    """All the facts of a report, in the order of the text."""
    return tuple(fact for sentence in parse(text) for fact in sentence.facts)


def swap_sides(text: str) -> str:
    """The report of the mirrored clip: left for right and right for left, the case kept."""

    def other(match: re.Match) -> str:
        word = match.group()
        swapped = "right" if word.lower() == "left" else "left"
        return swapped.upper() if word.isupper() else swapped.capitalize() if word[0].isupper() else swapped

    return _SIDES.sub(other, text)


def _read(sentence: str, region: str | None) -> tuple[tuple[Fact, ...], str | None]:
    """Facts of one lower-case sentence, and the region that the next may leave out."""
    body = _LEAD_IN.sub("", sentence, count=1)
    if body != sentence:
        region = _first(_TASKS, sentence) or region
    facts: list[Fact] = []
    for clause in _clauses(body):
        found = _clause_facts(clause, region, facts[-1].attribute if facts else None)
        facts.extend(found)
        region = found[-1].region if found else _first(_REGIONS, clause) or region
    return tuple(facts), region


def _clauses(sentence: str) -> list[str]:
    """Cut at conjunctions; at a bare "and" only where each part has a level of its own."""
    clauses = []
    for clause in _CLAUSE.split(sentence):
        parts = clause.split(" and ")
        levelled = all(_has_level(part) for part in parts)
        clauses.extend(parts if levelled else [clause])
    return clauses


def _has_level(part: str) -> bool:
    return all(_level(name, part) or _denied(name, part) for name in _attributes(part) or ["amplitude"])


def _clause_facts(clause: str, region: str | None, attribute: str | None) -> list[Fact]:
    named = _all(_REGIONS, clause)
    task = _first(_TASKS, clause)
    said = _attributes(clause) or ([attribute] if attribute and (named or _side_words(clause)) else [])
    facts = []
    for name in said or [_ASSUMED[r] for r in (*named, task) if r in _ASSUMED][:1]:
        allowed = ATTRIBUTES[name].regions
        regions = [r for r in named if r in allowed] or [task or _DEFAULT_REGION.get(name) or region]
        level = _level(name, clause) or (_denied(name, clause) if said else None)
        facts += [_fact(r, name, level, clause) for r in regions if level and r in allowed]
    return facts


def _fact(region: str, attribute: str, level: str, clause: str) -> Fact:
    value, unit = _number(clause, ATTRIBUTES[attribute].unit)
    return Fact(region, _side(region, attribute, level, clause), attribute, level, value, unit)


def _attributes(clause: str) -> list[str]:
    if _PAIR_OF_ATTRIBUTES.search(clause):
        return ["amplitude", "peak_speed"]
    for attribute, words in _ATTRIBUTES:
        if re.search(rf"\b(?:{words})\b", clause):
            # "Closed" and "open" are said of lips too, where they mean the lip gap.
            if attribute == "closure" and "lips" in _all(_REGIONS, clause):
                return ["duty_cycle"]
            return [attribute]
    return []


def _level(attribute: str, clause: str) -> str | None:
    for level, words in _LEVELS[attribute]:
        if match := re.search(rf"\b(?:{words})\b", clause):
            if _denials(clause[: match.start()]) % 2:
                level = _NEGATED_OF.get(attribute, {}).get(level) or _NEGATED[level]
            elif _STRONGLY.search(clause):
                level = _STRONGER.get(level, level)
            return _allowed(attribute, level)
    return None


def _denied(attribute: str, clause: str) -> str | None:
    return _DENIED.get(attribute) if _NOT.search(clause) else None


def _denials(before: str) -> int:
    return len(_NOT.findall(" ".join(before.split()[-_REACH:])))


def _allowed(attribute: str, level: str) -> str | None:
    levels = ATTRIBUTES[attribute].levels
    return next((one for one in (level, _WEAKER.get(level)) if one in levels), None)


def _side(region: str, attribute: str, level: str, clause: str) -> str:
    if region == "global":
        return "none"
    if region in ("lips", "jaw") or attribute == "rate" or (attribute == "symmetry" and level == "normal"):
        return "both"
    if attribute == "symmetry":
        return _weaker_side(clause)
    sides = _side_words(clause)
    return sides.pop() if len(sides) == 1 else "both"


def _side_words(clause: str) -> set[str]:
    return set(re.findall(r"\b(left|right)\b", clause))


def _weaker_side(clause: str) -> str:
    for pattern in _WEAKER_SIDE:
        if match := re.search(pattern, clause):
            group = match.groupdict()
            return group.get("weaker") or ("right" if group["stronger"] == "left" else "left")
    return "none"


def _number(clause: str, unit: str) -> tuple[float | None, str]:
    """The number in the attribute's own unit if there is one, else the first number with any unit."""
    found = {name: float(match.group(1)) for name, pattern in _NUMBERS if (match := pattern.search(clause))}
    for name in (unit, *found):
        if name in found:
            return found[name], name
    return None, ""


def _first(table: tuple[tuple[str, str], ...], clause: str) -> str | None:
    return next((name for name, words in table if re.search(rf"\b(?:{words})\b", clause)), None)


def _all(table: tuple[tuple[str, str], ...], clause: str) -> list[str]:
    """Names in the order of the text; what an earlier pattern has read, a later one does not read again."""
    found = []
    for name, words in table:
        for match in list(re.finditer(rf"\b(?:{words})\b", clause)):
            found.append((match.start(), name))
            clause = clause[: match.start()] + " " * len(match.group()) + clause[match.end() :]
    return list(dict.fromkeys(name for _, name in sorted(found)))
