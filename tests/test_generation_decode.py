"""Generation equals transformers' token for token, decoding equals the full forward pass, and padding changes nothing."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from differences import assert_within
from flax import nnx
from pretrained_factory import NAMES, VOCABULARY, WIDTH, fill, llama_config, pair
from transformers import TopPLogitsWarper

from tramp_jax.generation import empty_cache, generate, sample
from tramp_jax.models.llama import Llama, positions_of
from tramp_jax.models.lora import Lora, default_lora_config, merge

NO_PREFIX = np.zeros((3, 0, WIDTH), np.float32)
LENGTHS = np.array([9, 4, 1])


def prompts(side="right"):
    """Three prompts of different lengths, and which tokens are theirs."""
    tokens = np.random.default_rng(0).integers(1, VOCABULARY, (3, 9))
    mask = np.arange(9) < LENGTHS[:, None] if side == "right" else np.arange(9) >= 9 - LENGTHS[:, None]
    return tokens, mask


@functools.partial(jax.jit, static_argnames=("max_new_tokens", "eos_id", "pad_id", "temperature", "top_p"))
def generate_jit(llama, lora, prefix, tokens, mask, **options):
    return generate(llama, lora, prefix, tokens, mask, **{"eos_id": -1, "pad_id": 0, **options})


@pytest.mark.parametrize("family", NAMES)
def test_greedy_generation_is_that_of_transformers_over_64_tokens(family):
    theirs, ours = pair(family)
    tokens, mask = prompts()
    new = np.asarray(generate_jit(ours, None, NO_PREFIX, tokens, mask, max_new_tokens=64))
    for row, length in enumerate(LENGTHS):  # one by one, so that transformers sees no padding at all
        with torch.no_grad():
            expected = theirs.generate(torch.tensor(tokens[row : row + 1, :length]), max_new_tokens=64, do_sample=False)
        np.testing.assert_array_equal(new[row], expected[0, length:].numpy())
    assert len(np.unique(new)) > 10  # not one token over and over


def test_the_side_and_content_of_padding_change_nothing():
    model = pair("llama_gqa")[1]
    tokens, mask = prompts()
    expected = generate_jit(model, None, NO_PREFIX, tokens, mask, max_new_tokens=12)
    junk = np.where(mask, tokens, VOCABULARY - 1)
    np.testing.assert_array_equal(generate_jit(model, None, NO_PREFIX, junk, mask, max_new_tokens=12), expected)
    left = np.zeros_like(tokens)
    left_mask = prompts("left")[1]
    left[left_mask] = tokens[mask]
    np.testing.assert_array_equal(generate_jit(model, None, NO_PREFIX, left, left_mask, max_new_tokens=12), expected)


@pytest.mark.parametrize("family", NAMES)
def test_cached_decoding_equals_the_full_forward_pass_and_transformers(family):
    theirs, model = pair(family)
    length, prompt = 300, 288
    tokens = np.random.default_rng(1).integers(1, VOCABULARY, (2, length))
    mask = np.ones((2, length), bool)
    mask[0, 5:prompt] = False  # a short prompt, padded on the right, before 12 more tokens
    inputs, positions = model.embed(tokens), positions_of(jnp.asarray(mask))
    full = jax.jit(model.__call__)(inputs, positions, jnp.asarray(mask))

    @jax.jit
    def by_steps(inputs):
        given = inputs[:, :prompt], positions[:, :prompt], jnp.asarray(mask[:, :prompt])
        hidden, cache = model.prefill(*given, empty_cache(model, 2, length + 4), lora=None)

        def step(cache, x):
            hidden, cache = model.decode(x[0][:, None], x[1][:, None], cache, lora=None)
            return cache, hidden[:, 0]

        later = jax.lax.scan(step, cache, (inputs[:, prompt:].swapaxes(0, 1), positions[:, prompt:].T))[1]
        return jnp.concatenate([hidden, later.swapaxes(0, 1)], axis=1)

    cached = by_steps(inputs)
    np.testing.assert_allclose(np.asarray(cached)[mask], np.asarray(full)[mask], atol=1e-5)
    with torch.no_grad():
        expected = theirs(
            torch.tensor(tokens),
            attention_mask=torch.tensor(mask).long(),
            position_ids=torch.tensor(np.asarray(positions)).long(),
        ).logits.numpy()
    row = {"family": NAMES[family], "what": "logits by the KV cache", "reference": "transformers"}
    assert_within(np.asarray(jax.jit(model.logits)(cached))[mask], expected[mask], **row)


def test_a_prefix_of_embeddings_is_the_same_as_its_tokens():
    model = pair("llama_gqa")[1]
    tokens = np.random.default_rng(2).integers(1, VOCABULARY, (3, 14))
    mask = np.ones((3, 14), bool)
    whole = generate_jit(model, None, NO_PREFIX, tokens, mask, max_new_tokens=8)
    split = generate_jit(model, None, model.embed(tokens[:, :6]), tokens[:, 6:], mask[:, 6:], max_new_tokens=8)
    np.testing.assert_array_equal(whole, split)


def test_masked_prefix_tokens_do_not_exist():
    model = pair("llama_gqa")[1]
    tokens, mask = prompts()
    prefix = np.random.default_rng(3).normal(size=(3, 5, WIDTH)).astype(np.float32)
    prefix_mask = np.array([[True, True, True, False, False]] * 3)
    padded = generate_jit(model, None, prefix, tokens, mask, prefix_mask=prefix_mask, max_new_tokens=8)
    np.testing.assert_array_equal(padded, generate_jit(model, None, prefix[:, :3], tokens, mask, max_new_tokens=8))


def test_generation_with_adapters_equals_generation_with_merged_weights():
    model, config = pair("qwen2")[1], default_lora_config()
    config.rank = 4
    lora = fill(lambda rngs: Lora(config, llama_config("qwen2"), rngs=rngs))
    graph, state = nnx.split(model)
    merged = nnx.merge(graph, merge(nnx.to_pure_dict(state), nnx.to_pure_dict(nnx.state(lora)), config))
    tokens, mask = prompts()
    adapted = generate_jit(model, lora, NO_PREFIX, tokens, mask, max_new_tokens=16)
    np.testing.assert_array_equal(adapted, generate_jit(merged, None, NO_PREFIX, tokens, mask, max_new_tokens=16))
    assert np.any(np.asarray(adapted) != np.asarray(generate_jit(model, None, NO_PREFIX, tokens, mask, max_new_tokens=16)))


def test_a_row_ends_with_its_end_token_and_is_padded_after_it():
    model = pair("llama_gqa")[1]
    tokens, mask = prompts()
    free = np.asarray(generate_jit(model, None, NO_PREFIX, tokens, mask, max_new_tokens=24))
    ends = (int(free[0, 5]), int(free[1, 9]))
    ended = np.asarray(generate_jit(model, None, NO_PREFIX, tokens, mask, max_new_tokens=24, eos_id=ends, pad_id=96))
    for row in range(3):
        hits = np.flatnonzero(np.isin(free[row], ends))
        stop = hits[0] + 1 if len(hits) else 24
        np.testing.assert_array_equal(ended[row, :stop], free[row, :stop])
        assert np.all(ended[row, stop:] == 96)


def test_the_loop_stops_once_every_row_has_ended():
    steps = []

    class Counting(Llama):
        def decode(self, *args, **options):
            jax.debug.callback(steps.append, self.dtype.itemsize)
            return super().decode(*args, **options)

    model = fill(lambda rngs: Counting(llama_config("llama_gqa"), rngs=rngs))
    tokens, mask = prompts()
    free = np.asarray(generate_jit(model, None, NO_PREFIX, tokens, mask, max_new_tokens=24))
    jax.effects_barrier()
    assert len(steps) == 23
    steps.clear()
    ends = tuple(int(token) for token in free[:, 3])
    last = max(np.flatnonzero(np.isin(row, ends))[0] for row in free)
    generate_jit(model, None, NO_PREFIX, tokens, mask, max_new_tokens=24, eos_id=ends).block_until_ready()
    jax.effects_barrier()
    assert len(steps) == last <= 3


def test_sampling_follows_the_probabilities_of_the_nucleus():
    logits = np.random.default_rng(4).normal(size=(1, 8)).astype(np.float32) * 2
    kept = TopPLogitsWarper(top_p=0.7)(None, torch.tensor(logits) / 0.8).numpy()
    expected = np.exp(kept - kept.max()) / np.exp(kept - kept.max()).sum()
    draw = jax.jit(jax.vmap(lambda key: sample(jnp.asarray(logits), key, 0.8, 0.7)[0]))
    drawn = np.asarray(draw(jax.random.split(jax.random.key(0), 20000)))
    observed = np.bincount(drawn, minlength=8) / len(drawn)
    assert set(np.flatnonzero(observed)) == set(np.flatnonzero(expected[0]))
    np.testing.assert_allclose(observed, expected[0], atol=0.015)


def test_sampling_needs_a_key_and_follows_it():
    model = pair("llama_gqa")[1]
    tokens, mask = prompts()

    def draw(key):
        options = {"max_new_tokens": 12, "temperature": 1.0, "top_p": 0.9}
        return generate_jit(model, None, NO_PREFIX, tokens, mask, key=key, **options)

    one, again, other = (np.asarray(draw(jax.random.key(k))) for k in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert np.any(one != other)
    with pytest.raises(ValueError, match="needs a key"):
        draw(None)
