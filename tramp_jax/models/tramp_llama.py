"""TraMP-LLaMA: the assembly of its blocks (arXiv 2606.26942, architecture figure; references: tramp_lineage.md section 1.2).

Axes: B batch, T trajectory frames, T' motion time steps, V landmark tokens, C features per landmark, F RGB frames,
P patches per frame, R regions (7), N prefix tokens, S text, D motion width, Dv vision width, H language width.

    trajectory (B,T,V,C) -> motion -> t_m (B,T',V,D) --------------- stop -> motion_projection -> E_m (B,7*segments,H)
    frames (B,F,h,w,3) -> vision -> t_v (B,F,P,Dv) ------- (frozen or stop) -> visual_projection -> E_v (B,F*P',H)
    mean over P of t_v, t_m -> fusion -> t_f (B,F,D) --------------- stop -> fusion_projection -> E_f (B,F,H)
    t_f -> regression (projection, head) -> score
    [E_m, E_f, E_v, E_t] -> llm (+ lora) -> report
    kinematics (B,53) -> kinematic_projection -> E_k (B,N_k,H), the first of the prefix; only where `kinematic_tokens` > 0,
        and twice as many with `kinematic_sides`

Blocks, frozen parts and the two stop-gradients are the paper's. Token counts, their order in the prefix and every size are
ours. The third stop (vision) matters only where no pretrained ViT exists and `severity` owns a small one.

Either of motion and vision can be left out (`motion_kind`, `vision_kind`): learned tokens then stand in for t_m, learned
queries for t_v.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Collection

import jax
import jax.numpy as jnp
from flax import nnx
from ml_collections import ConfigDict

from input_pipeline.errors import UserError
from input_pipeline.motion.kinematics import FEATURE_NAMES, mirrored_features
from input_pipeline.motion.layouts import REGIONS
from input_pipeline.records import EXPRESSIONS
from tramp_jax.models.blocks import Block, Tree
from tramp_jax.models.cross_fusion import CrossFusion
from tramp_jax.models.heads import SeverityRegression, severity_outputs
from tramp_jax.models.layers import Linear
from tramp_jax.models.llama import Llama
from tramp_jax.models.lora import Lora
from tramp_jax.models.motion_encoder import MotionEncoder, MotionStandIn
from tramp_jax.models.projections import TokenProjection, VisualProjection
from tramp_jax.models.vit import Vit

__all__ = ["Encoded", "TrampLlama", "Tree"]

Batch = dict[str, jax.Array]
MOTION_KINDS, VISION_KINDS = ("skate", "none"), ("vit", "none")


@dataclasses.dataclass(frozen=True)
class Encoded:
    """What both tasks read.

    Attributes:
      motion: t_m (B, T', V, D).
      vision: t_v (B, F, P, Dv), None without vision.
      fused: t_f (B, F, D).
      frame_mask: (B, F) bool, which of the F positions count.
      expression: (B,) int32.
      kinematics: (B, 53) measured features, None where the batch has none.
    """

    motion: jax.Array
    vision: jax.Array | None
    fused: jax.Array
    frame_mask: jax.Array
    expression: jax.Array
    kinematics: jax.Array | None = None


class TrampLlama:
    """The model as functions of (params, stats); holds no arrays.

    Args:
      config: `config.model`; see `tramp_jax.config.default_model_config`.

    Raises:
      UserError: neither motion nor vision, or a readout of kinematics from no motion.
    """

    def __init__(self, config: ConfigDict):
        self.config = config
        width, vision, motion = config.motion.channels[-1], config.vision_kind != "none", config.motion_kind != "none"
        _check_kinds(config)
        makers = {
            "motion": lambda rngs: (MotionEncoder if motion else MotionStandIn)(config.motion, rngs=rngs),
            "fusion": lambda rngs: CrossFusion(config.fusion, vision=vision, rngs=rngs),
            "regression": lambda rngs: SeverityRegression(config.head, rngs=rngs),
            "motion_projection": lambda rngs: TokenProjection(config.projection, width, config.llm.hidden_size, rngs=rngs),
            "fusion_projection": lambda rngs: TokenProjection(config.projection, width, config.llm.hidden_size, rngs=rngs),
            "llm": lambda rngs: Llama(config.llm, rngs=rngs),
        }
        if vision:
            makers["vision"] = lambda rngs: Vit(config.vision, rngs=rngs)
            makers["visual_projection"] = lambda rngs: VisualProjection(
                config.projection, config.vision, config.llm.hidden_size, rngs=rngs
            )
        if config.use_lora:
            makers["lora"] = lambda rngs: Lora(config.lora, config.llm, rngs=rngs)
        if config.head.kinematics_weight:
            makers["kinematics"] = lambda rngs: Linear(len(REGIONS) * width, len(FEATURE_NAMES), dtype=jnp.float32, rngs=rngs)
        if config.kinematic_tokens:
            makers["kinematic_projection"] = lambda rngs: TokenProjection(
                config.projection, len(FEATURE_NAMES), config.kinematic_tokens * config.llm.hidden_size, rngs=rngs
            )
        if config.condition_on_expression:
            makers["expression"] = lambda rngs: nnx.Embed(len(EXPRESSIONS), width, rngs=rngs)
        self.blocks = {name: Block(make) for name, make in makers.items()}

    def init(self, key: jax.Array, only: Collection[str] | None = None) -> tuple[Tree, Tree]:
        """Fresh (parameters, running statistics) of all blocks or of those named; a block's do not depend on the others."""
        params: Tree = {}
        stats: Tree = {}
        for index, (name, block) in enumerate(self.blocks.items()):
            if only is not None and name not in only:
                continue
            params[name], found = block.init(jax.random.fold_in(key, index))
            stats |= {name: found} if found else {}
        return params, stats

    def encode(
        self,
        params: Tree,
        stats: Tree,
        batch: Batch,
        *,
        train: bool,
        key: jax.Array | None,
    ) -> tuple[Encoded, Tree]:
        """Motion, vision and cross-fusion.

        Args:
          params: at least the blocks motion, fusion and (with frames) vision.
          stats: running statistics.
          batch: expression; with motion trajectory, trajectory_time; with vision frames (or vision, see `see`), frame_mask.
          train: batch statistics and dropout in motion and fusion; a task that does not own them says False.
          key: for dropout; None where nothing is random.

        Returns:
          (encoded, new running statistics).
        """
        motion_key, fusion_key = jax.random.split(key) if key is not None else (None, None)
        motion, stats = self._move(params, stats, batch, train=train, key=motion_key)
        vision, frame_mask = self.see(params, batch)
        fusion = self.blocks["fusion"].bind(params["fusion"])
        fused = fusion(
            None if vision is None else jnp.mean(vision, axis=2),
            motion,
            deterministic=not train,
            key=fusion_key,
            frame_mask=frame_mask,
        )
        encoded = Encoded(motion, vision, fused, frame_mask, batch["expression"], batch.get("kinematics"))
        return encoded, stats

    def _move(self, params: Tree, stats: Tree, batch: Batch, *, train: bool, key: jax.Array | None) -> tuple[jax.Array, Tree]:
        if self.config.motion_kind == "none":
            tokens = self.blocks["motion"].bind(params["motion"])(self.config.motion_segments)
            return jnp.broadcast_to(tokens, (len(batch["expression"]), *tokens.shape)), stats
        encoder = self.blocks["motion"].bind(params["motion"], stats["motion"])
        motion, _ = encoder(batch["trajectory"], batch["trajectory_time"], deterministic=not train, key=key)
        return motion, stats | {"motion": self.blocks["motion"].stats_of(encoder)} if train else stats

    def see(self, params: Tree, batch: Batch) -> tuple[jax.Array | None, jax.Array]:
        """Patch features (B, F, P, Dv) and the mask (B, F) of real frames; a batch may bring the features of a frozen ViT."""
        if self.config.vision_kind == "none":
            return None, jnp.ones((len(batch["expression"]), self.config.fusion.num_queries), bool)
        if "vision" in batch:
            return batch["vision"], batch["frame_mask"]
        frames = batch["frames"]
        folded = frames.reshape(-1, *frames.shape[2:])  # (B*F, h, w, 3)
        patches = self.blocks["vision"].bind(params["vision"])(folded)
        return patches.reshape(*frames.shape[:2], *patches.shape[1:]), batch["frame_mask"]

    def severity(self, params: Tree, encoded: Encoded) -> dict[str, jax.Array]:
        """Score and grade distribution; see `tramp_jax.models.heads.severity_outputs` for the keys."""
        extra = None
        if self.config.condition_on_expression:
            extra = self.blocks["expression"].bind(params["expression"])(encoded.expression)
        head = self.blocks["regression"].bind(params["regression"])
        output = head(encoded.fused, encoded.frame_mask, extra)
        return severity_outputs(output, self.config.head)

    def read_kinematics(self, params: Tree, encoded: Encoded) -> jax.Array:
        """(B, 53): what a linear readout of the regions' motion takes the measured features to be."""
        regions = _regions(encoded.motion, 1)
        return self.blocks["kinematics"].bind(params["kinematics"])(regions.reshape(len(regions), -1))

    def prefix(self, params: Tree, encoded: Encoded) -> tuple[jax.Array, jax.Array]:
        """[E_k, E_m, E_f, E_v] (B, N, H) and which of the N count, (B, N) bool. The decoupling lives here."""
        motion, fused, vision = encoded.motion, encoded.fused, encoded.vision
        if "motion" in self.config.stop_gradients:
            motion = jax.lax.stop_gradient(motion)
        if "fusion" in self.config.stop_gradients:
            fused = jax.lax.stop_gradient(fused)
        if vision is not None and "vision" in self.config.stop_gradients:
            vision = jax.lax.stop_gradient(vision)
        e_m = self.blocks["motion_projection"].bind(params["motion_projection"])(_regions(motion, self.config.motion_segments))
        e_f = self.blocks["fusion_projection"].bind(params["fusion_projection"])(fused)
        parts, masks = [e_m, e_f], [jnp.ones(e_m.shape[:2], bool), encoded.frame_mask]
        if vision is not None:
            tokens = self.blocks["visual_projection"].bind(params["visual_projection"])(vision)  # (B, F, P', H)
            parts.append(tokens.reshape(tokens.shape[0], -1, tokens.shape[-1]))
            masks.append(jnp.repeat(encoded.frame_mask, tokens.shape[2], axis=1))
        if self.config.kinematic_tokens:
            parts.insert(0, self._kinematic_tokens(params, encoded.kinematics))
            masks.insert(0, jnp.ones(parts[0].shape[:2], bool))
        return jnp.concatenate(parts, axis=1), jnp.concatenate(masks, axis=1)

    def _kinematic_tokens(self, params: Tree, kinematics: jax.Array) -> jax.Array:
        """E_k (B, N_k, H); with `kinematic_sides` (B, 2 N_k, H), the second half of what differs between the sides alone."""
        seen = [kinematics]
        if self.config.kinematic_sides:
            seen.append(kinematics - mirrored_features(kinematics))
        tokens = self.blocks["kinematic_projection"].bind(params["kinematic_projection"])(jnp.stack(seen, axis=1))
        return tokens.reshape(len(kinematics), len(seen) * self.config.kinematic_tokens, -1)

    def report_logits(
        self,
        params: Tree,
        encoded: Encoded,
        batch: Batch,
        *,
        deterministic: bool,
        key: jax.Array | None,
    ) -> jax.Array:
        """Logits (B, S, vocabulary) of every text token, position s from what stands before it; none of the prefix."""
        llm, hidden = self.report_hidden(params, encoded, batch, deterministic=deterministic, key=key)
        return llm.logits(hidden)

    def report_hidden(
        self,
        params: Tree,
        encoded: Encoded,
        batch: Batch,
        *,
        deterministic: bool,
        key: jax.Array | None,
    ) -> tuple[Llama, jax.Array]:
        """The LLaMA and its hidden states (B, S, H), from which position s predicts text token s."""
        prefix, prefix_mask = self.prefix(params, encoded)
        llm = self.blocks["llm"].bind(params["llm"])
        inputs = jnp.concatenate([prefix.astype(llm.dtype), llm.embed(batch["tokens"])], axis=1)
        mask = jnp.concatenate([prefix_mask, batch["token_mask"]], axis=1)
        positions = jnp.maximum(jnp.cumsum(mask, axis=1) - 1, 0)
        lora = self.blocks["lora"].bind(params["lora"]) if self.config.use_lora else None
        hidden = llm(inputs, positions, mask, lora=lora, deterministic=deterministic, key=key)
        return llm, hidden[:, prefix.shape[1] - 1 : -1]


def _check_kinds(config: ConfigDict) -> None:
    for name, known in (("motion_kind", MOTION_KINDS), ("vision_kind", VISION_KINDS)):
        if config[name] not in known:
            raise UserError(f"model.{name}={config[name]!r}: unknown; use one of {', '.join(known)}")
    if config.motion_kind == "none" and config.vision_kind == "none":
        raise UserError("model.motion_kind and model.vision_kind are both 'none': the model would see nothing: set one of them")
    if config.motion_kind == "none" and config.head.kinematics_weight:
        raise UserError(
            f"model.head.kinematics_weight={config.head.kinematics_weight:g}: there is no motion to read kinematics from where "
            "model.motion_kind='none': set it to 0"
        )


def _regions(motion: jax.Array, segments: int) -> jax.Array:
    """(B, T', V, D) -> (B, 7*segments, D): means over the 9 landmarks of a region and a segment of time."""
    B, T, V, D = motion.shape
    grouped = motion.reshape(B, segments, T // segments, len(REGIONS), V // len(REGIONS), D)
    return jnp.mean(grouped, axis=(2, 4)).reshape(B, segments * len(REGIONS), D)
