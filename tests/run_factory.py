"""Runs for tests of what comes after training: real configs, tokenizer and checkpoint, random parameters, no step taken."""

from pathlib import Path

import jax
from full_factory import random_trees
from ml_collections import ConfigDict

from input_pipeline.measured import standardisation
from tramp_jax.checkpoint.store import CheckpointStore
from tramp_jax.config import save_config
from tramp_jax.models.tramp_llama import TrampLlama
from tramp_jax.tasks.sources import open_run_data
from tramp_jax.tasks.table import active_tasks
from tramp_jax.training.setup import run_tokenizer
from tramp_jax.training.state import TrainState


def random_run(config: ConfigDict, data: Path | None, run: Path) -> Path:
    """A run's folder whose newest checkpoint holds random numbers in every parameter, LoRA and statistics too.

    Args:
      data: a data set folder; None for the `data.sources` of the config.
    """
    config.data.path = "" if data is None else str(data)
    dataset, folds = open_run_data(config, active_tasks(config))
    train = folds["train"]
    run.mkdir(parents=True)
    config.trained_on = dataset.name
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
