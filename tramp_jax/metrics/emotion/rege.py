"""REGE, the score of FABA-Bench: recognition S_re plus generation S_ge, of texts (references: facial_emotion_systems.md 3.4).

S_ge is 100 times the mean ROUGE-L of `rouge` against GPT-4V's text. S_re is 100 times the accuracy of the emotion, or the mean
over the action units of their F1, both read out of the text. Two variants are always told beside each other:

legacy: what the authors' script does, with its faults: a negation is found inside words ("nose", "normal", "annoyed" drop their
sentence), a denied unit counts as there, an answer of none of its words is happiness, a unit with one kind of frame only and
texts that ROUGE refuses are left out of the means. On a text without `.`, `!` or `?` in its first line the script stops; here
that answer is wrong, and `stops` counts them: with any, no published figure can have come from these answers.

fixed (ours): negations are words of their own or end in n't, denied units are not there, an answer of no known word is unread
and wrong, a text that ROUGE refuses scores 0, no unit with coded frames is left out.

The words that stand for each class are the authors' and not part of this project: `read_lexicon` takes them from a copy of
their `llava/eval/eval_FABA.py`. Without it, OUR_LEXICON stands in, and S_re of emotion compares with no published figure.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from input_pipeline.errors import UserError, unreadable
from tramp_jax.metrics.emotion.action_units import columns_of, f1_scores, named_units
from tramp_jax.metrics.emotion.labels import SPELLINGS
from tramp_jax.metrics.emotion.rouge import rouge_l
from tramp_jax.metrics.severity import NO_CLIPS, Metric

CLASSES = ("happiness", "sadness", "surprise", "anger", "neutral", "disgust", "fear")  # the authors' codes 0 to 6
UNREAD = -1
Lexicon = Mapping[str, Sequence[str]]
OUR_LEXICON: Lexicon = {name: SPELLINGS[name] for name in CLASSES}

# The third one ends in a blank in the script.
_LEGACY_NEGATIONS = ("not", "no", "isn't ", "nothing", "cannot", "won't", "shouldn't", "neither", "nor")
_NEGATION = re.compile(r"\b(?:not?|nothing|cannot|neither|nor|none|without|absent|\w+n['’]t)\b", re.IGNORECASE)
_LEGACY_SENTENCE = re.compile(r"(?<!\w\.\w.)(?<![A-Z][a-z]\.)(?<=\.|\?)\s")
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")
_CLAUSE = re.compile(r"[.!?;,:\n]+|\bbut\b|\s[-–]\s", re.IGNORECASE)
_WORD = re.compile(r"\b\w+\b")


class Rege(NamedTuple):
    """In percent: `s_rege` is the sum of the others, at most 200. `stops` counts texts on which the authors' script stops."""

    s_re: Metric
    s_ge: Metric
    s_rege: Metric
    unread: int
    stops: int


def legacy_emotion(text: str, lexicon: Lexicon) -> int | None:
    """The class that the authors' script reads, None where it stops with an error."""
    kept = [part for part in _LEGACY_SENTENCE.split(text) if not any(word in part.lower() for word in _LEGACY_NEGATIONS)]
    first = re.match(r"^(.*?)[.!?]", positive := " ".join(kept) or text)
    if first is None:
        return None
    if (found := _first_class(first.group(1), lexicon)) is not None:
        return found
    # `max` takes the first of equals: with no word at all, happiness.
    counts = _class_counts(re.sub(r"^(.*?)[.!?]", "", positive), lexicon)
    return int(np.argmax(counts))


def fixed_emotion(text: str, lexicon: Lexicon) -> int:
    """The class by the same steps, with negations as words; UNREAD where no word of a class is there, or two classes tie."""
    parts = [part for part in _SENTENCE.split(text.strip()) if part]
    kept = [part for part in parts if not _NEGATION.search(part)] or parts
    if not kept:
        return UNREAD
    if (found := _first_class(kept[0], lexicon)) is not None:
        return found
    counts = _class_counts(" ".join(kept[1:]), lexicon)
    return int(np.argmax(counts)) if max(counts) and counts.count(max(counts)) == 1 else UNREAD


def legacy_units(text: str) -> list[str]:
    """Units as the script finds them: "AU" and digits, in capitals, without a blank; denied or not; AU04 is no AU4."""
    return re.findall(r"AU(\d+)", text)


def fixed_units(text: str) -> list[str]:
    """Units that a text names in a clause without a negation."""
    return named_units(" . ".join(clause for clause in _CLAUSE.split(text) if not _NEGATION.search(clause)))


def emotion_rege(truth: np.ndarray, texts: Sequence[str], references: Sequence[str], lexicon: Lexicon) -> dict[str, Rege]:
    """Of both variants.

    Args:
      truth: (N,) codes of CLASSES.
      texts: N answers.
      references: N texts by GPT-4V; empty where there is none, which is left out of S_ge.
    """
    if not len(truth):
        return dict.fromkeys(("legacy", "fixed"), Rege(NO_CLIPS, NO_CLIPS, NO_CLIPS, 0, 0))
    legacy = [legacy_emotion(text, lexicon) for text in texts]
    fixed = np.array([fixed_emotion(text, lexicon) for text in texts])
    stops = legacy.count(None)
    right = np.array([UNREAD if code is None else code for code in legacy]) == truth
    return {
        "legacy": _rege(Metric(100.0 * float(right.mean())), texts, references, _legacy_generation, 0, stops),
        "fixed": _rege(
            Metric(100.0 * float(np.mean(fixed == truth))),
            texts,
            references,
            _fixed_generation,
            int((fixed == UNREAD).sum()),
            0,
        ),
    }


