"""The one attention function of LLaMA and ViT.

Masks are passed as structure (which keys are valid, causal or not), never as a dense matrix, so that a blockwise kernel can
take the place of the portable path here without a change to any model.

Axes: B batch, S queries, N keys, H query heads, G key/value heads (H a multiple of G), K head dim.
"""

import jax
from jaxtyping import Array, Bool, Float


def attend(
    query: Float[Array, "B S H K"],
    key: Float[Array, "B N G K"],
    value: Float[Array, "B N G K"],
    *,
    key_mask: Bool[Array, "B N"] | None = None,
    causal: bool = False,
) -> Float[Array, "B S H K"]:
    """Scaled dot-product attention with K**-0.5, softmax in float32, grouped query heads.

    Args:
      key_mask: True for the keys that may be attended to; None for all. A query with no key left returns a finite value.
      causal: query i sees keys 0..i (needs S == N).
    """
    mask = None if key_mask is None else key_mask[:, None, None, :]  # [B, 1, 1, N]
    return jax.nn.dot_product_attention(query, key, value, mask=mask, is_causal=causal)
