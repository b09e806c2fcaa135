"""What each of the two inputs is worth: the run's severity path trained anew without the other.

An ablation is a run in RUN/ablations/NAME with the run's own data, split, seed, batches, rates and number of severity steps.
It has no report task, which takes no part in the scores (the paper's decoupling), and so no large LLaMA.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from input_pipeline.errors import UserError
from input_pipeline.pipeline import ClipSource
from tramp_jax.checkpoint.store import FOLDER as CHECKPOINTS
from tramp_jax.checkpoint.store import CheckpointStore
from tramp_jax.config import load_config
from tramp_jax.inference import TrainedModel
from tramp_jax.models.llama_presets import tiny
from tramp_jax.tasks.schedule import Schedule
from tramp_jax.trainer import run_training

FOLDER = "ablations"
LANDMARK_ONLY, VISION_ONLY = "landmark_only", "vision_only"
SEVERITY = "severity"


def ablations_of(config: ConfigDict) -> tuple[str, ...]:
    """The ablations that a run can have: none where it has one input, or scores nothing."""
    both = config.model.motion_kind != "none" and config.model.vision_kind != "none"
    return (LANDMARK_ONLY, VISION_ONLY) if both and config.schedule.weights.get(SEVERITY, 0) else ()


def ablation_config(run: Path, config: ConfigDict, name: str) -> ConfigDict:
    """The config of an ablation, from that of its run."""
    found, schedule = ConfigDict(config.to_dict()), Schedule.from_config(config.schedule)
    found.total_steps, found.horizon = (schedule.count(SEVERITY, config[key]) for key in ("total_steps", "horizon"))
    found.evaluate_every, found.checkpoint.every = _intervals(config, found.total_steps / config.total_steps)
    found.schedule.weights = ConfigDict({task: int(task == SEVERITY) for task in config.schedule.weights})
    found.schedule.first_step = ConfigDict(dict.fromkeys(config.schedule.first_step, 0))
    found.name = f"{config.name}_{name}"
    found.tokenizer.path = str(run)
    # Parts that no score is read from stay at their smallest.
    found.model.llm, found.model.use_lora, found.model.kinematic_tokens = tiny(config.tokenizer.vocab_size), False, 0
    unused = {"llm", "lora", "projection"}
    if name == LANDMARK_ONLY:
        found.model.vision_kind, found.data.vision_features = "none", ""
        unused.add("vision")
    else:
        found.model.motion_kind, found.model.head.kinematics_weight = "none", 0.0
        unused.add("motion")
    found.init_from.update(dict.fromkeys(unused, ""))
    return found


def _intervals(config: ConfigDict, share: float) -> tuple[int, int]:
    """Steps between validations and between saves for a share of the run's steps, the longer still a multiple of the shorter.

    What is validated has to be saved as well, or nothing is ever the best.
    """
    both = (config.evaluate_every, config.checkpoint.every)
    shorter = min((every for every in both if every), default=0)
    unit = max(1, round(share * shorter))
    validate, save = (unit * max(1, round(every / shorter)) if every else 0 for every in both)
    return validate, save


def train_ablations(run: Path) -> bool:
    """Trains the ablations of a run that is done, each from where it stopped. False: stopped by SIGTERM, saved.

    Raises:
      UserError: no run, or one that has no ablations.
    """
    config = load_config(run)
    names = ablations_of(config)
    if not names:
        raise UserError(
            f"{run}: a model of one input, or without a severity task, has no ablations: name a run with landmarks and frames"
        )
    for name in names:
        print(f"{name}: {run / FOLDER / name}", flush=True)
        if not run_training(ablation_config(run, config, name), run / FOLDER / name):
            return False
    return True


def ablation_scores(run: Path, step: str, data: ClipSource, indices: Sequence[int]) -> tuple[dict[str, np.ndarray], list[str]]:
    """Scores (N,) of clips by the ablations of a run that are trained to their end.

    Args:
      run: the run's folder.
      step: "last" or "best", as of the run itself.
      data, indices: the clips.

    Returns:
      name -> scores, and the names of those that are not there.
    """
    config, found, missing = load_config(run), {}, []
    for name in ablations_of(config):
        model = _finished(run / FOLDER / name, ablation_config(run, config, name), step)
        if model is None:
            missing.append(name)
        else:
            found[name] = model.score(data, indices)["raw"]
    return found, missing


def _finished(folder: Path, config: ConfigDict, step: str) -> TrainedModel | None:
    """The ablation in this folder, None where it is not there, not at its end, or of a run with other settings."""
    begun = (folder / "config.json").is_file() and (folder / CHECKPOINTS).is_dir()
    if not begun or _settings(load_config(folder)) != _settings(config):
        return None
    with contextlib.closing(CheckpointStore(folder, config.checkpoint.keep, create=False)) as store:
        newest = store.latest()
    return TrainedModel(folder, step) if newest == config.total_steps else None


def _settings(config: ConfigDict) -> dict[str, Any]:
    """What scores depend on, without what training fills in."""
    found = {name: config[name] for name in ("seed", "batch_size", "optim", "total_steps", "horizon", "data", "model")}
    plain = json.loads(json.dumps({name: x.to_dict() if isinstance(x, ConfigDict) else x for name, x in found.items()}))
    del plain["model"]["llm"]
    return plain
