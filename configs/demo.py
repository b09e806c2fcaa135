"""The demo: both tasks on simulated faces, small enough for 2 CPU cores and 10 minutes. Every size and rate here is ours.

What differs in kind from the real configs: no pretrained parts exist, so `severity` owns a small ViT (read by `report`
through a stop-gradient) and `report` owns the whole small LLaMA instead of a LoRA in a frozen one. 1,800 clips and a few
hundred steps are too few to learn everything from, so head motion is removed from landmarks and frames, frames show what
changes in a clip, landmarks are resampled to one rate, the encoder also learns to read off the measured kinematics, the LLaMA
is given them as tokens, and the score knows the expression. Each is a switch below.

`configs/demo.py:runlocal` is the same in a few steps, for tests.
"""

from ml_collections import ConfigDict

from tramp_jax.config import default_config
from tramp_jax.models.llama_presets import tiny
from tramp_jax.models.vit import tiny_vit


def get_config(arg: str | None = None) -> ConfigDict:
    """The demo, or its few-step version for `arg="runlocal"`."""
    config = default_config()
    config.name = "demo"

    data = config.data
    data.path = "data/demo"
    data.features = ("x", "y", "dx", "dy", "r", "g", "b", "dr", "dg", "db")
    data.position_unit, data.displacement_unit = 128.0, 2.0
    data.remove_head_motion = True
    data.resample_fps = 6.0
    data.trajectory_length = 32
    data.num_frames, data.image_size = 8, 48
    # As filmed, place and looks of the head hide from a ViT that starts from nothing what the face does.
    data.align_frames, data.frame_change = True, 3.0
    data.text_length = 96
    data.cache_clips = 4000  # all of them

    model = config.model
    model.motion.features = len(data.features)
    model.motion.frames = data.trajectory_length
    model.motion.time_patch = 4
    model.motion.channels, model.motion.depths, model.motion.heads = (32, 64), (1, 1), 8
    model.motion.consecutive_frames = model.motion.strided_frames = 4
    model.motion.attention_dropout, model.motion.drop_path = 0.0, 0.0
    model.kinematic_tokens = 4
    model.condition_on_expression = True
    width = model.motion.channels[-1]
    model.vision = tiny_vit(image_size=data.image_size, patch_size=8, hidden_size=48, num_hidden_layers=1)
    model.fusion.width = model.fusion.motion_width = width
    model.fusion.vision_width = model.vision.hidden_size
    model.fusion.depth, model.fusion.heads = 2, 4
    model.head.input_width, model.head.widths = width, (64, 32)
    # Balanced MSE is noisy on batches of 16.
    model.head.balanced_mse_weight, model.head.kinematics_weight = 0.2, 3.0
    model.projection.dtype, model.projection.merge = "float32", 6
    config.tokenizer.vocab_size = 700
    model.llm = tiny(vocab_size=config.tokenizer.vocab_size, hidden_size=128, num_hidden_layers=3)
    model.use_lora = False
    config.ownership = (
        (r"(motion|fusion|regression|kinematics|expression|vision)/.*", "severity"),
        (r"(motion|fusion|visual|kinematic)_projection/.*|llm/.*", "report"),
    )

    config.total_steps = 1400
    config.schedule.weights = ConfigDict({"severity": 1, "report": 1})
    config.batch_size.severity, config.batch_size.report = 16, 16
    for task in ("severity", "report"):
        config.optim[task].lr, config.optim[task].weight_decay, config.optim[task].b2 = 3e-3, 0.05, 0.99
    config.evaluate_every = 700
    config.checkpoint.every = 350
    config.log_every = 25
    config.generation.max_new_tokens = 84
    config.generation.batch_size = 60

    if arg == "runlocal":
        config.total_steps, config.evaluate_every, config.checkpoint.every = 6, 0, 3
        config.batch_size.severity = config.batch_size.report = 4
    elif arg:
        raise ValueError(f"configs/demo.py:{arg}: unknown; use configs/demo.py or configs/demo.py:runlocal")
    return config
