"""The linear layer of LLaMA, ViT and the projections."""

from typing import Any

import jax.numpy as jnp
import ml_collections
from flax import nnx
from jaxtyping import Array, Float

from tramp_jax.sharding.activations import gather_kernel


class Linear(nnx.Linear):
    """`nnx.Linear` over rows: all leading axes are one while it multiplies.

    With two leading axes XLA's CPU backend transposes both operands of the weight gradient; as rows, forward and backward of
    a SwiGLU took 50 ms instead of 131 (4,160 tokens, 128 -> 352, 2 cores). On TPU the reshapes cost nothing.

    Args:
      cut: name of the kernel in `sharding.activations.KERNELS`: cast to the compute dtype first, then gathered; None for
        one that every device has whole.
    """

    def __init__(self, *args: Any, cut: str | None = None, **options: Any):
        super().__init__(*args, **options)
        self.cut = cut

    def __call__(self, x: Float[Array, "... D"]) -> Float[Array, "... E"]:
        kernel = self.kernel[...].astype(self.dtype)
        kernel = kernel if self.cut is None else gather_kernel(kernel, self.cut)
        y = x.reshape(-1, x.shape[-1]).astype(self.dtype) @ kernel
        y = y if self.bias is None else y + self.bias[...].astype(self.dtype)
        return y.reshape(*x.shape[:-1], -1)


def linear(
    config: ml_collections.ConfigDict,
    width_in: int,
    width_out: int,
    *,
    rngs: nnx.Rngs,
    bias: bool,
    init: nnx.Initializer | None = None,
    cut: str | None = None,
) -> Linear:
    """A linear in `config.dtype` with parameters in `config.param_dtype`; truncated normal of fan-in scale unless told."""
    return Linear(
        width_in,
        width_out,
        use_bias=bias,
        kernel_init=nnx.initializers.lecun_normal() if init is None else init,
        dtype=jnp.dtype(config.dtype),
        param_dtype=jnp.dtype(config.param_dtype),
        rngs=rngs,
        cut=cut,
    )
