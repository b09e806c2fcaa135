"""The optional packages behind `extract`: found at the right version, or one line that says how to install them."""

from __future__ import annotations

import functools
import importlib
import importlib.metadata
from types import ModuleType

from input_pipeline.errors import UserError

# As in pyproject.toml. MediaPipe from 0.10.35 on reports usage to its maker; before 0.10.31 it clashes with Grain's protobuf.
_BOUNDS = {"mediapipe": ((0, 10, 31), (0, 10, 35)), "av": ((18,), None)}
_INSTALL = 'pip install "mediapipe>=0.10.31,<0.10.35" "av>=18"'


@functools.cache
def import_extra(name: str) -> ModuleType:
    """Imports `mediapipe` or `av`.

    Raises:
      UserError: absent, outside the versions that we accept, or not loadable (a system library is missing).
    """
    low, high = _BOUNDS[name]
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError as error:
        raise UserError(f"reading videos needs the package {name}, which is not installed: {_INSTALL}") from error
    release = tuple(int(part) for part in version.split(".")[:3] if part.isdigit())
    if release < low or (high and release >= high):
        wanted = ">=" + ".".join(map(str, low)) + (",<" + ".".join(map(str, high)) if high else "")
        raise UserError(f"{name} {version} is installed, expected {name}{wanted}: {_INSTALL}")
    try:
        return importlib.import_module(name)
    except (ImportError, OSError) as error:
        raise UserError(
            f"{name} {version} does not load ({error}): install the system library that it names"
            " (Debian, Ubuntu: apt install libgl1 libegl1 libgles2 libglib2.0-0)"
        ) from error
