"""What is looked at before a run starts on many machines, one clear line each: cheaper than a run that hangs."""

from __future__ import annotations

import json
import platform
from collections import Counter

import jax
import numpy as np
from jax.experimental import multihost_utils

from input_pipeline.errors import UserError
from input_pipeline.versions import version

# What shapes the compiled programs or the data: processes that differ in one of these hang or drift apart.
SAME_EVERYWHERE = ("tramp-jax", "jax", "jaxlib", "libtpu", "flax", "optax", "orbax-checkpoint", "grain", "numpy")
_WIDTH = 1024  # bytes of a process's versions as JSON


def check_devices() -> None:
    """Starts JAX's devices.

    Raises:
      UserError: they cannot be had, as when another process holds the TPU.
    """
    try:
        jax.devices()
    except RuntimeError as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(
            f"the accelerator cannot be used ({reason}): end the process that holds it (`sudo lsof -w /dev/accel* /dev/vfio/*` "
            "on a TPU host, `nvidia-smi` on a GPU host), or set JAX_PLATFORMS=cpu"
        ) from error


def check_processes(expected: int) -> None:
    """Raises UserError where another number of processes joined than the config expects (0: any)."""
    if expected and jax.process_count() != expected:
        raise UserError(
            f"processes={expected} are expected and {jax.process_count()} joined, with {jax.device_count()} devices: start "
            "the run on every host, or correct config.processes"
        )


def check_versions(versions: dict[str, str] | None = None) -> None:
    """Compares what is installed between the processes.

    Args:
      versions: of this process; None reads them.

    Raises:
      UserError: a package or Python itself differs; the line names it, with the processes that have the rarer version.
    """
    if jax.process_count() == 1:
        return
    text = json.dumps(installed_versions() if versions is None else versions).encode()
    padded = np.frombuffer(text.ljust(_WIDTH), np.uint8)
    rows = multihost_utils.process_allgather(padded)
    everyones = [json.loads(bytes(row).decode()) for row in rows]
    for name in everyones[0]:
        found = [each.get(name) for each in everyones]
        if len(set(found)) > 1:
            usual = Counter(found).most_common(1)[0][0]
            others = {i: version for i, version in enumerate(found) if version != usual}
            told = ", ".join(f"{version} in process {i}" for i, version in list(others.items())[:4])
            raise UserError(f"the processes differ in {name}: {told}, {usual} in the others: install the same on every host")


def installed_versions() -> dict[str, str]:
    """Package -> version, of those that must be the same in every process, and Python's."""
    return {"python": ".".join(platform.python_version_tuple()[:2])} | {name: version(name) for name in SAME_EVERYWHERE}
