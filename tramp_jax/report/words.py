"""The closed vocabulary in words for a reader, and findings as rows of a table."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import Any

from input_pipeline.motion.facts import ATTRIBUTES

Finding = dict[str, Any]

TASKS = {
    "rest": "Face at rest",
    "smile": "Smile",
    "frown": "Frown",
    "squeeze": "Squeezing the eyes shut",
    "clench": "Clenching the teeth",
}
GRADES = ("normal", "slight", "mild", "moderate", "severe")
REGIONS = {
    "mouth_corner": "Mouth corners",
    "brow": "Brows",
    "eye": "Eyes",
    "lips": "Lips",
    "jaw": "Jaw",
    "global": "Whole face",
}
# Attribute -> (name, what the number is).
ATTRIBUTE_WORDS = {
    "amplitude": ("Range of movement", "largest distance from rest that lasts 0.1 s"),
    "closure": ("Closure", "deepest closure that lasts longer than a blink; 100 % is shut"),
    "peak_speed": ("Peak speed", "fastest part of the way to the largest excursion"),
    "onset": ("Rise time", "from 10 to 90 percent of the largest excursion"),
    "hold": ("Hold", "share of the time after the apex, to the end of the clip, above 80 percent of it"),
    "decrement": ("Decrement", "share of the apex lost per second while held"),
    "symmetry": ("Left-right difference", "difference of the two ranges over their sum"),
    "rate": ("Blink rate", "blinks per minute of tracked time"),
    "duty_cycle": ("Lips apart", "share of the time"),
    "tremor": ("Tremor of the lower lip", "size of the 3 to 7 Hz part"),
}
UNITS = {"/min": "per minute", "%/s": "% per second"}
_SINGULAR = {"mouth_corner": "mouth corner", "brow": "brow", "eye": "eye"}
_OF_A_SIDE = ("amplitude", "closure")
# Worst first, for a row of two findings.
_TOLD = ("differs", "degree", "partly", "no", "yes")


def level_words(finding: Finding) -> str:
    """The level; of an asymmetry which side is weaker."""
    if finding["attribute"] == "symmetry":
        side = finding["side"]
        named = f", weaker on the {side}" if side in ("left", "right") else ""
        return f"asymmetric{named}" if finding["abnormal"] else "symmetric"
    return finding["level"].replace("_", " ")


def describe(finding: Finding) -> str:
    """One finding in a line: "range of movement of the left mouth corner: reduced (0.081 IOD)"."""
    region, side = finding["region"], finding["side"]
    one = region in _SINGULAR and side in ("left", "right") and finding["attribute"] != "symmetry"
    place = f"{side} {_SINGULAR[region]}" if one else REGIONS[region].lower()
    what = ATTRIBUTE_WORDS[finding["attribute"]][0].lower()
    about = what if finding["attribute"] in ("rate", "duty_cycle", "tremor") else f"{what} of the {place}"
    number = f" ({number_words(finding)})" if finding["value"] is not None else ""
    return f"{about}: {level_words(finding)}{number}"


def number_words(finding: Finding) -> str:
    """The value with its unit."""
    return f"{_number(finding['value'], finding['attribute'])} {UNITS.get(finding['unit'], finding['unit'])}"


def range_words(finding: Finding) -> str:
    """The normal range of a finding: "0.12 or more", "below 10", "4 to 9"; empty where there is none."""
    if not finding["normal_range"]:
        return ""
    low, high = (None if end is None else f"{end:g}" for end in finding["normal_range"])
    if low is None:
        return "" if high is None else f"below {high}"
    return f"{low} or more" if high is None else f"{low} to {high}"


def finding_rows(findings: Sequence[Finding], measurements: dict[str, float]) -> list[dict[str, Any]]:
    """One row per region and attribute, with the numbers of both sides where both were measured.

    Args:
      findings: of an assessment; the sides of one region and attribute follow each other.
      measurements: of the same assessment.

    Returns:
      Rows with region, title, what, explained, left, right (both None where the number is one for both sides), value, unit,
      normal, levels ((words, abnormal) each) and in_text.
    """
    rows = []
    for (region, attribute), group in itertools.groupby(findings, key=lambda f: (f["region"], f["attribute"])):
        found = list(group)
        sides = {side: measurements.get(f"{attribute}/{region}/{side}") for side in ("right", "left")}
        named = len(found) > 1
        per_side = named or (attribute in _OF_A_SIDE and None not in sides.values())
        told = {finding["in_text"] for finding in found}
        rows.append(
            {
                "region": region,
                "title": REGIONS[region],
                "what": ATTRIBUTE_WORDS[attribute][0],
                "explained": ATTRIBUTE_WORDS[attribute][1],
                **{side: _side_number(side, sides, found, attribute) if per_side else None for side in sides},
                "value": _number(found[0]["value"], attribute),
                "unit": UNITS.get(found[0]["unit"], found[0]["unit"]),
                "normal": range_words(found[0]),
                "levels": [((f"{f['side']}: " if named else "") + level_words(f), f["abnormal"]) for f in found],
                "in_text": next(word for word in _TOLD if word in told) if told != {"no", "yes"} else "partly",
            }
        )
    return rows


def _side_number(side: str, measured: dict[str, float | None], found: list[Finding], attribute: str) -> str:
    if (value := measured[side]) is not None:
        return _number(ATTRIBUTES[attribute].factor * max(value, 0.0), attribute)
    stated = [finding["value"] for finding in found if finding["side"] == side]
    return _number(stated[0], attribute) if stated else ""


def _number(value: float | None, attribute: str) -> str:
    return "" if value is None else f"{value:.{ATTRIBUTES[attribute].decimals}f}"
