"""The command: what it writes, and that every wrong input is one line and exit code 2, with nothing left behind."""

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
import transformers
from pretrained_factory import language_model, randomise
from safetensors.torch import load_file, save_file
from test_models_vit import sizes
from tokenizer_factory import llama3

from input_pipeline.errors import UserError
from tramp_jax.hf.exports import export
from tramp_jax.hf.importing import import_model


def command(*arguments):
    command = [sys.executable, "-m", "tramp_jax.import_hf", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | {"JAX_PLATFORMS": "cpu"})


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """A Llama 3 in bfloat16 with tokenizer and chat template, in shards, as the Hub has it."""
    folder = llama3(tmp_path_factory.mktemp("hub") / "model")
    theirs = language_model("llama3", vocab_size=400).to(torch.bfloat16)
    theirs.generation_config = transformers.GenerationConfig(bos_token_id=1, eos_token_id=[2, 3])
    theirs.save_pretrained(folder, max_shard_size="20KB")
    config = json.loads((folder / "tokenizer_config.json").read_text())
    (folder / "chat_template.jinja").write_text(config.pop("chat_template"))
    (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


@pytest.fixture
def copy(model, tmp_path):
    return shutil.copytree(model, tmp_path / "model")


def tensors_of(folder):
    return {name: x for file in sorted(folder.glob("*.safetensors")) for name, x in load_file(file).items()}


def test_what_was_imported_is_exported_unchanged(model, tmp_path):
    result = command(f"--model={model}", f"--output={tmp_path / 'imported'}")
    assert result.returncode == 0, result.stderr
    assert "init_from.llm" in result.stdout
    assert f"{sum(x.numel() for x in tensors_of(model).values()):,} parameters (11 bfloat16)" in result.stdout
    export(tmp_path / "imported", tmp_path / "out")
    before, after = tensors_of(model), tensors_of(tmp_path / "out" / "llm")
    assert set(before) == set(after)
    for name, tensor in before.items():
        assert tensor.dtype == after[name].dtype == torch.bfloat16
        assert torch.equal(tensor, after[name]), name
    files = {path.name for path in model.iterdir() if path.suffix in (".json", ".jinja")} - {"model.safetensors.index.json"}
    assert files >= {"config.json", "generation_config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"}
    for file in sorted(files):
        assert (tmp_path / "out" / "llm" / file).read_bytes() == (model / file).read_bytes(), file


def test_another_dtype_is_the_rounded_one(model, tmp_path):
    import_model(model, tmp_path / "imported")
    export(tmp_path / "imported", tmp_path / "out", dtype="float32")
    for name, tensor in tensors_of(tmp_path / "out" / "llm").items():
        assert torch.equal(tensor, tensors_of(model)[name].float())
    assert json.loads((tmp_path / "out" / "llm" / "config.json").read_text())["torch_dtype"] == "float32"


def test_videollama3_gives_three_parts_in_the_authors_layout_and_in_transformers(tmp_path):
    text = {"vocab_size": 50, "hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2}
    text |= {"num_attention_heads": 2, "num_key_value_heads": 1, "tie_word_embeddings": True}
    vision = {key: value for key, value in sizes().items() if key != "image_size"}
    # Where both say it the top one counts, as in transformers; its own files hold it there alone.
    tied = {**text, "tie_word_embeddings": False}
    config = transformers.VideoLlama3Config(text_config=tied, vision_config=vision, tie_word_embeddings=True)
    theirs = randomise(transformers.VideoLlama3ForConditionalGeneration(config), 0)
    theirs.save_pretrained(tmp_path / "transformers")

    def renamed(name):
        name = name.replace("model.vision_model.", "model.vision_encoder.").replace("model.projector.", "model.mm_projector.")
        return name.replace("model.language_model.", "model.")

    authors = tmp_path / "authors"
    authors.mkdir()
    # safetensors of a tied model hold the embeddings once.
    tensors = {renamed(name): x for name, x in tensors_of(tmp_path / "transformers").items()}
    save_file(tensors, authors / "model.safetensors")
    values = {"model_type": "videollama3_qwen2", "vision_encoder_config": vision, "mm_projector_type": "mlp2x_gelu", **text}
    (authors / "config.json").write_text(json.dumps(values))
    found = [import_model(tmp_path / name, tmp_path / f"from_{name}") for name in ("transformers", "authors")]
    assert [list(manifest["parts"]) for manifest in found] == [["llm", "vision", "projection"]] * 2
    for part in ("llm", "vision", "projection"):
        first, second = (tensors_of(tmp_path / f"from_{name}" / part) for name in ("transformers", "authors"))
        assert set(first) == set(second)
        assert all(torch.equal(first[path], second[path]) for path in first)


def test_layers_beyond_those_asked_for_are_left_out(tmp_path):
    tower = transformers.CLIPVisionModel(transformers.CLIPVisionConfig(**sizes(num_hidden_layers=3)))
    randomise(tower, 0).save_pretrained(tmp_path / "clip")
    manifest = import_model(tmp_path / "clip", tmp_path / "out", vision_layers=2)
    assert manifest["parts"]["vision"]["config"]["vision"]["num_hidden_layers"] == 2
    leaf = tensors_of(tmp_path / "out" / "vision")["vision/layers/mlp/fc1/kernel"]
    np.testing.assert_array_equal(leaf[1], tower.state_dict()["encoder.layers.1.mlp.fc1.weight"].T)
    assert leaf.shape[0] == 2


def _truncate(folder):
    file = sorted(folder.glob("*.safetensors"))[0]
    file.write_bytes(file.read_bytes()[:-1])


def _to_pickles(folder):
    for file in [*folder.glob("*.safetensors"), folder / "model.safetensors.index.json"]:
        file.unlink()
    (folder / "pytorch_model.bin").write_bytes(b"x")


def _add_head(folder):
    path = folder / "model.safetensors"
    tensors = tensors_of(folder)
    for file in folder.glob("model*"):
        file.unlink()
    rows = {"lm_head.weight": torch.randn_like(tensors["model.embed_tokens.weight"])}
    save_file({**tensors, **rows}, path)


def _not_a_number(folder):
    file = sorted(folder.glob("*.safetensors"))[-1]
    tensors = load_file(file)
    next(iter(tensors.values())).view(-1)[0] = float("nan")
    save_file(tensors, file)


def _edit(**changes):
    def edit(folder):
        path = folder / "config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | changes))

    return edit


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (_truncate, "not a whole safetensors file"),
        (lambda folder: sorted(folder.glob("*.safetensors"))[0].unlink(), "shards missing"),
        (_edit(model_type="gpt2"), "no family of ours"),
        (_edit(hidden_size=48), "wrong shape"),
        (_edit(num_hidden_layers=2), "unexpected"),
        (_to_pickles, "only pickle files"),
        (lambda folder: (folder / "config.json").write_text("{"), "not a JSON object"),
        (lambda folder: (folder / "tokenizer.json").write_text("{"), "tokenizer"),
        (_add_head, "tie_word_embeddings is true, but lm_head.weight is not model.embed_tokens.weight"),
        (_not_a_number, "holds NaN or infinity"),
        (_edit(vocab_size=100), "wrong shape"),
        (shutil.rmtree, "no such folder, and no id of the Hub"),
    ],
    ids=[
        "truncated",
        "missing shard",
        "family",
        "sizes",
        "layers",
        "pickles",
        "config.json",
        "tokenizer.json",
        "another head",
        "NaN",
        "rows",
        "absent",
    ],
)
def test_wrong_input_is_one_line_exit_code_2_and_nothing_written(copy, tmp_path, damage, message):
    damage(copy)
    result = command(f"--model={copy}", f"--output={tmp_path / 'out'}")
    assert result.returncode == 2
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert result.stderr.startswith("error: ")
    assert sorted(path.name for path in tmp_path.iterdir()) == (["model"] if copy.exists() else [])


