"""Published tables as data: PFED5 and Toronto NeuroFace, Spearman x 100, with their sources.

They are of models per expression under the `literature` protocol, so a run's own numbers stand beside them only under that
protocol, and a joint model's are not comparable even then (references: tramp_lineage.md 2.8).
"""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

TABLES = ("pfed5", "neuroface")
CAVEAT = (
    "Published rows: one model per expression, the best epoch on the test set. A run of this project is one model for all "
    "expressions, tested on other people: its row shows where it stands under that protocol, not that it is better or worse."
)


def published_table(name: str) -> dict[str, Any]:
    """One of TABLES.

    Returns:
      "data", "metric", "protocol", "models", "sources", "notes", and "rows": each "method", "backbone", "pretrained_on",
      "frames" ("" where the table does not say), "values": expression -> Spearman x 100, "average".
    """
    return json.loads((resources.files(__package__) / f"{name}.json").read_text(encoding="utf-8"))


def tables_for(expressions: set[str]) -> list[dict[str, Any]]:
    """The tables all of whose expressions are among these."""
    return [table for table in map(published_table, TABLES) if set(table["rows"][0]["values"]) <= expressions]