def units_rege(
    truth: Sequence[Sequence[str]], texts: Sequence[str], references: Sequence[str], units: Sequence[str]
) -> dict[str, Rege]:
    """Of both variants.

    Args:
      truth: of N pictures, the units that are there.
      units: over which F1 is averaged; the authors take 12 of the 20 that FABA-Instruct labels.
    """
    if not len(truth):
        return dict.fromkeys(("legacy", "fixed"), Rege(NO_CLIPS, NO_CLIPS, NO_CLIPS, 0, 0))
    there = _occurrence(truth, units)
    legacy, fixed = (_occurrence([read(text) for text in texts], units) for read in (legacy_units, fixed_units))
    silent = sum(not named_units(text) for text in texts)
    scores = [metric.value or 0.0 for metric in f1_scores(there, fixed > 0)]
    return {
        "legacy": _rege(_legacy_mean_f1(there, legacy > 0), texts, references, _legacy_generation, silent, 0),
        "fixed": _rege(Metric(100.0 * float(np.mean(scores))), texts, references, _fixed_generation, silent, 0),
    }


def read_lexicon(path: Path) -> Lexicon:
    """Class -> its words, of a copy of the authors' script (its `emotion_list`, which is read, not run) or of a JSON object.

    Raises:
      UserError: there is no such table of the seven classes.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        table = json.loads(text) if path.suffix == ".json" else _literal(text, "emotion_list")
    except (OSError, ValueError, SyntaxError, RecursionError, MemoryError) as error:
        raise unreadable(
            path, error, f"no table of words there ({error}): give EmoLA's llava/eval/eval_FABA.py or JSON"
        ) from error
    if (
        not isinstance(table, dict)
        or set(table) != set(CLASSES)
        or not all(
            isinstance(words, list) and words and all(isinstance(word, str) for word in words) for words in table.values()
        )
    ):
        raise UserError(
            f"{path}: expected lists of words for {', '.join(CLASSES)}: give EmoLA's llava/eval/eval_FABA.py or JSON"
        )
    return {name: tuple(table[name]) for name in CLASSES}


def _literal(text: str, name: str) -> object:
    for node in ast.parse(text).body:
        if isinstance(node, ast.Assign) and any(isinstance(at, ast.Name) and at.id == name for at in node.targets):
            return ast.literal_eval(node.value)
    raise ValueError(f"it has no {name}")


def _first_class(sentence: str, lexicon: Lexicon) -> int | None:
    for word in _WORD.findall(sentence.lower()):
        for code, name in enumerate(CLASSES):
            if word in lexicon[name]:
                return code
    return None


def _class_counts(text: str, lexicon: Lexicon) -> list[int]:
    words = _WORD.findall(text.lower())
    return [sum(word in lexicon[name] for word in words) for name in CLASSES]


def _occurrence(named: Sequence[Sequence[str]], units: Sequence[str]) -> np.ndarray:
    return columns_of([{unit: float(unit in row) for unit in units} for row in named], units)


def _legacy_mean_f1(truth: np.ndarray, present: np.ndarray) -> Metric:
    """Units whose frames are of one kind, in truth and prediction together, break the script's matrix and are left out."""
    kinds = [len(set(truth[:, k].tolist()) | set(present[:, k].astype(float).tolist())) for k in range(truth.shape[1])]
    scores = [metric.value or 0.0 for metric, kind in zip(f1_scores(truth, present), kinds, strict=True) if kind > 1]
    left = len(kinds) - len(scores)
    if not scores:
        return Metric(0.0, "every unit has frames of one kind only")
    return Metric(100.0 * float(np.mean(scores)), f"{left} units of one kind only left out" if left else "")


def _legacy_generation(scores: list[float | None]) -> Metric:
    kept = [score for score in scores if score is not None]
    if not kept:
        return Metric(0.0, "no text that ROUGE takes")
    left = len(scores) - len(kept)
    return Metric(100.0 * float(np.mean(kept)), f"{left} texts that ROUGE refuses left out" if left else "")


def _fixed_generation(scores: list[float | None]) -> Metric:
    refused = scores.count(None)
    mean = 100.0 * float(np.mean([score or 0.0 for score in scores]))
    return Metric(mean, f"{refused} texts that ROUGE refuses count as 0" if refused else "")


def _rege(
    s_re: Metric,
    texts: Sequence[str],
    references: Sequence[str],
    generation: Callable[[list[float | None]], Metric],
    unread: int,
    stops: int,
) -> Rege:
    if stops:
        s_re = Metric(s_re.value, f"the authors' script stops on {stops} texts: counted as wrong")
    scores = [rouge_l(text, reference) for text, reference in zip(texts, references, strict=True) if reference.strip()]
    if not scores:
        missing = Metric(None, "no reference texts")
        return Rege(s_re, missing, missing, unread, stops)
    s_ge = generation(scores)
    flag = "; ".join(part for part in (s_re.flag, s_ge.flag) if part)
    return Rege(s_re, s_ge, Metric((s_re.value or 0.0) + (s_ge.value or 0.0), flag), unread, stops)
