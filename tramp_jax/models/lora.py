"""LoRA (Hu et al. 2021, arXiv 2106.09685): low-rank updates of every linear of the LLaMA except lm_head.

A parameter tree of its own that mirrors the LLaMA's: `layers/self_attn/q_proj/{lora_a,lora_b}` beside
`layers/self_attn/q_proj/kernel`. The same arithmetic as PEFT: y = x W + dropout(x) A B * alpha / rank.

Axes: L layers, D in, E out, R rank.
"""

import jax
import jax.numpy as jnp
import ml_collections
from flax import nnx
from jaxtyping import Array, Float

from tramp_jax.models.layers import dropout
from tramp_jax.models.stack import stack_layers

LINEARS = {"self_attn": ("q_proj", "k_proj", "v_proj", "o_proj"), "mlp": ("gate_proj", "up_proj", "down_proj")}


def default_lora_config() -> ml_collections.ConfigDict:
    """TraMP-LLaMA publishes no LoRA setting: these are the defaults of its code base."""
    config = ml_collections.ConfigDict()
    config.rank = 64  # VideoLLaMA3's training code
    config.alpha = 16.0  # VideoLLaMA3's training code; the update is scaled by alpha / rank
    config.dropout = 0.05  # VideoLLaMA3's training code; on the adapter's input only
    config.param_dtype = "float32"  # ours (DESIGN section 4): trainable parameters are float32
    return config


class LoraLinear(nnx.Module):
    """The update of one linear: (..., D) -> (..., E), zero at the start."""

    def __init__(self, config: ml_collections.ConfigDict, width_in: int, width_out: int, *, rngs: nnx.Rngs):
        bound = width_in**-0.5  # PEFT's initialisation of A
        a = jax.random.uniform(rngs.params(), (width_in, config.rank), config.param_dtype, -bound, bound)
        self.lora_a = nnx.Param(a)
        self.lora_b = nnx.Param(jnp.zeros((config.rank, width_out), config.param_dtype))
        self.scale = config.alpha / config.rank
        self.dropout = config.dropout

    def __call__(self, x: Float[Array, "... D"], key: Array | None) -> Float[Array, "... E"]:
        """The update in x's dtype; with a key the input is dropped out, without one it is not."""
        x = dropout(x, self.dropout, deterministic=key is None, key=key)
        return (x @ self.lora_a[...].astype(x.dtype)) @ self.lora_b[...].astype(x.dtype) * self.scale


class LoraGroup(nnx.Module):
    """The adapters of one sub-block, named as its linears."""

    def __init__(self, config: ml_collections.ConfigDict, widths: dict[str, tuple[int, int]], *, rngs: nnx.Rngs):
        for name, (width_in, width_out) in widths.items():
            setattr(self, name, LoraLinear(config, width_in, width_out, rngs=rngs))


class LoraLayer(nnx.Module):
    """The adapters of one decoder layer."""

    def __init__(self, config: ml_collections.ConfigDict, llama: ml_collections.ConfigDict, *, rngs: nnx.Rngs):
        width, hidden = llama.hidden_size, llama.intermediate_size
        queries, keys = llama.num_attention_heads * llama.head_dim, llama.num_key_value_heads * llama.head_dim
        attention = {"q_proj": (width, queries), "k_proj": (width, keys), "v_proj": (width, keys), "o_proj": (queries, width)}
        mlp = {"gate_proj": (width, hidden), "up_proj": (width, hidden), "down_proj": (hidden, width)}
        self.self_attn = LoraGroup(config, attention, rngs=rngs)
        self.mlp = LoraGroup(config, mlp, rngs=rngs)


class Lora(nnx.Module):
    """The adapters of a whole LLaMA, stacked like its layers. Passed to `Llama.__call__` as `lora`."""

    def __init__(self, config: ml_collections.ConfigDict, llama_config: ml_collections.ConfigDict, *, rngs: nnx.Rngs):
        self.layers = stack_layers(
            lambda each: LoraLayer(config, llama_config, rngs=each), llama_config.num_hidden_layers, rngs
        )


def merge(llama_params: dict, lora_params: dict, config: ml_collections.ConfigDict) -> dict:
    """Folds the adapters into the kernels: W + A B * alpha / rank, computed in float32.

    Args:
      llama_params, lora_params: plain nested dicts, as `nnx.to_pure_dict` gives them.
      config: the LoRA's (`alpha` and `rank`).

    Returns:
      A dict like `llama_params` whose adapted kernels are float32; every other leaf is the same object as before.
    """
    layers = dict(llama_params["layers"])
    for group, names in LINEARS.items():
        layers[group] = dict(layers[group])
        for name in names:
            adapter = lora_params["layers"][group][name]
            update = jnp.einsum(
                "LDR,LRE->LDE",
                jnp.asarray(adapter["lora_a"], jnp.float32),
                jnp.asarray(adapter["lora_b"], jnp.float32),
                precision="highest",
            )
            linear = layers[group][name]
            kernel = jnp.asarray(linear["kernel"], jnp.float32) + update * (config.alpha / config.rank)
            layers[group][name] = {**linear, "kernel": kernel}
    return {**llama_params, "layers": layers}
