"""Text as clinicians write it to plain lower-case words: arrows, abbreviations, contractions, sentences.

Abbreviations are expanded, never read as words of their own. All tables are ours.
"""

from __future__ import annotations

import re

# Upper case only: in lower case these are words, or parts of them.
_CAPITALS = {
    "LE": "left eye", "RE": "right eye", "BE": "both eyes", "BR": "blink rate", "LMC": "left mouth corner",
    "RMC": "right mouth corner", "MC": "mouth corner", "MCs": "mouth corners",
}  # fmt: skip
_ABBREVIATIONS = {
    "l": "left", "lt": "left", "r": "right", "rt": "right", "bilat": "bilateral", "b/l": "bilateral", "bil": "bilateral",
    "od": "right eye", "os": "left eye", "ou": "both eyes", "wnl": "normal", "nl": "normal", "norm": "normal", "nml": "normal",
    "nrml": "normal", "mvmt": "movement", "mvmts": "movements", "mvt": "movement", "movt": "movement", "mvts": "movements",
    "mov": "movement", "amp": "amplitude", "ampl": "amplitude", "exc": "excursion", "excurs": "excursion", "vel": "velocity",
    "spd": "speed", "rom": "range of motion", "nlf": "nasolabial fold", "nlfs": "nasolabial folds", "mod": "moderately",
    "sev": "severely", "sl": "slightly", "sm": "smile", "fr": "frown", "min": "minimal", "max": "maximal", "decr": "reduced",
    "dec": "reduced", "red": "reduced", "incr": "increased", "inc": "increased", "incompl": "incomplete", "compl": "complete",
    "abn": "abnormal", "asym": "asymmetric", "asymm": "asymmetric", "sym": "symmetric", "symm": "symmetric",
    "comm": "commissure",
    "trem": "tremor", "resp": "respectively", "w/": "with", "w/o": "without", "w": "with", "approx": "about", "ca": "about",
    "occ": "occasionally", "interm": "intermittent", "intermitt": "intermittent", "dur": "during", "spont": "spontaneous",
    "sympt": "symptom", "mand": "mandible", "mm.": "muscles", "b'cause": "because", "gen": "general", "del": "delayed",
    "exam": "examination", "vs": "versus", "cf": "compared with", "hx": "history of", "h/o": "history of", "abs": "absent",
    "sust": "sustained", "initn": "initiation", "init": "initiation", "contr": "contraction", "freq": "frequency",
    "signif": "significantly", "sig": "significantly", "mk": "marked", "mkd": "marked", "sx": "symptom", "dysk": "dyskinesia",
    "dep": "depressed", "elev": "elevation", "o/e": "", "pt": "patient", "pts": "patients", "pat": "patient", "neg": "negative",
    "pos": "positive", "mths": "months", "yrs": "years", "cl": "closure", "clos": "closure", "dist": "distance",
    "palp": "palpebral", "fiss": "fissure", "prox": "about", "wk": "weak", "hes": "hesitant", "symmetr": "symmetric",
}  # fmt: skip
# A full stop after one of these ends no sentence; most abbreviations above count too.
_NO_END = frozenset(_ABBREVIATIONS) - {"mov", "min", "max", "norm", "red", "pat", "pt", "w", "dec", "neg", "pos"}
_NO_END |= {
    "i.e",
    "e.g",
    "dr",
    "mr",
    "mrs",
    "no",
    "st",
    "fig",
    "etc",
    "int",
    "sec",
    "i",
    "e",
    "g",
    "prof",
    "min",
    "max",
    "dec",
    "red",
}
_SIGNS = (
    ("’", "'"), ("‘", "'"), ("“", '"'), ("”", '"'), ("\u00a0", " "), ("\u2212", "-"), ("‐", "-"), ("‑", "-"),
    ("↓↓↓", " markedly reduced "), ("↓↓", " markedly reduced "), ("↓", " reduced "), ("↑↑", " markedly increased "),
    ("↑", " increased "), ("→", " , "), ("⇒", " , "), ("—", " | "), ("–", " – "), ("&", " and "), ("@", " at "), ("½", " 0.5 "),
    ("¼", " 0.25 "), ("¾", " 0.75 "), ("⅓", " 0.333 "), ("⅔", " 0.667 "), ("~", " about "), ("≈", " about "),
    ("<<", " much less than "),
    (">>", " much more than "), ("<", " less than "), (">", " more than "), ("≤", " less than "), ("≥", " more than "),
    ("…", " , "), ("≠", " not equal "), ("==", " equal "), ("=", " equal "), ("[", "("), ("]", ")"), ("{", "("), ("}", ")"),
    ("×", " times "), ("#", " "), ("√", " normal "),
)  # fmt: skip
_SIGN = re.compile("|".join(re.escape(sign) for sign, _ in _SIGNS))
# "(+)" and "(-)" after a finding, and a lone "-" after a colon.
_PLUS = re.compile(r"\(\+\)")
_MINUS = re.compile(r"\([-\u2212–]\)|(?<=:) ?[-\u2212–](?= *(?:[.,;]|$))")
_SIGN_WORDS = dict(_SIGNS)

