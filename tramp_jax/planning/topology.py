"""The chips of a pod that is not there: libtpu describes them to the compiler."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Sequence
from typing import Any

import jax

from input_pipeline.errors import UserError

_NAME = re.compile(r"(v\d+[a-z]?):(\d+x\d+(?:x\d+)?)")
_ENVIRONMENT = {
    "TPU_SKIP_MDS_QUERY": "1",  # asks Google Cloud's metadata server for the machine otherwise
    "TPU_WORKER_HOSTNAMES": "localhost",
    "TPU_ACCELERATOR_TYPE": "v5litepod-16",  # any: libtpu warns without one, and then takes what is described
}


def prepare_environment() -> None:
    """Variables that libtpu reads once; to be called before JAX starts. JAX itself runs on the CPU."""
    jax.config.update("jax_platforms", "cpu")
    for name, value in _ENVIRONMENT.items():
        os.environ.setdefault(name, value)


def topology_devices(name: str) -> Sequence[Any]:
    """The devices of a topology.

    Args:
      name: "v5e:4x4": the generation and the chips along each axis.

    Raises:
      UserError: no such topology, libtpu absent, or in use by another process.
    """
    if not _NAME.fullmatch(name):
        raise UserError(f"--topology={name}: expected GENERATION:AxB or GENERATION:AxBxC, such as v5e:4x4 or v5p:4x4x4")
    if importlib.util.find_spec("libtpu") is None:
        raise UserError("libtpu is not installed; it is the TPU compiler, and needs no TPU: pip install --editable '.[tpu]'")
    from jax.experimental import topologies

    try:
        return topologies.get_topology_desc(name, "tpu").devices
    except Exception as error:  # libtpu's errors have no common type
        reason = " ".join(str(error).split())[:300]
        if "lockfile" in reason or "already in use" in reason:
            raise UserError(
                f"--topology={name}: libtpu is in use by another process ({reason}): wait for it, or end it"
            ) from error
        raise UserError(
            f"--topology={name}: libtpu knows no such topology ({reason}): name a shape that Google offers"
        ) from error
