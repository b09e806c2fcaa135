"""The work of `python -m tramp_jax.train`, for Python too."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path

from ml_collections import ConfigDict

from tramp_jax.compilation_cache import use_compilation_cache


def run_training(config: ConfigDict, run: Path, allow_changed: Sequence[str] = (), began: float | None = None) -> bool:
    """Trains the experiment in its workdir. False: stopped by SIGTERM, saved.

    `began` is when the program did, by `time.monotonic`; None = now. What a run says of its time counts from there.
    """
    began = time.monotonic() if began is None else began
    from tramp_jax.checkpoint.store import tell
    from tramp_jax.training import setup
    from tramp_jax.training.phases import Phases

    use_compilation_cache()
    with contextlib.closing(Phases(tell, config.watchdog_seconds, began)) as phases:
        return setup.train_run(config, run, phases, allow_changed)
