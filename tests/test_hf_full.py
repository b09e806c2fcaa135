"""The tensors of a whole export: names, both ways without a bit lost, and the files around them."""

import json

import numpy as np
import pytest
from full_factory import exported, random_trees
from tiny import demo_config, tiny_config
from tokenizer_factory import llama3

from input_pipeline.errors import UserError
from input_pipeline.text import instruction
from input_pipeline.tokenizer import Tokenizer
from tramp_jax.hf.full import block_keys, from_full, model_config, model_json, to_full, write_full
from tramp_jax.hf.tensors import TensorFolder, write_shards
from tramp_jax.models.tramp_llama import TrampLlama
from tramp_jax.training.ownership import flatten

TOKENS = {"bos_token_id": 1, "eos_token_id": [2], "pad_token_id": 0}
BF16 = {"model__vision__param_dtype": "bfloat16", "model__vision__num_hidden_layers": 2, "model__llm__param_dtype": "bfloat16"}
CONFIGS = {
    "the paper's, frozen parts in half precision": lambda: tiny_config(**BF16),
    "the demo's": lambda: demo_config(model__vision__class_token=True, model__vision__patch_bias=False),
    "landmarks alone, tied embeddings": lambda: tiny_config(
        model__vision_kind="none", model__llm__tie_word_embeddings=True, model__llm__qkv_bias=True
    ),
}


def leaves(config):
    model = TrampLlama(config.model)
    return model, *exported(config, *random_trees(model))


@pytest.mark.parametrize("name", CONFIGS)
def test_trees_come_back_from_an_export_bit_for_bit(name, tmp_path):
    model, params, stats = leaves(CONFIGS[name]())
    write_shards(tmp_path, to_full(model, params, stats), max_bytes=50_000)
    kept = {path: leaf for path, leaf in params.items() if not path.startswith("kinematics/")}
    for found, expected in zip(from_full(model, TensorFolder(tmp_path)), (kept, stats), strict=True):
        assert found.keys() == expected.keys()
        for path, leaf in expected.items():
            assert (found[path].dtype, found[path].shape) == (leaf.dtype, leaf.shape), path
            np.testing.assert_array_equal(found[path], leaf, err_msg=path)


def test_names_are_our_paths_with_pytorchs_last_parts():
    model, params, stats = leaves(CONFIGS["the demo's"]())
    shapes = {name: make().shape for name, make in to_full(model, params, stats)}
    assert shapes["motion.stages.0.blocks.0.mapping.weight"] == (32, 16)
    assert shapes["motion.stages.1.blocks.0.time_conv.kernel"] == (7, 2, 2, 2)
    assert shapes["motion.stages.1.blocks.0.downsample.norm.running_var"] == (16,)
    assert shapes["motion.stages.0.blocks.0.norm_1.weight"] == (16,)
    assert shapes["expression.weight"] == (5, 16)
    assert shapes["regression.log_scale"] == ()
    assert shapes["vision.layers.0.self_attn.q_proj.weight"] == (16, 16)
    assert shapes["language_model.model.layers.1.mlp.up_proj.weight"] == (32, 16)
    assert shapes["language_model.lm_head.weight"] == (300, 16)
    assert not any(name.startswith(("kinematics.", "lora.", "llm.")) for name in shapes)


def test_a_tied_language_model_has_no_output_matrix_of_its_own():
    model, params, stats = leaves(CONFIGS["landmarks alone, tied embeddings"]())
    names = {name for name, _ in to_full(model, params, stats)}
    assert "language_model.model.embed_tokens.weight" in names
    assert "language_model.lm_head.weight" not in names


def test_a_lora_must_be_merged_first():
    model = TrampLlama(tiny_config().model)
    params, stats = map(flatten, random_trees(model))
    with pytest.raises(ValueError, match="merge it"):
        list(to_full(model, params, stats))


def test_the_config_comes_back_without_what_only_training_reads():
    config = CONFIGS["the demo's"]()
    values = json.loads(json.dumps(model_json(config, "float32", TOKENS)))
    found = model_config(values, "config.json")
    model, same = TrampLlama(config.model), TrampLlama(found)
    assert same.blocks.keys() == model.blocks.keys() - {"lora", "kinematics"}
    assert [entry for table in block_keys(same)[0].values() for entry in table.entries] == [
        entry for table in block_keys(model)[0].values() for entry in table.entries
    ]
    with pytest.raises(UserError, match="no config of a TraMP-LLaMA"):
        model_config({**values, "tramp": {}}, "config.json")


def test_the_folder_holds_what_transformers_reads(tmp_path):
    config = CONFIGS["the demo's"]()
    _, params, stats = leaves(config)
    tokenizer = Tokenizer.load(llama3(tmp_path / "tokenizer"))
    out = tmp_path / "out"
    out.mkdir()
    write_full(out, params, stats, config, tokenizer, {"language_model": "bfloat16"})
    tensors = TensorFolder(out)
    assert {name for name, dtype in tensors.dtypes.items() if dtype == "BF16"} == {
        name for name in tensors.dtypes if name.startswith("language_model.")
    }
    model = json.loads((out / "config.json").read_text())
    assert model["dtype"] == model["text_config"]["torch_dtype"] == "bfloat16"
    assert model["text_config"]["eos_token_id"] == list(tokenizer.eos_ids)
    assert "llm" not in model["tramp"]
    processor = json.loads((out / "processor_config.json").read_text())
    assert processor["needs"] == ["frames", "kinematics", "text", "trajectory"]
    assert processor["prompts"]["smile"] == tokenizer.prompt(instruction("smile"))
    assert (out / "tokenizer.json").read_bytes() == tokenizer.files()["tokenizer.json"]
    code = [path.read_text() for path in out.glob("*.py")]
    assert len(code) > 10
    assert not any(line.split()[:2] == ["from", "input_pipeline"] for text in code for line in text.splitlines() if line)
