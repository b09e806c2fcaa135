"""Where a run's time goes, and what a run that hangs is waiting for."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator

# Where the time goes: START until the loop begins, save for what is named in it ("data", "compile", "restore"); then "steps",
# "data", "checkpoint", "evaluation", "comparison" and what is between them.
START, USEFUL, BETWEEN = "start-up", "steps", "other"


class Phases:
    """A clock that always stands in one phase, and a thread that says when one takes long.

    Args:
      say: where lines go; called from another thread.
      patience: seconds that one phase may take before it is named, again after twice as long, and so on; 0 = never.
      began: when the program did, by the clock; None = now.
      clock: seconds.
    """

    def __init__(
        self,
        say: Callable[[str], None],
        patience: float,
        began: float | None = None,
        clock: Callable[[], float] = time.monotonic,
    ):
        self.say, self._patience, self._clock = say, patience, clock
        self._spent: dict[str, float] = defaultdict(float)
        self._now, self._entered = START, clock()
        self._since = self._entered if began is None else began
        self._detail, self._said = "", 0.0
        self._done = threading.Event()
        if patience:
            threading.Thread(target=self._watch, name="watchdog", daemon=True).start()

    @contextlib.contextmanager
    def __call__(self, name: str, detail: str = "") -> Iterator[None]:
        """Stands in a phase; `detail` tells more where it takes long: "the next batch of report"."""
        before = self._now, self._detail
        self._enter(name, detail)
        try:
            yield
        finally:
            self._enter(*before)

    def start_loop(self) -> None:
        """Ends the start-up."""
        self._enter(BETWEEN, "")

    def spent(self) -> dict[str, float]:
        """Phase -> seconds, the one that lasts included."""
        return {**self._spent, self._now: self._spent[self._now] + self._clock() - self._since}

    def summary(self, steps: int, taken: int, lost: int) -> str:
        """One line: the share of the time that brought the run forward, and where all of it went.

        Args:
          steps: how far the run has come.
          taken: steps taken for that.
          lost: how many of these made up for work that was lost in a crash or given up in a rollback.
        """
        spent = self.spent()
        total = sum(spent.values()) or 1.0
        again = spent.get(USEFUL, 0.0) * lost / max(taken, 1)
        useful = (spent.get(USEFUL, 0.0) - again) / total
        parts = sorted(spent.items(), key=lambda item: -item[1])
        where = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in parts if seconds >= 0.05)
        work = f"; of the steps {again:.1f} s for {lost} that were lost" if lost else ""
        return f"goodput {useful:.0%} of {total:.1f} s for {steps} steps: {where}{work}"

    def close(self) -> None:
        """Ends the thread."""
        self._done.set()

    def check(self) -> None:
        """Says so where the phase has lasted longer than the patience."""
        waited = self._clock() - self._entered
        if waited > max(self._patience, 2 * self._said):
            self._said = waited
            self.say(f"waiting for {self._detail or self._now} since {waited:.0f} s")

    def _enter(self, name: str, detail: str) -> None:
        now = self._clock()
        self._spent[self._now] += now - self._since
        self._now, self._detail, self._since, self._entered, self._said = name, detail, now, now, 0.0

    def _watch(self) -> None:
        while not self._done.wait(self._patience / 4):
            self.check()
