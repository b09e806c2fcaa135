"""A run on stored features is the run that the frozen ViT makes on the fly, without the ViT and without a pixel."""

import contextlib
import itertools
import json
import os
import re
import shutil
import signal
import subprocess
import sys

import jax
import numpy as np
import pytest
from tiny import tiny_config
from vit_factory import imported_vit

from input_pipeline.dataset import Dataset
from input_pipeline.errors import RecordError, UserError
from input_pipeline.pipeline import batches, default_data_config
from input_pipeline.tokenizer import Tokenizer, train_tokenizer
from input_pipeline.validate import find_problems
from input_pipeline.vision_features import VisionFeatures
from tramp_jax.evaluator import evaluate
from tramp_jax.feature_making import load_vit, make_features
from tramp_jax.models.tramp_llama import TrampLlama
from tramp_jax.planning.flops import task_flops
from tramp_jax.planning.program import batch_shapes, lower_step
from tramp_jax.sharding.mesh import make_mesh
from tramp_jax.tasks.table import active_tasks
from tramp_jax.training.phases import Phases
from tramp_jax.training.setup import train_run

STEPS = {"total_steps": 6, "checkpoint__every": 0}


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


@pytest.fixture(scope="module")
def runs(data, tmp_path_factory):
    """(run, metrics) with the ViT, and on features of a copy whose frame shards hold nothing that can be read."""
    folder = tmp_path_factory.mktemp("runs")
    blind = shutil.copytree(data, folder / "blind")
    shutil.copytree(data.parent / "vit", folder / "vit")
    for path in blind.glob("frames-*"):
        path.write_bytes(b"x" * path.stat().st_size)
    sources = {"vit_run": (data, ""), "features_run": (blind, "tiny")}
    return {run: (folder / run, train(configured(*source, **STEPS), folder / run)) for run, source in sources.items()}


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


def test_a_run_on_features_is_the_run_with_the_vit_and_needs_no_pixel(runs):
    """Losses of both tasks, validation and scores to the bit: float32, the ViT in a program of its own and within the step."""
    rows = {run: metrics for run, (_, metrics) in runs.items()}
    assert {row["task"] for row in rows["vit_run"]} == {"severity", "report", "validation"}
    assert rows["vit_run"] == rows["features_run"]
    results = [evaluate(folder, None, "test", with_reports=False) for folder, _ in runs.values()]
    assert results[0]["severity"] == results[1]["severity"]
    assert results[0]["model"]["sha256"] == results[1]["model"]["sha256"]


def test_a_run_does_not_go_on_with_and_is_not_evaluated_on_features_of_other_weights(runs, data, tmp_path):
    run, copy = shutil.copytree(runs["features_run"][0], tmp_path / "run"), shutil.copytree(data, tmp_path / "data")
    imported_vit(tiny_config(), tmp_path / "vit", seed=1)
    shutil.rmtree(copy / "features")
    config = configured(copy, "tiny", **{**STEPS, "total_steps": 9, "horizon": 6})
    make_features(config)
    with contextlib.closing(Phases(print, 0)) as phases, pytest.raises(UserError, match=r"made with other weights \(of vit, "):
        train_run(config, run, phases)
    with pytest.raises(UserError, match="made with other weights"):
        evaluate(run, str(copy), "test", with_reports=False)
    shutil.rmtree(copy / "features")  # then the ViT of the checkpoint runs on the frames
    assert evaluate(run, str(copy), "test", with_reports=False)["severity"]


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


def files_of(data, name="tiny"):
    return {path.name: path.read_bytes() for path in (data / "features" / name).iterdir()}


def only_data(data, folder):
    """A copy of the data set without features, and the weights."""
    shutil.copytree(data.parent / "vit", folder / "vit")
    return shutil.copytree(data, folder / "data", ignore=shutil.ignore_patterns("features"))


def start(data, *options, devices=1):
    command = [sys.executable, "-m", "tramp_jax.features", "--config=tests/tiny_experiment.py", f"--config.data.path={data}"]
    command += [f"--config.init_from.vision={data.parent / 'vit'}", "--config.data.vision_features=tiny", *options]
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count={devices}"
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=os.environ | {"XLA_FLAGS": flags})


