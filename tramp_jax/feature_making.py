"""Runs a frozen ViT once over a data set, on the frames that the pipeline picks, and keeps what it saw.

Axes: C clips of one call, F RGB frames, H, W pixels, P patches, D width of the ViT.
"""

from __future__ import annotations

import collections
import dataclasses
import itertools
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh
from ml_collections import ConfigDict
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from input_pipeline import transforms
from input_pipeline.dataset import Dataset
from input_pipeline.errors import RecordError, UserError
from input_pipeline.examples import Examples
from input_pipeline.paths import local_path
from input_pipeline.pipeline import window_length
from input_pipeline.vision_feature_shards import SHARD_BYTES, FeatureWriter
from input_pipeline.vision_features import About, data_digests, family_path, moments_of, why_withheld
from input_pipeline.vision_records import KINDS, Seen
from tramp_jax.hf.parts import load_parts, provenance
from tramp_jax.models.tramp_llama import TrampLlama, Tree
from tramp_jax.sharding.mesh import batch_sharding, make_mesh
from tramp_jax.tasks.table import active_tasks
from tramp_jax.training.frozen_vision import check_frozen, vit_digest, vit_fields
from tramp_jax.training.ownership import flatten

See = Callable[[np.ndarray], jax.Array]


@dataclasses.dataclass(frozen=True)
class _Loaded:
    """A clip's frames (F, H, W, 3) and mask (F,), and why these are none of it, or ""."""

    index: int
    frames: np.ndarray
    frame_mask: np.ndarray
    missing: str = ""


def make_features(config: ConfigDict, shard_bytes: int = SHARD_BYTES) -> None:
    """Makes `config.data.vision_features` of the data set `config.data.path`, or goes on where a killed run was.

    Args:
      config: of the experiment; `init_from.vision` are the weights.
      shard_bytes: of the features of one kind in one shard.

    Raises:
      UserError: whatever is wrong with config, weights or data, or the disk is too small, in one line.
    """
    if not config.data.vision_features:
        raise UserError("which name? set --config.data.vision_features=NAME, here and in training")
    if not config.init_from.vision:
        raise UserError("whose features? set --config.init_from.vision=FOLDER, of python -m tramp_jax.import_hf")
    check_frozen(config, active_tasks(config))
    dataset = Dataset.open(local_path(config.data.path, "config.data.path"))
    if not dataset.manifest.has_frames:
        raise UserError(f"{dataset.path}: the data set has no frames to make features of: extract with frames")
    mesh = make_mesh(config.mesh)
    with jax.set_mesh(mesh):
        model = TrampLlama(config.model)
        params = load_vit(config, model, mesh)
        indices = [index for index in range(len(dataset)) if not why_withheld(dataset, index)]
        length = window_length(dataset, indices, config.data)
        about = _about(config, dataset, model, params, length, shard_bytes)
        writer = FeatureWriter(family_path(dataset.path, config.data.vision_features), about)
        _tell_size(writer)
        if not writer.missing():
            writer.finish()
            return
        writer.check_space()
        example = Examples(dataset, config.data, None, frozenset({"frames"}), False, length)
        group = mesh.shape["replica"] * mesh.shape["fsdp"]
        clips, seconds = _Making(writer, example, _compiled(model, params, mesh), group).run()
    writer.finish()
    frames = clips * about.shape[0] * len(about.kinds)
    print(f"{writer.folder}: {clips} clips in {seconds:.1f} s: {clips / seconds:.1f} clips/s, {frames / seconds:.0f} frames/s")


def load_vit(config: ConfigDict, model: TrampLlama, mesh: Mesh) -> Tree:
    """The parameters of the block `vision`, of `config.init_from.vision`, each where training has it.

    Raises:
      UserError: they do not fit the config, or some are missing.
    """
    params, stats = jax.eval_shape(lambda key: model.init(key, {"vision"}), jax.random.key(0))
    alone = config.copy_and_resolve_references()
    alone.init_from = ConfigDict({part: folder if part == "vision" else "" for part, folder in config.init_from.items()})
    found, _ = load_parts(alone, {"params": params, "stats": stats}, mesh, frozenset(model.blocks))
    if missing := sorted(flatten(params).keys() - flatten(found).keys()):
        raise UserError(f"init_from.vision={config.init_from.vision}: lacks {missing[0]} ({len(missing)} such): import again")
    return found["vision"]


