"""Grain from clips to fixed-shape batches.

Axes: B batch (clips), T trajectory frames, V = 63 landmark tokens, C features, F RGB frames, H, W pixels, S text tokens.

Batch k of a task is a pure function of (seed, task, k): a position in one endless stream, epoch after epoch, each epoch
permuted anew. Nothing else is state, so resuming is starting at another k, on any number of threads and hosts.
"""

from __future__ import annotations

import dataclasses
import functools
import weakref
import zlib
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import grain
import numpy as np
from ml_collections import ConfigDict

from input_pipeline import measured, transforms
from input_pipeline.errors import UserError
from input_pipeline.images import decode_frames
from input_pipeline.motion.layouts import to_tokens
from input_pipeline.records import EXPRESSIONS, Clip, Label
from input_pipeline.text import check_text_length, encode_example, instruction
from input_pipeline.tokenizer import Tokenizer
from input_pipeline.windows import Window, aligned_frames, make_window

__all__ = ["NEEDS", "ClipSource", "batches", "default_data_config", "instruction", "single_batch"]

VERSION = 1  # raised when the same clips, config and seed make other batches than before
NEEDS = frozenset({"trajectory", "frames", "text", "score", "kinematics"})
Batch = dict[str, np.ndarray]
_SHUFFLE, _AUGMENT = 1, 2  # keep the random numbers of the two apart
# What `data.cache_clips` keeps, for as long as the source lives.
_WINDOWS: weakref.WeakKeyDictionary[ClipSource, dict[Any, dict[int, _Seen]]] = weakref.WeakKeyDictionary()
_ENDLESS = 2**40  # steps; more overflows Grain's index


class ClipSource(Protocol):
    """Where clips come from: `input_pipeline.shards.Dataset`, or clips in memory. Read from several threads at once."""

    labels: Sequence[Label]

    def clip(self, index: int, with_frames: bool = False) -> Clip:
        """One clip."""

    def where(self, family: str, index: int) -> str:
        """Names file and record for error messages."""


def default_data_config() -> ConfigDict:
    """`config.data`. "Ours" marks what no paper of the line gives."""
    data = ConfigDict()
    data.path = ""  # the data set folder
    data.split = "default"  # splits/NAME.json in it
    data.features = ("x", "y", "r", "g", "b")  # per landmark, out of transforms.FEATURES (TraMP-Former)
    data.position_unit = 32.0  # pixels of a 256-pixel crop that count as 1 in x, y, z (ours; TraMP-Former: 1)
    data.displacement_unit = 8.0  # the same for dx, dy, dz (ours)
    data.remove_head_motion = False  # True: positions relative to the head, one face size for all (ours)
    data.trajectory_length = 128  # T (TraMP-Former)
    # T of clips at rest, only where a run has no other expression (TraMP-Former: 64); 0 = trajectory_length (ours).
    data.rest_frames = 0
    data.resample_fps = 0.0  # landmarks resampled to this rate first (ours); 0 = as filmed (TraMP-Former)
    data.num_frames = 32  # F (ours; TraMP-Former: 80, VideoLLaMA3: up to 180)
    data.image_size = 224  # H = W (TraMP-Former)
    data.text_length = 256  # S, instruction and report (ours)
    data.flip_probability = 0.5  # training: mirror landmarks, frames and words together (TraMP-Former flips the frames alone)
    # Training: trajectory backwards, time index and frames not (TraMP-Former: 0.5). Off, since reports tell onset from release.
    data.reversal_probability = 0.0
    data.landmark_noise = 0.0  # training: deviation of Gaussian noise on landmarks, in pixels of a 256-pixel crop (ours)
    # Mean and deviation of each kinematic feature over training clips; filled in when training starts, where a task needs them.
    data.kinematics_centre, data.kinematics_scale = (), ()
    data.read_threads = 2  # each makes whole batches, twice as many batches wait; 0 = none (ours)
    # Clips whose windows stay in memory, decoded, before augmentation (ours; about 0.1 MB each in the demo, 5 MB at full size).
    data.cache_clips = 0
    return data