_CAPITAL = re.compile(rf"\b({'|'.join(_CAPITALS)})\b")
_ABBREVIATION = re.compile(
    r"(?<![\w/'.-])(?<!\d )(?<!per )(?<!\ba )(?<!each )("
    + "|".join(re.escape(a) for a in sorted(_ABBREVIATIONS, key=len, reverse=True))
    + r")(?![\w'’])\.?"
)
# A sound joined with a sign: "bilat.", "L>R", "amp↓".
_CONTRACTIONS = (
    (re.compile(r"\bwon't\b"), "not"), (re.compile(r"\bcan't\b|\bcannot\b"), "can not"), (re.compile(r"n't\b"), " not"),
    (re.compile(r"\b(won|can|don|doesn|isn|aren|didn|couldn|wasn|weren|hasn)t\b"), "not"),
    (re.compile(r"'(?:s|re|ve|ll|d|m)\b"), ""), (re.compile(r"(\w)s'(?=\s)"), r"\1s"),
)  # fmt: skip
# The camera faces the subject.
_SEEN_BY = r"(?:viewer's|observer's|examiner's|screen|camera|image)"
_MIRRORED = re.compile(
    rf"(?P<by>{_SEEN_BY} )(?P<one>left|right)"
    r"|\b(?P<two>left|right)(?P<of> (?:side )?(?:of|in) the (?:image|picture|screen|frame|video)"
    r"| (?:for|to|of) the (?:viewer|observer|onlooker)| as (?:seen|viewed) (?:by|from))"
)
_SIDES_PAIR = re.compile(r"\b(?:left|l) ?[/+] ?(?:right|r)\b|\b(?:right|r) ?[/+] ?(?:left|l)\b")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b(?! ?(?:ms|msec|milli))")
_NOUGHT = re.compile(r"(?<=[a-z] )0(?= *(?:[,;](?!\d)|\.?$))")
# Relatives report on the patient as theirs.
_MY_OWN = re.compile(r"\bmy (?:wife|husband|spouse|partner|mother|father|brother|sister|son|daughter|aunt|uncle|friend)\b")
_JOINED = re.compile(r"\ba (little|few|lot|bit|while|good deal|great deal|touch|trifle|shade)\b")
_END = re.compile(r"(?<=[.!?])[\"')]*\s+|\n+")


def sentences(text: str) -> list[str]:
    """Cut at full stops, not at those of abbreviations or of decimals."""
    found: list[str] = []
    start = 0
    for match in _END.finditer(text):
        if _ends(text[start : match.start()], text[match.end() : match.end() + 1]) or "\n" in match.group():
            found.append(text[start : match.start() + len(match.group().rstrip())])
            start = match.end()
    found.append(text[start:])
    return [sentence.strip() for sentence in found if re.search(r"\w", sentence)]


def _ends(before: str, following: str) -> bool:
    if not before.endswith("."):
        return True
    last = before[:-1].split()[-1:]
    word = last[0].lower().lstrip("(") if last else ""
    return word not in _NO_END or (following.isupper() and len(word) > 2 and word not in ("approx", "i.e", "e.g"))


def normalise(sentence: str) -> str:
    """Lower case, signs and abbreviations in words, sides the subject's own; hyphens and numbers as they were."""
    text = _SIGN.sub(lambda match: _SIGN_WORDS[match.group()], _MINUS.sub(" negative ", _PLUS.sub(" present ", sentence)))
    text = _CAPITAL.sub(lambda match: _CAPITALS[match.group()], text).lower()
    text = _NOUGHT.sub("nil", _YEAR.sub("someyear", text))
    text = _MY_OWN.sub("patient", text)
    text = _MIRRORED.sub(_of_subject, text)
    for pattern, words in _CONTRACTIONS:
        text = pattern.sub(words, text)
    text = _ABBREVIATION.sub(lambda match: _ABBREVIATIONS[match.group(1)], text)
    text = _SIDES_PAIR.sub("left and right", text)
    text = _JOINED.sub(lambda match: f"a_{match.group(1).replace(' ', '_')}", text)
    return " ".join(text.split())


def _of_subject(match: re.Match) -> str:
    side = "right" if "left" in (match["one"], match["two"]) else "left"
    return f"{match['by'] or ''}{side}{match['of'] or ''}"
