"""Words to tags: the longest phrase of the lexicon at each word, misspelt long words forgiven."""

from __future__ import annotations

import functools
import re
from typing import NamedTuple

from input_pipeline.motion.free_text import words_of_face, words_of_motion
from input_pipeline.motion.free_text.common_words import COMMON

_TOKEN = re.compile(r"#\d+|[a-z_]+|\++|∅|ø|[;:,()–|?]")
_ARTICLES = frozenset(["the", "a", "an", "his", "her", "my", "their", "its", "your", "our", "this", "these", "those"])
# Endings that a star stands for in a misspelt word; in a word that is spelt right it stands for any.
_ENDINGS = (
    "",
    "e",
    "s",
    "ed",
    "d",
    "es",
    "ing",
    "ion",
    "tion",
    "ly",
    "al",
    "ally",
    "y",
    "ic",
    "ical",
    "ry",
    "ble",
    "bly",
    "ity",
    "er",
)
_CONTENT = frozenset(
    ["region", "task", "side", "attr", "move", "is", "finding", "level", "close", "closed", "apart", "seldom", "often"]
)
_SHORTEST_TYPO = 4
_SHORTEST_STEM = 5
_SHORTEST_OMISSION = 6
_SHORTEST_SUBSTITUTION = 7


class Tag(NamedTuple):
    """One phrase of the lexicon in the text.

    Attributes:
      kind: before the colon of the lexicon's tag.
      name: after it.
      start, stop: its words, as indices of words.
      text: the words.
    """

    kind: str
    name: str
    start: int
    stop: int
    text: str


def tag(text: str) -> list[Tag]:
    """The tags of normalised text with numbers taken out, in order; words without a tag are left out."""
    words = [word for word in _TOKEN.findall(text.replace(" - ", " – ").replace("-", " ")) if word not in _ARTICLES]
    found, i = [], 0
    while i < len(words):
        if words[i][0] == "#":
            found.append(Tag("number", words[i][1:], i, i + 1, words[i]))
            i += 1
            continue
        name, stop = _longest(words, i)
        if name:
            kind, _, rest = name.partition(":")
            found.append(Tag(kind, rest, i, stop, " ".join(words[i:stop])))
        i = stop
    return found


def _longest(words: list[str], start: int) -> tuple[str, int]:
    best, stop = "", start + 1
    for atom in atoms_of(words[start]):
        for rest, name in _PHRASES[atom]:
            end = start + 1 + len(rest)
            if end > len(words) or (best and end <= stop):
                continue
            if all(part in atoms_of(word) for part, word in zip(rest, words[start + 1 : end], strict=True)):
                best, stop = name, end
    return best, stop


@functools.lru_cache(maxsize=50_000)
def atoms_of(word: str) -> tuple[str, ...]:
    """The lexicon's notations that this word fits, exact ones first."""
    return _fitting(word) or _corrected(word)


def _fitting(word: str) -> tuple[str, ...]:
    exact = (word,) if word in _ATOMS else ()
    return exact + tuple(f"{word[:n]}*" for n in range(len(word), 2, -1) if f"{word[:n]}*" in _ATOMS)


def _corrected(word: str) -> tuple[str, ...]:
    """One letter exchanged, dropped or doubled; the first letter is right and short words must keep their letters."""
    if len(word) < _SHORTEST_TYPO or word in COMMON:
        return ()
    best: dict[str, int] = {}
    for atom in _BY_FIRST.get(word[0], ()):
        stem = atom.rstrip("*")
        if abs(len(stem) - len(word)) > (12 if atom.endswith("*") else 1) or (atom != stem and len(stem) < _SHORTEST_STEM):
            continue
        ends = (len(stem) - 1, len(stem), len(stem) + 1) if atom.endswith("*") else (len(word),)
        for end in ends:
            if (end == len(word) or word[end:] in _ENDINGS) and _is_typo(word[:end], stem, len(word)):
                best[atom] = len(stem)
    return tuple(sorted(best, key=lambda atom: (-best[atom], atom))[:2])


def _is_typo(written: str, meant: str, length: int) -> bool:
    """Whether one transposition, omission, insertion or, in a word of seven letters, substitution tells the two apart."""
    if written == meant or min(len(written), len(meant)) < 3:
        return False
    same = next((i for i, (a, b) in enumerate(zip(written, meant, strict=False)) if a != b), min(len(written), len(meant)))
    if len(written) == len(meant):
        swapped = written[same : same + 2][::-1] == meant[same : same + 2] and len(meant[same : same + 2]) == 2
        after = same + (2 if swapped else 1)
        return written[after:] == meant[after:] and (swapped or length >= _SHORTEST_SUBSTITUTION)
    longer, shorter = (written, meant) if len(written) > len(meant) else (meant, written)
    return length >= _SHORTEST_OMISSION and len(longer) - len(shorter) == 1 and longer[same + 1 :] == shorter[same:]


def _load() -> dict[str, list[tuple[tuple[str, ...], str]]]:
    phrases: dict[str, dict[tuple[str, ...], str]] = {}
    for table in (*words_of_face.TABLES, *words_of_motion.TABLES):
        for name, text in table.items():
            for phrase in [","] if text == "," else text.replace("-", " ").split(","):
                first, *rest = phrase.split()
                if first in phrases and tuple(rest) in phrases[first]:
                    raise ValueError(f"{phrase.strip()!r} is {phrases[first][tuple(rest)]} and {name}")
                phrases.setdefault(first, {})[tuple(rest)] = name
    return {first: list(ends.items()) for first, ends in phrases.items()}


_PHRASES = _load()
_ATOMS = frozenset(_PHRASES) | frozenset(part for ends in _PHRASES.values() for rest, _ in ends for part in rest)
_PHRASES |= {atom: [] for atom in _ATOMS - frozenset(_PHRASES)}
# Only what says something by itself is looked for behind a misspelling.
_MEANT = sorted(
    atom
    for atom, ends in _PHRASES.items()
    if any(not rest and name.partition(":")[0] in _CONTENT for rest, name in ends) and len(atom.rstrip("*")) >= _SHORTEST_TYPO
)
_BY_FIRST = {letter: tuple(atom for atom in _MEANT if atom[0] == letter) for letter in sorted({atom[0] for atom in _MEANT})}
