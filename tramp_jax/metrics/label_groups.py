"""The groups of a data set's clips as columns of a file of predictions.

Axes: N clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from input_pipeline.groups import GROUP, MOST_CHARACTERS, MOST_GROUPS
from input_pipeline.records import Label


def group_columns(labels: Sequence[Label]) -> tuple[dict[str, np.ndarray], list[str]]:
    """Column -> (N,) labels, "" for unknown, in the order of their names; and why columns are left out, a line each.

    What such a file could not hold is left out: several data sets together may have more labels than each of them.
    """
    columns, left_out = {}, []
    for name in sorted({name for label in labels for name in label.groups}):
        column = f"{GROUP}{name}"
        found = [label.groups.get(name, "").strip() for label in labels]
        distinct = set(found) - {""}
        if len(distinct) > MOST_GROUPS or max(map(len, found)) > MOST_CHARACTERS:
            left_out.append(
                f"{column}: {len(distinct)} labels, not told apart: at most {MOST_GROUPS} of {MOST_CHARACTERS} characters are"
            )
        elif distinct:
            columns[column] = np.array(found, dtype=str)
    return columns, left_out


def with_groups(rows: Sequence[dict[str, Any]], labels: Sequence[Label]) -> list[dict[str, Any]]:
    """N rows of such a file with the groups of their clips, None for unknown; the same rows where there are none."""
    columns, _ = group_columns(labels)
    return [row | {name: str(of[i]) or None for name, of in columns.items()} for i, row in enumerate(rows)]
