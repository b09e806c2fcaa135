"""A run keeps a tokenizer of its own, of whatever kind, and uses it from then on."""

import pytest
from tokenizer_factory import llama2_model, qwen

from input_pipeline.errors import UserError
from input_pipeline.tokenizer import Tokenizer
from tramp_jax.config import default_config
from tramp_jax.training.setup import run_tokenizer


def tokenizer_of(run, path):
    config = default_config()
    config.tokenizer.path = str(path)
    return run_tokenizer(config, run, None, [])


def test_the_run_keeps_the_files_of_its_tokenizer(tmp_path):
    folder, run = qwen(tmp_path / "qwen"), tmp_path / "run"
    first = tokenizer_of(run, folder)
    assert {path.name: path.read_bytes() for path in run.iterdir()} == Tokenizer.load(folder).files()
    assert tokenizer_of(run, "moved away").prompt("Smile.") == first.prompt("Smile.")


def test_a_run_with_a_sentencepiece_model_goes_on_with_it(tmp_path):
    (tmp_path / "tokenizer.model").write_bytes(llama2_model())
    (tmp_path / "config.json").write_text("{}")
    assert tokenizer_of(tmp_path, "").files() == {"tokenizer.model": llama2_model()}


def test_a_path_without_a_tokenizer_is_told(tmp_path):
    with pytest.raises(UserError, match="absent: no such file or folder"):
        tokenizer_of(tmp_path / "run", tmp_path / "absent")
    assert not (tmp_path / "run").exists()
