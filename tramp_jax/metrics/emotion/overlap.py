"""Clue and label overlap of descriptions of emotion, as EMER scores them: by a judge model, or by words without one.

Published figures (Emotion-LLaMA: clue 7.83, label 6.25) are a judge's: gpt-3.5-turbo-16k-0613, Chinese prompts, temperature 0,
scores 1 to 10, the first number of the reply (references: facial_emotion_systems.md 2.7). `judged` follows those steps with a
model of the user's own and English prompts that are ours: its scores are comparable among themselves, not with published ones.
The measures by words are ours altogether, from 0 to 1, and see no synonyms but spellings.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from tramp_jax.metrics.emotion.labels import families
from tramp_jax.metrics.emotion.valence_arousal import numbers
from tramp_jax.metrics.severity import NO_CLIPS, Metric

LOW, HIGH = 1.0, 10.0
# Told in results, so that scores of other prompts are not compared with these.
PROMPTS = "tramp-jax/overlap/1"
Ask = Callable[[str], str]

_CLUES = """Compare two descriptions of the same person and score the predicted one from 1 to 10.
1. Sum up what the true description says about the person's emotional state.
2. Sum up what the predicted description says about it.
3. Score how far the two overlap: the more, the higher.
Answer in this form: 'score': SCORE; 'reason': REASON

True description: {truth}

Predicted description: {prediction}"""
_WORDS = """Which emotional states is the person of this description most likely in? Answer with words of emotion only.

Description: He seems to be very glad, but in truth he is anxious.
Answer: anxious

Description: {text}
Answer:"""
_LABELS = """Score from 1 to 10 how far the predicted emotions overlap with the true emotions: the more, the higher.
Answer in this form: 'score': SCORE; 'reason': REASON

True emotions: {truth}

Predicted emotions: {prediction}"""
# Words that tell nothing about a face; a short list, ours.
_FUNCTION_WORDS = frozenset(
    word
    for line in (
        "a an and are as at be been but by can could does for from had has have he her hers him his i in indicate indicates",
        "indicating into is it its may might of on or person possibly seem seems she so some suggest suggesting suggests that",
        "the their them there these they this those to very was were which while who will with would you your",
    )
    for word in line.split()
)


class Judged(NamedTuple):
    """Scores of N pairs, None where no score could be read in the judge's reply; `replies` are the last ones, to keep."""

    scores: list[float | None]
    replies: list[str]


def clue_words(text: str) -> set[str]:
    """Words of a text that are no function words, plural and -ing and -ed endings cut (ours)."""
    words = set(re.findall(r"[a-z]+", text.lower())) - _FUNCTION_WORDS
    return {re.sub(r"(?<=[a-z]{3})(?:ing|ed|es|s)$", "", word) for word in words}


def clue_overlap(truths: Sequence[str], predictions: Sequence[str]) -> np.ndarray:
    """(N,) F1 of the sets of clue words; 0 where either has none."""
    return np.array(
        [_f1(clue_words(one), clue_words(two)) for one, two in zip(truths, predictions, strict=True)], dtype=np.float64
    )


def label_sets(texts: Sequence[str]) -> list[set[str]]:
    """Families of emotion that each text names and does not deny."""
    return [families(text) for text in texts]


def label_overlap(truths: Sequence[set[str]], predictions: Sequence[set[str]]) -> np.ndarray:
    """(N,) Jaccard index of the sets; 1 where both are empty: nothing was to be said and nothing was."""
    return np.array(
        [len(one & two) / len(one | two) if one | two else 1.0 for one, two in zip(truths, predictions, strict=True)],
        dtype=np.float64,
    )


def set_precision(truths: Sequence[set[str]], predictions: Sequence[set[str]]) -> np.ndarray:
    """(N,) share of the named that is true: MER-OV's "set accuracy"; 0 where nothing is named."""
    return np.array([len(a & b) / len(b) if b else 0.0 for a, b in zip(truths, predictions, strict=True)], dtype=np.float64)


def set_recall(truths: Sequence[set[str]], predictions: Sequence[set[str]]) -> np.ndarray:
    """(N,) share of the true that is named; 1 where nothing was to be named.

    The mean of this and `set_precision` is MER2024's MER-OV score, whose sets a language model groups: here spellings do.
    """
    return np.array([len(a & b) / len(a) if a else 1.0 for a, b in zip(truths, predictions, strict=True)], dtype=np.float64)


def judged_clues(ask: Ask, truths: Sequence[str], predictions: Sequence[str]) -> Judged:
    """One question for each pair."""
    return _judged([ask(_CLUES.format(truth=a, prediction=b)) for a, b in zip(truths, predictions, strict=True)])


def judged_labels(ask: Ask, truths: Sequence[str], predictions: Sequence[str]) -> Judged:
    """Three questions for each pair: the emotions of either text, then how far they overlap."""
    replies = []
    for one, two in zip(truths, predictions, strict=True):
        emotions = [ask(_WORDS.format(text=text)).strip() for text in (one, two)]
        replies.append(ask(_LABELS.format(truth=emotions[0], prediction=emotions[1])))
    return _judged(replies)


def read_score(reply: str) -> float | None:
    """The first number of a reply where it is from 1 to 10, else None. A reasoning model's <think> part is not read (ours)."""
    found = numbers(re.sub(r"<think>.*?(?:</think>|$)", " ", reply, flags=re.DOTALL).replace("/10", " "))
    return found[0] if found and LOW <= found[0] <= HIGH else None


def mean_score(scores: Sequence[float | None]) -> Metric:
    """The mean of the scores that could be read; None where none could. What the judge garbles is no fault of the judged."""
    read = [score for score in scores if score is not None]
    if not scores:
        return NO_CLIPS
    flag = f"{len(scores) - len(read)} of {len(scores)} replies unread" if len(read) < len(scores) else ""
    return Metric(float(np.mean(read)) if read else None, flag)


def _judged(replies: list[str]) -> Judged:
    return Judged([read_score(reply) for reply in replies], replies)


def _f1(one: set[str], two: set[str]) -> float:
    return 2.0 * len(one & two) / (len(one) + len(two)) if one and two else 0.0
