"""Numbers with units in normalised text: each becomes a placeholder, "#0", "#1", ..., in the unit of an attribute.

Ranges, bounds and other units (mm, Hz, mg) give no value: they are taken out of the text, so that nothing is read into them.
"""

from __future__ import annotations

import dataclasses
import re

_DIGITS = "one|two|three|four|five|six|seven|eight|nine"
_ONES = f"zero|{_DIGITS}|ten|eleven|twelve|thirteen|fourteen|fifteen|sixteen|seventeen|eighteen|nineteen"
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_WORDS = {word: float(n) for n, word in enumerate(_ONES.split("|"))}
_WORDS |= {word: float(10 * n) for n, word in enumerate(_TENS.split("|"), 2)}
_PARTS = {"half": 2, "third": 3, "quarter": 4, "fourth": 4, "fifth": 5, "sixth": 6, "eighth": 8, "tenth": 10}

_WORD = rf"(?:(?:{_TENS})[ -](?:{_DIGITS})|{'|'.join(sorted(_WORDS, key=len, reverse=True))}|a hundred|one hundred)"
_PART = r"(?:halves|half|thirds?|quarters?|fourths?|fifths?|sixths?|eighths?|tenths?)"
_FRACTION = rf"(?:(?:a|{_DIGITS})[ -])?(?:(?:good|full) )?{_PART}"
_FIGURE = r"\d+(?:[.,]\d+)?|\.\d+"
_N = rf"(?>(?<![\w.,])(?:{_FIGURE})|\b(?:{_WORD})\b)"
_ABOUT = r"(?: ?(?:±|\+/-|\+-|plus or minus) ?\d+(?:[.,]\d+)?)?"
_BOUND = (
    r"(?P<bound>(?:less|fewer|lower|more|greater|higher|later|smaller|larger) than |under |over |below |above |"
    r"(?:at|no|not) (?:least|most|more|less)(?: than)? |up to )"
)
_IOD = r"(?:of (?:the |an |one |his |her )?)?(?:iods?|inter-? ?ocular[ -]distances?|inter-?ocular units?|ioud|i\.o\.d\.?)"
_SECOND = r"(?:s|secs?|seconds?)(?![\w])"
_PER_S = rf"(?:/ ?{_SECOND}|per {_SECOND}|(?:a|each|every) second(?!\w)| s-1)"
_PERCENT = r"(?:%|percent|per ?cent|pct)"
_MINUTE = r"(?:min(?:ute)?s?)(?!\w)"
_A_MINUTE = rf"(?:/ ?(?:1 )?{_MINUTE}|(?:per|a|each|every|in a|in one|in the|over a|in 1) {_MINUTE}|bpm)"
_PER_MINUTE = rf"(?:(?:spontaneous )?(?:eye )?(?:blinks?|times|x) ?)?{_A_MINUTE}"
# In this order: the longer units first.
_UNITS = (
    ("IOD/s", 0.01, rf"{_PERCENT} ?{_IOD} ?{_PER_S}"),
    ("IOD", 0.01, rf"{_PERCENT} ?{_IOD}(?!\w)"),
    ("IOD/s", 1.0, rf"{_IOD} ?{_PER_S}"),
    ("IOD", 1.0, rf"{_IOD}(?!\w)"),
    ("%/s", 1.0, rf"{_PERCENT} ?(?:of its \w+ |of the \w+ )?{_PER_S}"),
    ("%", 1.0, _PERCENT),
    ("/min", 1.0, _PER_MINUTE),
    ("s", 0.001, r"(?:ms|msecs?|milliseconds?)(?!\w)"),
    ("s", 1.0, _SECOND),
    (
        "",
        1.0,
        r"(?:mm|cm|millimet(?:er|re)s?|hz|hertz|mg|fps|degrees|points?|weeks?|days?|months?|years?|hours?|minutes?)(?!\w)",
    ),
)
_UNIT = "|".join(f"(?P<u{i}>{pattern})" for i, (_, _, pattern) in enumerate(_UNITS))
_HALF_MORE = r"(?P<more> and a half)?"
_MEASURE = re.compile(rf"{_BOUND}?(?P<n>{_N}){_ABOUT}{_HALF_MORE}[ -]?(?:{_UNIT})")
_PAIR = re.compile(rf"(?P<a>{_N})(?P<by>,? ?(?:and|or|/|-|–|to|,) ?)(?P<b>{_N})(?= ?(?P<unit>{_UNIT}))")
_BETWEEN = re.compile(rf"\b(?:between|from|anywhere from) (?={_N})")
# Counts of blinks over a time.
_HOW_MANY = rf"(?P<n>{_N}|\bonce|\btwice|\ba single|\ba|\bno)"
_COUNTED_IN = (
    r"(?:in|within|during|over|per|for|on|across) (?:(?:the|a|an|his|her|these|those|this) )?"
    r"(?:(?:whole|entire|full|first|last) )?"
)
_SEEN = r"(?:were |was )?(?:counted |seen |observed |recorded |noted )?"
_COUNTED = re.compile(
    rf"{_HOW_MANY} ?(?:spontaneous )?(?:eye ?)?(?:blinks?|times)?,? {_SEEN}"
    rf"(?:{_COUNTED_IN}|every |each |/ ?)(?P<t>{_N})[ -]?(?P<unit>s|secs?|seconds?|min|mins|minutes?)(?!\w)"
)
_IN_TIME = re.compile(
    rf"\b(?:in|within|during|over) (?:the |a |an )?(?P<t>{_N})[ -]?(?P<unit>s|secs?|seconds?|min|mins|minutes?)(?!\w)"
    rf"(?P<by>[^.;#]{{0,40}}?){_HOW_MANY} (?:blinks?|times)\b"
)
_EVERY = re.compile(rf"\b(?:only )?every (?P<t>{_N}) ?(?P<unit>s|secs?|seconds?)(?!\w)")
_ONCE = re.compile(
    r"(?P<bound>at (?:most|least) |(?:no|not) more than |less than )?\b"
    r"(?P<n>once|twice|thrice) (?:a|per|each|every|in a|in one) minute\b"
)
_TIMES = {"once": 1.0, "twice": 2.0, "thrice": 3.0}
_HALF_MINUTE = re.compile(r"\bhalf a minute\b")
_OF_A_PAIR = "".join(rf"(?<!{word} )" for word in ("left", "right", "other", "upper", "lower", "one"))
_SHARE = re.compile(rf"(?<![\w-]){_OF_A_PAIR}(?P<f>{_FRACTION})(?![\w])(?! (?:an? )?(?:hour|min)|-?open|-?clos)")
_BEFORE_SHARE = re.compile(r"\b(less than|more than|under|over|below|above) (?:a |one )?$")
_SHARE_OF = re.compile(rf"^[ -]?(?:of )?(?:the |an |a |one )?({_IOD})(?P<s> ?{_PER_S})?")
_SHARE_SECOND = re.compile(r"^ ?(?:of )?a second(?!\w)")


