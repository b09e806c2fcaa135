"""`python -m tramp_jax.train --config=configs/demo.py --workdir=runs/demo`: trains, or goes on where a run stopped."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from absl import flags
from ml_collections import ConfigDict, config_flags

from input_pipeline import cli
from input_pipeline.errors import UserError
from input_pipeline.paths import path_of
from tramp_jax import IMPORTED
from tramp_jax.compilation_cache import use_compilation_cache

_CONFIG = config_flags.DEFINE_config_file(
    "config", None, "The experiment, for example configs/demo.py or configs/demo.py:runlocal."
)
_WORKDIR = flags.DEFINE_string("workdir", None, "The run's folder; one that has a checkpoint is continued.")
_ALLOW_CHANGED = flags.DEFINE_list(
    "allow-changed", [], "What may differ from the run's checkpoint: data, split, tokenizer, transforms, seed, batch_size, ..."
)
_SEED = flags.DEFINE_integer("seed", None, "Overrides config.seed.")

USAGE = (
    "python -m tramp_jax.train --config=FILE --workdir=FOLDER [--seed=N] [--config.KEY=VALUE ...] [--allow-changed=NAME,...]"
)


def main(argv: Sequence[str]) -> None:
    """Parses nothing itself: flags are absl's."""
    from tramp_jax.env import check_pair

    check_pair()
    from tramp_jax.config import config_from_flag
    from tramp_jax.sharding.processes import join_processes

    join_processes()

    if argv:
        raise UserError(f"unexpected argument {argv[0]!r}; usage: {USAGE}")
    config = config_from_flag(_CONFIG.value)
    if _SEED.value is not None:
        config.seed = _SEED.value
    if not run_training(config, path_of(_WORKDIR.value), _ALLOW_CHANGED.value, began=IMPORTED):
        # For those who start runs again and must tell a run that was stopped from one that is done.
        sys.exit(int(os.environ.get("TRAMP_JAX_STOPPED_EXIT_CODE", "0")))


def run_training(config: ConfigDict, run: Path, allow_changed: Sequence[str] = (), began: float | None = None) -> bool:
    """Trains the experiment in its workdir; also the entry point for Python. False: stopped by SIGTERM, saved.

    `began` is when the program did, by `time.monotonic`; None = now. What a run says of its time counts from there.
    """
    began = time.monotonic() if began is None else began
    from tramp_jax.checkpoint.store import tell
    from tramp_jax.training import setup
    from tramp_jax.training.phases import Phases

    use_compilation_cache()
    with contextlib.closing(Phases(tell, config.watchdog_seconds, began)) as phases:
        return setup.train_run(config, run, phases, allow_changed)


if __name__ == "__main__":
    flags.mark_flags_as_required(["config", "workdir"])
    cli.run(main, USAGE)
