"""Scores and reports on 8 devices are those of one, of one program each, with the last batch filled up."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from run_factory import random_run
from test_sharding_meshes import WIDE
from tiny import tiny_config

from input_pipeline.dataset import Dataset
from tramp_jax.inference import Throughput, TrainedModel

# 11 clips in batches of 4: the last has 3. 8 devices fill each up to 8.
CLIPS, BATCH, TOKENS = 11, 4, 24


def work(run, data):
    """What a process finds on its devices."""
    model, dataset = TrainedModel(Path(run)), Dataset.open(data)
    scores, texts = model.score(dataset, range(CLIPS)), model.write(dataset, range(CLIPS))
    leaves = jax.tree.leaves(model.params)
    return {
        "devices": max(len(leaf.sharding.device_set) for leaf in leaves),
        "cut": sum(not leaf.sharding.is_fully_replicated for leaf in leaves),
        "scores": scores["raw"].tolist(),
        "interval": scores["interval"].tolist(),
        "texts": texts,
        "programs": {"score": model.predictor._score._cache_size(), "write": len(model.predictor.programs)},
        "batch": next(iter(model.predictor.programs))[0],
        "throughput": str(model.predictor.throughput),
        "tokens": model.predictor.throughput.tokens,
    }


@pytest.fixture(scope="module")
def run(simulated, tmp_path_factory):
    config = tiny_config(data__text_length=128, generation__batch_size=BATCH, generation__max_new_tokens=TOKENS)
    config.batch_size.severity = BATCH
    config.model.llm.update(WIDE)
    return random_run(config, simulated, tmp_path_factory.mktemp("inference") / "run")


@pytest.fixture(scope="module")
def on_one(run, simulated):
    return work(run, simulated)


@pytest.fixture(scope="module")
def on_eight(run, simulated):
    script = f"import json, test_inference as t; print(json.dumps(t.work({str(run)!r}, {str(simulated)!r})))"
    paths = os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[1])])
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=8"
    environment = os.environ | {"XLA_FLAGS": flags, "PYTHONPATH": paths, "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, timeout=500)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_scores_and_texts_of_eight_devices_are_those_of_one(on_one, on_eight):
    assert (on_eight["devices"], on_one["devices"]) == (8, 1)
    assert on_eight["cut"] > 10
    assert len(on_one["scores"]) == len(on_eight["scores"]) == CLIPS
    np.testing.assert_allclose(on_eight["scores"], on_one["scores"], rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(on_eight["interval"], on_one["interval"], rtol=1e-5, atol=1e-6)
    assert len(set(on_one["texts"])) > 3
    assert on_eight["texts"] == on_one["texts"]


def test_one_program_scores_and_one_writes_every_batch_the_last_too(on_one, on_eight):
    assert on_one["programs"] == on_eight["programs"] == {"score": 1, "write": 1}
    assert (on_one["batch"], on_eight["batch"]) == (BATCH, 8)


def test_throughput_counts_real_clips_and_their_tokens_with_compiling_apart(on_one, on_eight):
    for found in (on_one, on_eight):
        assert re.fullmatch(r"11 reports, [\d.]+ reports/s, \d+ tokens/s; compiled in [\d.]+ s", found["throughput"])
        assert CLIPS <= found["tokens"] <= CLIPS * TOKENS
    assert on_one["tokens"] == on_eight["tokens"]
    assert str(Throughput()) == "0 reports, 0.00 reports/s, 0 tokens/s; compiled in 0.0 s"