@dataclasses.dataclass(frozen=True)
class Number:
    """A number of the text.

    Attributes:
      value: in `unit`; None where the text gives a range or a bound.
      unit: one of `facts.UNITS`, or "share" for a fraction in words, 0..1.
      near: what the level is looked up for where there is no value.
    """

    value: float | None
    unit: str
    near: float | None = None


def take_numbers(text: str) -> tuple[str, list[Number]]:
    """The normalised text with " #i " for its i-th number with a unit."""
    if not _MAY_HOLD.search(text):
        return text, []
    found: list[Number] = []

    def put(value: float | None, unit: str, near: float | None = None) -> str:
        found.append(Number(value, unit, near))
        return f" #{len(found) - 1} "

    def count(match: re.Match) -> str:
        blinks = (
            {"once": 1.0, "twice": 2.0, "a": 1.0, "a single": 1.0, "no": 0.0}.get(match["n"])
            if match["n"] in _COUNTS
            else _read(match["n"])
        )
        seconds = _read(match["t"]) * (60.0 if match["unit"].startswith("m") else 1.0)
        return f" blinks {put(60.0 * blinks / seconds if seconds else None, '/min')} "

    def measure(match: re.Match) -> str:
        unit, factor = next((name, scale) for i, (name, scale, _) in enumerate(_UNITS) if match[f"u{i}"])
        if not unit:
            return " "
        value = _read(match["n"]) * factor + (0.5 * factor if match["more"] else 0.0)
        number = put(None, unit, _inside(match["bound"], value)) if match["bound"] else put(value, unit)
        return f"{' blinks ' if 'blink' in match.group() else ' '}{number} "

    if "blink" in text or "time" in text or "once" in text or "twice" in text:
        text = _HALF_MINUTE.sub("30 s", text)
        text = _IN_TIME.sub(lambda match: f"{match['by']}{count(match)}", _COUNTED.sub(count, text))
        if "blink" in text:
            text = _EVERY.sub(lambda m: put(60.0 / _read(m["t"]) if _read(m["t"]) else None, "/min"), text)
            text = _ONCE.sub(
                lambda m: put(None if m["bound"] else {"once": 1.0, "twice": 2.0, "thrice": 3.0}[m["n"]], "/min"), text
            )
    text = _shares(text, put)
    ranged = _BETWEEN.search(text)
    text = _BETWEEN.sub("", text)
    for _ in range(2):
        text = _PAIR.sub(lambda m: _pair(m, bool(ranged)), text)
    return _MEASURE.sub(measure, text), found


