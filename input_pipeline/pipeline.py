"""Grain from clips to fixed-shape batches.

Axes: B batch (clips), T trajectory frames, V = 63 landmark tokens, C features, F RGB frames, H, W pixels, S text tokens.

Batch k of a task is a pure function of (seed, task, k): a position in one endless stream, epoch after epoch, each epoch
permuted anew. Nothing else is state, so resuming is starting at another k, on any number of threads and hosts.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence

import grain
import numpy as np
from ml_collections import ConfigDict

from input_pipeline import augmentation, transforms
from input_pipeline.epochs import Epoch, epoch_of, shares, usable_clips
from input_pipeline.errors import UserError
from input_pipeline.examples import ClipSource, Examples
from input_pipeline.records import Clip, Label
from input_pipeline.recycled import RecycledMemory
from input_pipeline.sampling import AUGMENT, GROUPS, Batch, Order, Readable, Share
from input_pipeline.side_words import side_word_ids
from input_pipeline.text import check_questions, check_text_length, instruction
from input_pipeline.tokenizer import Tokenizer
from input_pipeline.vision_features import open_features

__all__ = ["NEEDS", "ClipSource", "batches", "default_data_config", "instruction", "shares", "single_batch", "window_length"]

VERSION = 1  # raised when the same clips, config and seed make other batches than before
NEEDS = frozenset({"trajectory", "frames", "text", "score", "kinematics"})
STORED = frozenset({"vision"})  # needs that only a data set with `config.vision_features` meets
_NONE_LEFT_OUT = {"left_out": np.int32(-1)}
_MEMORY = RecycledMemory()
_ENDLESS = 2**40  # steps; more overflows Grain's index


def default_data_config() -> ConfigDict:
    """`config.data`. "Ours" marks what no paper of the line gives."""
    data = ConfigDict()
    data.path = ""  # the data set folder
    data.split = "default"  # splits/NAME.json in it
    # Several data set folders in place of `path`: `data.sources.NAME = input_pipeline.mixture.source(...)`, see there.
    data.sources = ConfigDict()
    # A source's share, where none has a weight, is proportional to its clips (at most its cap) to this power: 1 as they come,
    # 0 all alike, 1/T at a temperature T (ours).
    data.mixture_exponent = 1.0
    data.mixed_scales = False  # True: sources that were rated on different scales are learned from as one (ours)
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
    # True: frames are turned, scaled and moved by the landmarks, so that the head has one place, size and direction (ours).
    data.align_frames = False
    # Frames show their change from the clip's mean frame, times this, on middle grey (ours); 0 = as filmed.
    data.frame_change = 0.0
    # NAME: training and evaluation read features/NAME of the data set, made by `python -m tramp_jax.features`, and never run
    # the frozen ViT (ours); "" = frames, and the ViT (the paper).
    data.vision_features = ""
    data.text_length = 256  # S, instruction and report (ours)
    # Of clips with several questions: one pair of question and answer, drawn anew each time ("pairs", ours), or all in one text
    # ("whole", LLaVA and VideoLLaMA3). In evaluation the first question is asked.
    data.conversation = "pairs"
    # Training: weight of each "left" and "right" in a report's loss against 1 of every other token (ours; 1 = as any other).
    data.side_word_weight = 1.0
    data.flip_probability = 0.5  # training: mirror landmarks, frames and words together (TraMP-Former flips the frames alone)
    # Training: trajectory backwards, time index and frames not (TraMP-Former: 0.5). Off, since reports tell onset from release.
    data.reversal_probability = 0.0
    data.landmark_noise = 0.0  # training: deviation of Gaussian noise on landmarks, in pixels of a 256-pixel crop (ours)
    # Training: at most this share of the frames' side is cut away at a random place and the rest enlarged, landmarks with it
    # (TraMP-Former: 0.125 of the frames alone, always as much). Landmarks without head motion have no place and size to change.
    data.zoom = 0.0
    # Training, light and camera: each example draws one change for its frames and the colours under its landmarks, evenly
    # within 1 - x to 1 + x (ours; the line's papers change no colours). Reports do not speak of colours.
    data.brightness = 0.0  # factor of all colours
    data.contrast = 0.0  # factor of their distance from middle grey
    data.saturation = 0.0  # factor of their distance from grey of the same brightness
    data.colour_cast = 0.0  # factors of red, green and blue, each its own: the colour of the light
    data.grayscale_probability = 0.0  # of an example without any colour
    # Training, time (ours; TraMP-Former draws where its frames start, alone): landmarks, frames and kinematics together, only
    # where that leaves every fact that can be stated of the clip at its level. With "text", also only where each sentence of
    # the report is understood and keeps its numbers, so that free texts and texts with speeds leave their clips as filmed.
    data.trim = 0.0  # at most this share of the clip's time is cut off, split at random between its start and its end
    # Speed times 1/(1 + x) to 1 + x. Small: raters grade slowness too, so that another speed is nearly another grade.
    data.speed_change = 0.0
    # Mean and deviation of each kinematic feature over training clips; filled in when training starts, where a task needs them.
    data.kinematics_centre, data.kinematics_scale = (), ()
    # Training: fixed shares of an epoch for groups: "", or "score" (rounded), "expression", "emotion", "dataset",
    # "side" (whether the report names one; ours).
    data.balance_by = ""
    # A group's share is proportional to its count to this power: 1 as they come, 0 all alike, 1/T at a temperature T (ours).
    data.balance_exponent = 0.0
    data.read_threads = 2  # each makes whole batches, twice as many batches wait; 0 = none (ours)
    # Clips whose windows stay in memory, decoded, before augmentation (ours; about 0.1 MB each in the demo, 5 MB at full size).
    # With `trim` or `speed_change` training keeps their records instead, and decodes anew.
    data.cache_clips = 0
    # Clips of the training fold whose records may be damaged: each is replaced by the next one that can be read, and told; one
    # more ends the run, and in an evaluation the first does (ours).
    data.max_bad_clips = 0
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
      needs: out of NEEDS and STORED; what is not needed is not read.
      start_step: the first batch is number `start_step` of the task.
      process_index, process_count: this host takes its contiguous share of each batch.

    Returns:
      Dictionaries with weight (B,) float32, expression (B,) int32 index in POSED, clip_index (B,) int32, left_out (B,)
      int32 (the clip that could not be read and whose place clip_index has taken, or -1) and, by need,
      score, score_weight (B,) float32;
      trajectory (B, T, 63, C) float32, trajectory_time (B, T) float32, trajectory_mask (B, T) bool;
      frames (B, F, H, W, 3) uint8, frame_mask (B, F) bool;
      vision (B, F, P, D) in the ViT's compute dtype, frame_mask (B, F) bool, of `config.vision_features`;
      kinematics (B, 53) float32, see `measured.standardised`;
      tokens (B, S) int32, token_mask (B, S) bool, loss_mask (B, S) float32, prompt_length, truncated (B,) int32.

    Raises:
      UserError: no usable clip, a wrong config value, features that a clip was not measured for, a batch that the processes
        cannot share, or a damaged record.
    """
    _check(config, tokenizer, needs)
    if seed < 0:
        raise UserError(f"seed={seed}: must not be negative")
    if batch_size % process_count:
        raise UserError(f"batch_size={batch_size}: {process_count} processes cannot share it evenly; use a multiple of it")
    usable = usable_clips(source, indices, config, task, needs) if train else list(indices)
    if not usable:
        wanted = " and ".join(sorted(needs & {"text", "score"})) or "any data"
        raise UserError(f"{len(indices)} clips to choose from, none with {wanted}: choose another fold or data set")
    if "text" in needs:
        check_questions(tokenizer, (source.labels[index] for index in usable), config.text_length)
    if "trajectory" in needs:
        _check_measured((source.labels[index] for index in usable), tuple(config.features))
    length, defaults = window_length(source, usable, config), default_data_config() if train else None
    vision = open_features(source, config, length, defaults) if "vision" in needs else None
    example = Examples(source, config, tokenizer, needs, train, length, vision)
    share = Share(batch_size, process_index, process_count, start_step, _ENDLESS if train else -(-len(usable) // batch_size))
    entropy = (seed, zlib.crc32(task.encode()))
    epoch = epoch_of(source, usable, config) if train else Epoch([], {}, [])
    order = Order(usable, entropy, epoch.groups, epoch.drawn)
    readable = Readable(epoch.sets, config.max_bad_clips)

    def load(position: int, frames: np.ndarray | None) -> Batch:
        if train:
            key = (*entropy, AUGMENT, position)
            return readable(order[position], lambda index: example(index, 1.0, np.random.default_rng(key), frames))
        return example(usable[min(position, len(usable) - 1)], float(position < len(usable)), None, frames) | _NONE_LEFT_OUT

    frames = (config.num_frames, config.image_size, config.image_size, 3) if "frames" in needs else None
    stream = grain.MapDataset.source(_Batches(share, batch_size // process_count, load, frames))
    threads = config.read_threads
    return iter(stream.to_iter_dataset(grain.ReadOptions(num_threads=threads, prefetch_buffer_size=2 * threads)))


def single_batch(clip: Clip, config: ConfigDict, tokenizer: Tokenizer | None, *, needs: frozenset[str]) -> Batch:
    """The evaluation batch of one clip at hand; see `batches`."""
    stream = batches(_OneClip(clip), [0], config, tokenizer, task="", batch_size=1, seed=0, train=False, needs=needs)
    return next(stream)


class _Batches:
    """Batches by number; frames are decoded to where they lie in the batch.

    Args:
      share: positions of this process's rows.
      size: rows of a batch.
      load: position and place for the frames (None without) -> the example.
      frames: their shape in an example; None where they are not needed.
    """

    def __init__(
        self,
        share: Share,
        size: int,
        load: Callable[[int, np.ndarray | None], Batch],
        frames: tuple[int, ...] | None,
    ):
        self._share, self._size, self._load, self._frames = share, size, load, frames

    def __len__(self) -> int:
        return len(self._share) // self._size

    def __getitem__(self, number: int) -> Batch:
        rows = range(number * self._size, (number + 1) * self._size)
        places = [None] * self._size if self._frames is None else _MEMORY.empty((self._size, *self._frames))
        examples = [self._load(self._share[row], place) for row, place in zip(rows, places, strict=True)]
        names = [name for name in examples[0] if name != "frames"]
        batch = {name: np.stack([example[name] for example in examples]) for name in names}
        return batch if self._frames is None else batch | {"frames": places}


class _OneClip:
    """A `ClipSource` of a single clip in memory."""

    def __init__(self, clip: Clip):
        self.labels, self._clip = [clip.label], clip

    def clip(self, index: int, with_frames: bool = False) -> Clip:
        return self._clip

    def where(self, family: str, index: int) -> str:
        return self._clip.label.clip_id

    def part_of(self, index: int) -> str:
        return ""


def window_length(source: ClipSource, indices: Sequence[int], config: ConfigDict) -> int:
    """T of this run; rest has one of its own only where all clips are at rest."""
    if not config.rest_frames:
        return config.trajectory_length
    expressions = {source.labels[index].expression for index in indices}
    if expressions == {"rest"}:
        return config.rest_frames
    if "rest" in expressions:
        raise UserError(f"data.rest_frames={config.rest_frames} is for runs on rest alone; set 0 to train expressions together")
    return config.trajectory_length


def _check_measured(labels: Iterable[Label], features: Sequence[str]) -> None:
    """Refuses features that a clip lacks: landmarks made elsewhere come without colours, and most without depth."""
    without: dict[str, list[str]] = {"landmarks": [], "colours": [], "depth": []}
    count = 0
    for count, label in enumerate(labels, 1):  # noqa: B007 - how many there were
        for what, clips in without.items():
            if label.source.get(what) == "none":
                clips.append(label.clip_id)
    if bare := without["landmarks"]:
        raise UserError(
            f"{len(bare)} of {count} clips have no landmarks ({bare[0]}): build the data set with --landmarker=FILE, or "
            "train a task that needs none"
        )
    for what, channels in (("colours", "rgb"), ("depth", "z")):
        wanted = [name for name in features if name[-1] in channels]
        if wanted and (lacking := without[what]):
            left = tuple(name for name in features if name not in wanted)
            raise UserError(
                f"data.features: {', '.join(wanted)} need {what}, which {len(lacking)} of {count} clips do not have"
                f" ({lacking[0]}, made from a landmark file): train with data.features={left}"
            )


def _check_frames(config: ConfigDict) -> None:
    if config.frame_change < 0:
        raise UserError(f"data.frame_change={config.frame_change}: must not be negative; 0 shows frames as filmed")
    if config.frame_change and (drawn := [name for name in augmentation.COLOURS if config[name]]):
        raise UserError(
            f"data.{drawn[0]}={config[drawn[0]]}: is a change of light and camera, and data.frame_change={config.frame_change} "
            "leaves no picture of those: set one of them to 0"
        )


def _check(config: ConfigDict, tokenizer: Tokenizer | None, needs: frozenset[str]) -> None:
    if not needs <= NEEDS | STORED:
        raise ValueError(f"needs {sorted(needs - NEEDS)} are none of {sorted(NEEDS | STORED)}")
    transforms.check_features(tuple(config.features))
    for name in ("trajectory_length", "num_frames", "image_size", "position_unit", "displacement_unit", "side_word_weight"):
        if not config[name] > 0:
            raise UserError(f"data.{name}={config[name]}: must be positive")
    for name in ("rest_frames", "resample_fps", "landmark_noise", "read_threads", "cache_clips", "max_bad_clips"):
        if not config[name] >= 0:
            raise UserError(f"data.{name}={config[name]}: must not be negative")
    for name in ("flip_probability", "reversal_probability"):
        if not 0 <= config[name] <= 1:
            raise UserError(f"data.{name}={config[name]}: must be between 0 and 1")
    augmentation.check(config)
    _check_frames(config)
    if config.conversation not in ("pairs", "whole"):
        raise UserError(f"data.conversation={config.conversation!r}: expected pairs or whole")
    if config.balance_by not in ("", *GROUPS):
        raise UserError(f"data.balance_by={config.balance_by!r}: expected one of {', '.join(GROUPS)}, or nothing")
    if not 0 <= config.balance_exponent <= 1:
        raise UserError(f"data.balance_exponent={config.balance_exponent}: must be between 0 (all alike) and 1 (as they come)")
    if not 0 <= config.mixture_exponent <= 1:
        raise UserError(f"data.mixture_exponent={config.mixture_exponent}: must be between 0 (all alike) and 1 (as they come)")
    if "text" in needs:
        check_text_length(tokenizer, config.text_length)
        if config.side_word_weight != 1:
            side_word_ids(tokenizer)  # raises where the tokenizer cannot have them
        if config.conversation == "whole":
            tokenizer.prompts(["?", "?"])  # raises where the chat template has no room for a second question
    if "kinematics" in needs and not config.kinematics_centre:
        raise UserError(
            "data.kinematics_centre is empty: set it and kinematics_scale with input_pipeline.measured.standardisation"
        )
