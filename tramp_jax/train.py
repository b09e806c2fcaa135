"""`python -m tramp_jax.train --config=configs/demo.py --workdir=runs/demo`: trains, or goes on where a run stopped."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from absl import flags
from ml_collections import config_flags

from input_pipeline import cli
from input_pipeline.errors import UserError
from input_pipeline.paths import path_of
from tramp_jax import IMPORTED

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
    from tramp_jax.trainer import run_training

    join_processes()

    if argv:
        raise UserError(f"unexpected argument {argv[0]!r}; usage: {USAGE}")
    config = config_from_flag(_CONFIG.value)
    if _SEED.value is not None:
        config.seed = _SEED.value
    if not run_training(config, path_of(_WORKDIR.value), _ALLOW_CHANGED.value, began=IMPORTED):
        # For those who start runs again and must tell a run that was stopped from one that is done.
        sys.exit(int(os.environ.get("TRAMP_JAX_STOPPED_EXIT_CODE", "0")))


if __name__ == "__main__":
    flags.mark_flags_as_required(["config", "workdir"])
    cli.run(main, USAGE)
