"""The LLaMA gives the logits of transformers' LlamaForCausalLM and Qwen2ForCausalLM, and sees no padding."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
from differences import assert_within
from flax import nnx
from pretrained_factory import NAMES, VOCABULARY, fill, language_model, llama_config, pair
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from input_pipeline.errors import UserError
from tramp_jax.models.llama import Llama, positions_of, rope_frequencies
from tramp_jax.models.llama_presets import llama31_8b

FAMILIES = ("llama2", "llama_gqa", "llama3", "qwen2", "qwen25")


def tokens_of(batch, length, seed=0):
    return np.random.default_rng(seed).integers(1, VOCABULARY, (batch, length))


@jax.jit
def run(model, tokens, mask):
    return model.logits(model(model.embed(tokens), positions_of(mask), mask))


def compare(family, ours, theirs):
    assert_within(ours, theirs, family=NAMES[family], what="logits, 1 to 300 tokens, padded", reference="transformers")


def their_logits(model, tokens, mask):
    with torch.no_grad():
        mask = torch.tensor(mask)
        positions = (mask.long().cumsum(1) - 1).clamp(min=0)
        return model(torch.tensor(tokens), attention_mask=mask.long(), position_ids=positions).logits.numpy()


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("length", [1, 7, 300])
def test_logits_are_those_of_transformers(family, length):
    theirs, ours = pair(family)
    tokens = tokens_of(2, length)
    mask = np.ones(tokens.shape, bool)
    compare(family, run(ours, tokens, mask), their_logits(theirs, tokens, mask))


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("side", ["left", "right"])
def test_logits_are_those_of_transformers_with_padding(family, side):
    theirs, ours = pair(family)
    tokens = tokens_of(3, 40)
    valid = np.array([[40], [23], [1]])
    mask = np.arange(40) < valid if side == "right" else np.arange(40) >= 40 - valid
    compare(family, np.asarray(run(ours, tokens, mask))[mask], their_logits(theirs, tokens, mask)[mask])


def test_what_stands_in_padding_changes_no_valid_position():
    _, model = pair("llama_gqa")
    mask = np.ones((2, 30), bool)
    mask[0, 20:] = mask[1, :7] = mask[1, 11:14] = False  # right, left and inside
    inputs = np.random.default_rng(0).normal(size=(2, 30, 32)).astype(np.float32)
    junk = np.where(mask[..., None], inputs, 1e4)
    forward = jax.jit(lambda x: model(x, positions_of(jnp.asarray(mask)), jnp.asarray(mask)))
    outputs = [np.asarray(forward(x)) for x in (inputs, junk)]
    np.testing.assert_array_equal(outputs[0][mask], outputs[1][mask])


def test_a_row_is_the_same_with_and_without_padding():
    _, model = pair("qwen2")
    tokens = tokens_of(1, 12)
    padded = np.pad(tokens, ((0, 0), (5, 8)))
    mask = np.pad(np.ones_like(tokens, bool), ((0, 0), (5, 8)))
    alone = run(model, tokens, np.ones_like(tokens, bool))
    np.testing.assert_allclose(run(model, padded, mask)[:, 5:17], alone, atol=1e-5, rtol=0)


def test_no_token_sees_a_later_one():
    _, model = pair("llama_gqa")
    tokens = tokens_of(1, 20)
    changed = tokens.copy()
    changed[:, 12:] = 1
    mask = np.ones(tokens.shape, bool)
    np.testing.assert_array_equal(run(model, tokens, mask)[:, :12], run(model, changed, mask)[:, :12])


def test_scaled_frequencies_are_those_of_transformers():
    theirs, _ = ROPE_INIT_FUNCTIONS["llama3"](language_model("llama3").config, "cpu")
    np.testing.assert_allclose(rope_frequencies(llama_config("llama3")), theirs.numpy(), rtol=1e-6)


def test_llama_31_scales_its_frequencies_as_published():
    config = llama31_8b()
    scaled = rope_frequencies(config)
    config.rope_scaling.type = "none"
    ratio = rope_frequencies(config) / scaled
    np.testing.assert_allclose([ratio[0], ratio[-1]], [1, 8], rtol=1e-6)
    assert np.all(np.diff(ratio) >= -1e-5)


@pytest.mark.parametrize(("remat", "unroll"), [("full", 1), ("dots", 3)])
def test_how_layers_run_does_not_change_loss_or_gradient(remat, unroll):
    def value_and_grad(remat, unroll):
        config = llama_config("llama_gqa")
        config.remat, config.unroll = remat, unroll
        graph, state = nnx.split(fill(lambda rngs: Llama(config, rngs=rngs)))
        tokens, mask = jnp.asarray(tokens_of(2, 9)), jnp.ones((2, 9), bool)
        return jax.jit(jax.value_and_grad(lambda s: jnp.sum(jax.nn.logsumexp(run(nnx.merge(graph, s), tokens, mask), -1))))(
            state
        )

    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5),
        value_and_grad("none", 1),
        value_and_grad(remat, unroll),
    )


def test_bfloat16_follows_float32_and_answers_in_float32():
    _, exact = pair("llama_gqa")
    config = llama_config("llama_gqa")
    config.dtype = config.param_dtype = "bfloat16"
    graph = nnx.split(fill(lambda rngs: Llama(config, rngs=rngs)))[0]
    rounded = nnx.merge(graph, jax.tree.map(lambda x: x.astype(jnp.bfloat16), nnx.state(exact)))
    tokens, mask = tokens_of(2, 280), np.ones((2, 280), bool)
    logits, expected = run(rounded, tokens, mask), np.asarray(run(exact, tokens, mask))
    assert logits.dtype == jnp.float32
    assert np.sqrt(np.mean((logits - expected) ** 2)) < 0.05 * np.std(expected)


def test_a_config_that_cannot_work_is_told_in_one_line():
    config = llama_config("llama_gqa")
    config.num_key_value_heads = 3
    with pytest.raises(UserError, match="num_key_value_heads=3"):
        Llama(config, rngs=nnx.Rngs(0))
    config.num_key_value_heads, config.rope_scaling.type = 2, "yarn"
    with pytest.raises(UserError, match="'yarn'"):
        Llama(config, rngs=nnx.Rngs(0))
    config.rope_scaling.type, config.remat = "none", "most"
    with pytest.raises(UserError, match="none, dots, full"):
        run(fill(lambda rngs: Llama(config, rngs=rngs)), tokens_of(1, 2), np.ones((1, 2), bool))
