"""Runs for tests of what comes after training: real configs, tokenizer and checkpoint, random parameters, no step taken."""

from pathlib import Path

import jax
from full_factory import random_trees
from ml_collections import ConfigDict

from input_pipeline.dataset import Dataset
from input_pipeline.measured import standardisation
from input_pipeline.splits import load_split
from tramp_jax.checkpoint.store import CheckpointStore
from tramp_jax.config import save_config
from tramp_jax.models.tramp_llama import TrampLlama
from tramp_jax.training.setup import run_tokenizer
from tramp_jax.training.state import TrainState


def random_run(config: ConfigDict, data: Path, run: Path) -> Path:
    """A run's folder whose newest checkpoint holds random numbers in every parameter, LoRA and statistics too."""
    dataset = Dataset.open(data)
    train = load_split(dataset, config.data.split)["train"]
    run.mkdir(parents=True)
    config.data.path, config.trained_on = str(data), dataset.manifest.name
    tokenizer = run_tokenizer(config, run, dataset, train)
    config.model.llm.vocab_size = max(config.model.llm.vocab_size, tokenizer.vocab_size)
    if config.model.kinematic_tokens:
        config.data.kinematics_centre, config.data.kinematics_scale = standardisation(dataset, train)
    save_config(config, run / "config.json")
    params, stats = jax.tree.map(jax.numpy.asarray, random_trees(TrampLlama(config.model)))
    store = CheckpointStore(run, 1)
    store.save(TrainState(params, stats, {}, {}, 7), config, {})
    store.close()
    return run
