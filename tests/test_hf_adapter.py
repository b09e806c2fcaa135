"""The adapter in PEFT's hands, and the merged model, give the logits of base + LoRA here."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import peft
import pytest
import torch
import transformers
from differences import assert_within
from flax import nnx
from pretrained_factory import NAMES, VOCABULARY, fill, language_model, llama_config, pair

from input_pipeline.errors import UserError
from tramp_jax.config import default_model_config
from tramp_jax.hf.adapter import CONFIG, write_adapter
from tramp_jax.hf.language import write_language_model
from tramp_jax.hf.leaves import merged_leaves
from tramp_jax.hf.sources import open_source
from tramp_jax.models.llama import positions_of
from tramp_jax.models.lora import Lora, default_lora_config
from tramp_jax.training.ownership import flatten

FAMILIES = ("llama_gqa", "qwen2")


def parts(family):
    """(config.model, the LLaMA here, leaves of the LoRA)."""
    model = default_model_config()
    model.llm, model.lora = llama_config(family), default_lora_config()
    model.lora.rank, model.lora.alpha = 4, 6.0
    lora = fill(lambda rngs: Lora(model.lora, model.llm, rngs=rngs), seed=3)
    return model, pair(family)[1], lora


def leaves(module):
    return flatten(nnx.to_pure_dict(nnx.state(module)))


@pytest.fixture(scope="module")
def tokens():
    return np.random.default_rng(0).integers(1, VOCABULARY, (2, 30))


def our_logits(llama, lora, tokens):
    mask = jnp.ones(tokens.shape, bool)
    run = jax.jit(lambda llama, lora: llama.logits(llama(llama.embed(tokens), positions_of(mask), mask, lora=lora)))
    return np.asarray(run(llama, lora))


@pytest.mark.parametrize("family", FAMILIES)
def test_peft_loads_the_adapter_and_agrees_and_so_does_the_merged_model(family, tokens, tmp_path):
    config, llama, lora = parts(family)
    expected = our_logits(llama, lora, tokens)
    assert np.abs(expected - our_logits(llama, None, tokens)).max() > 0.5

    (tmp_path / "adapter").mkdir()
    write_adapter(tmp_path / "adapter", config, leaves(lora), "some/base")
    language_model(family).save_pretrained(tmp_path / "base")
    base = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "base")
    adapted = peft.PeftModel.from_pretrained(base, tmp_path / "adapter").eval()
    with torch.no_grad():
        found = adapted(torch.tensor(tokens)).logits
    assert_within(found, expected, family=NAMES[family], what="logits with the exported adapter", reference="PEFT")
    assert adapted.peft_config["default"].base_model_name_or_path == "some/base"

    (tmp_path / "merged").mkdir()
    merged = merged_leaves(leaves(llama), leaves(lora), config.lora)
    write_language_model(tmp_path / "merged", config.llm, merged, "float32", None, {}, {})
    model, info = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "merged", output_loading_info=True)
    assert not info["missing_keys"] | info["unexpected_keys"]
    with torch.no_grad():
        found = model(torch.tensor(tokens)).logits
    assert_within(found, expected, family=NAMES[family], what="logits of the merged export", reference="transformers")
    ours = adapted.merge_and_unload().state_dict()
    for name, tensor in model.state_dict().items():
        torch.testing.assert_close(tensor, ours[name], atol=1e-5, rtol=0)


def test_the_adapter_comes_back_bit_for_bit(tmp_path):
    config, _, lora = parts("qwen2")
    write_adapter(tmp_path, config, leaves(lora), "")
    source = open_source(tmp_path)
    source.check()
    found = {path: make() for path, make in source.leaves("lora")}
    expected = leaves(lora)
    assert set(found) == {f"lora/{path}" for path in expected}
    for path, leaf in expected.items():
        np.testing.assert_array_equal(found[f"lora/{path}"], leaf)
    read = source.parts["lora"]["lora"].config
    assert (read.rank, read.alpha, read.dropout) == (4, 6.0, config.lora.dropout)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"use_dora": True}, "use_dora=True is not supported"),
        ({"bias": "all"}, "bias='all' is not supported"),
        ({"target_modules": ["q_proj"]}, "target_modules=.*expected q_proj, k_proj"),
        ({"rank_pattern": {"q_proj": 2}}, "rank_pattern is not supported"),
    ],
)
def test_another_kind_of_adapter_is_refused(change, message, tmp_path):
    config, _, lora = parts("qwen2")
    write_adapter(tmp_path, config, leaves(lora), "")
    values = json.loads((tmp_path / CONFIG).read_text())
    (tmp_path / CONFIG).write_text(json.dumps(values | change))
    with pytest.raises(UserError, match=message):
        open_source(tmp_path)
