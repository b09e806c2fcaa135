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

from input_pipeline import augmentation, measured, side_words, time_change, transforms
from input_pipeline.augmentation import Augmentation
from input_pipeline.errors import RecordError, UserError
from input_pipeline.frame_alignment import DENSITY, align_frames, change_of_frames
from input_pipeline.images import decode_frames
from input_pipeline.motion.kinematics import Kinematics, feature_vector
from input_pipeline.motion.layouts import NO_LANDMARKS, to_tokens
from input_pipeline.records import POSED, Clip, Label
from input_pipeline.sampling import Batch
from input_pipeline.text import encode_conversation, questions
from input_pipeline.tokenizer import Tokenizer
from input_pipeline.vision_features import VisionFeatures
from input_pipeline.windows import Window, aligned_frames, make_window

# What is kept of clips, by kind and then by index, for as long as the source lives.
_KEPT: weakref.WeakKeyDictionary[ClipSource, dict[Any, dict[int, Any]]] = weakref.WeakKeyDictionary()
_OF_THE_CLIP = frozenset({"trajectory", "frames", "kinematics"})


class ClipSource(Protocol):
    """Where clips come from: a `Dataset`, a `Mixture` of several, or clips in memory. Read from several threads at once."""

    labels: Sequence[Label]

    def clip(self, index: int, with_frames: bool = False) -> Clip:
        """One clip."""

    def where(self, family: str, index: int) -> str:
        """Names file and record for error messages."""

    def part_of(self, index: int) -> str:
        """The source of a mixture that the clip is of, "" where there is one data set."""


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
class _Moved:
    """A clip with other times, its kinematics, and the rate of its window's moments (0: its frames as they come)."""

    clip: Clip
    kinematics: Kinematics
    fps: float


