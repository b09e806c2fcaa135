"""`python -m tramp_jax.checkpoint verify RUN`: reads every checkpoint of a run and compares it with its digests."""

from __future__ import annotations

from collections.abc import Sequence

from input_pipeline import cli
from input_pipeline.errors import UserError
from input_pipeline.paths import path_of

USAGE = "python -m tramp_jax.checkpoint verify RUN"


def main(argv: Sequence[str]) -> None:
    """A line per checkpoint; exit code 2 where one is damaged."""
    if len(argv) != 2 or argv[0] != "verify":
        raise UserError(f"expected `verify RUN`, got {' '.join(argv) or 'nothing'!r}; usage: {USAGE}")
    verify(argv[1])


def verify(run: str) -> None:
    """Reads every checkpoint of a run.

    Raises:
      UserError: no checkpoints there, or some are damaged.
    """
    import jax

    from tramp_jax.checkpoint.store import CheckpointStore

    jax.config.update("jax_platforms", "cpu")  # the accelerator may be the run's
    store = CheckpointStore(path_of(run), 1, create=False)
    steps = store.steps()
    if not steps:
        raise UserError(f"{run}: no checkpoint there: pass the folder of a run that has one")
    damaged = []
    for step in steps:
        wrong = store.find_damage(step)
        print(f"step {step}: {'intact' if wrong is None else f'DAMAGED ({wrong})'}", flush=True)
        damaged += [] if wrong is None else [step]
    store.close()
    if damaged:
        found = f"{len(damaged)} of {len(steps)} checkpoints {'is' if len(damaged) == 1 else 'are'} damaged"
        raise UserError(f"{run}: {found}: training goes on from the newest of the rest")


if __name__ == "__main__":
    cli.run(main, USAGE)
