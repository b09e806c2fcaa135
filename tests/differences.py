"""Comparisons with references that others wrote, whose largest differences `pytest --differences` prints as a table."""

from typing import Any

import numpy as np

LIMIT = 1e-4  # what every family must reach, in float32
FOUND: dict[tuple[str, str, str], float] = {}


def assert_within(ours: Any, theirs: Any, *, family: str, what: str, reference: str, limit: float = LIMIT) -> None:
    """Fails where a value differs by more than `limit`, and keeps the largest difference of the row for the table."""
    ours, theirs = (np.asarray(x, np.float64) for x in (ours, theirs))
    assert np.all(np.isfinite(theirs)), f"{family}: {what}"
    np.testing.assert_allclose(ours, theirs, atol=limit, rtol=0, err_msg=f"{family}: {what}")
    row = family, what, reference
    FOUND[row] = max(FOUND.get(row, 0.0), float(np.abs(ours - theirs).max()))


def table() -> list[str]:
    """Lines of Markdown, one for each family and reference."""
    rows: dict[tuple[str, str], list[str]] = {}
    for family, what, reference in sorted(FOUND, key=lambda row: (row[2], row[0], row[1])):
        rows.setdefault((family, reference), []).append(f"{what} {FOUND[family, what, reference]:.0e}")
    lines = [f"| {family} | {reference} | {'; '.join(found)} |" for (family, reference), found in rows.items()]
    return ["| family | compared with | largest differences |", "|---|---|---|", *lines]
