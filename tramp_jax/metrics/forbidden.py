"""Share of reports that name a diagnosis or an emotion: reports state motion alone, so it should be 0.

A word counts whatever is said of it: "no sign of Parkinson's disease" speaks of the disease. The lists are ours, not a clinical
vocabulary; they leave out what names motion or certainty too ("smile", "relaxed", "affected", "drooping", "doubtful").
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

# Stems stand for their endings: "parkinson" for "Parkinson's" and "parkinsonism". "Bradykinetic" is a way to say slow and
# stays, "bradykinesia" is a sign of a disease; so with "hypokinetic". PD, MSA and PSP are
# abbreviations of Parkinson's disease and of what it is told from.
DIAGNOSES = (
    r"parkinson\w*|pd|msa|psp|essential tremors?|"
    r"diseas\w*|disorder\w*|syndrome\w*|diagnos\w*|hypomimi\w*|amimi\w*|bradykinesia|dystoni\w*|dyskinesi\w*|chorea|ataxia|"
    r"huntington\w*|alzheimer\w*|dementia|stroke|infarct\w*|haemorrhage|hemorrhage|tumou?r\w*|palsy|palsies|paresis|paretic|paralysis|"
    r"bell's|neuropath\w*|myasthenia|myopath\w*|sclerosis|als|hemispasm|blepharospasm\w*|synkinesi\w*|ptosis|autis\w*|schizophreni\w*|"
    r"psychosis|psychotic|neurodegenerat\w*|neurolog\w*|patholog\w*|lesions?|facies|hypokinesia|hoehn|yahr|updrs"
)
EMOTIONS = (
    r"emotion\w*|mood\w*|feelings?|feels|felt|happy|happier|happily|happiness|unhapp\w*|sad|sadder|sadly|sadness|ang(?:er|ry|rily)|joy\w*|"
    r"fear\w*|afraid|scared|disgust\w*|surpris\w*|contempt\w*|anxi(?:ous\w*|ety)|worr(?:y|ied|ies)|depress(?:ed|ion|ive)|cheer\w*|delight\w*|"
    r"grief|sorrow\w*|nervous\w*|irritat\w*|frustrat\w*|embarrass\w*|bored\w*|apath\w*|annoy\w*|enthusias\w*|excite\w*|lonely|loneliness|"
    r"melanchol\w*|euphori\w*|amus\w*|upset|glad\w*|asham\w*|shame|guilt\w*|distress\w*|hostil\w*|pleased|dejected|"
    r"astonish\w*|frighten\w*|terrif\w*|horror|horrif\w*|panic\w*|helpless\w*|hopeless\w*|disappoint\w*|miser(?:y|abl[ey])|gloom\w*|"
    r"fury|furious\w*|rage|hatred|jealous\w*"
)
KINDS = {"diagnosis": DIAGNOSES, "emotion": EMOTIONS}
_PATTERNS = {kind: re.compile(rf"\b(?:{words})\b", re.IGNORECASE) for kind, words in KINDS.items()}


def forbidden_words(text: str) -> dict[str, list[str]]:
    """The forbidden words of one report in the order of the text: {"diagnosis": [...], "emotion": [...]}."""
    return {kind: pattern.findall(text) for kind, pattern in _PATTERNS.items()}


def forbidden_share(texts: Sequence[str]) -> dict[str, float]:
    """Share of the reports with a word of each kind, and with "any": NaN without reports."""
    if not texts:
        return dict.fromkeys((*KINDS, "any"), math.nan)
    found = [forbidden_words(text) for text in texts]
    shares = {kind: sum(bool(words[kind]) for words in found) / len(texts) for kind in KINDS}
    return shares | {"any": sum(any(words.values()) for words in found) / len(texts)}
