"""Pickles become safetensors in one place, by tensors alone; one that would run code is refused and runs none."""

import os
import pickle
import shutil
import subprocess
import sys
import types

import numpy as np
import pytest
import torch
from pretrained_factory import language_model
from safetensors.torch import load_file

from input_pipeline.errors import UserError
from tramp_jax.hf.importing import import_model


def command(*arguments, **environment):
    line = [sys.executable, "-m", "tramp_jax.hf.pytorch.convert_pickle", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, timeout=120, env=os.environ | environment)


class RecorderMeter:
    """As TraMP-Former's checkpoints hold one."""

    def __init__(self):
        self.curves = [0.5]


@pytest.fixture
def tensors():
    generator = torch.Generator().manual_seed(0)
    return {f"module.layer.{i}.weight": torch.randn(3, 4, generator=generator) for i in range(2)}


def test_a_checkpoint_of_a_training_script_gives_its_weights_alone(tensors, tmp_path, monkeypatch):
    module = types.ModuleType("utils.vis_tools")
    module.RecorderMeter = RecorderMeter
    monkeypatch.setattr(RecorderMeter, "__module__", "utils.vis_tools")
    monkeypatch.setitem(sys.modules, "utils", types.ModuleType("utils"))
    monkeypatch.setitem(sys.modules, "utils.vis_tools", module)
    optimizer = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(2))])
    values = {
        "epoch": 3,
        "model": tensors,
        "optimizer": optimizer.state_dict(),
        "best": np.float64(0.5),
        "recorder": RecorderMeter(),
    }
    torch.save(values, tmp_path / "model.pth")
    result = command(tmp_path / "model.pth", f"--output={tmp_path / 'out'}")
    assert result.returncode == 0, result.stderr
    assert "2 tensors: python -m tramp_jax.import_hf --model=" in result.stdout
    found = load_file(tmp_path / "out" / "model.safetensors")
    assert {name: x.tolist() for name, x in found.items()} == {
        name.removeprefix("module."): x.tolist() for name, x in tensors.items()
    }


def test_tied_and_strided_tensors_and_bfloat16_are_kept(tmp_path):
    shared = torch.arange(12.0).reshape(3, 4)
    values = {"a": shared, "b": shared, "c": shared.T, "d": shared.to(torch.bfloat16)}
    torch.save(values, tmp_path / "model.bin")
    assert command(tmp_path / "model.bin", f"--output={tmp_path / 'out'}").returncode == 0
    found = load_file(tmp_path / "out" / "model.safetensors")
    for name, tensor in values.items():
        assert found[name].dtype == tensor.dtype
        assert torch.equal(found[name], tensor)


def test_a_model_in_sharded_pickles_is_converted_whole_and_imports(tmp_path):
    theirs = language_model("llama2")
    theirs.save_pretrained(tmp_path / "right")
    folder = tmp_path / "hf"
    folder.mkdir()
    state = list(theirs.state_dict().items())
    for i, part in enumerate((state[:9], state[9:])):
        torch.save(dict(part), folder / f"pytorch_model-{i + 1:05}-of-00002.bin")
    (folder / "pytorch_model.bin.index.json").write_text("{}")
    torch.save({"lr": 1.0}, folder / "training_args.bin")
    shutil.copyfile(tmp_path / "right" / "config.json", folder / "config.json")
    with pytest.raises(UserError, match=f"convert_pickle {folder} --output"):
        import_model(folder, tmp_path / "imported")
    result = command(folder, f"--output={tmp_path / 'converted'}")
    assert result.returncode == 0, result.stderr
    for name in ("right", "converted"):
        import_model(tmp_path / name, tmp_path / f"from_{name}")
    first, second = (load_file(tmp_path / f"from_{name}" / "llm" / "model.safetensors") for name in ("right", "converted"))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)


def _sparse(folder):
    torch.save({"a": torch.eye(3).to_sparse()}, folder / "model.pth")


class Hostile:
    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (os.mkdir, (self.path,))


def _hostile(folder):
    torch.save({"model": Hostile(folder / "ran")}, folder / "model.pth")


def _old_hostile(folder):
    (folder / "model.pth").write_bytes(pickle.dumps(Hostile(folder / "ran")))


def _truncated(folder):
    torch.save({"a": torch.zeros(1000)}, folder / "model.pth")
    data = (folder / "model.pth").read_bytes()
    (folder / "model.pth").write_bytes(data[: len(data) // 2])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (_hostile, "cannot be read as tensors alone (Trying to load unsupported GLOBAL posix.mkdir"),
        (_old_hostile, "cannot be read as tensors alone"),
        (_truncated, "damaged, or it holds other objects"),
        (lambda folder: (folder / "model.pth").write_bytes(b""), "cannot be read as tensors alone"),
        (lambda folder: (folder / "model.pth").write_bytes(b"no pickle at all"), "cannot be read as tensors alone"),
        (lambda folder: torch.save({"epoch": 3}, folder / "model.pth"), "holds no tensors"),
        (lambda folder: torch.save([1, 2], folder / "model.pth"), "holds no tensors"),
        (_sparse, "a is sparse, quantised or without values"),
        (lambda folder: None, "no such file: pass a .pth"),
    ],
    ids=["hostile", "hostile, old format", "truncated", "empty", "text", "no tensors", "a list", "sparse", "absent"],
)
def test_wrong_files_are_one_line_exit_code_2_and_run_nothing(tmp_path, make, message):
    make(tmp_path)
    result = command(tmp_path / "model.pth", f"--output={tmp_path / 'out'}")
    assert result.returncode == 2, result.stderr
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert "weights_only" not in result.stderr
    assert not (tmp_path / "ran").exists()
    assert not (tmp_path / "out").exists()


def test_without_torch_it_says_how_to_get_it(tmp_path):
    (tmp_path / "torch.py").write_text("raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')")
    (tmp_path / "model.pth").write_bytes(b"x")
    result = command(tmp_path / "model.pth", f"--output={tmp_path / 'out'}", PYTHONPATH=str(tmp_path))
    assert result.returncode == 2
    assert "pip install 'tramp-jax[torch]'" in result.stderr
