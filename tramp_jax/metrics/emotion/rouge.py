"""ROUGE-L as the PyPI package `rouge` 1.0.1 counts it, which EmoLA's script calls; `metrics.text.rouge_l` is the usual one.

It differs from the usual measure: sentences end at any full stop ("0.5" is two), words keep their case and commas, and what is
compared are sets: the different words in any longest common subsequence of any pair of sentences, against the different words
of each text. Word order therefore counts within a sentence only. The package's last step is kept, too: 1e-8 in the denominator.
"""

from __future__ import annotations


def rouge_l(said: str, meant: str) -> float | None:
    """F1 in 0..1 of two texts; None where the package raises an error, since one of them has nothing but full stops."""
    one, two = _sentences(said), _sentences(meant)
    if not one or not two:
        return None
    common = {word for sentence in two for other in one for word in _common_words(sentence, other)}
    precision = len(common) / len({word for sentence in one for word in sentence})
    recall = len(common) / len({word for sentence in two for word in sentence})
    return 2.0 * (precision * recall / (precision + recall + 1e-8))


def _sentences(text: str) -> list[list[str]]:
    # A sentence of blanks is one word of no letters, as in the package.
    return [" ".join(part.split()).split(" ") for part in text.split(".") if part]


def _common_words(first: list[str], second: list[str]) -> set[str]:
    """Words of the longest common subsequence that the package walks back to; among equals it leaves the second's word out."""
    table = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i, one in enumerate(first, 1):
        for j, two in enumerate(second, 1):
            table[i][j] = table[i - 1][j - 1] + 1 if one == two else max(table[i - 1][j], table[i][j - 1])
    i, j, words = len(first), len(second), set()
    while i and j:
        if first[i - 1] == second[j - 1]:
            words.add(first[i - 1])
            i, j = i - 1, j - 1
        elif table[i - 1][j] > table[i][j - 1]:
            i -= 1
        else:
            j -= 1
    return words
