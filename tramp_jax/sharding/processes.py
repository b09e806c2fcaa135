"""One run over several processes: they are joined before JAX starts, and one of them writes."""

from __future__ import annotations

import os
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from input_pipeline.errors import UserError


def join_processes() -> None:
    """Connects this process with the others of its run where the environment names several; else does nothing.

    Named by JAX_COORDINATOR_ADDRESS with JAX_NUM_PROCESSES and JAX_PROCESS_ID, by Slurm, by TPU_WORKER_HOSTNAMES (GKE), or by
    TRAMP_JAX_JOIN=1, where JAX asks Google Cloud (`launch/tpu_vm`). Must come before anything that asks JAX for its devices.

    Raises:
      UserError: the others cannot be reached, or half of what names them is missing.
    """
    options = _named() if "JAX_COORDINATOR_ADDRESS" in os.environ else {}
    if not options and not _cluster():
        return
    try:
        jax.distributed.initialize(**options)
    except (ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise UserError(
            f"the processes of this run cannot be joined ({reason}): start all of them, with one coordinator"
        ) from error


def _named() -> dict[str, Any]:
    try:
        count, number = int(os.environ["JAX_NUM_PROCESSES"]), int(os.environ["JAX_PROCESS_ID"])
    except (KeyError, ValueError) as error:
        raise UserError(
            f"JAX_COORDINATOR_ADDRESS is set and {error} is not usable: set JAX_NUM_PROCESSES and JAX_PROCESS_ID to numbers"
        ) from error
    return {
        "coordinator_address": os.environ["JAX_COORDINATOR_ADDRESS"],
        "num_processes": count,
        "process_id": number,
    }


def _cluster() -> bool:
    several = int(os.environ.get("SLURM_NTASKS", "1")) > 1 or "," in os.environ.get("TPU_WORKER_HOSTNAMES", "")
    return several or os.environ.get("TRAMP_JAX_JOIN") == "1"


def is_writer() -> bool:
    """Whether this process writes what there is one of: config, tokenizer, metrics."""
    return jax.process_index() == 0


def wait_for_all(what: str) -> None:
    """Returns once every process is here; alone at once."""
    if jax.process_count() > 1:
        multihost_utils.sync_global_devices(what)


def cut(tree: Any, where: jax.sharding.NamedSharding) -> Any:
    """Arrays that every process has in full, as global arrays of which each device holds the part that `where` says."""
    return jax.tree.map(lambda x: jax.make_array_from_callback(np.shape(x), where, lambda index: np.asarray(x)[index]), tree)


def on_host(tree: Any) -> Any:
    """Global arrays as NumPy's, whole in every process."""
    return jax.device_get(tree) if jax.process_count() == 1 else multihost_utils.process_allgather(tree, tiled=True)
