"""Generation from a prefix of embeddings and a prompt of tokens: one prefill, then one token at a time.

Static shapes throughout, so that `generate` runs inside one `jax.jit`. Prompts may differ in length; padding (on either side)
is masked and does not change a row's output.

Axes: B batch, N prefix tokens, P prompt tokens, M new tokens, D width, V vocabulary.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from tramp_jax.generation.cache import empty_cache
from tramp_jax.models.llama import Llama, positions_of
from tramp_jax.models.lora import Lora


def generate(
    llama: Llama,
    lora: Lora | None,
    prefix: Float[Array, "B N D"],
    prompt: Int[Array, "B P"],
    prompt_mask: Bool[Array, "B P"],
    *,
    max_new_tokens: int,
    eos_id: int | tuple[int, ...],
    pad_id: int,
    prefix_mask: Bool[Array, "B N"] | None = None,
    temperature: float = 0.0,
    top_p: float = 1.0,
    key: Array | None = None,
) -> Int[Array, "B M"]:
    """Continues [prefix, prompt] by `max_new_tokens` tokens or up to and with the end token, then pads.

    Args:
      prefix: embeddings put before the prompt's (N may be 0); `prefix_mask` is True for the valid ones, None for all.
      eos_id: one end token, or several (Llama 3.x has three).
      temperature: 0 takes the most probable token; above, samples with `key`. Static under jit, like `top_p`.
      top_p: sample only among the most probable tokens that together reach this probability.

    Returns:
      The new tokens. The loop ends as soon as every row has met its end token.
    """
    batch = prompt.shape[0]
    prefix_mask = jnp.ones(prefix.shape[:2], bool) if prefix_mask is None else prefix_mask
    mask = jnp.concatenate([prefix_mask, prompt_mask], axis=1)
    inputs = jnp.concatenate([prefix.astype(llama.dtype), llama.embed(prompt)], axis=1)
    if key is None:
        if temperature > 0:
            raise ValueError("generate: temperature > 0 needs a key")
        key = jax.random.key(0)  # not used by greedy decoding
    ends = jnp.asarray(eos_id).reshape(-1)

    cache = empty_cache(llama, batch, mask.shape[1] + max_new_tokens)
    hidden, cache = llama.prefill(inputs, positions_of(mask), mask, cache, lora=lora)
    last = mask.shape[1] - 1 - jnp.argmax(mask[:, ::-1], axis=1)
    first = sample(llama.logits(hidden[jnp.arange(batch), last]), jax.random.fold_in(key, 0), temperature, top_p)
    tokens = jnp.full((batch, max_new_tokens), pad_id, jnp.int32).at[:, 0].set(first)
    length = mask.sum(axis=1)

    def unfinished(state):
        step, _, done, _ = state
        return (step < max_new_tokens) & ~jnp.all(done)

    def advance(state):
        step, tokens, done, cache = state
        inputs = llama.embed(jax.lax.dynamic_slice_in_dim(tokens, step - 1, 1, axis=1))
        hidden, cache = llama.decode(inputs, (length + step - 1)[:, None], cache, lora=lora)
        token = sample(llama.logits(hidden[:, 0]), jax.random.fold_in(key, step), temperature, top_p)
        token = jnp.where(done, pad_id, token)
        tokens = jax.lax.dynamic_update_slice_in_dim(tokens, token[:, None], step, axis=1)
        return step + 1, tokens, done | jnp.isin(token, ends), cache

    return jax.lax.while_loop(unfinished, advance, (jnp.int32(1), tokens, jnp.isin(first, ends), cache))[1]


def sample(logits: Float[Array, "B V"], key: Array, temperature: float, top_p: float = 1.0) -> Int[Array, " B"]:
    """One token per row: the most probable at temperature 0, else one drawn from the nucleus of `top_p`.

    The nucleus (Holtzman et al. 2020): the fewest tokens, most probable first, that together reach `top_p`.
    """
    if temperature == 0:
        return jnp.argmax(logits, axis=-1).astype(jnp.int32)
    logits = logits / temperature
    if top_p < 1:
        ordered = jnp.sort(logits, axis=-1, descending=True)
        before = jnp.cumsum(jax.nn.softmax(ordered), axis=-1) - jax.nn.softmax(ordered)
        least = jnp.min(jnp.where(before < top_p, ordered, jnp.inf), axis=-1, keepdims=True)
        logits = jnp.where(logits >= least, logits, -jnp.inf)
    return jax.random.categorical(key, logits).astype(jnp.int32)
