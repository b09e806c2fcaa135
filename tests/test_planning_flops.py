"""The formulas against XLA's own count of small unrolled models, for every task, ownership and remat policy."""

import pytest
from tiny import demo_config, tiny_config

from tramp_jax.models.splash import block_of
from tramp_jax.planning.flops import task_flops
from tramp_jax.planning.program import lower_step
from tramp_jax.sharding.mesh import make_mesh
from tramp_jax.tasks.table import active_tasks

CLIPS = 4  # the more, the less the optimizer, whose work they do not change


def unrolled(make, remat):
    """Wide enough for products to be nearly all of the work, with no random choices."""
    config = make()
    model = config.model
    model.motion.channels, model.motion.depths = (128, 128), (1, 1)
    model.motion.attention_dropout = model.motion.drop_path = model.lora.dropout = 0.0
    model.fusion.width = model.fusion.motion_width = model.fusion.vision_width = model.head.input_width = 128
    sizes = {"image_size": 64, "hidden_size": 128, "intermediate_size": 512, "num_hidden_layers": 2}
    model.vision.update(sizes | {"unroll": 2, "remat": remat})
    config.data.image_size = 64
    sizes = {"vocab_size": 1024, "hidden_size": 256, "intermediate_size": 704, "num_attention_heads": 4, "head_dim": 64}
    model.llm.update(sizes | {"unroll": 2, "remat": remat})
    model.lora.rank = 32
    for task in config.batch_size:
        config.batch_size[task] = CLIPS
    return config


def language(config, owner):
    config.schedule.weights.update({"severity": 0, "report": 0, "language": 1})
    config.ownership = ((owner, "language"), (".*", "frozen"))
    return config


def without(config, kind):
    config.model[kind], config.model.head.kinematics_weight = "none", 0.0
    return config


CASES = {
    "a LoRA and projections": lambda remat: (unrolled(tiny_config, remat), "report"),
    "a frozen ViT": lambda remat: (unrolled(tiny_config, remat), "severity"),
    "a LoRA on text": lambda remat: (language(unrolled(tiny_config, remat), "lora/.*"), "language"),
    "the whole LLaMA": lambda remat: (unrolled(demo_config, remat), "report"),
    "its own ViT": lambda remat: (unrolled(demo_config, remat), "severity"),
    "frames alone": lambda remat: (without(unrolled(demo_config, remat), "motion_kind"), "severity"),
    "landmarks alone": lambda remat: (without(unrolled(demo_config, remat), "vision_kind"), "severity"),
    "the whole LLaMA on text": lambda remat: (language(unrolled(demo_config, remat), "(llm|lora)/.*"), "language"),
}


@pytest.mark.parametrize("remat", ["none", "dots", "full"])
@pytest.mark.parametrize("case", CASES)
def test_the_formula_is_xlas_count(case, remat):
    config, task = CASES[case](remat)
    assert task in [each.name for each in active_tasks(config)]
    program = lower_step(config, task, make_mesh(config.mesh))
    counted = program.lowered.cost_analysis()["flops"] / CLIPS
    formula = sum(part.executed for part in task_flops(config, task, set(program.arguments[0]), splash=False).values())
    # XLA counts additions, norms and the optimizer too, a few percent at this width; never less than the products.
    assert 1.0 <= counted / formula < 1.04


def test_what_is_frozen_counts_once_and_the_severity_step_has_no_llama():
    config = tiny_config()
    found = task_flops(config, "severity", {"motion", "fusion", "regression"}, splash=True)
    assert set(found) == {"ViT", "motion", "fusion and head"}
    assert found["ViT"].model == found["ViT"].forward == found["ViT"].executed
    # Three times but for the first layer, whose input needs no gradient.
    assert 2.9 < found["motion"].model / found["motion"].forward < 3


def test_the_base_under_a_lora_counts_twice():
    config = tiny_config()
    config.model.lora.rank = 1
    config.model.llm.update({"hidden_size": 1024, "intermediate_size": 4096})
    found = task_flops(config, "report", {"lora", "motion_projection", "fusion_projection", "visual_projection"}, splash=True)
    assert found["LLaMA"].model / found["LLaMA"].forward == pytest.approx(2, abs=0.01)
    assert found["LLaMA's output"].model == 2 * found["LLaMA's output"].forward


def test_the_kernel_skips_what_causality_masks():
    config = language(tiny_config(), "lora/.*")
    config.data.text_length = 4096
    portable, kernel = (task_flops(config, "language", {"lora"}, splash=splash)["LLaMA"] for splash in (False, True))
    assert portable.model == kernel.model
    config.model.llm.num_hidden_layers, config.model.llm.remat = 1, "none"
    square = 4.0 * 4096 * 4096 * 16
    blocks = 4096 // block_of(4096)
    lines = task_flops(config, "language", {"lora"}, splash=False)["LLaMA"].executed - 3 * square
    done = task_flops(config, "language", {"lora"}, splash=True)["LLaMA"].executed - lines
    assert done == pytest.approx(3.5 * square * (blocks + 1) / (2 * blocks))
