"""The defaults of every experiment, and how a config is read from a flag or from a run.

An experiment is a file in configs/ whose `get_config(arg)` takes `default_config()` and changes what it needs. Real
configs keep the paper's recipe (frozen base LLM, LoRA, frozen ViT); every value that TraMP-LLaMA does not publish is ours
or is taken from the code that the comment names.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from input_pipeline.errors import UserError
from input_pipeline.pipeline import default_data_config
from input_pipeline.whole_files import write_whole
from tramp_jax.models.cross_fusion import default_fusion_config
from tramp_jax.models.heads import default_head_config
from tramp_jax.models.llama_presets import default_llama_config
from tramp_jax.models.lora import default_lora_config
from tramp_jax.models.motion_encoder import default_motion_config
from tramp_jax.models.projections import default_projection_config
from tramp_jax.models.vit import default_vit_config


def default_config() -> ConfigDict:
    """The paper's recipe at its unpublished sizes' most likely values; see each comment for where a value comes from."""
    config = ConfigDict()
    config.name = "tramp_llama"
    config.seed = 0
    config.trained_on = ""  # name of the data set, filled in when training starts
    config.data = default_data_config()
    config.model = default_model_config()
    config.ownership = default_ownership()
    # Where a new run's parameters come from, per part: a folder that `python -m tramp_jax.import_hf` made, "" for fresh ones.
    config.init_from = ConfigDict({"llm": "", "lora": "", "vision": "", "motion": "", "projection": ""})
    config.pretrained = ConfigDict()  # part -> source, revision and family of what it started from, filled in at the start

    # Steps of both tasks together (ours: TraMP-LLaMA's length is unpublished).
    config.total_steps = 10_000
    # Steps over which learning rates fall; 0 = total_steps (ours). To make a run longer, set it to the run's first
    # total_steps and raise total_steps.
    config.horizon = 0
    config.schedule = ConfigDict()
    # How many steps of each task in one round (ours: single-stage or alternating is unpublished).
    config.schedule.weights = ConfigDict({"severity": 2, "report": 1, "language": 0})
    # The first step at which a task takes part (ours); a late report task sees motion tokens that have settled.
    config.schedule.first_step = ConfigDict({"severity": 0, "report": 0, "language": 0})

    config.batch_size = ConfigDict({"severity": 32, "report": 32, "language": 32})  # clips per step, all hosts together (ours)
    # Micro-batches per step. Balanced MSE and BatchNorm need the whole batch, so only report may have more than one.
    config.accumulation = ConfigDict({"severity": 1, "report": 1, "language": 1})
    config.optim = ConfigDict()
    # TraMP-Former: Adam at 1e-4 without weight decay, halved every 10 epochs; the cosine, warm-up and clipping are ours.
    config.optim.severity = _optimizer(lr=1e-4, weight_decay=0.0, clip_norm=1.0)
    # VideoLLaMA3's fine-tuning: 1e-5 with 3 percent of warm-up and a cosine; 1e-4 for LoRA is ours.
    config.optim.report = _optimizer(lr=1e-4, weight_decay=0.0, clip_norm=1.0)
    config.optim.language = _optimizer(lr=1e-4, weight_decay=0.0, clip_norm=1.0)  # as report (ours)

    config.max_skipped = 10  # steps of a task in a row whose loss or gradient is no number; one more ends the run (ours)
    # A loss above mean + deviations x deviation of the task's last `window` losses is a spike: the run goes back to its newest
    # checkpoint and leaves the batches since out. 0 = off (ours); MaxText, which skips the step alone: 128 and 6.
    config.spike = ConfigDict({"window": 0, "deviations": 6.0, "max_rollbacks": 3})  # one spike more ends the run (ours)
    config.processes = 0  # that must have joined before the run starts; 0 = any number (ours)
    config.mesh = ConfigDict({"replica": 1, "fsdp": -1, "tensor": 1})  # one -1 takes what is left (ours)
    config.checkpoint = ConfigDict({"every": 500, "keep": 2})  # steps between saves; newest and the best kept (ours)
    config.evaluate_every = 500  # steps between validations on the validation fold; 0 = never (ours)
    config.compare_copies_every = 1000  # steps between comparisons of what several devices hold alike; 0 = never (ours)
    config.watchdog_seconds = 600.0  # after which a run says what it is waiting for; 0 = never (ours)
    config.log_every = 50  # steps between lines where the output is not a terminal (ours)
    config.generation = ConfigDict({"max_new_tokens": 192, "batch_size": 16})  # greedy decoding (ours)
    config.tokenizer = ConfigDict()
    # A sentencepiece .model, a tokenizer.json or a folder with one. Empty: that of init_from.llm, else a sentencepiece model
    # trained on the training reports (the demo).
    config.tokenizer.path = ""
    config.tokenizer.vocab_size = 512  # only for a tokenizer trained here (ours)
    return config


def default_model_config() -> ConfigDict:
    """Sizes of every block. Shapes as in `tramp_jax.models.tramp_llama`."""
    model = ConfigDict()
    model.motion = default_motion_config()
    model.vision = default_vit_config()
    # "skate" (TraMP-Former), or "none": learned tokens stand in for the landmarks (the ablation; ours).
    model.motion_kind = "skate"
    # "vit", or "none": learned queries stand in for the frames (landmark-only data, and the ablation).
    model.vision_kind = "vit"
    model.fusion = default_fusion_config()
    model.head = default_head_config()
    model.projection = default_projection_config()
    # Prefix tokens from the motion encoder: 7 regions x this many time segments. 1 is ours as well; the paper's is unpublished.
    model.motion_segments = 1
    # Prefix tokens that carry the clip's measured kinematics to the LLaMA, never to the severity path (ours; 0 = the paper's).
    model.kinematic_tokens = 0
    # As many tokens again, by the same projection, of the kinematics less those of the mirror image: what differs between left
    # and right, which one token of everything hides from the report (ours; docs/demo.md).
    model.kinematic_sides = False
    # Whether the expression's name also reaches the severity path (ours; the figure shows no such edge).
    model.condition_on_expression = False
    model.llm = default_llama_config()
    model.lora = default_lora_config()
    model.use_lora = True
    # Where gradients of the report stop (paper: motion, fusion; vision is ours, for where no ViT is frozen). Fewer are
    # ablations.
    model.stop_gradients = ("motion", "fusion", "vision")
    return model


def default_ownership() -> tuple[tuple[str, str], ...]:
    """Who trains what: ordered (regex over the parameter path, task or "frozen"), first match wins (paper, figure)."""
    return (
        (r"(motion|fusion|regression|kinematics|expression)/.*", "severity"),
        (r"(motion|fusion|visual|kinematic)_projection/.*", "report"),
        (r"lora/.*", "report"),
        (r"(vision|llm)/.*", "frozen"),
    )


def _optimizer(*, lr: float, weight_decay: float, clip_norm: float) -> ConfigDict:
    return ConfigDict(
        {
            "lr": lr,
            "warmup_fraction": 0.03,  # VideoLLaMA3
            "final_fraction": 0.0,  # of lr, at the end of the cosine (VideoLLaMA3)
            "weight_decay": weight_decay,  # matrices only
            "clip_norm": clip_norm,  # over the task's own gradients
            "b1": 0.9,  # Adam's own
            "b2": 0.999,  # Adam's own
        }
    )


def config_from_flag(value: ConfigDict) -> ConfigDict:
    """The config behind a `--config` flag, with a missing or broken file told in one line.

    Raises:
      UserError: no such file, or the file fails.
    """
    try:
        value.total_steps  # noqa: B018 - ml_collections reports a config file that failed at the first use
    except (OSError, ImportError, AttributeError, ValueError) as error:
        raise UserError(f"--config: {error}: pass a file such as configs/demo.py or configs/demo.py:runlocal") from error
    return value


def save_config(config: ConfigDict, path: Path) -> None:
    """Writes the config as JSON, so that later commands need only the run's folder."""
    write_whole({path: json.dumps(config.to_dict(), indent=2, sort_keys=True) + "\n"})


def load_config(run: Path) -> ConfigDict:
    """Reads RUN/config.json. An option that is newer than the run gets its default, which is what the run did.

    Raises:
      UserError: the folder is no run.
    """
    path = run / "config.json"
    try:
        return ConfigDict(_filled(json.loads(path.read_text()), default_config().to_dict()))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(f"{run}: no config.json there, so not a training run: pass the --workdir of tramp_jax.train") from error
    except ValueError as error:
        raise UserError(f"{path}: not a config ({error}): restore it from the run's newest checkpoint") from error


def _filled(saved: Any, defaults: dict, where: str = "config") -> dict:
    if not isinstance(saved, dict):
        raise ValueError(f"{where} is a {type(saved).__name__}, not a group of options")
    missing = {key: value for key, value in defaults.items() if key not in saved}
    deeper = {
        key: _filled(value, defaults[key], f"{where}.{key}")
        for key, value in saved.items()
        if isinstance(defaults.get(key), dict)
    }
    return {**saved, **missing, **deeper}
