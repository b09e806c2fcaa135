"""A run keeps a tokenizer of its own, of whatever kind; clips that its model cannot learn from are told before it starts."""

import contextlib
import dataclasses

import pytest
from clip_factory import make_clip
from tokenizer_factory import llama2_model, qwen

from input_pipeline.errors import UserError
from input_pipeline.shards import write_dataset
from input_pipeline.splits import write_split
from input_pipeline.tokenizer import Tokenizer
from tests.tiny import tiny_config
from tramp_jax.config import default_config
from tramp_jax.training.phases import Phases
from tramp_jax.training.setup import run_tokenizer, train_run


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


@pytest.mark.parametrize(
    ("changes", "options", "words"),
    [
        ({"score": 4.5}, {}, r"clip clip001 has the score 4\.5 \(1 such\), expected 0 to 4"),
        ({"expression": "kiss"}, {"model__condition_on_expression": True}, "has clips of kiss, the model knows rest, smile"),
    ],
)
def test_clips_beyond_the_models_scale_or_expressions_are_told(tmp_path, changes, options, words):
    clips = [make_clip(k, score=2, report="Moves.") for k in range(6)]
    clips[1] = dataclasses.replace(clips[1], label=dataclasses.replace(clips[1].label, **changes))
    write_dataset(clips, tmp_path / "data", "made", 1, {})
    write_split(tmp_path / "data", "default", {"subject00": "train", "subject01": "validation", "subject02": "test"})
    config = tiny_config(data__path=str(tmp_path / "data"), **options)
    with contextlib.closing(Phases(print, 0)) as phases, pytest.raises(UserError, match=words):
        train_run(config, tmp_path / "run", phases)
    assert not (tmp_path / "run").exists()
