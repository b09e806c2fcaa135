"""A run on stored features is the run that the frozen ViT makes on the fly, without the ViT and without a pixel."""

import contextlib
import itertools
import json
import shutil

import jax
import numpy as np
import pytest
from tiny import tiny_config
from vit_factory import imported_vit

from input_pipeline.dataset import Dataset
from input_pipeline.pipeline import batches
from input_pipeline.tokenizer import Tokenizer, train_tokenizer
from tramp_jax.evaluate import evaluate
from tramp_jax.feature_making import load_vit, make_features
from tramp_jax.models.tramp_llama import TrampLlama
from tramp_jax.planning.flops import task_flops
from tramp_jax.planning.program import batch_shapes, lower_step
from tramp_jax.sharding.mesh import make_mesh
from tramp_jax.tasks.table import active_tasks
from tramp_jax.training.phases import Phases
from tramp_jax.training.setup import train_run


@pytest.fixture(scope="module")
def data(simulated, tmp_path_factory):
    """A data set with the features "tiny" of the ViT in vit/, beside it."""
    folder = tmp_path_factory.mktemp("features")
    shutil.copytree(simulated, folder / "data")
    config = tiny_config()
    imported_vit(config, folder / "vit")
    make_features(configured(folder / "data", "tiny"), 5000)
    return folder / "data"


def configured(data, name, **changes):
    """The tiny recipe on stored features, or with the ViT for name=""."""
    config = tiny_config(data__path=str(data), data__vision_features=name, **changes)
    config.init_from.vision = str(data.parent / "vit")
    return config


def train(config, run):
    with contextlib.closing(Phases(print, 0)) as phases:
        assert train_run(config, run, phases)
    rows = [json.loads(line) for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert len({row["step"] for row in rows}) == config.total_steps
    return [{name: value for name, value in row.items() if not name.startswith("seconds")} for row in rows]


def without_pixels(data, folder):
    """A copy whose frame shards hold nothing that can be read."""
    copy = shutil.copytree(data, folder / "blind")
    shutil.copytree(data.parent / "vit", folder / "vit")
    for path in copy.glob("frames-*"):
        path.write_bytes(b"x" * path.stat().st_size)
    return copy


def test_stored_features_are_what_the_vit_makes_of_the_same_frames_mirrored_or_not(data):
    """Half of the clips are flipped in training; a ViT does not see a mirrored face as it sees the face."""
    config = configured(data, "tiny")
    dataset, model, mesh = Dataset.open(data), TrampLlama(config.model), make_mesh(config.mesh)
    options = {"task": "severity", "batch_size": 4, "seed": 0, "train": True}
    indices, kinds = range(len(dataset)), ({"trajectory", "frames"}, {"trajectory", "vision"})
    streams = [batches(dataset, indices, config.data, None, needs=frozenset(needs), **options) for needs in kinds]
    with jax.set_mesh(mesh):
        see = jax.jit(lambda params, batch: model.see({"vision": params}, batch)[0])
        params = load_vit(config, model, mesh)
        for pixels, stored in itertools.islice(zip(*streams, strict=True), 8):
            assert "frames" not in stored
            for name in ("clip_index", "trajectory", "frame_mask"):
                np.testing.assert_array_equal(pixels[name], stored[name])
            found = np.array(see(params, {name: pixels[name] for name in ("frames", "frame_mask")}))
            assert stored["vision"].dtype == found.dtype
            np.testing.assert_array_equal(stored["vision"], found)
            again = see(params, {"frames": pixels["frames"][:, :, :, ::-1], "frame_mask": None})
            assert np.abs(np.array(again) - found).max() > 0.01


def test_a_run_on_features_is_the_run_with_the_vit_and_needs_no_pixel(data, tmp_path):
    """Losses of both tasks, validation and scores to the bit: float32, the ViT in a program of its own and within the step."""
    changes = {"total_steps": 6, "checkpoint__every": 0}
    blind = without_pixels(data, tmp_path)
    with_vit = train(configured(data, "", **changes), tmp_path / "vit_run")
    with_features = train(configured(blind, "tiny", **changes), tmp_path / "features_run")
    assert {row["task"] for row in with_vit} == {"severity", "report", "validation"}
    assert with_vit == with_features
    results = [evaluate(tmp_path / run, None, "test", with_reports=False) for run in ("vit_run", "features_run")]
    assert results[0]["severity"] == results[1]["severity"]
    assert results[0]["model"]["sha256"] == results[1]["model"]["sha256"]


@pytest.mark.parametrize("task", ["severity", "report"])
def test_a_step_on_features_reads_no_parameter_of_the_vit_and_lacks_its_operations(task):
    """By XLA's own count, against the count by formula of what a ViT big enough to matter takes."""
    big = {"hidden_size": 64, "intermediate_size": 256, "num_hidden_layers": 3, "unroll": 3}
    programs, configs = {}, {}
    for name in ("", "tiny"):
        config = tiny_config(data__vision_features=name, model__fusion__vision_width=64)
        config.model.vision.update(big)
        configs[name], programs[name] = config, lower_step(config, task, make_mesh(config.mesh))
    flops = {name: program.lowered.cost_analysis()["flops"] for name, program in programs.items()}
    vit = task_flops(configs[""], task, [], splash=False)["ViT"].forward * configs[""].batch_size[task]
    assert flops[""] - flops["tiny"] > 0.95 * vit
    assert "ViT" not in task_flops(configs["tiny"], task, [], splash=False)
    for name, program in programs.items():
        owned, _, _, others, *_, batch, _ = program.arguments
        assert ("vision" in {**owned, **others}, "frames" in batch, "vision" in batch) == (not name, not name, bool(name))


def test_the_planned_batch_is_the_batch_of_the_pipeline(data):
    config = configured(data, "tiny")
    for task in active_tasks(config):
        tokenizer = Tokenizer(train_tokenizer(["Moves less."], 300)) if task.name == "report" else None
        needs, dataset = task.needs(config.model), Dataset.open(data)
        options = {"task": task.name, "batch_size": 4, "seed": 0, "train": True, "needs": needs}
        batch = next(batches(dataset, range(len(dataset)), config.data, tokenizer, **options))
        found = {name: (array.shape, array.dtype.name) for name, array in batch.items()}
        assert batch_shapes(config, task, 4) == found
