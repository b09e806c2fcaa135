"""Floating-point operations of a task's step, by formula: matrix products alone, a product and a sum counting two.

XLA's own count sees the body of a scan once. A product of a forward pass counts once; the products of its backward pass count
once where a gradient goes on to the input, and once where the weights are trained. `model` is what the task needs (causal
attention is half of a square, nothing is computed twice); `executed` adds what the step really multiplies: recomputation under
remat, whole blocks on the diagonal of attention, the backward kernel's own recomputation.

Axes: N frames, P patches, T time steps, V landmarks, S sequence, D width, E hidden width, H query heads, G key/value heads,
K head dim, R rank.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Collection, Iterator

from ml_collections import ConfigDict

from input_pipeline.motion.kinematics import FEATURE_NAMES
from input_pipeline.motion.layouts import REGIONS
from tramp_jax.models.splash import block_of


@dataclasses.dataclass(frozen=True)
class Flops:
    """Operations per example: of the forward pass, of the model, and as executed."""

    forward: float
    model: float
    executed: float

    def __add__(self, other: Flops) -> Flops:
        return Flops(self.forward + other.forward, self.model + other.model, self.executed + other.executed)


NOTHING = Flops(0.0, 0.0, 0.0)


def task_flops(config: ConfigDict, task: str, trained: Collection[str], *, splash: bool) -> dict[str, Flops]:
    """Component -> operations per example: ViT, motion, fusion and head, projections, LLaMA, its head.

    Args:
      config: of the experiment.
      task: "severity", "report" or "language".
      trained: the blocks that the task owns.
      splash: whether the LLaMA's attention is the TPU kernel's, which skips what causality masks.
    """
    model = config.model
    if task == "language":
        return _llama(config, trained, config.data.text_length, prefix_trained=False, splash=splash)
    found: dict[str, Flops] = {}
    vision = model.vision_kind != "none"
    if vision and not config.data.vision_features:
        found["ViT"] = _vit(config, "vision" in trained)
    if model.motion_kind != "none":
        found["motion"] = _motion(model.motion, "motion" in trained)
    found["fusion and head"] = _fusion(config, "fusion" in trained, head=task == "severity", trained_vision="vision" in trained)
    if task == "severity":
        return found
    prefix, projections = _projections(config, trained)
    found["projections"] = projections
    return found | _llama(
        config, trained, prefix + config.data.text_length, prefix_trained=projections.model > projections.forward, splash=splash
    )


def _product(forward: float, *, to_input: bool, to_weights: bool, again: float = 0.0) -> Flops:
    """One product with weights; `again` is the share of it that remat computes a second time."""
    backward = to_input + to_weights
    return Flops(forward, forward * (1 + backward), forward * (1 + backward + again * (backward > 0)))


def _vit(config: ConfigDict, trained: bool) -> Flops:
    vit, N = config.model.vision, config.data.num_frames
    P, D, E = (vit.image_size // vit.patch_size) ** 2, vit.hidden_size, vit.intermediate_size
    tokens = P + vit.class_token
    embedding = _product(2.0 * N * P * 3 * vit.patch_size**2 * D, to_input=False, to_weights=trained)
    again = _again(vit.remat)
    attention = _product(2.0 * N * tokens * 4 * D * D, to_input=trained, to_weights=trained, again=again)
    up = _product(2.0 * N * tokens * D * E, to_input=trained, to_weights=trained, again=again)
    down = _product(2.0 * N * tokens * E * D, to_input=trained, to_weights=trained)
    # Two products of activations each way: their backward pass is twice the forward pass wherever there is one.
    square = 4.0 * N * tokens * tokens * D
    recomputed = square * (trained and vit.remat != "none")
    weights = Flops(square, square * (1 + 2 * trained), square * (1 + 2 * trained) + recomputed)
    total = embedding
    for _ in range(vit.num_hidden_layers):
        total = total + attention + up + down + weights
    return total


def _again(remat: str) -> float:
    """The share of a layer's products with weights that a remat policy computes twice."""
    return {"none": 0.0, "dots": 0.0, "full": 1.0, "offload": 1.0}[remat]


def _motion(motion: ConfigDict, trained: bool) -> Flops:
    T, V, C, D = motion.frames // motion.time_patch, motion.landmarks, motion.features * motion.time_patch, motion.channels[0]
    total = NOTHING
    for i, (a, b) in enumerate(itertools.pairwise((C, 2 * C, 3 * C, D))):
        total = total + _product(2.0 * T * V * a * b, to_input=trained and i > 0, to_weights=trained)
    for stage, (width, depth) in enumerate(zip(motion.channels, motion.depths, strict=True)):
        if stage > 0:
            T //= 2
            conv = 2.0 * T * V * motion.kernel_size * motion.channels[stage - 1] * width
            total = total + _product(conv, to_input=trained, to_weights=trained)
        for each in _skate_block(motion, T, V, width):
            forward = each * depth
            total = total + _product(forward, to_input=trained, to_weights=trained)
    return total


def _skate_block(motion: ConfigDict, T: int, V: int, D: int) -> Iterator[float]:
    yield 2.0 * T * V * D * 2 * D  # mapping
    yield 2.0 * T * V * V * D / 4  # graph convolution
    yield 2.0 * T * V * motion.kernel_size * (D / 4) ** 2  # time convolution, its groups as one dense kernel
    L = V // motion.regions
    for frames in (motion.consecutive_frames, motion.strided_frames):
        for joints in (L, motion.regions):
            yield 4.0 * T * V * frames * joints * D / 8  # one partition's attention: an eighth of the channels
    yield 2.0 * T * V * D * D  # projection
    yield 2.0 * T * V * D * motion.mlp_ratio * D * 2