def test_killed_and_started_again_the_command_makes_the_same_bytes(data, tmp_path):
    copy = only_data(data, tmp_path)
    make_features(configured(copy, "tiny"), shard_bytes=0)
    whole = files_of(copy)
    shutil.rmtree(copy / "features")
    for shard in (3, 30):
        process = start(copy, "--shard-megabytes=0")
        while process.poll() is None and not list(copy.glob(f"features/tiny/plain-{shard:05d}-*d")):
            pass
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
    left = len(json.loads((copy / "features" / "tiny" / "making.json").read_text())["files"]["plain"])
    process = start(copy, "--shard-megabytes=0")
    output, error = process.communicate(timeout=300)
    assert process.returncode == 0, error
    assert f"MiB to write: {60 - left} of 60 clips" in output
    assert re.search(rf"{60 - left} clips in [\d.]+ s: [\d.]+ clips/s, \d+ frames/s", output)
    assert files_of(copy) == whole


def test_several_devices_make_the_same_features(data, tmp_path):
    copy = only_data(data, tmp_path)
    process = start(copy, devices=4)
    _, error = process.communicate(timeout=300)
    assert process.returncode == 0, error
    config, found = configured(copy, "tiny"), []
    for folder in (data, copy):
        features = VisionFeatures(Dataset.open(folder), "tiny")
        features.check(config.data, config.data.trajectory_length, default_data_config())
        found.append([features.read(index, mirrored=bool(index % 2))["vision"] for index in range(features.about.clips)])
    np.testing.assert_allclose(*found, rtol=0, atol=1e-6)


def test_a_withdrawn_subject_is_not_looked_at(data, tmp_path):
    copy = only_data(data, tmp_path)
    gone = Dataset.open(copy).labels[7].subject
    (copy / "withdrawn.txt").write_text(f"{gone}\n")
    make_features(configured(copy, "tiny"))
    assert list(find_problems(copy)) == []
    (copy / "withdrawn.txt").unlink()
    dataset = Dataset.open(copy)
    mine = [index for index, label in enumerate(dataset.labels) if label.subject == gone]
    assert len(list(find_problems(copy))) == 2 * len(mine)
    with pytest.raises(RecordError, match="its subject had withdrawn"):
        VisionFeatures(dataset, "tiny").read(mine[0], mirrored=False)


def test_a_clip_whose_frames_are_damaged_is_borne_as_in_training(data, tmp_path):
    copy = only_data(data, tmp_path)
    dataset = Dataset.open(copy)
    jpeg = dataset.clip(5, with_frames=True).frames[0]
    (path,) = (path for path in copy.glob("frames-*") if jpeg in path.read_bytes())
    path.write_bytes(path.read_bytes().replace(jpeg, jpeg[:-1] + b"x"))
    config = configured(copy, "tiny")
    with pytest.raises(RecordError, match=dataset.labels[5].clip_id):
        make_features(config)
    config.data.max_bad_clips = 1
    make_features(config)
    features = VisionFeatures(Dataset.open(copy), "tiny")
    with pytest.raises(RecordError, match="its frames could not be read when the features were made"):
        features.read(5, mirrored=False)
    before = VisionFeatures(Dataset.open(data), "tiny")
    np.testing.assert_array_equal(features.read(6, mirrored=True)["vision"], before.read(6, mirrored=True)["vision"])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"data__vision_features": ""}, r"which name\? set --config\.data\.vision_features=NAME"),
        ({"init_from__vision": "nowhere"}, r"nowhere: no import\.json there"),
        ({"model__vision__hidden_size": 32}, r"model\.vision\.hidden_size is 32 here and 16 there"),
        ({"data__image_size": 32}, r"the ViT got frames of \(32, 32, 3\), expected \(16, 16, 3\)"),
        ({"data__rest_frames": 8}, r"data\.rest_frames=8 is for runs on rest alone"),
    ],
)
def test_what_no_features_can_be_made_of_is_told_before_anything_is_written(data, tmp_path, changes, words):
    copy = only_data(data, tmp_path)
    config = configured(copy, "tiny")
    config.update_from_flattened_dict({key.replace("__", "."): value for key, value in changes.items()})
    with pytest.raises(UserError, match=words) as error:
        make_features(config)
    assert len(str(error.value).splitlines()) == 1
    assert not (copy / "features").exists()


def test_a_wrong_argument_of_the_command_is_one_line(data):
    process = start(data, "surplus")
    _, error = process.communicate(timeout=300)
    assert (process.returncode, len(error.splitlines())) == (2, 1)
    assert "unexpected argument 'surplus'" in error
