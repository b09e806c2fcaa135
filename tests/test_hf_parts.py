"""Training starts from imported parts: on any mesh, in the config's dtype, and only where config and weights agree."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
import transformers
from pretrained_factory import language_model, randomise
from safetensors.torch import save_file
from test_configs import load as configs
from test_models_vit import sizes
from tiny import tiny_config
from tokenizer_factory import qwen
from torch_tramp_former import TrampFormer

from input_pipeline.errors import UserError
from input_pipeline.tokenizer import Tokenizer
from tramp_jax.checkpoint.store import CheckpointStore
from tramp_jax.hf.importing import import_model
from tramp_jax.hf.parts import load_parts
from tramp_jax.models.tramp_llama import TrampLlama
from tramp_jax.sharding.mesh import make_mesh
from tramp_jax.tasks.table import active_tasks
from tramp_jax.trainer import run_training
from tramp_jax.training.ownership import flatten
from tramp_jax.training.setup import starting_state

ROWS = 400  # more than the tokenizer needs, as in published models


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Imported: a Qwen2 with its tokenizer, a SigLIP, and a TraMP-Former."""
    folder = tmp_path_factory.mktemp("weights")
    tokenizer = qwen(folder / "hf_llm")
    language_model("qwen2", vocab_size=ROWS).to(torch.bfloat16).save_pretrained(tokenizer)
    tower = transformers.SiglipVisionConfig(**sizes(image_size=16, patch_size=8), vision_use_head=False)
    randomise(transformers.SiglipVisionModel(tower), 0).save_pretrained(folder / "hf_vision")
    former = randomise(TrampFormer(tiny().model.motion, fusion_heads=8, fusion_depth=1, rgb_width=24), 0)
    (folder / "hf_motion").mkdir()
    save_file({name: x.contiguous() for name, x in former.state_dict().items()}, folder / "hf_motion" / "model.safetensors")
    for part in ("llm", "vision", "motion"):
        import_model(folder / f"hf_{part}", folder / part)
    return folder


def tiny():
    config = tiny_config()
    motion = config.model.motion
    motion.channels, motion.heads, motion.tiled_bias, motion.mlp_ratio = (16, 32), 16, True, 2
    config.model.fusion.mode = "pooled"
    config.model.fusion.width = config.model.fusion.motion_width = config.model.head.input_width = 32
    return config


def config_from(weights, **changes):
    """A tiny run that starts from all three."""
    config = tiny()
    model = config.model
    widths = {"hidden_size": 32, "intermediate_size": 56, "num_hidden_layers": 3, "num_attention_heads": 4, "head_dim": 8}
    model.llm.update(
        {**widths, "num_key_value_heads": 2, "vocab_size": ROWS, "qkv_bias": True, "rms_norm_eps": 1e-6, "rope_theta": 1e6}
    )
    model.vision.update({"hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2, "num_attention_heads": 3})
    model.fusion.vision_width, model.fusion.heads = 24, 8
    for part in ("llm", "vision", "motion"):
        config.init_from[part] = str(weights / part)
    for key, value in changes.items():
        config.init_from[key] = value
    return config


def state_of(config, tmp_path, mesh=None):
    model, mesh = TrampLlama(config.model), mesh or make_mesh(config.mesh)
    with jax.set_mesh(mesh):
        store = CheckpointStore(tmp_path / "run", 1)
        state = starting_state(config, model, active_tasks(config), mesh, store)
        store.close()
    return state


def test_parameters_are_those_of_the_folders_in_the_dtypes_of_the_config(weights, tmp_path, capsys):
    state = state_of(config_from(weights), tmp_path)
    llm, theirs = flatten(state.params["llm"]), language_model("qwen2", vocab_size=ROWS).to(torch.bfloat16).state_dict()
    kernel = theirs["model.layers.1.mlp.down_proj.weight"].float().numpy().T
    np.testing.assert_array_equal(llm["layers/mlp/down_proj/kernel"][1], kernel)
    assert {leaf.dtype for leaf in llm.values()} == {jnp.dtype("float32")}
    assert np.all(np.asarray(flatten(state.params["lora"])["layers/mlp/up_proj/lora_b"]) == 0)
    # BatchNorm's statistics come too, and the identity where a TraMP-Former has no projection.
    assert "stages/1/blocks/0/downsample/norm/mean" in flatten(state.stats["motion"])
    np.testing.assert_array_equal(state.params["regression"]["projection"]["kernel"], np.eye(32))
    told = capsys.readouterr().err
    assert f"init_from.llm: {weights / 'llm'}" in told
    assert "leaves fresh: fusion/from_vision/bias, fusion/from_vision/kernel, regression/first_threshold" in told
    drawn = state_of(config_from(weights, llm="", vision="", motion=""), tmp_path / "fresh")
    np.testing.assert_array_equal(
        state.params["fusion"]["from_vision"]["kernel"], drawn.params["fusion"]["from_vision"]["kernel"]
    )


def test_every_device_holds_its_slice(weights):
    """In a process of its own, which has four devices: fsdp 2 x tensor 2."""
    script = f"""
import jax, numpy as np
from pathlib import Path
import test_hf_parts as t
from tramp_jax.hf.parts import load_parts
from tramp_jax.models.tramp_llama import TrampLlama
from tramp_jax.sharding.mesh import make_mesh
config = t.config_from(Path({str(weights)!r}))
config.mesh.update({{"fsdp": 2, "tensor": 2}})
model, mesh = TrampLlama(config.model), make_mesh(config.mesh)
like = dict(zip(("params", "stats"), jax.eval_shape(model.init, jax.random.key(0))))
params, stats = load_parts(config, like, mesh, frozenset(model.blocks))
leaf = params["llm"]["layers"]["mlp"]["up_proj"]["kernel"]
assert leaf.sharding.spec == jax.sharding.PartitionSpec(None, "fsdp", "tensor"), leaf.sharding
assert {{s.data.shape for s in leaf.addressable_shards}} == {{(3, 16, 28)}}
np.save({str(weights / "leaf.npy")!r}, np.asarray(leaf))
"""
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=4"
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[1])])
    subprocess.run([sys.executable, "-c", script], check=True, env=os.environ | {"XLA_FLAGS": flags, "PYTHONPATH": paths})
    theirs = language_model("qwen2", vocab_size=ROWS).to(torch.bfloat16).state_dict()
    expected = np.stack([theirs[f"model.layers.{i}.mlp.up_proj.weight"].float().numpy().T for i in range(3)])
    np.testing.assert_array_equal(np.load(weights / "leaf.npy"), expected)