@dataclasses.dataclass(frozen=True)
class Examples:
    """Makes one example from one clip."""

    source: ClipSource
    config: ConfigDict
    tokenizer: Tokenizer | None
    needs: frozenset[str]
    train: bool
    length: int
    vision: VisionFeatures | None = None  # where "vision" is needed

    def __call__(self, index: int, weight: float, rng: np.random.Generator | None, frames: np.ndarray | None = None) -> Batch:
        """The example of clip `index`; with `frames` (F, H, W, 3) its frames are written there."""
        label, config, answer = self.source.labels[index], self.config, None
        drawn = augmentation.draw(config, rng) if self.train else augmentation.NONE
        example = {
            "weight": np.float32(weight),
            "expression": np.int32(POSED.index(label.expression)),
            "clip_index": np.int32(index),
        }
        if "score" in self.needs:
            example["score"] = np.float32(0 if label.score is None else label.score)
            example["score_weight"] = np.float32(0 if label.score is None else weight)
        if "text" in self.needs:
            pairs = self._pairs(label, rng)
            answer = " ".join(answer for _, answer in pairs if answer is not None) or None
            said = [(drawn.of_report(question), drawn.of_report(answer)) for question, answer in pairs]
            example |= encode_conversation(self.tokenizer, said, config.text_length)
            example["loss_mask"] *= np.float32(weight)
            if self.train and config.side_word_weight != 1:
                example["loss_mask"] *= side_words.weights(example["tokens"], self._side_word_ids, config.side_word_weight)
        moved = self._with_other_times(index, drawn, answer) if self.needs & _OF_THE_CLIP else None
        if self.needs & {"trajectory", "frames"}:
            untouched = None if drawn.changes_images else frames
            seen = self._remembered(index, untouched) if moved is None else self._see(moved.clip, moved.fps, index, untouched)
            if "trajectory" in self.needs:
                example |= self._trajectory(seen, drawn, rng)
            if "frames" in self.needs:
                images = drawn.of_images(seen.images)
                example |= {"frames": images if frames is None else _put(images, frames), "frame_mask": seen.frame_mask}
        if "vision" in self.needs:
            example |= self.vision.read(index, mirrored=drawn.flip)
        if "kinematics" in self.needs:
            features = measured.features_of(self.source, index) if moved is None else feature_vector(moved.kinematics)
            example["kinematics"] = measured.standardised(
                features, config.kinematics_centre, config.kinematics_scale, drawn.flip
            )
        return example

    @functools.cached_property
    def _side_word_ids(self) -> np.ndarray:
        return side_words.side_word_ids(self.tokenizer)

    def _pairs(self, label: Label, rng: np.random.Generator | None) -> list[tuple[str, str | None]]:
        """The questions and answers of the text: all, or one that is drawn in training."""
        pairs = questions(label)
        if self.config.conversation == "whole":
            return pairs
        return [pairs[rng.integers(len(pairs)) if len(pairs) > 1 and self.train else 0]]

    def _with_other_times(self, index: int, drawn: Augmentation, answer: str | None) -> _Moved | None:
        """The clip with the times that were drawn, or None where it keeps its own."""
        if not drawn.changes_time:
            return None
        clip = self._clip(index)
        moved = time_change.with_other_times(clip, drawn.cut, drawn.speed)
        before, after = self._measured(index, clip), time_change.measured(moved)
        if before is None or after is None or not time_change.stays_true(before, after, clip.label.expression, answer):
            return None
        # As filmed, a window takes the frames as they come, whatever their times: another speed needs moments at a rate.
        rate = time_change.frame_rate(clip) if drawn.speed != 1 else 0.0
        return _Moved(moved, after, self.config.resample_fps or rate)

    def _kept(self, *kind: Any) -> dict[int, Any]:
        return _KEPT.setdefault(self.source, {}).setdefault(kind, {})

    @functools.cached_property
    def _windows(self) -> dict[int, _Seen]:
        return self._kept("windows", self.config.to_json(), self.length, self.needs & {"trajectory", "frames"})

    @functools.cached_property
    def _new_times(self) -> bool:
        """Whether a clip's window may be another one each time: then the clip is kept in its place."""
        return self.train and augmentation.may_change_time(self.config)

    def _remembered(self, index: int, frames: np.ndarray | None) -> _Seen:
        """`_see`, with the first `data.cache_clips` clips kept for all tasks and evaluations of the process."""
        if index in self._windows:
            return self._windows[index]
        keep = not self._new_times and len(self._windows) < self.config.cache_clips
        seen = self._see(self._clip(index), self.config.resample_fps, index, None if keep else frames)
        if keep:
            self._windows[index] = seen
        return seen

    def _clip(self, index: int) -> Clip:
        """The clip, its landmarks down to tokens, kept like windows where those change."""
        with_frames = "frames" in self.needs
        known = self._kept("clips", with_frames) if self._new_times else {}
        if index in known:
            return known[index]
        clip = self.source.clip(index, with_frames=with_frames)
        if clip.layout != NO_LANDMARKS:
            tokens, colours = to_tokens(clip.landmarks, clip.layout), to_tokens(clip.colours, clip.layout)
            clip = dataclasses.replace(clip, landmarks=tokens, colours=colours, layout="tokens63", blendshapes=None)
        if self._new_times and len(known) < self.config.cache_clips:
            known[index] = clip
        return clip

    def _measured(self, index: int, clip: Clip) -> Kinematics | None:
        """The values of the clip as filmed, measured once; its curves are not kept."""
        known = self._kept("measured")
        if index not in known:
            found = time_change.measured(clip)
            known[index] = found and dataclasses.replace(found, times=np.zeros(0), curves={}, tracked=np.zeros(0, bool))
        return known[index]

    def _see(self, clip: Clip, fps: float, index: int, frames: np.ndarray | None) -> _Seen:
        config = self.config
        window = make_window(clip.times, self.length, fps)
        seen = _Seen(time_index=window.time_index, mask=_mask(window.nearest(clip.tracked)))
        aligned = config.align_frames and "frames" in self.needs
        if aligned and clip.layout == NO_LANDMARKS:
            where = self.source.where("landmarks", index)
            raise UserError(f"{where}: no landmarks to align frames by; set data.align_frames=False or extract landmarks")
        head_free = config.remove_head_motion and "trajectory" in self.needs
        still = None
        if aligned or head_free:
            still = transforms.to_head_free_pixels(clip.landmarks, clip.times, clip.tracked)
        if "trajectory" in self.needs:
            pixels = still if head_free else transforms.to_pixels(clip.landmarks)
            seen = dataclasses.replace(seen, pixels=window.sample(pixels), colours=window.sample(clip.colours))
        if "frames" in self.needs:
            images, frame_mask = self._frames(clip, window, index, frames, still if aligned else None)
            seen = dataclasses.replace(seen, images=images, frame_mask=frame_mask)
        return seen

    def _trajectory(self, seen: _Seen, drawn: Augmentation, rng: np.random.Generator | None) -> Batch:
        config = self.config
        features = transforms.make_features(
            drawn.of_pixels(seen.pixels, rng),
            drawn.of_colours(seen.colours),
            tuple(config.features),
            config.position_unit,
            config.displacement_unit,
        )
        return {"trajectory": features, "trajectory_time": seen.time_index, "trajectory_mask": drawn.of_mask(seen.mask)}

    def _frames(
        self, clip: Clip, window: Window, index: int, out: np.ndarray | None, still: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """Frames and their mask; `still` are the clip's tokens without head motion, None for frames as filmed."""
        if not clip.frames:
            raise UserError(f"{self.source.where('frames', index)}: no frames stored; train without vision or extract them")
        chosen = aligned_frames(window, clip.times[clip.frame_index], self.config.num_frames)
        stored, place = np.unique(chosen, return_inverse=True)
        # A short clip that is looped shows its frames several times; each is decoded once.
        once = len(stored) == len(chosen)
        wanted = [clip.frames[i] for i in (chosen if once else stored)]
        size, as_filmed = self.config.image_size, still is None
        try:
            images = decode_frames(wanted, size if as_filmed else DENSITY * size, out if once and as_filmed else None)
        except UserError as error:
            raise RecordError(f"{self.source.where('frames', index)}: {error}") from error
        images, moments = images if once else images[place], clip.frame_index[chosen]
        if not as_filmed:
            images = align_frames(images, clip.landmarks[moments], still[moments] / transforms.HEAD_FREE_IOD, size)
        mask = _mask(clip.tracked[moments])
        return change_of_frames(images, mask, self.config.frame_change) if self.config.frame_change else images, mask


def _put(images: np.ndarray, out: np.ndarray) -> np.ndarray:
    """Copies frames to where they are wanted, unless they are there. Mirrored ones go fastest a colour at a time."""
    if images is out:
        return out
    for k in range(1 if images.flags.c_contiguous else 3):
        part = ... if images.flags.c_contiguous else (..., k)
        out[part] = images[part]
    return out


def _mask(tracked: np.ndarray) -> np.ndarray:
    """Moments with a face. A window without any keeps all: an empty mask leaves the model nothing to average."""
    return tracked if tracked.any() else np.ones_like(tracked)
