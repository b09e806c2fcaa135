"""The one attention function of LLaMA and ViT.

Masks are passed as structure (which keys are valid, causal or not), never as a dense matrix, so that a blockwise kernel can
take the place of the portable path: splash attention on TPU.

Axes: B batch, S queries, N keys, H query heads, G key/value heads (H a multiple of G), K head dim.
"""

import jax
from jaxtyping import Array, Bool, Float

from tramp_jax.models import splash


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
    mesh = jax.sharding.get_abstract_mesh()
    if _is_tpu(mesh) and splash.fits(mesh, query.shape, key.shape):
        return splash.splash_attend(query, key, value, key_mask=key_mask, causal=causal)
    mask = None if key_mask is None else key_mask[:, None, None, :]  # [B, 1, 1, N]
    return jax.nn.dot_product_attention(query, key, value, mask=mask, is_causal=causal)


def _is_tpu(mesh: jax.sharding.AbstractMesh) -> bool:
    """Whether the program is for a TPU: the mesh tells, also where it describes a pod that is not there."""
    return not mesh.empty and mesh.abstract_device is not None and mesh.abstract_device.platform == "tpu"
