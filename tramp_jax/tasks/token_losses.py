"""Cross-entropy of the next token from hidden states, a piece of the text at a time, so that the logits are never whole.

Logits of Llama 3 for 4 texts of 2,048 tokens take 4.2 GB in float32. Here loss and gradient of a piece are made together
(the loss is a sum, so its gradient only waits to be scaled), and the gradient of the output matrix is summed over the pieces
on each device before the devices exchange anything.

Axes: B batch, S text, C tokens of a piece, D width, V vocabulary.
"""

from __future__ import annotations

import functools
from typing import Any

import jax
import jax.numpy as jnp
from jax.sharding import PartitionSpec as P
from jaxtyping import Array, Float, Int

from tramp_jax.sharding.activations import BATCH

PIECE = 256  # tokens of each text at a time (ours: half a gigabyte of logits per 4 texts of Llama 3)


def next_token_sums(
    hidden: Float[Array, "B S D"],
    head: Float[Array, "D V"],
    tokens: Int[Array, "B S"],
    mask: Float[Array, "B S"],
    piece: int = PIECE,
) -> tuple[Array, Array]:
    """Sums over the masked positions of a token's log-likelihood, and of whether it is the most likely one.

    Args:
      hidden: position s predicts token s; in the compute dtype.
      head: the output matrix in any dtype; multiplied in the dtype of `hidden`, summed in float32.
      tokens: what is predicted.
      mask: weight of each position.
      piece: C.

    Returns:
      Two () float32; the first can be differentiated in `hidden` and `head`.
    """
    S = hidden.shape[1]
    pieces = max(1, round(S / piece))
    length = -(-S // pieces)

    def cut(x: Array) -> Array:  # (B, S, ...) -> (pieces, B, C, ...)
        padded = jnp.pad(x, ((0, 0), (0, pieces * length - S), *((0, 0),) * (x.ndim - 2)))
        return padded.reshape(x.shape[0], pieces, length, *x.shape[2:]).swapaxes(0, 1)

    return _sums(cut(hidden), head, cut(tokens), cut(mask))


@jax.custom_vjp
def _sums(hidden: Array, head: Array, tokens: Array, mask: Array) -> tuple[Array, Array]:
    return _on_devices(hidden, head, tokens, mask, False, False)[:2]


def _forward(hidden: Any, head: Any, tokens: Any, mask: Any) -> tuple[tuple[Array, Array], tuple[Array | None, Array | None]]:
    wanted = hidden.perturbed, head.perturbed
    found = _on_devices(hidden.value, head.value, tokens.value, mask.value, *wanted)
    gradients = iter(found[2:])
    return found[:2], tuple(next(gradients) if each else None for each in wanted)


def _backward(gradients: tuple[Array | None, Array | None], cotangents: Any) -> tuple[Array | None, Array | None, None, None]:
    scale = cotangents[0]
    scaled = (None if g is None or not isinstance(scale, jax.Array) else (g * scale).astype(g.dtype) for g in gradients)
    return (*scaled, None, None)


_sums.defvjp(_forward, _backward, symbolic_zeros=True)


def _on_devices(hidden: Array, head: Array, tokens: Array, mask: Array, to_hidden: bool, to_head: bool) -> tuple[Array, ...]:
    """Sums, then the gradients that are wanted; under a mesh each device works on its texts and its part of the vocabulary."""
    mesh = jax.sharding.get_abstract_mesh()
    run = functools.partial(_device_sums, to_hidden=to_hidden, to_head=to_head)
    if mesh.empty or mesh.manual_axes or not _divides(mesh, hidden.shape, head.shape):
        return run(hidden, head, tokens, mask, cut=(1, 1, 1))
    cut = tuple(mesh.shape[axis] for axis in ("replica", "fsdp", "tensor"))
    rows, matrix = P(None, BATCH), P("fsdp", "tensor")
    out = (P(), P(), *((rows,) if to_hidden else ()), *((matrix,) if to_head else ()))
    run = functools.partial(run, cut=cut)
    return jax.shard_map(run, in_specs=(rows, matrix, rows, rows), out_specs=out, check_vma=False)(hidden, head, tokens, mask)


def _divides(mesh: jax.sharding.AbstractMesh, hidden: tuple[int, ...], head: tuple[int, ...]) -> bool:
    sizes = mesh.shape
    return (
        hidden[1] % (sizes["replica"] * sizes["fsdp"]) == 0 and head[0] % sizes["fsdp"] == 0 and head[1] % sizes["tensor"] == 0
    )


def _device_sums(
    hidden: Array, head: Array, tokens: Array, mask: Array, *, cut: tuple[int, int, int], to_hidden: bool, to_head: bool
) -> tuple[Array, ...]:
    replica, fsdp, tensor = (size > 1 for size in cut)
    matrix = head.astype(hidden.dtype)
    matrix = jax.lax.all_gather(matrix, "fsdp", axis=0, tiled=True) if fsdp else matrix
    first = jax.lax.axis_index("tensor") * matrix.shape[1] if tensor else 0

    def over_vocabulary(x: Array, reduce: Any) -> Array:
        return reduce(x, "tensor") if tensor else x

    def piece(carry: tuple[Array, ...], part: tuple[Array, ...]) -> tuple[tuple[Array, ...], Array | None]:
        h, token, weight = part  # (B, C, D), (B, C), (B, C)
        logits = jnp.einsum("bcd,dv->bcv", h, matrix, preferred_element_type=jnp.float32)
        top = over_vocabulary(logits.max(axis=-1), jax.lax.pmax)
        exponentials = jnp.exp(logits - top[..., None])
        total = over_vocabulary(exponentials.sum(axis=-1), jax.lax.psum)
        own = jnp.arange(logits.shape[-1]) == (token - first)[..., None]
        chosen = over_vocabulary(jnp.sum(logits * own, axis=-1), jax.lax.psum)
        likelihood, correct, *rest = carry
        likelihood += jnp.sum((chosen - top - jnp.log(total)) * weight)
        correct += jnp.sum((chosen >= top) * weight)
        if not (to_hidden or to_head):
            return (likelihood, correct), None
        wrong = ((own - exponentials / total[..., None]) * weight[..., None]).astype(h.dtype)
        if to_head:
            rest = [rest[0] + jnp.einsum("bcd,bcv->dv", h, wrong, preferred_element_type=jnp.float32)]
        back = jnp.einsum("bcv,dv->bcd", wrong, matrix) if to_hidden else None
        return (likelihood, correct, *rest), None if back is None else over_vocabulary(back, jax.lax.psum)

    zero = jnp.zeros((), jnp.float32)
    start = (zero, zero, *((jnp.zeros(matrix.shape, jnp.float32),) if to_head else ()))
    (likelihood, correct, *gradients), to_rows = jax.lax.scan(piece, start, (hidden, tokens, mask))
    axes = tuple(name for name, there in zip(("replica", "fsdp"), (replica, fsdp), strict=True) if there)
    sums = [jax.lax.psum(x, axes) if axes else x for x in (likelihood, correct)]
    if to_head:
        gradient = gradients[0].astype(hidden.dtype)
        gradient = jax.lax.psum_scatter(gradient, "fsdp", scatter_dimension=0, tiled=True) if fsdp else gradient
        gradients = [(jax.lax.psum(gradient, "replica") if replica else gradient).astype(head.dtype)]
    return (*sums, *((to_rows,) if to_hidden else ()), *gradients)
