"""Where activations lie, and kernels while they are used: one table by name; the models say at which points a name holds.

Without these the compiler decides, and on a pod it has gathered whole activations to avoid summing small gradients, and passed
kernels from chip to chip in more pieces than a gather needs.

Axes: B batch (frames of the ViT folded in), S sequence or patches, H heads, K head dim, D width, E hidden width.
"""

from __future__ import annotations

import functools
import math

import jax
from jax.sharding import PartitionSpec as P

BATCH = ("replica", "fsdp")

ACTIVATIONS: dict[str, P] = {
    "batch": P(BATCH),  # B ...: everything that is not listed below; the tensor axis holds copies
    "heads": P(BATCH, None, "tensor", None),  # B S H K
    "mlp": P(BATCH, None, "tensor"),  # B S E
}

# Kernels: where they are stored (as the rules of `sharding.rules` say), and where they lie while they are multiplied: gathered
# over fsdp, still cut over tensor along their output or their input.
KERNELS: dict[str, tuple[P, P]] = {
    "kernel": (P(None, "fsdp"), P(None, None)),  # D D
    "kernel_out": (P("fsdp", "tensor"), P(None, "tensor")),  # D E
    "kernel_in": (P("tensor", "fsdp"), P("tensor", None)),  # E D
}


def constrain(x: jax.Array, name: str) -> jax.Array:
    """The same array, placed as `ACTIVATIONS[name]` says on the mesh of `jax.set_mesh`; unchanged where none is set.

    A mesh axis that does not divide its dimension is left out, as for parameters.
    """
    return _place(x, ACTIVATIONS[name])


@functools.partial(jax.custom_vjp, nondiff_argnums=(1,))
def gather_kernel(kernel: jax.Array, name: str) -> jax.Array:
    """A kernel for multiplication, gathered as `KERNELS[name]` says; its gradient is summed into the pieces that are stored."""
    return _place(kernel, KERNELS[name][1])


def _forward(kernel: jax.Array, name: str) -> tuple[jax.Array, None]:
    return gather_kernel(kernel, name), None


def _backward(name: str, _: None, gradient: jax.Array) -> tuple[jax.Array]:
    return (_place(gradient, KERNELS[name][0]),)


gather_kernel.defvjp(_forward, _backward)


def _place(x: jax.Array, spec: P) -> jax.Array:
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.empty or mesh.manual_axes:
        return x
    parts = [axes if axes and size % _size(mesh, axes) == 0 else None for axes, size in zip(spec, x.shape, strict=False)]
    return jax.lax.with_sharding_constraint(x, P(*parts))


def _size(mesh: jax.sharding.AbstractMesh, axes: str | tuple[str, ...]) -> int:
    return math.prod(mesh.shape[axis] for axis in ((axes,) if isinstance(axes, str) else axes))