def _fusion(config: ConfigDict, trained: bool, *, head: bool, trained_vision: bool) -> Flops:
    model, fusion = config.model, config.model.fusion
    vision = model.vision_kind != "none"
    D, F = fusion.width, config.data.num_frames if vision else fusion.num_queries
    encoded = model.motion.frames // model.motion.time_patch // 2 ** (len(model.motion.channels) - 1)
    steps = encoded if model.motion_kind != "none" else model.motion_segments
    N = 1 if fusion.mode == "pooled" else steps * len(REGIONS)
    both = {"to_input": trained, "to_weights": trained}
    total = NOTHING
    if vision:
        total = total + _product(2.0 * F * fusion.vision_width * D, to_input=trained_vision, to_weights=trained)
    if fusion.motion_width != D:
        total = total + _product(2.0 * N * fusion.motion_width * D, **both)
    for _ in range(fusion.depth):
        total = total + _product(2.0 * F * D * D * (2 + 2 * fusion.mlp_ratio), **both)  # query, out, MLP
        total = total + _product(2.0 * N * D * D * 2, **both)  # key, value
        total = total + _product(4.0 * F * N * D, **both)
    if head:
        widths = (model.head.input_width, model.head.input_width, *model.head.widths, 1)
        for a, b in itertools.pairwise(widths):
            total = total + _product(2.0 * a * b, **both)
        if model.head.kinematics_weight:
            total = total + _product(2.0 * len(REGIONS) * model.motion.channels[-1] * len(FEATURE_NAMES), **both)
    return total


def _projections(config: ConfigDict, trained: Collection[str]) -> tuple[int, Flops]:
    """(prefix tokens, operations of the projections that make them)."""
    model, H, vit = config.model, config.model.llm.hidden_size, config.model.vision
    vision = model.vision_kind != "none"
    frames = config.data.num_frames if vision else model.fusion.num_queries
    parts = [
        ("motion_projection", len(REGIONS) * model.motion_segments, model.motion.channels[-1]),
        ("fusion_projection", frames, model.fusion.width),
    ]
    if vision:
        merged = (vit.image_size // vit.patch_size // model.projection.merge) ** 2
        parts.append(("visual_projection", frames * merged, vit.hidden_size))
    total, prefix = NOTHING, sum(tokens for _, tokens, _ in parts)
    for block, tokens, width in parts:
        mine = block in trained
        total = total + _product(2.0 * tokens * width * H, to_input=False, to_weights=mine)
        for _ in range(model.projection.num_layers - 1):
            total = total + _product(2.0 * tokens * H * H, to_input=mine, to_weights=mine)
    if model.kinematic_tokens:
        mine, out, times = "kinematic_projection" in trained, model.kinematic_tokens * H, 2 if model.kinematic_sides else 1
        total = total + _product(2.0 * times * len(FEATURE_NAMES) * out, to_input=False, to_weights=mine)
        for _ in range(model.projection.num_layers - 1):
            total = total + _product(2.0 * times * out * out, to_input=mine, to_weights=mine)
        prefix += times * model.kinematic_tokens
    return prefix, total


def _llama(config: ConfigDict, trained: Collection[str], S: int, *, prefix_trained: bool, splash: bool) -> dict[str, Flops]:
    """The layers, and the output matrix on the positions of the text."""
    llm, lora = config.model.llm, config.model.lora
    D, E, H, G, K = llm.hidden_size, llm.intermediate_size, llm.num_attention_heads, llm.num_key_value_heads, llm.head_dim
    whole, adapted = "llm" in trained, config.model.use_lora and "lora" in trained
    through = whole or adapted or prefix_trained  # gradients pass the layers
    linears = {"q": (D, H * K), "k": (D, G * K), "v": (D, G * K), "o": (H * K, D), "gate": (D, E), "up": (D, E), "down": (E, D)}
    again = _again(llm.remat)
    layer = NOTHING
    for name, (a, b) in linears.items():
        # The last product of a layer is no input of its backward pass.
        layer = layer + _product(2.0 * S * a * b, to_input=through, to_weights=whole, again=again * (name != "down"))
        if config.model.use_lora:
            both = {"to_input": through, "to_weights": adapted}
            layer = layer + _product(2.0 * S * a * lora.rank, **both, again=again)
            layer = layer + _product(2.0 * S * lora.rank * b, **both, again=again * (name != "down"))
    layer = layer + _attention(S, H * K, through, llm.remat != "none", splash)
    layers = Flops(*(count * llm.num_hidden_layers for count in dataclasses.astuple(layer)))
    text = config.data.text_length
    return {"LLaMA": layers, "LLaMA's output": _product(2.0 * text * D * llm.vocab_size, to_input=through, to_weights=whole)}


def _attention(S: int, width: int, through: bool, recomputed: bool, splash: bool) -> Flops:
    """Causal attention of one layer: two products forward, four backward."""
    square = 4.0 * S * S * width
    need = square / 2 * (1 + 2 * through)
    if not splash:  # the portable path multiplies the whole square
        return Flops(square / 2, need, square * (1 + 2 * through + (through and recomputed)))
    block = block_of(S)
    blocks = -(-S // block)
    done = 4.0 * (block * block) * width * blocks * (blocks + 1) / 2
    # The backward kernel has five products: it makes the logits once more.
    return Flops(square / 2, need, done * (1 + 2.5 * through + (through and recomputed)))
