"""Trains a run's severity path anew without frames, and without landmarks, for `evaluate` to show beside the run's own scores.

`python -m tramp_jax.ablate --checkpoint=RUN`; each goes on where it stopped. `tramp_jax.ablations` says what they are.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from absl import flags

from input_pipeline import cli
from input_pipeline.errors import UserError
from input_pipeline.paths import path_of

_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "A run: the --workdir of tramp_jax.train.")

USAGE = "python -m tramp_jax.ablate --checkpoint=RUN"


def main(argv: Sequence[str]) -> None:
    """Flags are absl's."""
    if argv:
        raise UserError(f"unexpected argument {argv[0]!r}; usage: {USAGE}")
    from tramp_jax.ablations import train_ablations
    from tramp_jax.sharding.processes import join_processes

    join_processes()
    if not train_ablations(path_of(_CHECKPOINT.value)):
        # As `tramp_jax.train` does.
        sys.exit(int(os.environ.get("TRAMP_JAX_STOPPED_EXIT_CODE", "0")))


if __name__ == "__main__":
    flags.mark_flags_as_required(["checkpoint"])
    cli.run(main, USAGE)
