"""TraMP-LLaMA in JAX: severity scores and motion reports from face video. Research use only."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tramp_jax.assessor import Assessor

__version__ = "0.1.0"
__all__ = ["__version__", "load"]
IMPORTED = time.monotonic()  # before the imports that take seconds, which a command's start-up counts


def load(run: str | Path) -> Assessor:
    """Loads a run's newest checkpoint: `tramp_jax.load("runs/demo").assess("clip.mp4", expression="smile", landmarker=...)`.

    Raises:
      input_pipeline.errors.UserError: the folder is no run, or has no checkpoint.
    """
    from input_pipeline.paths import path_of
    from tramp_jax.assessor import Assessor

    return Assessor(path_of(run))
