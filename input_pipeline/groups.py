"""Groups of people and clips by which results are told apart: sex, age in bins, skin tone, glasses, device.

A list of clips and a file of predictions hold them in columns `group_NAME`, with the same limits. No model and no text is ever
made of them.
"""

from __future__ import annotations

import collections
import re
from collections.abc import Iterable, Mapping

from input_pipeline.errors import UserError
from input_pipeline.records import Label

GROUP = "group_"
# In what tells which columns there are.
ANY_GROUP = f"{GROUP}NAME"
# A column with more labels than this holds measurements rather than groups (the number is ours).
MOST_GROUPS = 20
# Of a label (ours): an array of texts has room for the longest in every row.
MOST_CHARACTERS = 256


def is_group(column: str) -> bool:
    """Whether the column of a list is one of groups: the prefix and a name."""
    return column.startswith(GROUP) and bool(column.removeprefix(GROUP).strip())


def read_groups(where: str, fields: Mapping[str, str], subject: str) -> dict[str, str]:
    """NAME -> label of one row, without what is empty.

    Args:
      where: file and line, for errors.
      fields: column -> text, stripped.
      subject: the person as the source calls them.

    Raises:
      UserError: a label is too long, or is the subject's name, since labels are stored as they are.
    """
    groups = {name.removeprefix(GROUP).strip(): label for name, label in sorted(fields.items()) if is_group(name) and label}
    for name, label in groups.items():
        column = f"{where}, column '{GROUP}{name}'"
        if len(label) > MOST_CHARACTERS:
            raise UserError(
                f"{column}: found {label[:57]!r}..., expected a text of at most {MOST_CHARACTERS} characters, not {len(label)}"
            )
        # A number or a letter may stand for something else than a person, as in reports.
        if len(subject) > 2 and not subject.isdigit() and re.search(rf"\b{re.escape(subject)}\b", label, re.IGNORECASE):
            raise UserError(f"{column}: {label!r} names the subject, and is stored as it is: write a label of several people")
    return groups


def check_few(source: str, rows: Iterable[Mapping[str, str]]) -> None:
    """Raises UserError where a group of a list has more labels than MOST_GROUPS.

    Args:
      source: the list, for errors.
      rows: NAME -> label of each clip.
    """
    distinct: dict[str, set[str]] = collections.defaultdict(set)
    for groups in rows:
        for name, label in groups.items():
            distinct[name].add(label)
    for name, labels in distinct.items():
        if len(labels) > MOST_GROUPS:
            raise UserError(
                f"{source}, column '{GROUP}{name}': found {len(labels)} labels, {min(labels)!r} for one, expected at most "
                f"{MOST_GROUPS}: put numbers into bins such as 60-69"
            )


def count_groups(labels: Iterable[Label]) -> dict[str, dict[str, int]]:
    """NAME -> clips of each label; last, under "", those of unknown label."""
    counts: dict[str, collections.Counter[str]] = {}
    total = 0
    for label in labels:
        total += 1
        for name, group in label.groups.items():
            counts.setdefault(name, collections.Counter())[group] += 1
    for found in counts.values():
        if unknown := total - found.total():
            found[""] += unknown
    return {name: dict(sorted(found.items(), key=_unknown_last)) for name, found in sorted(counts.items())}


def _unknown_last(counted: tuple[str, int]) -> tuple[bool, str]:
    return counted[0] == "", counted[0]