def batches(
    source: ClipSource,
    indices: Sequence[int],
    config: ConfigDict,
    tokenizer: Tokenizer | None,
    *,
    task: str,
    batch_size: int,
    seed: int,
    train: bool,
    needs: frozenset[str],
    start_step: int = 0,
    process_index: int = 0,
    process_count: int = 1,
) -> Iterator[Batch]:
    """Batches of the clips `indices`: endless and shuffled in training, in order and once in evaluation.

    Training takes only clips that have what is needed (a report for "text", a grade for "score") and augments them. The last
    evaluation batch is filled up with its last clip at weight 0.

    Args:
      source: an open `Dataset`.
      indices: of clips in it, for example a fold of `load_split`.
      config: `config.data`, see `default_data_config`.
      tokenizer: may be None where "text" is not needed.
      task: name of the task; tasks draw from streams of their own.
      batch_size: clips of one step, all processes together.
      seed: the run's.
      needs: out of NEEDS; what is not needed is not read.
      start_step: the first batch is number `start_step` of the task.
      process_index, process_count: this host takes its contiguous share of each batch.

    Returns:
      Dictionaries with weight (B,) float32, expression (B,) int32 index in EXPRESSIONS, clip_index (B,) int32 and, by need,
      score, score_weight (B,) float32;
      trajectory (B, T, 63, C) float32, trajectory_time (B, T) float32, trajectory_mask (B, T) bool;
      frames (B, F, H, W, 3) uint8, frame_mask (B, F) bool;
      kinematics (B, 53) float32, see `measured.standardised`;
      tokens (B, S) int32, token_mask (B, S) bool, loss_mask (B, S) float32, prompt_length, truncated (B,) int32.

    Raises:
      UserError: no usable clip, a wrong config value, a batch that the processes cannot share, or a damaged record.
    """
    _check(config, tokenizer, needs)
    if seed < 0:
        raise UserError(f"seed={seed}: must not be negative")
    if batch_size % process_count:
        raise UserError(f"batch_size={batch_size}: {process_count} processes cannot share it evenly; use a multiple of it")
    usable = [index for index in indices if not train or _has(source.labels[index], needs)]
    if not usable:
        wanted = " and ".join(sorted(needs & {"text", "score"})) or "any data"
        raise UserError(f"{len(indices)} clips to choose from, none with {wanted}: choose another fold or data set")
    example = _Examples(source, config, tokenizer, needs, train, _length(source, usable, config))
    share = _Share(batch_size, process_index, process_count, start_step, _ENDLESS if train else -(-len(usable) // batch_size))
    entropy = (seed, zlib.crc32(task.encode()))
    order = _Order(usable, entropy)

    def load(position: int) -> Batch:
        if train:
            return example(order[position], 1.0, np.random.default_rng((*entropy, _AUGMENT, position)))
        return example(usable[min(position, len(usable) - 1)], float(position < len(usable)), None)

    stream = grain.MapDataset.source(share).map(load).batch(batch_size // process_count, drop_remainder=True)
    threads = config.read_threads
    return iter(stream.to_iter_dataset(grain.ReadOptions(num_threads=threads, prefetch_buffer_size=2 * threads)))


def single_batch(clip: Clip, config: ConfigDict, tokenizer: Tokenizer | None, *, needs: frozenset[str]) -> Batch:
    """The evaluation batch of one clip at hand; see `batches`."""
    stream = batches(_OneClip(clip), [0], config, tokenizer, task="", batch_size=1, seed=0, train=False, needs=needs)
    return next(stream)


class _OneClip:
    """A `ClipSource` of a single clip in memory."""

    def __init__(self, clip: Clip):
        self.labels, self._clip = [clip.label], clip

    def clip(self, index: int, with_frames: bool = False) -> Clip:
        return self._clip

    def where(self, family: str, index: int) -> str:
        return self._clip.label.clip_id


@dataclasses.dataclass(frozen=True)
class _Share:
    """This process's rows of every batch from `start_step` on, as positions in the task's stream."""

    batch_size: int
    process_index: int
    process_count: int
    start_step: int
    steps: int

    def __len__(self) -> int:
        return max(self.steps - self.start_step, 0) * (self.batch_size // self.process_count)

    def __getitem__(self, row: int) -> int:
        size = self.batch_size // self.process_count
        step, place = divmod(row, size)
        return (self.start_step + step) * self.batch_size + self.process_index * size + place


class _Order:
    """The endless stream of clip indices: one permutation of all clips after the other.

    Grain's own `shuffle` walks cycles in a space of 2^16 or more: with 11 clips it takes 11 ms for one index.
    """

    def __init__(self, indices: Sequence[int], entropy: tuple[int, ...]):
        self._indices = np.asarray(indices)
        # Threads that are ahead and behind stand in two epochs at most, save where a batch holds many.
        self._epoch = functools.lru_cache(maxsize=4)(
            lambda epoch: np.random.default_rng((*entropy, _SHUFFLE, epoch)).permutation(self._indices)
        )

    def __getitem__(self, position: int) -> int:
        epoch, place = divmod(position, len(self._indices))
        return int(self._epoch(epoch)[place])


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
class _Examples:
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
            "expression": np.int32(EXPRESSIONS.index(label.expression)),
            "clip_index": np.int32(index),
        }
        if "score" in self.needs:
            example["score"] = np.float32(0 if label.score is None else label.score)
            example["score_weight"] = np.float32(0 if label.score is None else weight)
        if "text" in self.needs:
            report = transforms.flip_report(label.report) if flip and label.report is not None else label.report
            example |= encode_example(self.tokenizer, label.expression, report, config.text_length)
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
            raise UserError(f"{self.source.where('frames', index)}: {error}") from error
        return images, _mask(clip.tracked[clip.frame_index][chosen])


def _mask(tracked: np.ndarray) -> np.ndarray:
    """Moments with a face. A window without any keeps all: an empty mask leaves the model nothing to average."""
    return tracked if tracked.any() else np.ones_like(tracked)


def _has(label: Label, needs: frozenset[str]) -> bool:
    return not ("text" in needs and not label.report) and not ("score" in needs and label.score is None)


def _length(source: ClipSource, indices: Sequence[int], config: ConfigDict) -> int:
    """T of this run; rest has one of its own only where all clips are at rest."""
    if not config.rest_frames:
        return config.trajectory_length
    expressions = {source.labels[index].expression for index in indices}
    if expressions == {"rest"}:
        return config.rest_frames
    if "rest" in expressions:
        raise UserError(f"data.rest_frames={config.rest_frames} is for runs on rest alone; set 0 to train expressions together")
    return config.trajectory_length


def _check(config: ConfigDict, tokenizer: Tokenizer | None, needs: frozenset[str]) -> None:
    if not needs <= NEEDS:
        raise ValueError(f"needs {sorted(needs - NEEDS)} are none of {sorted(NEEDS)}")
    transforms.check_features(tuple(config.features))
    for name in ("trajectory_length", "num_frames", "image_size", "position_unit", "displacement_unit"):
        if not config[name] > 0:
            raise UserError(f"data.{name}={config[name]}: must be positive")
    for name in ("rest_frames", "resample_fps", "landmark_noise", "read_threads", "cache_clips"):
        if not config[name] >= 0:
            raise UserError(f"data.{name}={config[name]}: must not be negative")
    for name in ("flip_probability", "reversal_probability"):
        if not 0 <= config[name] <= 1:
            raise UserError(f"data.{name}={config[name]}: must be between 0 and 1")
    if "text" in needs:
        check_text_length(tokenizer, config.text_length)
    if "kinematics" in needs and not config.kinematics_centre:
        raise UserError(
            "data.kinematics_centre is empty: set it and kinematics_scale with input_pipeline.measured.standardisation"
        )
