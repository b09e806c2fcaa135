"""LLaMA and its family in one implementation: Llama 2 and 3.x, Vicuna, Qwen2 and Qwen2.5.

What differs between the families is configuration: grouped key/value heads, the "llama3" frequency scaling of RoPE, biases on
q, k and v (Qwen2), tied embeddings. Names follow the published checkpoints; kernels are (in, out), stacked over layers.
RMSNorm, RoPE and softmax compute in float32, everything else in `config.dtype`.

Axes: B batch, S sequence, D width, H query heads, G key/value heads, K head dim, V vocabulary, L layers.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import ml_collections
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Float, Int

from input_pipeline.errors import UserError
from tramp_jax.models.attention import attend
from tramp_jax.models.linear import Linear, linear
from tramp_jax.models.lora import LINEARS, Lora
from tramp_jax.models.rope import rope_angles, rotate
from tramp_jax.models.stack import scan_layers, stack_layers
from tramp_jax.sharding.activations import constrain


def default_llama_config() -> ml_collections.ConfigDict:
    """Llama 2 7B, in the precision of DESIGN section 4 for a frozen base."""
    config = ml_collections.ConfigDict()
    # Shape, named as in the published config.json. Defaults: Llama 2 7B.
    config.vocab_size = 32000
    config.hidden_size = 4096
    config.intermediate_size = 11008
    config.num_hidden_layers = 32
    config.num_attention_heads = 32
    config.num_key_value_heads = 32  # fewer than num_attention_heads: grouped-query attention
    config.head_dim = 128
    config.max_position_embeddings = 4096  # of the pretrained model; written to exports, limits nothing here
    config.rms_norm_eps = 1e-5
    config.rope_theta = 10000.0
    config.rope_scaling = ml_collections.ConfigDict()
    config.rope_scaling.type = "none"  # "none" or "llama3"; the fields below are read with "llama3" alone
    config.rope_scaling.factor = 8.0  # Llama 3.1
    config.rope_scaling.low_freq_factor = 1.0  # Llama 3.1
    config.rope_scaling.high_freq_factor = 4.0  # Llama 3.1
    config.rope_scaling.original_max_position_embeddings = 8192  # Llama 3.1
    config.qkv_bias = False  # True for Qwen2 and Qwen2.5
    config.tie_word_embeddings = False  # True for the small Llama 3.2 and Qwen2.5 models
    config.initializer_range = 0.02  # Llama and Qwen2; for training from scratch
    # How it computes.
    config.dtype = "bfloat16"  # DESIGN section 4; norms, RoPE, softmax and logits are float32 in any case
    config.param_dtype = "bfloat16"  # DESIGN section 4: frozen parameters; "float32" where they are trained
    config.remat = "full"  # ours: "none", "dots", "full" or "offload" (TPU), least memory last
    config.unroll = 1  # ours: layers per loop iteration; 1 compiles fastest
    return config


def _linear(
    config: ml_collections.ConfigDict,
    width_in: int,
    width_out: int,
    rngs: nnx.Rngs,
    *,
    cut: str | None = None,
    bias: bool = False,
) -> Linear:
    init = nnx.initializers.normal(config.initializer_range)
    return linear(config, width_in, width_out, rngs=rngs, bias=bias, init=init, cut=cut)


def _norm(config: ml_collections.ConfigDict, rngs: nnx.Rngs) -> nnx.RMSNorm:
    dtype, param_dtype = jnp.dtype(config.dtype), jnp.dtype(config.param_dtype)
    return nnx.RMSNorm(config.hidden_size, epsilon=config.rms_norm_eps, dtype=dtype, param_dtype=param_dtype, rngs=rngs)


class SelfAttention(nnx.Module):
    """The four projections of one layer's attention."""

    def __init__(self, config: ml_collections.ConfigDict, *, rngs: nnx.Rngs):
        width, dim = config.hidden_size, config.head_dim
        queries, keys = config.num_attention_heads * dim, config.num_key_value_heads * dim
        self.head_dim = dim
        self.q_proj = _linear(config, width, queries, rngs, cut="kernel_out", bias=config.qkv_bias)
        self.k_proj = _linear(config, width, keys, rngs, cut="kernel_out", bias=config.qkv_bias)
        self.v_proj = _linear(config, width, keys, rngs, cut="kernel_out", bias=config.qkv_bias)
        self.o_proj = _linear(config, queries, width, rngs, cut="kernel_in")


