"""config.json of the language models, both ways; what we cannot compute is refused."""

import json

import pytest
import transformers
from pretrained_factory import language_model, llama_config

from input_pipeline.errors import UserError
from tramp_jax.hf.llama import hf_config, llama_keys
from tramp_jax.hf.llama import llama_config as read_config
from tramp_jax.hf.sources import open_source
from tramp_jax.models.llama_presets import LLAMA_PRESETS

FAMILIES = ("llama2", "llama_gqa", "llama3", "qwen2", "qwen25")
# config.json as Meta's and Qwen's model cards have it (transformers 4 spelling).
LLAMA31_8B = {
    "architectures": ["LlamaForCausalLM"],
    "attention_bias": False,
    "bos_token_id": 128000,
    "eos_token_id": [128001, 128008, 128009],
    "hidden_act": "silu",
    "hidden_size": 4096,
    "intermediate_size": 14336,
    "max_position_embeddings": 131072,
    "mlp_bias": False,
    "model_type": "llama",
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "num_key_value_heads": 8,
    "rms_norm_eps": 1e-05,
    "rope_scaling": {
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 8192,
        "rope_type": "llama3",
    },
    "rope_theta": 500000.0,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "vocab_size": 128256,
}
QWEN25_1_5B = {
    "architectures": ["Qwen2ForCausalLM"],
    "hidden_act": "silu",
    "hidden_size": 1536,
    "intermediate_size": 8960,
    "max_position_embeddings": 32768,
    "max_window_layers": 21,
    "model_type": "qwen2",
    "num_attention_heads": 12,
    "num_hidden_layers": 28,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-06,
    "rope_theta": 1000000.0,
    "sliding_window": 32768,
    "tie_word_embeddings": True,
    "use_sliding_window": False,
    "vocab_size": 151936,
}
# Vicuna 1.5's says nothing of heads for keys, of theta or of tying.
VICUNA = {
    "model_type": "llama",
    "hidden_act": "silu",
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "max_position_embeddings": 4096,
    "num_attention_heads": 32,
    "num_hidden_layers": 32,
    "pretraining_tp": 1,
    "rms_norm_eps": 1e-05,
    "rope_scaling": None,
    "vocab_size": 32000,
}


@pytest.mark.parametrize(
    ("values", "preset"), [(LLAMA31_8B, "llama31_8b"), (QWEN25_1_5B, "qwen25_1_5b"), (VICUNA, "vicuna_7b")]
)
def test_a_published_config_is_its_preset(values, preset):
    assert read_config(values, "config.json").to_dict() == LLAMA_PRESETS[preset]().to_dict()


@pytest.mark.parametrize("family", FAMILIES)
def test_transformers_reads_our_config_as_the_model_it_was(family):
    theirs = language_model(family).config
    values = hf_config(llama_config(family), "float32", {"eos_token_id": 2})
    read = transformers.AutoConfig.for_model(**values)
    assert type(read) is type(theirs)
    for field in ("rope_parameters", "num_key_value_heads", "rms_norm_eps", "tie_word_embeddings", "vocab_size"):
        assert getattr(read, field, None) == getattr(theirs, field, None), field
    assert values["architectures"] == [type(language_model(family)).__name__]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_config_comes_back_through_config_json(family):
    config = llama_config(family)
    back = read_config(hf_config(config, "bfloat16", {}), "config.json")
    for field in ("dtype", "param_dtype", "remat"):
        back[field] = config[field]
    assert back.to_dict() == config.to_dict()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"model_type": "mistral"}, "model_type is 'mistral', expected one of llama, qwen2"),
        ({"hidden_act": "gelu"}, "hidden_act='gelu' is not supported"),
        ({"attention_bias": True}, "attention_bias=True is not supported"),
        ({"quantization_config": {"bits": 4}}, "quantization_config=.* is not supported"),
        ({"rope_scaling": {"type": "linear", "factor": 2.0}}, "rope scaling 'linear' is not supported"),
        ({"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}, "no 'low_freq_factor' in it"),
        ({"hidden_size": None}, "no 'hidden_size' in it"),
        ({"hidden_size": "wide"}, "hidden_size='wide', expected a whole number"),
        ({"num_hidden_layers": 3.9}, "num_hidden_layers=3.9, expected a whole number"),
        ({"num_attention_heads": 0}, "num_attention_heads=0, expected a whole number from 1"),
        ({"rms_norm_eps": "small"}, "rms_norm_eps='small', expected a number"),
        ({"rope_parameters": [1]}, "rope_parameters=.*expected an object"),
        (
            {"rope_theta": 5.0, "rope_parameters": {"rope_theta": 123.0}},
            "name different positions",
        ),
        (
            {"rope_scaling": {"type": "linear", "factor": 2.0}, "rope_parameters": {"rope_type": "llama3", "factor": 8.0}},
            "name different positions",
        ),
        ({"rope_parameters": {"full_attention": {"rope_type": "linear"}}}, "rope_parameters differ by layer"),
        ({"use_sliding_window": True}, "use_sliding_window=True is not supported"),
        ({"mlp_bias": True}, "mlp_bias=True is not supported"),
        ({"partial_rotary_factor": 0.5}, "partial_rotary_factor=0.5 is not supported"),
    ],
)
def test_what_we_do_not_compute_is_refused(change, message):
    with pytest.raises(UserError, match=message):
        read_config(LLAMA31_8B | change, "config.json")
    values = dict(LLAMA31_8B)
    del values["vocab_size"]
    with pytest.raises(UserError, match="vocab_size"):
        read_config(values, "config.json")


def test_a_config_that_disagrees_with_its_tensors_is_told(tmp_path):
    language_model("llama_gqa").save_pretrained(tmp_path)
    values = json.loads((tmp_path / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(values | {"num_hidden_layers": 4, "intermediate_size": 60}))
    with pytest.raises(UserError, match=r"missing: model\.layers\.3.*wrong shape: model\.layers\.0\.mlp\.gate_proj") as error:
        open_source(tmp_path).check()
    assert "\n" not in str(error.value)


def test_another_family_is_told_with_those_that_are_known(tmp_path):
    language_model("llama_gqa").save_pretrained(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "mamba"}')
    with pytest.raises(UserError, match="model_type 'mamba' is no family of ours; known are llama, qwen2"):
        open_source(tmp_path)


@pytest.mark.parametrize("family", FAMILIES)
def test_names_are_those_of_transformers(family):
    names = {name for entry in llama_keys(llama_config(family)).entries for name in entry.names()}
    theirs = set(language_model(family).state_dict())
    assert names == theirs - ({"lm_head.weight"} if llama_config(family).tie_word_embeddings else set())
