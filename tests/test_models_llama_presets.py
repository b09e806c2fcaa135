"""The presets have the published sizes. No array is made."""

import jax
import jax.numpy as jnp
import pytest
from flax import nnx

from tramp_jax.models.llama import Llama
from tramp_jax.models.llama_presets import LLAMA_PRESETS, llama31_8b, tiny
from tramp_jax.models.lora import Lora, default_lora_config

# Totals of the published safetensors files.
PUBLISHED = {
    "llama2_7b": 6_738_415_616,
    "vicuna_7b": 6_738_415_616,
    "llama31_8b": 8_030_261_248,
    "llama32_1b": 1_235_814_400,
    "llama32_3b": 3_212_749_824,
    "qwen25_1_5b": 1_543_714_304,
    "qwen25_7b": 7_615_616_512,
}


def shapes(make):
    return jax.eval_shape(lambda: nnx.to_pure_dict(nnx.state(make(nnx.Rngs(0)))))


@pytest.mark.parametrize("name", sorted(PUBLISHED))
def test_a_preset_has_the_published_number_of_parameters(name):
    config = LLAMA_PRESETS[name]()
    params = shapes(lambda rngs: Llama(config, rngs=rngs))
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == PUBLISHED[name]


def test_every_published_preset_is_tested():
    assert set(LLAMA_PRESETS) - {"tiny"} == set(PUBLISHED)


def test_llama_31_8b_runs_its_forward_pass_in_shapes():
    config, batch, length = llama31_8b(), 4, 64
    model = jax.eval_shape(lambda: nnx.state(Llama(config, rngs=nnx.Rngs(0))))
    graph = nnx.split(nnx.eval_shape(lambda: Llama(config, rngs=nnx.Rngs(0))))[0]
    inputs = jax.ShapeDtypeStruct((batch, length, 4096), jnp.bfloat16)
    places = jax.ShapeDtypeStruct((batch, length), jnp.int32)
    mask = jax.ShapeDtypeStruct((batch, length), bool)

    def forward(state, inputs, places, mask):
        llama = nnx.merge(graph, state)
        return llama.logits(llama(inputs, places, mask))

    logits = jax.eval_shape(forward, model, inputs, places, mask)
    assert (logits.shape, logits.dtype) == ((batch, length, 128256), jnp.float32)


def test_lora_on_llama_31_8b_has_the_size_of_all_its_linears():
    params = shapes(lambda rngs: Lora(default_lora_config(), llama31_8b(), rngs=rngs))
    widths = 2 * (4096 + 4096) + 2 * (4096 + 1024) + 3 * (4096 + 14336)  # q and o, k and v, gate, up and down
    assert sum(leaf.size for leaf in jax.tree.leaves(params)) == 32 * 64 * widths


def test_the_tiny_preset_is_a_grouped_query_model_in_float32():
    config = tiny(vocab_size=100, hidden_size=96)
    params = shapes(lambda rngs: Llama(config, rngs=rngs))
    assert config.num_attention_heads > config.num_key_value_heads
    assert {leaf.dtype for leaf in jax.tree.leaves(params)} == {jnp.dtype("float32")}