def _about(config: ConfigDict, dataset: Dataset, model: TrampLlama, params: Tree, length: int, shard_bytes: int) -> About:
    data, pixels = data_digests(dataset.manifest)
    size, F = config.data.image_size, config.data.num_frames
    frames = jax.ShapeDtypeStruct((1, F, size, size, 3), np.uint8)
    vision = jax.eval_shape(lambda params, frames: _see(model, params, frames), params, frames)
    kinds = KINDS if config.data.flip_probability > 0 else KINDS[:1]
    vit = {
        "digest": vit_digest(params),
        "config": vit_fields(config.model.vision),
        "pretrained": provenance(config)["vision"],
    }
    shape, dtype = vision.shape[1:], vision.dtype.name
    about = About(data, pixels, len(dataset), moments_of(config.data, length), shape, dtype, kinds, vit, 1)
    return dataclasses.replace(about, clips_per_shard=max(1, shard_bytes // about.bytes_per_clip))


def _see(model: TrampLlama, params: Tree, frames: Any) -> Any:
    """(C, F, H, W, 3) uint8 -> (C, F, P, D), by the very code of a step that runs the ViT."""
    return model.see({"vision": params}, {"frames": frames, "frame_mask": None})[0]


def _compiled(model: TrampLlama, params: Tree, mesh: Mesh) -> See:
    where = batch_sharding(mesh)
    see = jax.jit(lambda params, frames: _see(model, params, frames), out_shardings=where)
    return lambda frames: see(params, jax.device_put(frames, where))


def _tell_size(writer: FeatureWriter) -> None:
    about, missing = writer.about, sum(len(clips) for _, clips in writer.missing())
    left = f"{writer.bytes_to_write() / 2**20:,.1f} MiB to write: {missing} of {about.clips} clips" if missing else "all there"
    print(f"{writer.folder}: {left}; {about.bytes_per_clip:,} bytes each ({about.described()})", flush=True)


@dataclasses.dataclass(frozen=True)
class _Making:
    """What turns clips into records.

    Attributes:
      writer: takes them.
      example: makes a clip's frames.
      see: the compiled ViT.
      group: clips of one call, one for each group of devices.
      bad: clips with a damaged record, by now.
    """

    writer: FeatureWriter
    example: Examples
    see: See
    group: int
    bad: set[int] = dataclasses.field(default_factory=set)

    def run(self) -> tuple[int, float]:
        """Writes what is missing; how many clips, and the seconds that it took without compilation."""
        missing = self.writer.missing()
        total = sum(len(clips) for _, clips in missing)
        columns = (TextColumn("clips"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        threads = max(self.example.config.read_threads, 1)
        with ThreadPoolExecutor(threads) as pool, Progress(*columns, console=Console(stderr=True), transient=True) as display:
            bar = display.add_task("clips", total=total)
            jax.block_until_ready(self._call([]))
            start = time.monotonic()
            for number, clips in missing:
                with self.writer.shard(number) as shard:
                    for features in self._features(_ahead(pool, self._load, clips, 2 * self.group)):
                        shard.add(features)
                        display.advance(bar)
        return total, time.monotonic() - start

    def _features(self, clips: Iterator[_Loaded]) -> Iterator[dict[str, Seen]]:
        """Kind -> features of each clip in order; the next call runs while those of the last one are written."""
        called: collections.deque[tuple[list[_Loaded], dict[str, jax.Array]]] = collections.deque()
        while part := list(itertools.islice(clips, self.group)):
            called.append((part, self._call([clip.frames for clip in part])))
            if len(called) > 1:
                yield from self._records(*called.popleft())
        while called:
            yield from self._records(*called.popleft())

    def _call(self, frames: list[np.ndarray]) -> dict[str, jax.Array]:
        """Always for `group` clips: there is one program, and what it makes of a clip does not depend on its neighbours."""
        data, F = self.example.config, self.writer.about.shape[0]
        filled = np.zeros((self.group, F, data.image_size, data.image_size, 3), np.uint8)
        for row, images in enumerate(frames):
            filled[row] = images
        called = {KINDS[0]: self.see(filled)}
        if KINDS[1] in self.writer.about.kinds:
            called[KINDS[1]] = self.see(np.stack([transforms.flip_images(images) for images in filled]))
        return called

    def _records(self, clips: list[_Loaded], called: dict[str, jax.Array]) -> Iterator[dict[str, Seen]]:
        found, labels = jax.device_get(called), self.example.source.labels
        for row, clip in enumerate(clips):
            if not all(np.isfinite(vision[row].astype(np.float32)).all() for vision in found.values()):
                raise UserError(f"{labels[clip.index].clip_id}: the ViT's features are no numbers: import its weights again")
            length = 0 if clip.missing else None
            yield {
                kind: Seen(labels[clip.index].clip_id, kind, vision[row][:length], clip.frame_mask[:length], clip.missing)
                for kind, vision in found.items()
            }

    def _load(self, index: int) -> _Loaded:
        """A clip that must not or cannot be looked at gets black frames, of which no features are kept."""
        data, F = self.example.config, self.writer.about.shape[0]
        reason = why_withheld(self.example.source, index)
        try:
            if not reason:
                made = self.example(index, 1.0, None)
                return _Loaded(index, made["frames"], made["frame_mask"])
        except RecordError as error:
            self.bad.add(index)
            if len(self.bad) > data.max_bad_clips:
                raise
            reason = "its frames could not be read when the features were made"
            print(f"left out: {error}", file=sys.stderr)
        return _Loaded(index, np.zeros((F, data.image_size, data.image_size, 3), np.uint8), np.zeros(F, bool), reason)


def _ahead(pool: ThreadPoolExecutor, load: Callable[[int], _Loaded], indices: Iterable[int], count: int) -> Iterator[_Loaded]:
    """Clips in order, at most `count` of them waiting in memory."""
    waiting: collections.deque[Future[_Loaded]] = collections.deque()
    for index in indices:
        waiting.append(pool.submit(load, index))
        if len(waiting) > count:
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