class Mlp(nnx.Module):
    """The three projections of one layer's SwiGLU."""

    def __init__(self, config: ml_collections.ConfigDict, *, rngs: nnx.Rngs):
        self.gate_proj = _linear(config, config.hidden_size, config.intermediate_size, rngs, cut="kernel_out")
        self.up_proj = _linear(config, config.hidden_size, config.intermediate_size, rngs, cut="kernel_out")
        self.down_proj = _linear(config, config.intermediate_size, config.hidden_size, rngs, cut="kernel_in")


class DecoderLayer(nnx.Module):
    """One pre-norm layer. `attention` maps (query, key, value) to the attended values and whatever it keeps."""

    def __init__(self, config: ml_collections.ConfigDict, *, rngs: nnx.Rngs):
        self.input_layernorm = _norm(config, rngs)
        self.self_attn = SelfAttention(config, rngs=rngs)
        self.post_attention_layernorm = _norm(config, rngs)
        self.mlp = Mlp(config, rngs=rngs)

    def __call__(
        self, x: Float[Array, "B S D"], rope: tuple[Array, Array], attention: Callable, project: Callable
    ) -> tuple[Array, Any]:
        def heads(y):
            return constrain(y.reshape(*y.shape[:2], -1, self.self_attn.head_dim), "heads")

        x = constrain(x, "batch")
        normed = self.input_layernorm(x)
        query = rotate(heads(project(self, "self_attn", "q_proj", normed)), rope)  # [B, S, H, K]
        key = rotate(heads(project(self, "self_attn", "k_proj", normed)), rope)  # [B, S, G, K]
        value = heads(project(self, "self_attn", "v_proj", normed))  # [B, S, G, K]
        attended, kept = attention(query, key, value)
        x = x + project(self, "self_attn", "o_proj", attended.reshape(*x.shape[:2], -1))
        normed = self.post_attention_layernorm(x)
        gate = jax.nn.silu(constrain(project(self, "mlp", "gate_proj", normed), "mlp"))
        up = constrain(project(self, "mlp", "up_proj", normed), "mlp")
        return constrain(x + project(self, "mlp", "down_proj", gate * up), "batch"), kept


