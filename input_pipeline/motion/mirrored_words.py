"""The words of a report of the mirrored clip; exported models carry this file, and none of what reads reports."""

from __future__ import annotations

import re

_SIDES = re.compile(r"\b(left|right)(?=(?:wards?|most)?\b)", re.IGNORECASE)


def swap_sides(text: str) -> str:
    """The report of the mirrored clip: left for right and right for left, the case kept."""

    def other(match: re.Match) -> str:
        word = match.group()
        swapped = "right" if word.lower() == "left" else "left"
        return swapped.upper() if word.isupper() else swapped.capitalize() if word[0].isupper() else swapped

    return _SIDES.sub(other, text)
