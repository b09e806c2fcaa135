"""EmoLLMs' five answer formats (AAID, AEB-1) and their metrics (references: facial_emotion_systems.md 4.2 to 4.5).

Formats and metrics are the paper's; no parser and no scorer was published, so how answers are read is ours. An answer that
cannot be read is never left out: as a number it counts as the end of the scale that is farther from the truth, as a set of
emotions as one that shares nothing with it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from tramp_jax.metrics.emotion.valence_arousal import NUMBER, numbers, to_float
from tramp_jax.metrics.severity import NO_CLIPS, Metric, pearson

INTENSITY_EMOTIONS = ("anger", "fear", "joy", "sadness")
EMOTIONS = (
    *("anger", "anticipation", "disgust", "fear", "joy", "love", "optimism", "pessimism", "sadness", "surprise", "trust"),
)
NO_EMOTION = "neutral or no emotion"
# Ranges of the scales; AEB's prompts ask for 0 to 1 in every regression, and map the answer linearly to the set's range.
SCALES: Mapping[str, tuple[float, float]] = {"ei_reg": (0, 1), "v_reg": (0, 1), "ei_oc": (0, 3), "v_oc": (-3, 3)}
AEB_RANGES: Mapping[str, tuple[float, float]] = {
    **dict.fromkeys(("v_amazon", "v_movies", "v_nyt", "v_tweet"), (-4.0, 4.0)),
    "emobank": (1.0, 5.0),
    "sst": (0.0, 1.0),
}
_SCORE = re.compile(rf"\b(?:intensity\s+)?score\b\W*?({NUMBER})", re.IGNORECASE)
_CLASS = re.compile(r"^\W*?(?:intensity\s+class\b\W*?)?(?<![\d.])([-+−]?\d+)(?![\w.]\d|\w)", re.IGNORECASE)
_EI_WORDS = (r"\bno\b", r"\blow\b", r"\bmoderate\b", r"\bhigh\b")  # "k: low amount of joy can be inferred"
_V_WORDS = (
    *(r"\bvery negative\b", r"\bmoderately negative\b", r"\bslightly negative\b", r"\bneutral or mixed\b"),
    *(r"\bslightly positive\b", r"\bmoderately positive\b", r"\bvery positive\b"),
)


def read_score(text: str) -> float | None:
    """EI-reg and V-reg: the number after "Intensity Score:", or the only number there is; None beyond 0 to 1."""
    told = _SCORE.search(text)
    found = {to_float(told.group(1))} if told else set(numbers(text))
    value = found.pop() if len(found) == 1 else None
    return value if value is not None and 0.0 <= value <= 1.0 else None


def read_intensity_class(text: str) -> int | None:
    """EI-oc: the leading whole number, as in "2: moderate amount of joy can be inferred", or else its words."""
    return _read_class(text, 0, _EI_WORDS)


def read_valence_class(text: str) -> int | None:
    """V-oc: the leading whole number, as in "-3: very negative emotional state can be inferred", or else its words."""
    return _read_class(text, -3, _V_WORDS)


def read_emotions(text: str) -> tuple[frozenset[str] | None, int]:
    """E-c: (emotions, parts of the list that are none of the 11); None where no part is one.

    The list ends at its first line; "neutral or no emotion" is the empty set.
    """
    listed = re.sub(r"^.*contains emotions\s*:", "", text, flags=re.IGNORECASE | re.DOTALL).strip()
    lines = listed.splitlines()
    parts = [part.strip(" .!\"'*") for part in re.split(r"[,;/]|\band\b", lines[0].lower())] if lines else []
    parts = [part for part in parts if part]
    named = frozenset(part for part in parts if part in EMOTIONS)
    neutral = any(part in (NO_EMOTION, "neutral", "no emotion") for part in parts)
    unknown = sum(part not in EMOTIONS and part not in (NO_EMOTION, "neutral", "no emotion") for part in parts)
    return (named if named or neutral else None), unknown


READERS: Mapping[str, Callable[[str], float | None]] = {
    "ei_reg": read_score,
    "v_reg": read_score,
    "ei_oc": read_intensity_class,
    "v_oc": read_valence_class,
}
TASKS = (*READERS, "e_c")


def farthest(truth: np.ndarray, low: float, high: float) -> np.ndarray:
    """The end of the scale that is farther from each truth (N,): what an unread answer counts as (ours)."""
    return np.where(truth > (low + high) / 2, low, high)


def pearson_upper(truth: np.ndarray, prediction: np.ndarray) -> Metric:
    """SemEval's second measure: Pearson's correlation over the items whose true intensity is 0.5 or more."""
    upper = truth >= 0.5
    return pearson(truth[upper], prediction[upper])


def quadratic_kappa(truth: np.ndarray, prediction: np.ndarray) -> Metric:
    """Cohen's kappa with quadratic weights on classes as they are (N,); 0 with a flag where the truth is one class."""
    if not len(truth):
        return NO_CLIPS
    if np.ptp(truth) == 0:
        return Metric(0.0, "constant truth")
    expected = truth.var() + prediction.var() + (truth.mean() - prediction.mean()) ** 2
    return Metric(float(1.0 - np.mean((truth - prediction) ** 2) / expected))


def indicators(named: Sequence[frozenset[str] | None]) -> np.ndarray:
    """(N, 11) bool; a row of False where nothing was read."""
    return np.array([[word in (row or ()) for word in EMOTIONS] for row in named], bool).reshape(len(named), len(EMOTIONS))


def jaccard_each(truth: np.ndarray, prediction: np.ndarray, read: np.ndarray) -> np.ndarray:
    """(N,) Jaccard index of each item: 1 where both sets are empty, 0 where the answer was not read."""
    either, both = (truth | prediction).sum(axis=1), (truth & prediction).sum(axis=1)
    return np.where(read, np.divide(both, either, out=np.ones(len(truth)), where=either > 0), 0.0)


def jaccard(truth: np.ndarray, prediction: np.ndarray, read: np.ndarray) -> Metric:
    """The mean of `jaccard_each`: SemEval's multi-label accuracy, which we take the paper's "accuracy" to be."""
    return Metric(float(jaccard_each(truth, prediction, read).mean())) if len(truth) else NO_CLIPS


def micro_f1(truth: np.ndarray, prediction: np.ndarray) -> Metric:
    """F1 over all cells (N, 11) together; 0 with a flag where nothing is true and nothing predicted."""
    if not len(truth):
        return NO_CLIPS
    whole = truth.sum() + prediction.sum()
    return Metric(float(2.0 * (truth & prediction).sum() / whole)) if whole else Metric(0.0, "no emotion anywhere")


def macro_f1(truth: np.ndarray, prediction: np.ndarray) -> Metric:
    """The plain mean over the 11 emotions of each one's F1, 0 for one that is never true and never predicted, with a flag."""
    if not len(truth):
        return NO_CLIPS
    whole = truth.sum(axis=0) + prediction.sum(axis=0)
    both = 2.0 * (truth & prediction).sum(axis=0)
    empty = int((whole == 0).sum())
    value = float(np.divide(both, whole, out=np.zeros(len(whole)), where=whole > 0).mean())
    return Metric(value, f"{empty} emotions nowhere: 0 each" if empty else "")


def _read_class(text: str, first: int, words: Sequence[str]) -> int | None:
    last = first + len(words) - 1
    if told := _CLASS.match(text.strip()):
        value = int(told.group(1).replace("−", "-"))
        return value if first <= value <= last else None
    named = [place for place, word in enumerate(words) if re.search(word, text, re.IGNORECASE)]
    return first + named[0] if len(named) == 1 else None
