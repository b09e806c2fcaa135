"""A wrong export fails the comparison, with the figure that is off."""

import importlib.util
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from pretrained_factory import language_model
from run_factory import random_run
from safetensors.numpy import load_file, save_file
from tiny import tiny_config

from input_pipeline.errors import UserError
from tramp_jax.config import load_config, save_config
from tramp_jax.hf.exports import export
from tramp_jax.hf.importing import import_model
from tramp_jax.hf.verify import check_possible, verify


@pytest.fixture(scope="module")
def run(simulated, tmp_path_factory):
    config = tiny_config(data__text_length=128)
    return random_run(config, simulated, tmp_path_factory.mktemp("runs") / "lora")


@pytest.fixture
def exported(run, tmp_path):
    export(run, tmp_path / "out", dtype="float32")
    return tmp_path / "out"


def damage(file, name, change):
    tensors = load_file(file)
    tensors[name] = np.asarray(change(tensors[name]), tensors[name].dtype, order="C")
    save_file(tensors, file, {"format": "pt"})


def test_a_right_export_passes_by_far(run, exported, capsys):
    found = verify(run, exported, clips=2, limit=1e-3)
    assert found["adapter"]["tensors"] == 0
    assert 0 < found["llm"]["logits"] < 1e-4
    assert 0 < found["full"]["logits"] < 1e-4
    assert found["full"]["score"] < 1e-4
    assert found["full"]["logits by rounding"] == 0
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()] == [
        ["verify", name] for name in ("llm", "adapter", "full")
    ]


@pytest.mark.parametrize(
    ("file", "tensor", "message"),
    [
        ("llm/model.safetensors", "model.layers.1.mlp.down_proj.weight", "llm: logits"),
        ("full/model.safetensors", "language_model.model.norm.weight", "full: logits"),
        ("full/model.safetensors", "regression.layers.2.weight", "full: score"),
        (
            "adapter/adapter_model.safetensors",
            "base_model.model.model.layers.0.mlp.up_proj.lora_B.weight",
            "adapter: tensors",
        ),
    ],
)
def test_a_changed_tensor_fails(run, exported, file, tensor, message):
    damage(exported / file, tensor, lambda x: x * 1.1)
    for other in {"llm", "adapter", "full"} - {Path(file).parent.name}:
        shutil.rmtree(exported / other)
    with pytest.raises(UserError, match=rf"differs from .* by more than --verify_limit=0.001: .*{message} .*do not use"):
        verify(run, exported, clips=2, limit=1e-3)


def test_not_a_number_fails(run, exported):
    shutil.rmtree(exported / "full")
    damage(exported / "llm/model.safetensors", "lm_head.weight", lambda x: x * np.nan)
    with pytest.raises(UserError, match="llm: logits nan"):
        verify(run, exported, clips=2, limit=1e-3)


def test_what_pytorch_cannot_load_is_one_line(run, exported):
    (exported / "llm" / "config.json").write_text("{")
    with pytest.raises(UserError, match="PyTorch cannot run it") as error:
        verify(run, exported, clips=2, limit=1e-3)
    assert "\n" not in str(error.value)


def test_an_imported_model_is_compared_too(run, exported, tmp_path):
    import_model(exported / "llm", tmp_path / "imported")
    export(tmp_path / "imported", tmp_path / "again")
    assert list(verify(tmp_path / "imported", tmp_path / "again", clips=1, limit=1e-3)) == ["llm"]


def test_a_model_of_mixed_precision_is_rounded_tensor_by_tensor(tmp_path):
    theirs = language_model("llama_gqa").to(torch.bfloat16)
    theirs.lm_head.float()
    theirs.model.norm.float()
    theirs.save_pretrained(tmp_path / "hf")
    import_model(tmp_path / "hf", tmp_path / "imported")
    export(tmp_path / "imported", tmp_path / "out")
    assert verify(tmp_path / "imported", tmp_path / "out", clips=1, limit=1e-4)["llm"]["logits"] > 0


def test_what_will_be_missing_is_told_before_the_export(run, tmp_path, monkeypatch):
    check_possible(run)
    config = load_config(run)
    config.data.path = str(tmp_path / "gone")
    (tmp_path / "run").mkdir()
    save_config(config, tmp_path / "run" / "config.json")
    with pytest.raises(UserError, match="gone"):
        check_possible(tmp_path / "run")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"torch is not installed: pip install 'tramp-jax\[torch\]'"):
        check_possible(run)
