"""The PyTorch model says what the JAX model says: scores, logits and greedy reports, whatever switches are on."""

import copy
import dataclasses
import functools

import jax
import numpy as np
import pytest
import torch
from differences import assert_within
from flax import traverse_util
from full_factory import clip_inputs, exported, pytorch_model, random_trees
from ml_collections import ConfigDict
from tiny import F, S, demo_config, tiny_batch, tiny_config

from tramp_jax.generation.decode import generate
from tramp_jax.hf.full import model_json
from tramp_jax.hf.pytorch.configuration_tramp_llama import TrampLlamaConfig
from tramp_jax.hf.pytorch.modeling_tramp_llama import TrampLlamaModel
from tramp_jax.hf.pytorch.severity_tramp_llama import CrossFusion as PytorchFusion
from tramp_jax.models.blocks import Block
from tramp_jax.models.cross_fusion import CrossFusion, default_fusion_config
from tramp_jax.models.tramp_llama import TrampLlama

NEW, PROMPT, PAD = 32, 8, 0
EOS = (2, *range(250, 270))  # many, so that some rows meet one
TOKENS = {"bos_token_id": 1, "eos_token_id": list(EOS), "pad_token_id": PAD}
CLIP_LIKE = {
    "model__vision__class_token": True,
    "model__vision__pre_layernorm": True,
    "model__vision__post_layernorm": False,
    "model__vision__patch_bias": False,
    "model__vision__hidden_act": "quick_gelu",
    "model__vision__num_hidden_layers": 2,
    "model__vision__image_mean": (0.48, 0.46, 0.41),
    "model__vision__image_std": (0.27, 0.26, 0.28),
}
TIED_QWEN2 = {"model__llm__qkv_bias": True, "model__llm__tie_word_embeddings": True, "model__llm__rope_theta": 1e6}
LLAMA31 = {
    "model__llm__rope_scaling__type": "llama3",
    "model__llm__rope_scaling__original_max_position_embeddings": 16,
    "model__llm__num_key_value_heads": 2,
}
SHORT_WINDOWS = {"model__motion__consecutive_frames": 4, "model__motion__strided_frames": 4}
VARIANTS = {
    "the paper's: SigLIP, Llama 2, LoRA": lambda: tiny_config(),
    "the demo's: kinematic tokens, conditioned score, time patches; CLIP, merged patches, time segments": lambda: demo_config(
        model__motion__time_patch=4, model__motion_segments=2, model__projection__merge=2, **SHORT_WINDOWS, **CLIP_LIKE
    ),
    "landmarks alone: learned queries, regression head, released bias; tied Qwen2": lambda: tiny_config(
        model__vision_kind="none",
        model__head__kind="regression",
        model__motion__tiled_bias=True,
        model__use_lora=False,
        **TIED_QWEN2,
    ),
    "pooled fusion; 2-D RoPE; Llama 3.1": lambda: tiny_config(
        model__fusion__mode="pooled",
        model__vision__positions="rope_2d",
        model__vision__hidden_act="gelu",
        model__projection__num_layers=1,
        model__use_lora=False,
        **LLAMA31,
    ),
}


@dataclasses.dataclass(frozen=True)
class Pair:
    """One random model in PyTorch, and what the same in JAX says of `batch`."""

    config: ConfigDict
    batch: dict[str, np.ndarray]
    expected: dict[str, np.ndarray]
    pytorch: TrampLlamaModel


def uneven_batch() -> dict[str, np.ndarray]:
    """Clips with frames that do not count and texts of different lengths."""
    batch = tiny_batch(3, size=3)
    batch["frame_mask"] = np.array([[True] * F, [True, False], [False, True]])
    batch["prompt_length"] = np.array([PROMPT, 3, 6], np.int32)
    batch["token_mask"] = np.arange(S) < np.array([S, 20, 9])[:, None]
    return batch


