"""Exports of a run with LoRA: merged equals base + adapter, and every one imports again bit for bit."""

import json
import shutil

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
import transformers
from ml_collections import ConfigDict
from pretrained_factory import language_model
from run_factory import random_run
from tiny import tiny_config

from input_pipeline.errors import UserError
from input_pipeline.tokenizer import Tokenizer
from tramp_jax.hf.exports import ImportedExport, RunExport, export
from tramp_jax.hf.importing import import_model
from tramp_jax.hf.parts import load_parts
from tramp_jax.hf.tensors import TensorFolder
from tramp_jax.models.llama import positions_of
from tramp_jax.models.tramp_llama import TrampLlama
from tramp_jax.sharding.mesh import make_mesh
from tramp_jax.training.ownership import flatten


@pytest.fixture(scope="module")
def run(simulated, tmp_path_factory):
    config = tiny_config(model__condition_on_expression=True, model__kinematic_tokens=2, data__text_length=128)
    llama = {"source": "meta-llama/Llama-3.1-8B", "revision": "0" * 40, "family": "llama"}
    config.pretrained = ConfigDict({"llm": llama})
    folder = random_run(config, simulated, tmp_path_factory.mktemp("runs") / "lora")
    (folder / "eval").mkdir()
    results = {"simulated": True, "counts": {"clips": 7, "subjects": 3}, "severity": {"spearman": {"mean": 0.4321}}}
    (folder / "eval" / "results.json").write_text(json.dumps(results | {"model": {"step": 7}}))
    return folder


@pytest.fixture(scope="module")
def exported(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("exports") / "all"
    assert export(run, folder) == ["llm", "adapter", "full"]
    return folder


@pytest.fixture(scope="module")
def imported(exported, tmp_path_factory):
    folder = tmp_path_factory.mktemp("imports")
    for name in ("llm", "adapter", "full"):
        import_model(exported / name, folder / name)
    return folder


def leaves_of(folder, part):
    tensors = TensorFolder(folder / part)
    return {path: tensors.read(path) for path in tensors.shapes}


def test_the_merged_model_says_what_base_and_lora_say(run, tmp_path):
    export(run, tmp_path / "out", ["llm"], "float32")
    source = RunExport(run)
    model = TrampLlama(source.config.model)
    tokens = np.random.default_rng(0).integers(0, 300, (2, 20))
    mask = jnp.ones(tokens.shape, bool)

    @jax.jit
    def say(params):
        llama, lora = (model.blocks[name].bind(params[name]) for name in ("llm", "lora"))
        return [llama.logits(llama(llama.embed(tokens), positions_of(mask), mask, lora=extra)) for extra in (lora, None)]

    expected, base = (np.asarray(x) for x in say(source.params))
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "out" / "llm")
    assert type(theirs) is transformers.LlamaForCausalLM
    assert theirs.dtype == torch.float32
    with torch.no_grad():
        found = theirs(torch.tensor(tokens)).logits.numpy()
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert np.abs(base - expected).max() > 0.1


def test_the_language_model_imports_and_exports_again_without_a_bit_changed(exported, imported, tmp_path):
    export(imported / "llm", tmp_path / "again", ["llm"])
    assert leaves_of(imported / "llm", "llm")["llm/embed_tokens/embedding"].dtype == jnp.bfloat16
    files = sorted(path.name for path in (exported / "llm").iterdir())
    assert files == sorted(path.name for path in (tmp_path / "again" / "llm").iterdir())
    for name in files:
        assert (exported / "llm" / name).read_bytes() == (tmp_path / "again" / "llm" / name).read_bytes(), name


def test_its_leaves_are_the_merged_ones_rounded_once(run, imported):
    merged = RunExport(run).language()[1]
    for path, leaf in leaves_of(imported / "llm", "llm").items():
        np.testing.assert_array_equal(leaf, np.asarray(merged[path.removeprefix("llm/")]).astype(jnp.bfloat16), err_msg=path)


def test_the_adapter_comes_back_as_it_was(run, imported):
    expected = flatten(RunExport(run).params["lora"])
    found = leaves_of(imported / "adapter", "lora")
    assert set(found) == {f"lora/{path}" for path in expected}
    for path, leaf in expected.items():
        np.testing.assert_array_equal(found[f"lora/{path}"], leaf, err_msg=path)


def test_a_run_that_starts_from_the_whole_export_has_every_leaf_of_the_exported_run(run, imported):
    source = RunExport(run)
    config = source.config.copy_and_resolve_references()
    for part in ("llm", "vision", "motion", "projection"):
        config.init_from[part] = str(imported / "full")
    config.init_from.lora = str(imported / "adapter")
    model, mesh = TrampLlama(config.model), make_mesh(config.mesh)
    like = dict(zip(("params", "stats"), jax.eval_shape(model.init, jax.random.key(0)), strict=True))
    params, stats = load_parts(config, like, mesh, frozenset(model.blocks))
    expected = flatten(source.params)
    found = flatten(params)
    # The readout of kinematics is for training alone, and not exported.
    assert set(found) == {path for path in expected if not path.startswith("kinematics/")}
    merged = source.language()[1]
    for path, leaf in found.items():
        block, own = path.split("/", 1)
        right = np.asarray(merged[own]).astype(jnp.bfloat16).astype(np.float32) if block == "llm" else expected[path]
        np.testing.assert_array_equal(leaf, right, err_msg=path)
    for path, leaf in flatten(source.stats).items():
        np.testing.assert_array_equal(flatten(stats)[path], leaf, err_msg=path)