def _inside(bound: str, value: float) -> float | None:
    """A number on the side of the bound that is meant; of a range, which tells no side, none."""
    if bound.startswith(("less", "fewer", "under", "below", "lower", "smaller")):
        return max(value * 0.99, 0.0)
    return value * 1.01 if bound.startswith(("more", "over", "above", "greater", "higher", "larger")) else None


_COUNTS = ("once", "twice", "a", "a single", "no")
_MAY_HOLD = re.compile(
    rf"\d|\b(?:{'|'.join(_WORDS)}|{'|'.join(_PARTS)}|halves|thirds|quarters|once|twice|hundred|every|a second|tenths)\b"
)


def _pair(match: re.Match, between: bool) -> str:
    """Of "0.03 and 0.06 IOD" each has the unit; "8 to 10" is a range."""
    by = match["by"].strip(" ,")
    if match["a"].isalpha() and not match["b"].isalpha():
        return match.group()
    if between or by in ("-", "–", "to", "or"):
        return f"up to {match['b']}"
    return f"{match['a']} {match['unit']}{' and ' if by != '/' else ' / '}{match['b']}"


def _shares(text: str, put) -> str:
    """Fractions in words; of an inter-ocular distance or of a second they are that unit's."""
    out, start = [], 0
    for match in _SHARE.finditer(text):
        words = re.split(r"[ -]", match["f"])
        part = next(n for name, n in _PARTS.items() if words[-1].startswith(name) or (words[-1] == "halves" and n == 2))
        value = (_WORDS.get(words[0], 1.0) if len(words) > 1 else 1.0) / part
        if (len(words) == 1 and part != 2) or not 0.0 < value < 1.0:
            continue
        rest = text[match.end() :]
        if (unit := _SHARE_OF.match(rest)) is not None:
            number, after = put(value, "IOD/s" if unit["s"] else "IOD"), match.end() + unit.end()
        elif (unit := _SHARE_SECOND.match(rest)) is not None:
            number, after = put(value, "s"), match.end() + unit.end()
        elif (bound := _BEFORE_SHARE.search(text[max(0, match.start() - 20) : match.start()])) is not None:
            number, after = put(None, "share", _inside(bound[1], value)), match.end()
        else:
            number, after = put(value, "share"), match.end()
        out += [text[start : match.start()], number]
        start = after
    return "".join([*out, text[start:]])


def _read(words: str) -> float:
    """A number in figures (decimal point or comma) or in words."""
    if words[0].isdigit() or words[0] == ".":
        return float(words.replace(",", "."))
    if words.endswith("hundred"):
        return 100.0
    return sum(_WORDS[word] for word in re.split(r"[ -]", words))
