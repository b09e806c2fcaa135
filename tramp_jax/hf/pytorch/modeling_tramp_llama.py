"""TraMP-LLaMA in PyTorch, for inference: severity of a posed facial expression and a report of its motion.

The same arithmetic as tramp-jax, which trained the weights. Research use only: it diagnoses nothing.

B batch, T trajectory frames, T' motion time steps, V landmark tokens, C features per landmark, F RGB frames, P patches,
N prefix tokens, S text tokens, D motion width, Dv vision width, H language width.

    trajectory (B,T,V,C) -> motion -> t_m (B,T',V,D) -> motion_projection -> E_m
    frames (B,F,h,w,3) -> vision -> t_v (B,F,P,Dv) -> visual_projection -> E_v
    mean over P of t_v, t_m -> fusion -> t_f (B,F,D) -> fusion_projection -> E_f
    t_f -> regression -> severity
    [E_k of the measured kinematics, E_m, E_f, E_v, instruction] -> language_model -> report
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, PreTrainedModel
from transformers.utils import ModelOutput

from .configuration_tramp_llama import TrampLlamaConfig
from .layers_tramp_llama import casting_only, region_means
from .motion_tramp_llama import MotionEncoder
from .severity_tramp_llama import CrossFusion, SeverityRegression
from .vision_tramp_llama import TokenProjection, VisionTower, VisualProjection


@dataclasses.dataclass
class TrampLlamaOutput(ModelOutput):
    """What the model says of a clip.

    Attributes:
      severity: (B,) in [0, 4].
      raw: (B,) the same before it is clipped, for metrics.
      grade_distribution: (B, 5) probabilities of the grades 0 to 4.
      interval: (B, 2) low and high at 90 percent.
      logits: (B, S, vocabulary) float32 of every text token, position s from what stands before it; None without text.
    """

    severity: Tensor | None = None
    raw: Tensor | None = None
    grade_distribution: Tensor | None = None
    interval: Tensor | None = None
    logits: Tensor | None = None


@dataclasses.dataclass(frozen=True)
class Encoded:
    """t_m (B,T',V,D), t_v (B,F,P,Dv) or None without vision, t_f (B,F,D), and which of F count, (B,F) bool."""

    motion: Tensor
    vision: Tensor | None
    fused: Tensor
    frame_mask: Tensor


class TrampLlamaModel(PreTrainedModel):
    """Score and report of clips; `TrampLlamaProcessor` makes its inputs. Dropout and losses are left out: train with tramp-jax.

    The dtype that `from_pretrained`, `to`, `half` and the like are asked for is the language model's; the rest stays float32.
    """

    config_class = TrampLlamaConfig
    main_input_name = "trajectory"
    _supports_sdpa = _supports_flash_attn = True  # the language model does; the other blocks have one way

    def __init__(self, config: TrampLlamaConfig):
        super().__init__(config)
        tramp, width = config.tramp, config.text_config.hidden_size
        motion, projection = tramp["motion"], tramp["projection"]
        D, fused, sees = motion["channels"][-1], tramp["fusion"]["width"], tramp["vision_kind"] != "none"
        self.regions, self.segments = motion["regions"], tramp["motion_segments"]
        self.kinematic_tokens, self.kinematic_sides = tramp["kinematic_tokens"], tramp["kinematic_sides"]
        self.kinematic_mirror = tramp["kinematic_mirror"]
        self.motion = MotionEncoder(motion)
        self.fusion = CrossFusion(tramp["fusion"], vision=sees, regions=self.regions)
        self.regression = SeverityRegression(tramp["head"])
        self.expression = nn.Embedding(tramp["num_expressions"], fused) if tramp["condition_on_expression"] else None
        self.motion_projection = TokenProjection(projection, D, width)
        self.fusion_projection = TokenProjection(projection, fused, width)
        self.vision = VisionTower(tramp["vision"]) if sees else None
        self.visual_projection = VisualProjection(projection, tramp["vision"]["hidden_size"], width) if sees else None
        wide = self.kinematic_tokens * width
        self.kinematic_projection = TokenProjection(projection, tramp["num_kinematics"], wide) if wide else None
        self.language_model = AutoModelForCausalLM.from_config(config.text_config)
        self._keep_in_fp32_modules_strict = [name for name, _ in self.named_children() if name != "language_model"]
        for name in self._keep_in_fp32_modules_strict:  # transformers may have made them in the language model's dtype
            self.get_submodule(name).float()
        self.post_init()

    @property
    def dtype(self) -> torch.dtype:
        """The language model's: what `save_pretrained` writes down and `from_pretrained` asks for again."""
        return self.language_model.dtype

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> TrampLlamaModel:
        """What `to`, `half`, `cuda` and their like do to every tensor."""
        return super()._apply(casting_only(self.language_model.parameters(), fn), recurse)

    def get_input_embeddings(self) -> nn.Module:
        """The language model's."""
        return self.language_model.get_input_embeddings()

    def get_output_embeddings(self) -> nn.Module:
        """The language model's."""
        return self.language_model.get_output_embeddings()

    def forward(
        self,
        trajectory: Tensor,
        trajectory_time: Tensor,
        expression: Tensor | None = None,
        frames: Tensor | None = None,
        frame_mask: Tensor | None = None,
        kinematics: Tensor | None = None,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        **_: Any,
    ) -> TrampLlamaOutput:
        """Scores clips, and text about them where it is given.

        Args:
          trajectory: (B, T, V, C) features of the landmarks.
          trajectory_time: (B, T), 2 * frame / frames of the clip - 1.
          expression: (B,) number of the posed expression; needed where the score is conditioned on it.
          frames: (B, F, h, w, 3) RGB, uint8 or float in [0, 1]; needed by a model with vision, ignored by one without.
          frame_mask: (B, F) bool, which frames count; None for all.
          kinematics: (B, 53) standardised measurements; needed for text where the model has kinematic tokens.
          input_ids: (B, S) text, or None for the score alone.
          attention_mask: (B, S), which of the text counts; None for all.

        Raises:
          ValueError: an input that this model needs is missing.
        """
        encoded = self.encode(trajectory, trajectory_time, frames, frame_mask)
        outputs = self._severity(encoded, expression)
        if input_ids is not None:
            outputs["logits"] = self._report_logits(encoded, kinematics, input_ids, attention_mask)
        return TrampLlamaOutput(**outputs)

    @torch.no_grad()
    def generate_report(
        self,
        trajectory: Tensor,
        trajectory_time: Tensor,
        input_ids: Tensor,
        attention_mask: Tensor | None = None,
        frames: Tensor | None = None,
        frame_mask: Tensor | None = None,
        kinematics: Tensor | None = None,
        max_new_tokens: int | None = None,
        expression: Tensor | None = None,
        **options: Any,
    ) -> Tensor:
        """Writes reports, greedy unless told otherwise.

        Args:
          input_ids, attention_mask: (B, S) the instruction, padded on either side.
          max_new_tokens: None for the number that the model was evaluated with.
          expression: ignored; it is among the processor's outputs.
          options: for the language model's `generate`, such as do_sample and temperature.
          The others are those of `forward`.

        Returns:
          (B, M) new token ids, padded after the end token.

        Raises:
          ValueError: an input that this model needs is missing.
        """
        encoded = self.encode(trajectory, trajectory_time, frames, frame_mask)
        inputs, mask = self._inputs(encoded, kinematics, input_ids, attention_mask)[:2]
        # What counts goes to the right end, in its order: generation continues the last position of every row.
        order = mask.int().argsort(dim=1, stable=True)
        inputs = inputs.gather(1, order[..., None].expand_as(inputs))
        return self.language_model.generate(
            inputs_embeds=inputs,
            attention_mask=mask.gather(1, order).long(),
            max_new_tokens=self.config.tramp["max_new_tokens"] if max_new_tokens is None else max_new_tokens,
            **{"do_sample": False, **options},
        )

    def encode(
        self, trajectory: Tensor, trajectory_time: Tensor, frames: Tensor | None = None, frame_mask: Tensor | None = None
    ) -> Encoded:
        """Motion, vision and cross-fusion; arguments as in `forward`."""
        motion = self.motion(trajectory.float(), trajectory_time.float())
        if self.vision is None:
            queries = self.config.tramp["fusion"]["num_queries"]
            frame_mask = torch.ones(len(motion), queries, dtype=torch.bool, device=motion.device)
            return Encoded(motion, None, self.fusion(None, motion, frame_mask), frame_mask)
        if frames is None:
            raise ValueError("this model sees frames: pass frames (B, F, h, w, 3), and the clip's frames to the processor")
        patches = self.vision(frames.flatten(0, 1)).unflatten(0, frames.shape[:2])
        frame_mask = torch.ones(frames.shape[:2], device=motion.device) if frame_mask is None else frame_mask
        frame_mask = frame_mask.bool()
        return Encoded(motion, patches, self.fusion(patches.mean(dim=2), motion, frame_mask), frame_mask)

    def _severity(self, encoded: Encoded, expression: Tensor | None) -> dict[str, Tensor]:
        if self.expression is None:
            return self.regression(encoded.fused, encoded.frame_mask, None)
        if expression is None:
            raise ValueError("this model's score is conditioned on the expression: pass expression (B,)")
        return self.regression(encoded.fused, encoded.frame_mask, self.expression(expression))

    def _prefix(self, encoded: Encoded, kinematics: Tensor | None) -> tuple[Tensor, Tensor]:
        """[E_k, E_m, E_f, E_v] (B, N, H) and which of the N count, (B, N) bool."""
        e_m = self.motion_projection(region_means(encoded.motion, self.segments, self.regions))
        always = torch.ones_like(e_m[:, :, 0], dtype=torch.bool)
        parts, masks = [e_m, self.fusion_projection(encoded.fused)], [always, encoded.frame_mask]
        if encoded.vision is not None:
            e_v = self.visual_projection(encoded.vision)  # (B, F, P / merge**2, H)
            parts.append(e_v.flatten(1, 2))
            masks.append(encoded.frame_mask.repeat_interleave(e_v.shape[2], dim=1))
        if self.kinematic_projection is not None:
            if kinematics is None:
                raise ValueError("this model's report reads measured kinematics: pass kinematics (B, 53)")
            e_k = self._kinematic_tokens(kinematics.float())
            parts.insert(0, e_k)
            masks.insert(0, torch.ones_like(e_k[:, :, 0], dtype=torch.bool))
        return torch.cat(parts, dim=1), torch.cat(masks, dim=1)

    def _kinematic_tokens(self, kinematics: Tensor) -> Tensor:
        """E_k (B, N_k, H); with `kinematic_sides` (B, 2 N_k, H), the second half of what differs between the sides alone."""
        seen = [kinematics]
        if self.kinematic_sides:
            sign = torch.tensor(self.kinematic_mirror["sign"], device=kinematics.device)
            seen.append(kinematics - kinematics[..., self.kinematic_mirror["index"]] * sign)
        return self.kinematic_projection(torch.stack(seen, dim=1)).unflatten(-1, (self.kinematic_tokens, -1)).flatten(1, 2)

    def _inputs(
        self, encoded: Encoded, kinematics: Tensor | None, input_ids: Tensor, attention_mask: Tensor | None
    ) -> tuple[Tensor, Tensor, int]:
        """Prefix and text as embeddings (B, N + S, H), which of them count, (B, N + S) bool, and N."""
        prefix, prefix_mask = self._prefix(encoded, kinematics)
        text = self.get_input_embeddings()(input_ids)
        attention_mask = torch.ones_like(input_ids) if attention_mask is None else attention_mask
        inputs = torch.cat([prefix.to(text.dtype), text], dim=1)
        return inputs, torch.cat([prefix_mask, attention_mask.bool()], dim=1), prefix.shape[1]

    def _report_logits(
        self, encoded: Encoded, kinematics: Tensor | None, input_ids: Tensor, attention_mask: Tensor | None
    ) -> Tensor:
        inputs, mask, N = self._inputs(encoded, kinematics, input_ids, attention_mask)
        positions = (mask.cumsum(dim=1) - 1).clamp(min=0)
        decoder = self.language_model.base_model
        hidden = decoder(inputs_embeds=inputs, attention_mask=mask.long(), position_ids=positions, use_cache=False)[0]
        return self.get_output_embeddings()(hidden[:, N - 1 : -1]).float()


__all__ = ["TrampLlamaModel", "TrampLlamaOutput"]