class Llama(nnx.Module):
    """A causal language model over embeddings: `embed` -> `__call__` -> `logits`."""

    def __init__(self, config: ml_collections.ConfigDict, *, rngs: nnx.Rngs):
        if config.num_attention_heads % config.num_key_value_heads:
            raise UserError(
                f"config: num_attention_heads={config.num_attention_heads} is not a multiple of "
                f"num_key_value_heads={config.num_key_value_heads}: change one of them"
            )
        self.num_hidden_layers = config.num_hidden_layers
        self.num_key_value_heads = config.num_key_value_heads
        self.head_dim = config.head_dim
        self.dtype = jnp.dtype(config.dtype)
        self.remat, self.unroll = config.remat, config.unroll
        self.frequencies = tuple(rope_frequencies(config).tolist())
        self.embed_tokens = nnx.Embed(
            config.vocab_size,
            config.hidden_size,
            embedding_init=nnx.initializers.normal(config.initializer_range),
            dtype=self.dtype,
            param_dtype=jnp.dtype(config.param_dtype),
            rngs=rngs,
        )
        self.layers = stack_layers(lambda layer_rngs: DecoderLayer(config, rngs=layer_rngs), config.num_hidden_layers, rngs)
        self.norm = _norm(config, rngs)
        untied = not config.tie_word_embeddings
        self.lm_head = _linear(config, config.hidden_size, config.vocab_size, rngs) if untied else None

    def embed(self, tokens: Int[Array, "B S"]) -> Float[Array, "B S D"]:
        """Token embeddings in the compute dtype."""
        return self.embed_tokens(tokens)

    def __call__(
        self,
        inputs: Float[Array, "B S D"],
        positions: Int[Array, "B S"],
        mask: Bool[Array, "B S"],
        *,
        lora: Lora | None = None,
        deterministic: bool = True,
        key: Array | None = None,
    ) -> Float[Array, "B S D"]:
        """Normalised hidden states of the whole sequence, causal; where `mask` is False they mean nothing.

        Args:
          positions: position of each token in its row (see `positions_of`).
          mask: True for tokens, False for padding, which no token sees.
          deterministic: False drops out the LoRA's inputs, with `key`.
        """
        if not deterministic and key is None:
            raise ValueError("Llama: deterministic=False needs a key")

        def causal(_, layer, query, key, value):
            return attend(query, key, value, key_mask=mask, causal=True), None

        return self._run(inputs, positions, causal, None, lora, None if deterministic else key)[0]

    def prefill(
        self,
        inputs: Float[Array, "B S D"],
        positions: Int[Array, "B S"],
        mask: Bool[Array, "B S"],
        cache: Any,
        *,
        lora: Lora | None,
    ) -> tuple[Float[Array, "B S D"], Any]:
        """As `__call__`, and fills the first S slots of an empty `generation.KVCache`."""

        def causal(cache, layer, query, key, value):
            return attend(query, key, value, key_mask=mask, causal=True), cache.write(layer, key, value)

        return self._run(inputs, positions, causal, cache.reserve(mask), lora, None)

    def decode(
        self, inputs: Float[Array, "B 1 D"], positions: Int[Array, "B 1"], cache: Any, *, lora: Lora | None
    ) -> tuple[Float[Array, "B 1 D"], Any]:
        """Hidden state of one more token per row, which sees everything valid in the cache and itself."""
        cache = cache.reserve(jnp.ones(inputs.shape[:2], bool))

        def cached(cache, layer, query, key, value):
            cache = cache.write(layer, key, value)
            keys, values = cache.read(layer)
            return attend(query, keys, values, key_mask=cache.mask), cache

        return self._run(inputs, positions, cached, cache, lora, None)

    def head(self) -> Float[Array, "D V"]:
        """The output matrix, in its parameter's dtype."""
        return self.embed_tokens.embedding[...].T if self.lm_head is None else self.lm_head.kernel[...]

    def logits(self, hidden: Float[Array, "... D"]) -> Float[Array, "... V"]:
        """Next-token logits in float32."""
        head = self.head()
        rows = hidden.reshape(-1, hidden.shape[-1])  # as in models/linear.py
        logits = jnp.matmul(rows, head.astype(self.dtype), preferred_element_type=jnp.float32)
        return logits.reshape(*hidden.shape[:-1], -1)

    def _run(self, inputs, positions, attend_with, cache, lora, key):
        rope = rope_angles(positions, self.frequencies)

        def body(modules, carry, x):
            layer, adapters = modules
            hidden, cache = carry
            index, layer_key = x
            return layer(hidden, rope, lambda *qkv: attend_with(cache, index, *qkv), _adapted(adapters, layer_key))

        keys = None if key is None else jax.random.split(key, self.num_hidden_layers)
        hidden, cache = scan_layers(
            body,
            (self.layers, None if lora is None else lora.layers),
            (inputs.astype(self.dtype), cache),
            (jnp.arange(self.num_hidden_layers), keys),
            dtype=self.dtype,
            remat=self.remat,
            unroll=self.unroll,
        )
        return self.norm(hidden), cache


def _adapted(adapters: Any, key: Array | None) -> Callable:
    """The linears of one layer as a function of their names, with their LoRA updates if there are any."""
    order = {name: i for i, name in enumerate(name for names in LINEARS.values() for name in names)}

    def project(layer: DecoderLayer, group: str, name: str, x: Array) -> Array:
        y = getattr(getattr(layer, group), name)(x)
        if adapters is None:
            return y
        dropout_key = None if key is None else jax.random.fold_in(key, order[name])
        return y + getattr(getattr(adapters, group), name)(x, dropout_key)

    return project


def positions_of(mask: Bool[Array, "B S"]) -> Int[Array, "B S"]:
    """Positions counted over the valid tokens of each row; padding gets some position in range."""
    return jnp.maximum(jnp.cumsum(mask, axis=1) - 1, 0)


def rope_frequencies(config: ml_collections.ConfigDict) -> Float[np.ndarray, " half"]:
    """Angular frequencies per pair of channels, (K/2,), scaled as `config.rope_scaling` says.

    "llama3" (Llama 3.1 and later): wavelengths longer than the original context are stretched by `factor`, short ones are
    kept, and those between are blended.
    """
    exponent = np.arange(0, config.head_dim, 2, dtype=np.float32) / np.float32(config.head_dim)
    frequencies = (1.0 / np.float32(config.rope_theta) ** exponent).astype(np.float32)
    scaling = config.rope_scaling
    if scaling.type == "none":
        return frequencies
    if scaling.type != "llama3":
        raise UserError(f"config: rope_scaling.type={scaling.type!r} is not known: use 'none' or 'llama3'")
    turns = scaling.original_max_position_embeddings * frequencies / (2 * np.pi)
    keep = np.clip((turns - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor), 0, 1)
    return (frequencies * (keep + (1 - keep) / scaling.factor)).astype(np.float32)
