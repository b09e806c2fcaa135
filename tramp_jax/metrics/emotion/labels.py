"""Words of emotion: each data set's own, how they are spelt elsewhere, and which one a free text names.

No paper here publishes a parser but two: EmoLA's (see `rege`) and Emotion-LLaMA's, `last_word`. The default, `first_label`, and
the table of spellings are ours (references: facial_emotion_systems.md 2.7, 5).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from input_pipeline.datasets.registry import BUILDERS

# Family -> how its label is spelt; spellings and inflections only, no wider synonyms: "tense" is nobody's label. All ours.
SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "neutral": ("neutral", "neutrality", "emotionless", "expressionless"),
    "happiness": ("happiness", "happy", "happily", "joy", "joyful"),
    "sadness": ("sadness", "sad", "sadly", "sorrow", "sorrowful"),
    "surprise": ("surprise", "surprised", "astonishment", "astonished"),
    "fear": ("fear", "fearful", "afraid", "scared", "frightened"),
    "disgust": ("disgust", "disgusted"),
    "anger": ("anger", "angry", "angrily"),
    "contempt": ("contempt", "contemptuous"),
    "anxiety": ("anxiety", "anxious"),
    "worry": ("worry", "worried"),
    "helplessness": ("helplessness", "helpless"),
    "disappointment": ("disappointment", "disappointed"),
    "doubt": ("doubt", "doubtful"),
}
# The six classes of MER2023-SEMI, which has no builder here (references: facial_emotion_systems.md 2.7).
_WITHOUT_BUILDER: Mapping[str, tuple[str, ...]] = {"mer2023": ("neutral", "angry", "happy", "sad", "worried", "surprise")}

_SENTENCE = re.compile(r"(?<=[.!?;])\s+|\n+")
_WORD = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*")
_NEGATIONS = {"no", "not", "never", "without", "neither", "nor", "cannot", "hardly", "rather", "isn't", "doesn't", "don't"}
# A label this few words after a negation is denied: "not happy", "no sign of fear" (ours).
_REACH = 3


def key_of(dataset: str) -> str:
    """A data set's name as its builder's: "RAF-DB" is raf_db, "CK+" is ck_plus."""
    return re.sub(r"[\s-]+", "_", dataset.strip().lower().replace("+", "_plus")).replace("__", "_")


def vocabulary_of(dataset: str, found: Sequence[str] = ()) -> tuple[tuple[str, ...], bool]:
    """(labels, whether they are the data set's own): in its own order where it is known, else those `found`, sorted."""
    key = key_of(dataset)
    known = BUILDERS[key].ABOUT.labels.get("emotion", ()) if key in BUILDERS else _WITHOUT_BUILDER.get(key, ())
    return (tuple(known), True) if known else (tuple(sorted({word.strip().lower() for word in found} - {""})), False)


def same_word(word: str, vocabulary: Sequence[str]) -> str:
    """The label of the vocabulary that a single word is, in any of its spellings; "" where it is none or several."""
    found = _by_word(vocabulary).get(word.strip().lower(), ())
    return found[0] if len(found) == 1 else ""


def first_label(text: str, vocabulary: Sequence[str]) -> str:
    """The label that a text names first, "" where it names none or does not decide (ours).

    Sentences are read in turn; the first that names a label decides. A label within three words after a negation, in the same
    clause, is not named. A sentence that names two labels decides nothing: such an answer is wrong, not half right.
    """
    whole = text.strip().strip(".!\"'*").lower()
    if whole in (label.lower() for label in vocabulary):
        return next(label for label in vocabulary if label.lower() == whole)
    by_word = _by_word(vocabulary)
    for sentence in _SENTENCE.split(text.lower()):
        named = {label for word in affirmed_words(sentence) for label in by_word.get(word, ())}
        if named:
            return named.pop() if len(named) == 1 else ""
    return ""


def last_word(text: str, vocabulary: Sequence[str]) -> str:
    """Emotion-LLaMA's way on MER2023: the last word between blanks, and "neutral" where that is no label.

    Note that it makes every unreadable answer a guess at "neutral". Where the vocabulary has no "neutral", "" is returned.
    """
    words = text.split()
    if words and words[-1] in vocabulary:
        return words[-1]
    return "neutral" if "neutral" in vocabulary else ""


Rule = Callable[[str, Sequence[str]], str]
RULES: Mapping[str, Rule] = {"first_label": first_label, "last_word": last_word}


def affirmed_words(sentence: str) -> list[str]:
    """Words of a sentence without those that a negation shortly before them, in the same clause, denies."""
    kept: list[str] = []
    for clause in re.split(r"[,:()]|\bbut\b", sentence):
        words = [match.group().replace("’", "'") for match in _WORD.finditer(clause)]
        denied = [place for place, word in enumerate(words) if word in _NEGATIONS or word.endswith("n't")]
        kept += [word for place, word in enumerate(words) if not any(0 <= place - at <= _REACH for at in denied)]
    return kept


def families(text: str) -> set[str]:
    """Families of SPELLINGS that a text names and does not deny."""
    named = {word for sentence in _SENTENCE.split(text.lower()) for word in affirmed_words(sentence)}
    return {family for family, words in SPELLINGS.items() if named & set(words)}


def _by_word(vocabulary: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Word -> labels that it may mean: itself where it is one, else those that share a family of spellings with it."""
    table: dict[str, tuple[str, ...]] = {}
    for label in vocabulary:
        family = next((words for words in SPELLINGS.values() if label.lower() in words), ())
        for word in family:
            table[word] = (*table.get(word, ()), label)
    return table | {label.lower(): (label,) for label in vocabulary}
