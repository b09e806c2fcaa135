"""The keys and values of earlier tokens, in buffers of a fixed size.

All rows of a batch write the same slot in a step; what a row has padded stays in its slot and is masked. Positions (RoPE)
are therefore counted per row by the caller and not read off the slot.

Axes: L layers, B batch, N slots, S new tokens, G key/value heads, K head dim.
"""

import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from tramp_jax.models.llama import Llama


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class KVCache:
    """Slots 0..length-1 are filled; `mask` is False for padding and for free slots."""

    keys: Float[Array, "L B N G K"]
    values: Float[Array, "L B N G K"]
    mask: Bool[Array, "B N"]
    length: Int[Array, ""]

    def reserve(self, mask: Bool[Array, "B S"]) -> "KVCache":
        """Takes the next S slots, valid where `mask` is. The size is static and not checked: never reserve more than N."""
        start = self.length
        return dataclasses.replace(
            self, mask=jax.lax.dynamic_update_slice(self.mask, mask, (0, start)), length=start + mask.shape[1]
        )

    def write(self, layer: Int[Array, ""], key: Float[Array, "B S G K"], value: Float[Array, "B S G K"]) -> "KVCache":
        """Fills the S slots reserved last, in one layer."""
        start = (layer, 0, self.length - key.shape[1], 0, 0)
        keys = jax.lax.dynamic_update_slice(self.keys, key[None].astype(self.keys.dtype), start)
        values = jax.lax.dynamic_update_slice(self.values, value[None].astype(self.values.dtype), start)
        return dataclasses.replace(self, keys=keys, values=values)

    def read(self, layer: Int[Array, ""]) -> tuple[Float[Array, "B N G K"], Float[Array, "B N G K"]]:
        """All slots of one layer."""
        return self.keys[layer], self.values[layer]


def empty_cache(llama: Llama, batch: int, size: int) -> KVCache:
    """A cache for `size` tokens per row, in the model's compute dtype."""
    shape = (llama.num_hidden_layers, batch, size, llama.num_key_value_heads, llama.head_dim)
    return KVCache(
        keys=jnp.zeros(shape, llama.dtype),
        values=jnp.zeros(shape, llama.dtype),
        mask=jnp.zeros((batch, size), bool),
        length=jnp.zeros((), jnp.int32),
    )
