"""A persistent compilation cache, so that a command that was run before starts at once."""

from __future__ import annotations

import os
from pathlib import Path

import jax


def use_compilation_cache() -> None:
    """A persistent compilation cache, on by default; JAX_COMPILATION_CACHE_DIR moves it, an empty value turns it off."""
    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "tramp-jax" / "xla"
        jax.config.update("jax_compilation_cache_dir", str(cache))