def test_a_run_trains_from_them_with_the_tokenizer_of_the_llama(weights, simulated, tmp_path):
    config = config_from(weights)
    config.data.path, config.total_steps, config.checkpoint.every = str(simulated), 4, 4
    config.schedule.weights = {"severity": 1, "report": 1}
    config.data.text_length = 128
    for task in ("severity", "report"):
        config.optim[task].warmup_fraction = 0.0
    before = state_of(config_from(weights), tmp_path).params
    run_training(config, tmp_path / "run2")
    assert Tokenizer.load(tmp_path / "run2").files() == Tokenizer.load(weights / "llm").files()
    store = CheckpointStore(tmp_path / "run2", 1)
    shapes = jax.eval_shape(TrampLlama(config.model).init, jax.random.key(0))
    after = store.restore_model(dict(zip(("params", "stats"), shapes, strict=True)))["params"]
    store.close()
    for block, moved in (("llm", False), ("vision", False), ("motion", True), ("lora", True)):
        same = jax.tree.all(jax.tree.map(lambda a, b: bool(np.array_equal(a, b)), before[block], after[block]))
        assert same is not moved, block


def test_a_tramp_former_of_the_released_size_fits_the_config_of_the_full_size(tmp_path):
    config = configs("pfed5_plus_8b")
    model = config.model
    model.motion.tiled_bias, model.fusion.mode, model.head.kind = True, "pooled", "regression"
    former = TrampFormer(model.motion, fusion_heads=8, fusion_depth=3, rgb_width=512)
    (tmp_path / "hf").mkdir()
    save_file({name: x.contiguous() for name, x in former.state_dict().items()}, tmp_path / "hf" / "model.safetensors")
    import_model(tmp_path / "hf", tmp_path / "motion")
    config.init_from.motion = str(tmp_path / "motion")
    whole, mesh = TrampLlama(model), make_mesh(config.mesh)
    like = dict(zip(("params", "stats"), jax.eval_shape(whole.init, jax.random.key(0)), strict=True))
    params, _ = load_parts(config, like, mesh, frozenset(whole.blocks))
    fresh = flatten({name: like["params"][name] for name in ("motion", "fusion", "regression")}).keys() - flatten(params).keys()
    assert fresh == {"fusion/from_vision/kernel", "fusion/from_vision/bias"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda c: c.model.llm.update({"rms_norm_eps": 1e-5}),
            r"init_from.llm=.*model.llm.rms_norm_eps is 1e-05 here and 1e-06 there",
        ),
        (lambda c: c.model.llm.update({"num_hidden_layers": 2}), "model.llm.num_hidden_layers is 2 here and 3 there"),
        (lambda c: c.model.vision.update({"hidden_act": "gelu"}), "init_from.vision=.*hidden_act is 'gelu' here"),
        (
            lambda c: c.model.fusion.update({"mode": "tokens"}),
            "init_from.motion=.*model.fusion.mode is 'tokens' here and 'pooled'",
        ),
        (lambda c: c.model.motion.update({"tiled_bias": False}), "init_from.motion=.*tiled_bias is False here and True there"),
        (
            lambda c: c.model.motion.update({"features": 6}),
            r"init_from.motion=.*motion/stem/0/bias is \(10,\), .*\(12,\)",
        ),
        (lambda c: c.model.head.update({"widths": (16, 8, 4)}), "init_from.motion=.*regression/layers/2"),
        (lambda c: c.init_from.update({"llm": c.init_from.vision}), "holds vision and no llm"),
        (
            lambda c: c.init_from.update({"llm": c.init_from.llm + "/llm"}),
            r"no import.json there: pass one that python -m tramp_jax.import_hf",
        ),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(weights, change, message):
    config = config_from(weights)
    change(config)
    model, mesh = TrampLlama(config.model), make_mesh(config.mesh)
    like = dict(zip(("params", "stats"), jax.eval_shape(model.init, jax.random.key(0)), strict=True))
    with pytest.raises(UserError, match=message) as error:
        load_parts(config, like, mesh, frozenset(model.blocks))
    assert "\n" not in str(error.value)
