"""One clip to one example of fixed shape.

Axes: T trajectory frames, V = 63 landmark tokens, C features, F RGB frames, H, W pixels, S text tokens.
"""

from __future__ import annotations

import dataclasses
import functools
import weakref
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from ml_collections import ConfigDict

from input_pipeline import measured, transforms
from input_pipeline.errors import RecordError, UserError
from input_pipeline.images import decode_frames
from input_pipeline.motion.layouts import to_tokens
from input_pipeline.records import POSED, Clip, Label
from input_pipeline.sampling import Batch
from input_pipeline.text import encode_example, questions
from input_pipeline.tokenizer import Tokenizer
from input_pipeline.windows import Window, aligned_frames, make_window

# What `data.cache_clips` keeps, for as long as the source lives.
_WINDOWS: weakref.WeakKeyDictionary[ClipSource, dict[Any, dict[int, _Seen]]] = weakref.WeakKeyDictionary()


class ClipSource(Protocol):
    """Where clips come from: `input_pipeline.shards.Dataset`, or clips in memory. Read from several threads at once."""

    labels: Sequence[Label]

    def clip(self, index: int, with_frames: bool = False) -> Clip:
        """One clip."""

    def where(self, family: str, index: int) -> str:
        """Names file and record for error messages."""


@dataclasses.dataclass(frozen=True)
class _Seen:
    """A clip's window before augmentation: what is the same in every epoch."""

    time_index: np.ndarray
    mask: np.ndarray
    pixels: np.ndarray | None = None
    colours: np.ndarray | None = None
    images: np.ndarray | None = None
    frame_mask: np.ndarray | None = None


@dataclasses.dataclass(frozen=True)
class Examples:
    """Makes one example from one clip."""

    source: ClipSource
    config: ConfigDict
    tokenizer: Tokenizer | None
    needs: frozenset[str]
    train: bool
    length: int

    def __call__(self, index: int, weight: float, rng: np.random.Generator | None) -> Batch:
        label, config = self.source.labels[index], self.config
        # Drawn in one order whatever is needed, so that a clip's augmentation does not depend on which parts are read.
        flip, backwards = (
            rng.random(2) < (config.flip_probability, config.reversal_probability) if self.train else (False, False)
        )
        example = {
            "weight": np.float32(weight),
            "expression": np.int32(POSED.index(label.expression)),
            "clip_index": np.int32(index),
        }
        if "score" in self.needs:
            example["score"] = np.float32(0 if label.score is None else label.score)
            example["score_weight"] = np.float32(0 if label.score is None else weight)
        if "text" in self.needs:
            pairs = questions(label)
            question, answer = pairs[rng.integers(len(pairs)) if len(pairs) > 1 and self.train else 0]
            answer = transforms.flip_report(answer) if flip and answer is not None else answer
            example |= encode_example(self.tokenizer, question, answer, config.text_length)
            example["loss_mask"] *= np.float32(weight)
        if self.needs & {"trajectory", "frames"}:
            seen = self._remembered(index)
            if "trajectory" in self.needs:
                example |= self._trajectory(seen, flip, backwards, rng)
            if "frames" in self.needs:
                images = transforms.flip_images(seen.images) if flip else seen.images
                example |= {"frames": images, "frame_mask": seen.frame_mask}
        if "kinematics" in self.needs:
            centre, scale = config.kinematics_centre, config.kinematics_scale
            example["kinematics"] = measured.standardised(measured.features_of(self.source, index), centre, scale, flip)
        return example

    @functools.cached_property
    def _known(self) -> dict[int, _Seen]:
        key = (self.config.to_json(), self.length, self.needs & {"trajectory", "frames"})
        return _WINDOWS.setdefault(self.source, {}).setdefault(key, {})

    def _remembered(self, index: int) -> _Seen:
        """`_see`, with the first `data.cache_clips` clips kept for all tasks and evaluations of the process."""
        if index in self._known:
            return self._known[index]
        seen = self._see(index)
        if len(self._known) < self.config.cache_clips:
            self._known[index] = seen
        return seen

    def _see(self, index: int) -> _Seen:
        config, clip = self.config, self.source.clip(index, with_frames="frames" in self.needs)
        window = make_window(clip.times, self.length, config.resample_fps)
        seen = _Seen(time_index=window.time_index, mask=_mask(window.nearest(clip.tracked)))
        if "trajectory" in self.needs:
            tokens, colours = to_tokens(clip.landmarks, clip.layout), to_tokens(clip.colours, clip.layout)
            if config.remove_head_motion:
                pixels = transforms.to_head_free_pixels(tokens, clip.times, clip.tracked)
            else:
                pixels = transforms.to_pixels(tokens)
            seen = dataclasses.replace(seen, pixels=window.sample(pixels), colours=window.sample(colours))
        if "frames" in self.needs:
            images, frame_mask = self._frames(clip, window, index)
            seen = dataclasses.replace(seen, images=images, frame_mask=frame_mask)
        return seen

    def _trajectory(self, seen: _Seen, flip: bool, backwards: bool, rng: np.random.Generator | None) -> Batch:
        config, pixels, colours, mask = self.config, seen.pixels, seen.colours, seen.mask
        if flip:
            pixels, colours = transforms.flip_tokens(pixels), transforms.flip_colours(colours)
        if backwards:
            pixels, colours, mask = pixels[::-1], colours[::-1], mask[::-1]
        if self.train and config.landmark_noise:
            pixels = transforms.add_noise(pixels, rng, config.landmark_noise)
        features = transforms.make_features(
            pixels, colours, tuple(config.features), config.position_unit, config.displacement_unit
        )
        return {"trajectory": features, "trajectory_time": seen.time_index, "trajectory_mask": mask}

    def _frames(self, clip: Clip, window: Window, index: int) -> tuple[np.ndarray, np.ndarray]:
        if not clip.frames:
            raise UserError(f"{self.source.where('frames', index)}: no frames stored; train without vision or extract them")
        chosen = aligned_frames(window, clip.times[clip.frame_index], self.config.num_frames)
        stored, place = np.unique(chosen, return_inverse=True)
        try:
            images = decode_frames([clip.frames[i] for i in stored], self.config.image_size)[place]
        except UserError as error:
            raise RecordError(f"{self.source.where('frames', index)}: {error}") from error
        return images, _mask(clip.tracked[clip.frame_index][chosen])


def _mask(tracked: np.ndarray) -> np.ndarray:
    """Moments with a face. A window without any keeps all: an empty mask leaves the model nothing to average."""
    return tracked if tracked.any() else np.ones_like(tracked)
