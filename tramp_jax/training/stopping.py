"""SIGTERM and Ctrl-C: the step at hand is finished and saved, then the run ends."""

from __future__ import annotations

import signal
import threading
from types import FrameType, TracebackType

import jax
from jax.experimental import multihost_utils


class StopSignal:
    """Whether the run was asked to stop; a context manager that listens while it is open.

    The second signal of a kind ends the process at once, as it would without us. Over several processes JAX's own service
    listens (to SIGTERM alone), so that all stop at the same step.
    """

    def __init__(self) -> None:
        self.received: signal.Signals | None = None
        self._calls = 0
        self._before: dict[signal.Signals, object] = {}

    def __enter__(self) -> StopSignal:
        if jax.process_count() == 1 and threading.current_thread() is threading.main_thread():
            for number in (signal.SIGTERM, signal.SIGINT):
                self._before[number] = signal.signal(number, self._listen)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def asked(self) -> bool:
        """To be called at every step, by every process."""
        self._calls += 1  # JAX agrees on a number to come; steps go back at a loss spike
        if jax.process_count() > 1 and multihost_utils.reached_preemption_sync_point(self._calls):
            self.received = signal.SIGTERM
        return self.received is not None

    def _listen(self, number: int, frame: FrameType | None) -> None:
        self.received = signal.Signals(number)
        signal.signal(number, self._before[self.received])
