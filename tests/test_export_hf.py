"""The command on a real training run: every export loads in a process without jax, and says there what it said here."""

import json
import os
import subprocess
import sys

import pytest
from run_factory import random_run
from tiny import tiny_config

VERIFY = ("--verify", "--verify_clips=2", "--verify_limit=1e-4")
# Runs where neither jax nor this project can be imported. Arguments: the folder of exports.
ALONE = """
import sys

FORBIDDEN = ("jax", "jaxlib", "flax", "orbax", "tramp_jax", "input_pipeline", "ml_collections", "grain")


class Forbid:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in FORBIDDEN:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, Forbid())
import torch
from transformers import AutoModel, AutoModelForCausalLM, AutoProcessor, AutoTokenizer

folder = sys.argv[1]
model, info = AutoModelForCausalLM.from_pretrained(f"{folder}/llm", output_loading_info=True)
assert not any(info.values()), info
tokenizer = AutoTokenizer.from_pretrained(f"{folder}/llm")
text = tokenizer("Describe the facial motion.", return_tensors="pt")
new = model.generate(**text, max_new_tokens=4, min_new_tokens=4)
print(type(model).__name__, model.dtype, new.shape[1] - text.input_ids.shape[1])
whole, info = AutoModel.from_pretrained(f"{folder}/full", trust_remote_code=True, output_loading_info=True)
assert not any(info.values()), info
processor = AutoProcessor.from_pretrained(f"{folder}/full", trust_remote_code=True)
print(type(whole).__name__, type(processor).__name__, sorted(processor.prompts) == sorted(processor.expressions))
"""


def command(*arguments):
    line = [sys.executable, "-m", *map(str, arguments)]
    return subprocess.run(line, capture_output=True, text=True, timeout=900, env=dict(os.environ))


@pytest.fixture(scope="module")
def run(simulated, tmp_path_factory):
    """A run of configs/demo.py:runlocal, trained."""
    folder = tmp_path_factory.mktemp("runs") / "demo"
    config = "--config=configs/demo.py:runlocal"
    result = command("tramp_jax.train", config, f"--workdir={folder}", f"--config.data.path={simulated}")
    assert result.returncode == 0, result.stderr
    return folder


@pytest.fixture(scope="module")
def verified(run, tmp_path_factory):
    """Its exports, and what the command printed."""
    folder = tmp_path_factory.mktemp("exports") / "demo"
    result = command("tramp_jax.export_hf", f"--checkpoint={run}", f"--output={folder}", *VERIFY)
    assert result.returncode == 0, result.stderr
    return folder, result.stdout


def test_all_that_the_run_has_is_exported_and_verified(verified):
    folder, printed = verified
    lines = printed.splitlines()
    assert lines[:2] == [str(folder / "llm"), str(folder / "full")]
    figures = {line.split()[1]: line for line in lines if line.startswith("verify ")}
    assert set(figures) == {"llm", "full"}
    for name in ("logits", "score", "KL"):
        assert f"{name} " in figures["full"]


def test_the_exports_load_where_jax_cannot_be_imported(verified):
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"HF_HOME": str(verified[0].parent / "cache"), "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", ALONE, str(verified[0])],
        cwd=verified[0].parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.splitlines() == ["LlamaForCausalLM torch.bfloat16 4", "TrampLlamaModel TrampLlamaProcessor True"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--format=adapter"], "has only llm, full: it trained the LLaMA itself and no LoRA"),
        (["--format=gguf"], "unknown; use any of llm, adapter, full"),
        (["extra"], "unexpected argument 'extra'"),
        (["--dtype=int8"], "--dtype"),
    ],
)
def test_wrong_arguments_are_one_line_and_exit_code_2(run, tmp_path, arguments, message):
    result = command("tramp_jax.export_hf", f"--checkpoint={run}", f"--output={tmp_path / 'out'}", *arguments)
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_no_run_is_one_line(tmp_path):
    result = command("tramp_jax.export_hf", f"--checkpoint={tmp_path}", f"--output={tmp_path / 'out'}")
    assert result.returncode == 2
    assert len(result.stderr.strip().splitlines()) == 1
    assert str(tmp_path) in result.stderr


def test_a_lora_gives_all_three_by_the_command(simulated, tmp_path):
    config = tiny_config(data__text_length=128)
    random_run(config, simulated, tmp_path / "run")
    result = command(
        "tramp_jax.export_hf",
        f"--checkpoint={tmp_path / 'run'}",
        f"--output={tmp_path / 'out'}",
        *VERIFY,
    )
    assert result.returncode == 0, result.stderr
    assert "verify adapter" in result.stdout
    adapter = json.loads((tmp_path / "out" / "adapter" / "adapter_config.json").read_text())
    assert (adapter["peft_type"], adapter["r"]) == ("LORA", 2)