def test_an_output_that_exists_is_left_alone(model, tmp_path):
    (tmp_path / "mine").write_text("x")
    result = command(f"--model={model}", f"--output={tmp_path}")
    assert (result.returncode, (tmp_path / "mine").read_text()) == (2, "x")
    assert "exists and is not empty" in result.stderr


def test_a_hub_id_needs_its_revision(tmp_path):
    for extra in ((), ("--revision=main",)):
        result = command("--model=meta-llama/Llama-3.1-8B", f"--output={tmp_path / 'out'}", *extra)
        assert result.returncode == 2
        assert "--revision=COMMIT (40 hex digits" in result.stderr


def test_flags_of_a_tower_are_refused_for_a_llama(model, tmp_path):
    result = command(f"--model={model}", f"--output={tmp_path / 'out'}", "--vision_layers=2")
    assert result.returncode == 2
    assert "takes neither --image_size nor --vision_layers" in result.stderr


def test_a_tokenizer_with_more_ids_than_rows_is_refused(tmp_path):
    folder = llama3(tmp_path / "model")
    language_model("llama3").save_pretrained(folder)
    with pytest.raises(UserError, match=r"its tokenizer has \d+ ids, its embeddings 97 rows"):
        import_model(folder, tmp_path / "out")


def test_layers_of_different_precision_lose_nothing(tmp_path):
    theirs = language_model("llama2").to(torch.bfloat16)
    theirs.model.layers[2].float()
    with torch.no_grad():
        theirs.model.layers[2].mlp.up_proj.weight[0, 0] = 1.0000001
    theirs.save_pretrained(tmp_path / "hf")
    import_model(tmp_path / "hf", tmp_path / "out")
    leaf = tensors_of(tmp_path / "out" / "llm")["llm/layers/mlp/up_proj/kernel"]
    for i, layer in enumerate(theirs.model.layers):
        assert torch.equal(leaf[i], layer.mlp.up_proj.weight.T.float())