@functools.cache
def pair(name: str) -> Pair:
    config = VARIANTS[name]()
    model, batch = TrampLlama(config.model), uneven_batch()
    params, stats = random_trees(model)

    @jax.jit
    def say(params, stats, batch):
        encoded, _ = model.encode(params, stats, batch, train=False, key=None)
        prefix, prefix_mask = model.prefix(params, encoded)
        new = generate(
            model.blocks["llm"].bind(params["llm"]),
            model.blocks["lora"].bind(params["lora"]) if config.model.use_lora else None,
            prefix,
            batch["tokens"][:, :PROMPT],
            np.arange(PROMPT) < batch["prompt_length"][:, None],
            prefix_mask=prefix_mask,
            max_new_tokens=NEW,
            eos_id=EOS,
            pad_id=PAD,
        )
        logits = model.report_logits(params, encoded, batch, deterministic=True, key=None)
        return {**model.severity(params, encoded), "logits": logits, "new": new}

    expected = jax.device_get(say(params, stats, batch))
    return Pair(config, batch, expected, pytorch_model(config, *exported(config, params, stats), TOKENS))


def text_inputs(batch: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    return {"input_ids": torch.tensor(batch["tokens"]).long(), "attention_mask": torch.tensor(batch["token_mask"])}


def prompts(batch: dict[str, np.ndarray]) -> dict[str, torch.Tensor]:
    mask = torch.arange(PROMPT) < torch.tensor(batch["prompt_length"])[:, None]
    return {"input_ids": torch.tensor(batch["tokens"][:, :PROMPT]).long(), "attention_mask": mask}


@pytest.mark.parametrize("name", VARIANTS)
def test_scores_and_logits_are_those_of_jax(name):
    made = pair(name)
    with torch.no_grad():
        found = made.pytorch(**clip_inputs(made.batch), **text_inputs(made.batch))
    row = {"family": "the whole export", "reference": "its PyTorch model"}
    for field in ("severity", "raw", "grade_distribution", "interval"):
        assert_within(found[field], made.expected[field], what="score, distribution, interval", limit=1e-5, **row)
    mask = made.batch["token_mask"]
    assert_within(found.logits[mask], made.expected["logits"][mask], what="report logits", **row)
    assert found.logits.dtype == torch.float32
    assert np.ptp(made.expected["raw"]) > 0.01
    assert np.ptp(made.expected["logits"][mask], axis=0).min() > 0.1


@pytest.mark.parametrize("name", VARIANTS)
def test_greedy_reports_are_those_of_jax(name):
    made = pair(name)
    new = made.pytorch.generate_report(**clip_inputs(made.batch), **prompts(made.batch), max_new_tokens=NEW).numpy()
    expected = made.expected["new"]
    np.testing.assert_array_equal(new, expected[:, : new.shape[1]])
    assert np.all(expected[:, new.shape[1] :] == PAD)
    assert len(np.unique(expected)) > 8


def test_frames_may_be_floats_and_the_side_of_padding_changes_nothing():
    made = pair(next(iter(VARIANTS)))
    clips, text = clip_inputs(made.batch), prompts(made.batch)
    as_floats = {**clips, "frames": clips["frames"].float() / 255}
    with torch.no_grad():
        score, same = (made.pytorch(**inputs).severity for inputs in (clips, as_floats))
    torch.testing.assert_close(score, same)
    order = text["attention_mask"].int().argsort(dim=1, stable=True)
    left = {name: value.gather(1, order) for name, value in text.items()}
    new, same = (made.pytorch.generate_report(**clips, **side, max_new_tokens=8) for side in (text, left))
    assert torch.equal(new, same)


def test_what_is_missing_is_said():
    made = pair(next(name for name in VARIANTS if "demo" in name))
    clips, text = clip_inputs(made.batch), text_inputs(made.batch)

    def without(name):
        return {key: value for key, value in clips.items() if key != name}

    with pytest.raises(ValueError, match="pass frames"):
        made.pytorch(**without("frames"))
    with pytest.raises(ValueError, match="pass expression"):
        made.pytorch(**without("expression"))
    with pytest.raises(ValueError, match="pass kinematics"):
        made.pytorch(**without("kinematics"), **text)
    with pytest.raises(ValueError, match="expected \\(16, 16, 3\\)"):
        made.pytorch(**{**clips, "frames": clips["frames"][:, :, :8]})


CASTS = {
    "half": (lambda model: model.half(), torch.float16),
    "bfloat16": (lambda model: model.bfloat16(), torch.bfloat16),
    "to a device and a dtype": (lambda model: model.to("cpu", dtype=torch.float16), torch.float16),
    "as part of another model": (lambda model: torch.nn.Sequential(model).half()[0], torch.float16),
    "double": (lambda model: model.double(), torch.float64),
    "half and back": (lambda model: model.half().float(), torch.float32),
}


def parts(model):
    """Every tensor, buffers that are not saved among them: (of the language model's weights, others)."""
    tensors = [*model.named_parameters(), *model.named_buffers()]
    language = {name for name, _ in model.named_parameters() if name.startswith("language_model.")}
    return [tensor for name, tensor in tensors if name in language], [
        tensor for name, tensor in tensors if name not in language
    ]


@pytest.mark.parametrize("way", CASTS)
def test_a_dtype_is_the_language_models_alone(way):
    made = pair(next(iter(VARIANTS)))
    model, dtype = CASTS[way][0](copy.deepcopy(made.pytorch)), CASTS[way][1]
    language, others = parts(model)
    assert {tensor.dtype for tensor in language} == {model.dtype} == {dtype}
    assert {tensor.dtype for tensor in others} == {torch.float32}
    config = TrampLlamaConfig(**model_json(made.config, str(dtype).removeprefix("torch."), TOKENS))
    same = TrampLlamaModel(config).eval()  # made in this dtype
    same.load_state_dict(model.state_dict())
    clips, text = clip_inputs(made.batch), text_inputs(made.batch)
    with torch.no_grad():
        found, expected, before = (each(**clips, **text) for each in (model, same, made.pytorch))
    assert torch.equal(found.raw, before.raw)
    assert torch.equal(found.logits, expected.logits)
    new = [each.generate_report(**clips, **prompts(made.batch), max_new_tokens=8) for each in (model, same)]
    assert torch.equal(*new)


def test_a_device_holds_for_everything_and_gradients_follow_their_weights():
    model = copy.deepcopy(pair(next(iter(VARIANTS))).pytorch)
    sum(weight.sum() for weight in model.parameters()).backward()
    model.half()
    assert all(weight.grad.dtype == weight.dtype for weight in model.parameters())
    language, others = parts(model.to("meta", torch.bfloat16))
    assert {tensor.device.type for tensor in (*language, *others)} == {"meta"}
    assert {tensor.dtype for tensor in others} == {torch.float32}


def test_no_new_token_is_not_taken_for_the_default():
    made = pair(next(iter(VARIANTS)))
    with pytest.raises(ValueError, match="max_new_tokens"):
        made.pytorch.generate_report(**clip_inputs(made.batch), **prompts(made.batch), max_new_tokens=0)


def test_motion_of_another_width_is_mapped_as_in_jax():
    config = default_fusion_config()
    config.width, config.heads, config.depth, config.motion_width, config.vision_width = 16, 2, 1, 8, 12
    rng = np.random.default_rng(0)
    vision, motion = (rng.normal(size=shape).astype(np.float32) for shape in ((2, 3, 12), (2, 4, 63, 8)))
    block = Block(lambda rngs: CrossFusion(config, vision=True, rngs=rngs))
    params, _ = random_trees(block)
    expected = jax.jit(lambda params: block.bind(params)(vision, motion, deterministic=True, key=None))(params)
    fusion = PytorchFusion(config.to_dict(), vision=True, regions=7)
    state = {}
    for path, leaf in traverse_util.flatten_dict(params, sep=".").items():
        folder, name = path.rsplit(".", 1)
        state[f"{folder}.{'bias' if name == 'bias' else 'weight'}"] = torch.from_numpy(leaf.T)
    fusion.load_state_dict(state)
    with torch.no_grad():
        found = fusion(torch.tensor(vision), torch.tensor(motion), torch.ones(2, 3, dtype=torch.bool))
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-5)