def test_the_tokenizer_of_an_import_is_that_of_the_run(run, imported):
    ours = Tokenizer.load(run)
    for name in ("llm", "full"):
        tokenizer = Tokenizer.load(imported / name)
        assert tokenizer.prompt("Describe </s> it.") == ours.prompt("Describe </s> it.")
        assert tokenizer.target("The mouth opens.") == ours.target("The mouth opens.")


def test_the_folders_hold_what_peers_look_for(run, exported):
    config = json.loads((exported / "llm" / "config.json").read_text())
    assert config["architectures"] == ["LlamaForCausalLM"]
    assert config["torch_dtype"] == "bfloat16"
    names = set(TensorFolder(exported / "llm").shapes)
    assert {"model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"} < names
    assert {name.split(".")[0] for name in names} == {"model", "lm_head"}
    tokenizer = transformers.AutoTokenizer.from_pretrained(exported / "llm")
    text = "The left eyebrow rises."
    assert tokenizer(text, add_special_tokens=False)["input_ids"] == Tokenizer.load(run).encode(text)
    generation = transformers.GenerationConfig.from_pretrained(exported / "llm")
    assert (generation.eos_token_id, generation.do_sample) == (Tokenizer.load(run).eos_id, False)
    card = (exported / "full" / "README.md").read_text()
    assert "**Trained on simulated faces only" in card
    assert "| Spearman, predicted and rated grade | 0.432 |" in card
    assert "- meta-llama/Llama-3.1-8B\n" in card
    adapter = json.loads((exported / "adapter" / "adapter_config.json").read_text())
    assert (adapter["base_model_name_or_path"], adapter["revision"]) == ("meta-llama/Llama-3.1-8B", "0" * 40)


def test_the_half_of_an_export_never_looks_whole(run, tmp_path, monkeypatch):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(RunExport, "_write_full", fail)
    with pytest.raises(UserError, match="No space left on device"):
        export(run, tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("formats", "message"),
    [(["gguf"], "--format=gguf: unknown; use any of llm, adapter, full"), (["full"], "has only llm: an imported model")],
)
def test_a_format_that_is_not_there_is_told(imported, tmp_path, formats, message):
    with pytest.raises(UserError, match=message):
        export(imported / "llm", tmp_path / "out", formats)


def test_a_run_without_landmarks_exports_its_llama_alone(simulated, tmp_path):
    config = tiny_config(model__motion_kind="none", model__use_lora=False, data__text_length=128)
    run = random_run(config, simulated, tmp_path / "run")
    with pytest.raises(UserError, match=r"has only llm: a model without landmarks \(model\.motion_kind='none'\)"):
        export(run, tmp_path / "out", ["full"])
    assert export(run, tmp_path / "out") == ["llm"]


def test_a_damaged_import_is_told_before_anything_is_written(imported, tmp_path):
    shutil.copytree(imported / "llm", tmp_path / "in")
    manifest = json.loads((tmp_path / "in" / "import.json").read_text())
    manifest["parts"]["llm"]["config"]["llm"]["num_hidden_layers"] = 1
    (tmp_path / "in" / "import.json").write_text(json.dumps(manifest))
    with pytest.raises(UserError, match=r"leaves of llm do not fit import\.json .*: import the model again"):
        export(tmp_path / "in", tmp_path / "out")


def test_an_import_without_a_llama_is_told(imported):
    with pytest.raises(UserError, match="holds lora and no llm"):
        ImportedExport(imported / "adapter")


def test_neither_a_run_nor_an_import_is_told_and_nothing_is_made(exported, run, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"no config.json there, so not a training run"):
        export(tmp_path / "empty", tmp_path / "out")
    with pytest.raises(UserError, match=r"a Hugging Face model; first python -m tramp_jax.import_hf --model="):
        export(exported / "llm", tmp_path / "out")
    shutil.copyfile(run / "config.json", tmp_path / "empty" / "config.json")
    with pytest.raises(UserError, match="no checkpoints there: train first"):
        export(tmp_path / "empty", tmp_path / "out")
    (tmp_path / "file").write_text("x")
    with pytest.raises(UserError, match=r"no config.json there, so not a training run"):
        export(tmp_path / "file", tmp_path / "out")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty", "file"]
    assert [path.name for path in (tmp_path / "empty").iterdir()] == ["config.json"]


def test_a_number_too_large_for_the_dtype_is_told(tmp_path):
    theirs = language_model("llama2")
    with torch.no_grad():
        theirs.model.layers[1].mlp.up_proj.weight[0, 0] = 1e6
    theirs.save_pretrained(tmp_path / "hf")
    import_model(tmp_path / "hf", tmp_path / "imported")
    message = r"--dtype=float16: model.layers.1.mlp.up_proj.weight reaches 1000000.0, too large"
    with pytest.raises(UserError, match=message):
        export(tmp_path / "imported", tmp_path / "out", dtype="float16")
    assert not (tmp_path / "out").exists()


def test_the_end_tokens_of_a_model_without_tokenizer_survive_another_dtype(tmp_path):
    theirs = language_model("llama2")
    theirs.config.eos_token_id = [7, 8]
    theirs.save_pretrained(tmp_path / "hf")
    import_model(tmp_path / "hf", tmp_path / "imported")
    export(tmp_path / "imported", tmp_path / "out", ["llm", "llm"], "bfloat16")
    assert json.loads((tmp_path / "out" / "llm" / "config.json").read_text())["eos_token_id"] == [7, 8]
