"""What tests did to runs, checkpoints and data, and what came of it: the table of `pytest --faults`."""

_ROWS: list[tuple[str, int, str]] = []


def note(fault: str, count: int, outcome: str) -> None:
    """One row."""
    _ROWS.append((fault, count, outcome))


def table() -> list[str]:
    """The rows noted so far, as Markdown."""
    if not _ROWS:
        return ["no faults were made"]
    return [
        "| fault | times | outcome |",
        "|---|---|---|",
        *(f"| {fault} | {count} | {outcome} |" for fault, count, outcome in _ROWS),
    ]
