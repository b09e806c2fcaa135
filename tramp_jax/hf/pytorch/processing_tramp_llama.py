"""From a clip's landmarks and frames to the inputs of `TrampLlamaModel`, with the preprocessing that training used.

T landmark frames of the clip, L landmarks of the layout, K RGB frames, F frames that the model sees, V = 63 landmark tokens.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from transformers import BatchFeature
from transformers.processing_utils import ProcessorMixin

from input_pipeline import measured, transforms
from input_pipeline.errors import UserError
from input_pipeline.frame_alignment import DENSITY, align_frames, change_of_frames
from input_pipeline.images import resize
from input_pipeline.motion.layouts import to_tokens
from input_pipeline.windows import Window, aligned_frames, make_window

from .clip_tramp_llama import Clip, checked_clip, checked_frames


class TrampLlamaProcessor(ProcessorMixin):
    """Makes the inputs of one clip, and text of what the model wrote.

    Args:
      tokenizer: of the language model.
      data: the training's settings; tramp-jax documents each in its `input_pipeline.pipeline.default_data_config`.
      needs: what the model reads, out of "trajectory", "frames", "kinematics", "text".
      expressions: the posed expressions that the model knows, in its order.
      prompts: expression -> token ids of the instruction, as the model was trained with.
    """

    attributes = ["tokenizer"]  # noqa: RUF012 - as transformers 4 has it
    tokenizer_class = "AutoTokenizer"

    def __init__(
        self,
        tokenizer: Any,
        data: dict[str, Any] | None = None,
        needs: Sequence[str] = (),
        expressions: Sequence[str] = (),
        prompts: Mapping[str, Sequence[int]] | None = None,
        chat_template: str | None = None,
    ):
        self.data, self.needs, self.expressions, self.prompts = data or {}, list(needs), list(expressions), dict(prompts or {})
        super().__init__(tokenizer, chat_template=chat_template)

    def __call__(
        self,
        landmarks: np.ndarray,
        times: np.ndarray,
        *,
        expression: str,
        colours: np.ndarray | None = None,
        tracked: np.ndarray | None = None,
        layout: str = "mediapipe478",
        frames: Sequence[np.ndarray] | None = None,
        frame_index: Sequence[int] | None = None,
        frame_times: Sequence[float] | None = None,
        return_tensors: str | None = None,
    ) -> BatchFeature:
        """The inputs of one clip.

        Args:
          landmarks: (T, L, 3) floats, T at least 2. Origin at the centre of a square crop around the face, unit = side of the
            crop, x right in the image, y down, z away from the camera. Untracked frames repeat the last tracked one.
          times: (T,) seconds, strictly increasing, in the median less than one apart.
          expression: what the person was asked to do, one of `expressions`.
          colours: (T, L, 3) uint8 RGB under each landmark; may be None for a model that reads no colour.
          tracked: (T,) bool, whether a face was found, at least once; None for always.
          layout: "mediapipe478", "insightface106", "openface68", or "tokens63" for the 63 tokens themselves.
          frames: K images (H, W, 3) uint8 RGB of the square face crop, for a model that sees. Resized as in training, where the
            JPEG decoder does a part of it: much larger images come out a little different.
          frame_index: (K,) the landmark frame that each image belongs to; None with K = T for one to one.
          frame_times: (K,) seconds of the same clock as `times`, in place of `frame_index`.
          return_tensors: "pt" or None, which is the same here.

        Returns:
          Tensors of a batch of one: trajectory (1, T', 63, C), trajectory_time (1, T'), expression (1,), input_ids and
          attention_mask (1, P), and by need frames (1, F, h, w, 3) uint8, frame_mask (1, F), kinematics (1, 53).

        Raises:
          ValueError: something that the model needs is missing or is not as said above.
          ImportError: kinematics need SciPy.
        """
        if return_tensors not in (None, "pt"):
            raise ValueError(f"return_tensors {return_tensors!r}: this processor makes PyTorch tensors; pass 'pt' or None")
        if expression not in self.expressions:
            raise ValueError(f"expression {expression!r}: unknown; use one of {', '.join(self.expressions)}")
        clip = checked_clip(landmarks, times, colours, tracked, layout, self.data["features"])
        seen = checked_frames(frames, frame_index, frame_times, clip.times) if "frames" in self.needs else None
        resting = self.data["rest_frames"] if expression == "rest" else 0
        window = make_window(clip.times, resting or self.data["trajectory_length"], self.data["resample_fps"])
        inputs = {
            "trajectory": self._trajectory(clip, window),
            "trajectory_time": window.time_index,
            "expression": np.int64(self.expressions.index(expression)),
        }
        if seen is not None:
            inputs |= self._frames(clip, window, *seen)
        if "kinematics" in self.needs:
            inputs["kinematics"] = self._kinematics(clip)
        tensors = {name: torch.from_numpy(np.ascontiguousarray(np.asarray(value)[None])) for name, value in inputs.items()}
        tensors["input_ids"] = torch.tensor([self.prompts[expression]])
        return BatchFeature({**tensors, "attention_mask": torch.ones_like(tensors["input_ids"])})

    def batch(self, clips: Sequence[BatchFeature]) -> BatchFeature:
        """Clips of one call each as one batch; shorter instructions are padded on the right."""
        longest = max(clip["input_ids"].shape[1] for clip in clips)
        filler = {"input_ids": self.tokenizer.pad_token_id or 0, "attention_mask": 0}

        def padded(name: str, value: torch.Tensor) -> torch.Tensor:
            missing = longest - value.shape[1] if name in filler else 0
            return torch.nn.functional.pad(value, (0, missing), value=filler[name]) if missing else value

        return BatchFeature({name: torch.cat([padded(name, clip[name]) for clip in clips]) for name in clips[0]})

    def decode_report(self, ids: torch.Tensor) -> str | list[str]:
        """The text of `TrampLlamaModel.generate_report`: (M,) one report, (B, M) a list of them."""
        if ids.ndim == 1:
            return self.tokenizer.decode(ids, skip_special_tokens=True)
        return self.tokenizer.batch_decode(ids, skip_special_tokens=True)

    @property
    def model_input_names(self) -> list[str]:
        """Keys of what `__call__` returns."""
        optional = {"frames": ["frames", "frame_mask"], "kinematics": ["kinematics"]}
        chosen = [name for need in self.needs for name in optional.get(need, [])]
        return ["trajectory", "trajectory_time", "expression", *chosen, "input_ids", "attention_mask"]

    def _trajectory(self, clip: Clip, window: Window) -> np.ndarray:
        data = self.data
        tokens, colours = to_tokens(clip.landmarks, clip.layout), to_tokens(clip.colours, clip.layout)
        pixels = _still(tokens, clip) if data["remove_head_motion"] else transforms.to_pixels(tokens)
        units = data["position_unit"], data["displacement_unit"]
        return transforms.make_features(window.sample(pixels), window.sample(colours), tuple(data["features"]), *units)

    def _frames(self, clip: Clip, window: Window, images: Sequence[np.ndarray], index: np.ndarray) -> dict[str, np.ndarray]:
        chosen = aligned_frames(window, clip.times[index], self.data["num_frames"])
        size, moments = self.data["image_size"], index[chosen]
        mask = clip.tracked[moments]
        # A window without any face keeps all: an empty mask leaves the model nothing to average.
        mask = mask if mask.any() else np.ones_like(mask)
        if self.data["align_frames"]:
            tokens = to_tokens(clip.landmarks, clip.layout)
            whole = np.stack([resize(images[i], DENSITY * size) for i in chosen])
            head = _still(tokens, clip)[moments] / transforms.HEAD_FREE_IOD
            shown = align_frames(whole, tokens[moments], head, size)
        else:
            shown = np.stack([resize(images[i], size) for i in chosen])
        if self.data["frame_change"]:
            shown = change_of_frames(shown, mask, self.data["frame_change"])
        return {"frames": shown, "frame_mask": mask}

    def _kinematics(self, clip: Clip) -> np.ndarray:
        if importlib.util.find_spec("scipy") is None:
            raise ImportError("this model's reports read measured kinematics, which need SciPy: pip install scipy")
        features = measured.features_of(clip, 0)
        return measured.standardised(features, self.data["kinematics_centre"], self.data["kinematics_scale"], False)


def _still(tokens: np.ndarray, clip: Clip) -> np.ndarray:
    """(T, 63, 3) tokens without head motion, in pixels."""
    try:
        return transforms.to_head_free_pixels(tokens, clip.times, clip.tracked)
    except UserError as error:
        raise ValueError(str(error)) from error


__all__ = ["TrampLlamaProcessor"]
