"""The device mesh: axes (replica, fsdp, tensor)."""

from __future__ import annotations

import math
from collections.abc import Sequence

import jax
from jax.experimental import mesh_utils
from jax.sharding import AbstractMesh, AxisType, Mesh, NamedSharding, PartitionSpec
from ml_collections import ConfigDict

from input_pipeline.errors import UserError

AXES = ("replica", "fsdp", "tensor")

# Every array of a batch is cut along its first axis over replica and fsdp; the tensor axis holds copies.
BATCH_SPEC = PartitionSpec(("replica", "fsdp"))


def make_mesh(config: ConfigDict, devices: Sequence[jax.Device] | None = None) -> Mesh:
    """The mesh of config.mesh over all devices, or over those given; one size may be -1 and takes what is left.

    Raises:
      UserError: the sizes do not multiply to the number of devices.
    """
    sizes = [int(config[axis]) for axis in AXES]
    devices = jax.devices() if devices is None else devices
    count = len(devices)
    wanted = dict(zip(AXES, sizes, strict=True))
    if sizes.count(-1) > 1 or any(size == 0 or size < -1 for size in sizes):
        raise UserError(f"mesh: {wanted} needs positive sizes and at most one -1: set --config.mesh.fsdp=-1 for all devices")
    known = math.prod(size for size in sizes if size != -1)
    if -1 in sizes and count % known == 0:
        sizes[sizes.index(-1)] = count // known
    if math.prod(sizes) != count:
        raise UserError(
            f"mesh: {wanted} does not fit {count} devices: the sizes must multiply to {count}: set one to -1 for what is left"
        )
    axis_types = (AxisType.Auto,) * len(AXES)
    try:
        return jax.make_mesh(sizes, AXES, axis_types=axis_types, devices=devices)
    except NotImplementedError:  # a size that is no product of the pod's sides, such as 32 on 4x4x4: a side is shared
        placed = mesh_utils.create_device_mesh(sizes, devices, allow_split_physical_axes=True)
        return Mesh(placed, AXES, axis_types=axis_types)


def check_batch(mesh: Mesh, batch_size: int, name: str, micro_batches: int = 1) -> None:
    """Raises UserError where a batch, or each of its micro-batches, cannot be cut evenly over replica and fsdp."""
    groups = mesh.shape["replica"] * mesh.shape["fsdp"]
    if batch_size % (groups * micro_batches):
        times = f" {micro_batches} times" if micro_batches > 1 else ""
        raise UserError(
            f"{name}={batch_size} cannot be cut{times} over {groups} groups of devices (replica x fsdp): use a multiple of "
            f"{groups * micro_batches}"
        )


def batch_sharding(mesh: Mesh | AbstractMesh) -> NamedSharding:
    """Where every array of a batch lies."""
    return NamedSharding(mesh, BATCH_SPEC)


def replicated(mesh: Mesh | AbstractMesh) -> NamedSharding:
    """A copy on every device."""
    return NamedSharding(mesh, PartitionSpec())
