"""Layers stacked along a leading axis and run with one `jax.lax.scan`.

A stacked module is an ordinary NNX module whose parameters all have a leading layer axis; `scan_layers` slices it back into
single layers. Sharding is assigned by rules over parameter paths, never by metadata in here: such metadata does not survive
the stacked axis.
"""

from collections.abc import Callable
from typing import Any

import jax
from flax import nnx
from jax.ad_checkpoint import checkpoint_name

from input_pipeline.errors import UserError

KERNEL_RANK = 3  # of a stacked kernel; stacked norms and biases have two axes
LAYER_INPUT = "layer_input"
REMAT_POLICIES = {
    "none": None,  # keep every activation
    "dots": jax.checkpoint_policies.dots_with_no_batch_dims_saveable,  # keep the outputs of the weight matmuls
    "full": jax.checkpoint_policies.nothing_saveable,  # keep only the input of each layer
    "offload": jax.checkpoint_policies.save_and_offload_only_these_names(  # keep it in the host's memory (TPU)
        names_which_can_be_saved=[],
        names_which_can_be_offloaded=[LAYER_INPUT],
        offload_src="device",
        offload_dst="pinned_host",
    ),
}


def stack_layers(make: Callable[[nnx.Rngs], nnx.Module], depth: int, rngs: nnx.Rngs) -> nnx.Module:
    """Makes `depth` layers with keys of their own, as one module whose parameters are (depth, ...)."""
    keys = jax.random.split(rngs.params(), depth)
    graphdef = nnx.split(nnx.eval_shape(lambda: make(nnx.Rngs(0))))[0]
    return nnx.merge(graphdef, jax.vmap(lambda key: nnx.state(make(nnx.Rngs(key))))(keys))


def scan_layers(
    body: Callable[[Any, Any, Any], Any],
    layers: Any,
    carry: Any,
    xs: Any = None,
    *,
    dtype: Any,
    remat: str = "none",
    unroll: int = 1,
) -> Any:
    """Runs `carry = body(layer, carry, x)` over the layers in order and returns the last carry.

    Args:
      layers: a stacked module or a tuple of them (entries may be None); `body` gets the same structure for one layer.
      xs: a tree of arrays with a leading layer axis, sliced like the layers.
      dtype: in which kernels multiply. They are cast before the loop, so that their gradients are stacked in it too.
      remat: a name in `REMAT_POLICIES`.
      unroll: layers per loop iteration. 1 compiles fastest.
    """
    if remat not in REMAT_POLICIES:
        raise UserError(f"config: remat={remat!r} is not known: use one of {', '.join(REMAT_POLICIES)}")
    graphdef, stacked = nnx.split(layers)
    stacked = jax.tree.map(lambda x: x.astype(dtype) if x.ndim >= KERNEL_RANK else x, stacked)

    def step(carry, inputs):
        parameters, x = inputs
        if remat == "offload":
            carry = jax.tree.map(lambda leaf: checkpoint_name(leaf, LAYER_INPUT), carry)
        return body(nnx.merge(graphdef, parameters), carry, x), None

    if remat != "none":
        # Inside a loop XLA cannot merge the recomputation with the forward pass; once unrolled it would.
        step = jax.checkpoint(step, policy=REMAT_POLICIES[remat], prevent_cse=unroll > 1)
    return jax.lax.scan(step, carry, (stacked, xs), unroll=unroll)[0]
