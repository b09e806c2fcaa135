"""Keeps Orbax and TensorStore from printing, with a page of traceback from each of their threads, what they raise besides."""

from __future__ import annotations

import functools
import logging
import sys
from typing import Any

# A full disk alone is logged some ten times on its way to `wait_until_finished`, which raises it. What Orbax only logs, as when
# an old checkpoint cannot be deleted, is in none of these texts.
_RAISED = ("_SignalingThread.run() raised", "Handler Commit operations or the Commit callback", "Finalize thread (%s) failed")
# Of a write that TensorStore ends after Orbax, which has raised by then, has closed the loop that waited for it.
_LATE = "Event loop is closed"


@functools.cache
def drop_what_is_raised() -> None:
    """Drops these from the log, and from what Python prints of errors in callbacks; the caller tells of the error in a line."""
    logging.getLogger("absl").addFilter(_is_news)
    before = sys.unraisablehook

    def tell(unraisable: Any) -> None:
        if str(unraisable.exc_value) != _LATE:
            before(unraisable)

    sys.unraisablehook = tell


def _is_news(record: logging.LogRecord) -> bool:
    return not (record.exc_info and any(text in str(record.msg) for text in _RAISED))
