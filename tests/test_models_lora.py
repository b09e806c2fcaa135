"""LoRA starts as nothing, merges into what it adds, and drops out its own input only."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from pretrained_factory import fill, llama_config, pair

from tramp_jax.models.layers import keep_features, keep_scale
from tramp_jax.models.llama import positions_of
from tramp_jax.models.lora import LINEARS, Lora, LoraLinear, default_lora_config, merge


@pytest.fixture(scope="module")
def model():
    return pair("qwen2")[1]  # with biases, which a merge must leave alone


def lora_config(rank=4, dropout=0.05):
    config = default_lora_config()
    config.rank, config.dropout = rank, dropout
    return config


def trained_lora(config):
    """Adapters whose B is not zero any more."""
    return fill(lambda rngs: Lora(config, llama_config("qwen2"), rngs=rngs))


@functools.partial(jax.jit, static_argnames="deterministic")
def run(model, lora=None, **options):
    tokens = jnp.asarray(np.random.default_rng(0).integers(0, 97, (2, 15)))
    mask = jnp.ones(tokens.shape, bool)
    return model.logits(model(model.embed(tokens), positions_of(mask), mask, lora=lora, **options))


def test_a_fresh_adapter_changes_nothing(model):
    np.testing.assert_array_equal(run(model), run(model, Lora(lora_config(), llama_config("qwen2"), rngs=nnx.Rngs(1))))


def test_merged_equals_base_and_adapter(model):
    config = lora_config()
    lora = trained_lora(config)
    graph, state = nnx.split(model)
    base = nnx.to_pure_dict(state)
    merged = nnx.merge(graph, merge(base, nnx.to_pure_dict(nnx.state(lora)), config))
    adapted = run(model, lora)
    assert np.abs(adapted - run(model)).max() > 0.1
    np.testing.assert_allclose(run(merged), adapted, atol=1e-4)


def test_merging_is_in_float32_and_touches_the_adapted_kernels_alone(model):
    config = lora_config()
    base = jax.tree.map(lambda x: x.astype(jnp.bfloat16), nnx.to_pure_dict(nnx.state(model)))
    merged = merge(base, nnx.to_pure_dict(nnx.state(trained_lora(config))), config)
    before, after = (dict(jax.tree_util.tree_leaves_with_path(tree)) for tree in (base, merged))
    assert before.keys() == after.keys()
    changed = {path for path in before if after[path] is not before[path]}
    assert {jax.tree_util.keystr(path, simple=True, separator="/") for path in changed} == {
        f"layers/{group}/{name}/kernel" for group, names in LINEARS.items() for name in names
    }
    assert all(after[path].dtype == jnp.float32 for path in changed)


def test_every_adapter_takes_part_and_lm_head_has_none(model):
    lora = trained_lora(lora_config())
    graph, state = nnx.split(lora)
    grads = nnx.to_pure_dict(jax.jit(jax.grad(lambda s: jnp.sum(run(model, nnx.merge(graph, s)) ** 2)))(state))
    assert set(grads) == {"layers"}
    assert {group: tuple(names) for group, names in grads["layers"].items()} == {
        group: tuple(sorted(names)) for group, names in LINEARS.items()
    }
    for leaf in jax.tree.leaves(grads):
        assert np.all(np.abs(leaf).reshape(leaf.shape[0], -1).max(axis=1) > 0)  # in every layer


def test_a_linears_update_is_scaled_by_alpha_over_rank():
    layer = LoraLinear(lora_config(rank=4), 6, 5, rngs=nnx.Rngs(0))
    layer.lora_b[...] = jnp.ones((4, 5))
    x = jnp.ones((2, 3, 6))
    np.testing.assert_allclose(layer(x, None), (x @ layer.lora_a[...] @ layer.lora_b[...]) * 16 / 4, rtol=1e-6)


def test_dropout_needs_a_key_follows_it_and_keeps_the_mean(model):
    lora = trained_lora(lora_config(dropout=0.25))
    with pytest.raises(ValueError, match="needs a key"):
        run(model, lora, deterministic=False)
    one, again, other = (run(model, lora, deterministic=False, key=jax.random.key(k)) for k in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 1e-3

    layer = LoraLinear(lora_config(dropout=0.25), 6, 5, rngs=nnx.Rngs(0))
    layer.lora_a[...], layer.lora_b[...] = jnp.ones((6, 4)), jnp.ones((4, 5))
    x = jnp.ones((20000, 6))
    np.testing.assert_allclose(layer(x, jax.random.key(0)).mean(0), layer(x, None)[0], rtol=0.01)


@pytest.mark.parametrize("width", [5, 64, 203])
@pytest.mark.parametrize("rate", [0.5, 0.25, 0.05])
def test_every_input_is_dropped_as_often_and_on_its_own(rate, width):
    keep = np.asarray(keep_features(jax.random.key(0), rate, (64, 256, width)))
    assert keep.shape == (64, 256, width)
    deviation = (rate * (1 - rate) / (64 * 256)) ** 0.5
    assert np.abs(keep.mean(axis=(0, 1)) - 1 / keep_scale(rate)).max() < 5 * deviation
    # Neighbours, and elements that share a word, agree no more often than by chance.
    for apart in (1, -(-width // 4), -(-width // 32)):
        pairs = np.corrcoef(keep[..., apart:].ravel(), keep[..., : width - apart].ravel())[0, 1]
        assert abs(pairs) < 5 / (64 * 256 * (width - apart)) ** 0.5


def test_layers_and_linears_draw_their_own_dropout(model):
    lora = trained_lora(lora_config(dropout=0.5))
    text = str(jax.make_jaxpr(lambda key: run(model, lora, deterministic=False, key=key))(jax.random.key(0)))
    assert text.count("random_split") == 1  # a key per layer, and from it
    assert text.count("random_fold_in") == sum(map(len, LINEARS.values()))  # a key per linear
