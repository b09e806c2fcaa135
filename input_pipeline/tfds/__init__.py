"""Every builder of `input_pipeline.datasets` for TensorFlow Datasets, without TensorFlow: ArrayRecord and `tfds.data_source`.

`python -m input_pipeline.tfds build raf_db --manual_dir=YOUR_COPY --data_dir=DIR`. Importing this package registers them.
Clips, names and what is left out are those of `input_pipeline.build`, which makes them first; TFDS stores them once more.
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow_datasets as tfds

from input_pipeline.dataset import Dataset
from input_pipeline.datasets import BUILDERS
from input_pipeline.datasets.folds import OFFICIAL
from input_pipeline.errors import UserError
from input_pipeline.extract.building import Building, build
from input_pipeline.extract.ledger import ledger_path
from input_pipeline.extract.pool import Settings
from input_pipeline.manifest import MANIFEST
from input_pipeline.pseudonyms import default_key_file
from input_pipeline.records import Clip
from input_pipeline.splits import FOLDS, SPLIT, read_split

__all__ = ["ClipBuilder", "ClipConfig", "to_example"]


@dataclasses.dataclass(eq=False)
class ClipConfig(tfds.core.BuilderConfig):
    """As the flags of `input_pipeline.build`; `tfds` takes one as JSON: --config='{"name": "landmarks", "landmarker": "FILE"}'.

    Attributes:
      landmarker: MediaPipe's face_landmarker.task; empty: pictures alone, but for data sets of landmark files.
      subject_key_file: key of the hashes that stand for people and clips; the user's own if empty.
      frame_size: side of the stored pictures in pixels.
      max_frames_stored: most pictures stored per clip.
      workers: processes that read; 0 = one for each core.
    """

    landmarker: str = ""
    subject_key_file: str = ""
    frame_size: int = 256
    max_frames_stored: int = 512
    workers: int = 0


class ClipBuilder(tfds.core.GeneratorBasedBuilder, skip_registration=True):
    """A builder of ours as one of TFDS; its name is the builder's.

    Its splits are the folds of the split "official" where the data set has one, else of "default", else "train" alone; the
    feature `folds` tells the fold of each clip in every split.
    """

    VERSION = tfds.core.Version("1.0.0")
    BUILDER_CONFIGS = [ClipConfig(name="default", description="without a landmarker")]  # noqa: RUF012 - so TFDS reads it
    builder_config_cls = ClipConfig

    def __init__(self, *, file_format: str | None = None, **kwargs: Any):
        # TFDS would write TFRecord, for which it needs TensorFlow.
        super().__init__(file_format=file_format or "array_record", **kwargs)
        self._between: Path | None = None

    def _info(self) -> tfds.core.DatasetInfo:
        about = BUILDERS[self.name].ABOUT
        address = re.search(r"https?://[^\s,]+", about.obtain)
        return tfds.core.DatasetInfo(
            builder=self,
            description=f"{about.content}. Splits: {about.splits}. How sure: {about.certainty}.",
            features=_features(),
            homepage=address[0] if address else None,
            citation=about.citation,
            license=about.terms,
            metadata=tfds.core.MetadataDict(labels={target: list(words) for target, words in about.labels.items()}),
        )

    def download_and_prepare(self, **kwargs: Any) -> None:
        """As of TFDS; the data set of ours, of which TFDS's was made, is removed."""
        super().download_and_prepare(**kwargs)
        if self._between:
            shutil.rmtree(self._between)

    def _split_generators(self, dl_manager: tfds.download.DownloadManager) -> dict[str, Iterator[tuple[str, dict[str, Any]]]]:
        builder, config = BUILDERS[self.name], self.builder_config
        try:
            root = Path(dl_manager.manual_dir)
        except AssertionError as error:
            raise UserError(f"--manual_dir: {error}") from error
        folder = self._between = Path(dl_manager.download_dir) / "tramp_jax" / self.name / config.name
        if (folder / MANIFEST).exists():
            shutil.rmtree(folder)  # of a call that was killed, perhaps of another copy of the data
        items = list(builder.items(root))
        if not items:
            raise UserError(f"{root}: no clips of {builder.ABOUT.title} there: expected {', '.join(builder.ABOUT.layout)}")
        plan = Building(
            output=folder,
            name=self.name,
            landmarker=config.landmarker,
            key_file=Path(config.subject_key_file) if config.subject_key_file else default_key_file(),
            ledger=ledger_path(root),
            settings=Settings(config.frame_size, config.max_frames_stored),
            workers=config.workers,
        )
        build(items, plan, {"builder": self.name})
        dataset = Dataset.open(folder)
        splits = {path.stem: read_split(path) for path in sorted((folder / "splits").glob("*.json"))}
        chosen = splits.get(OFFICIAL) or splits.get(SPLIT) or {}
        clips: dict[str, list[int]] = {fold: [] for fold in FOLDS}
        for index, label in enumerate(dataset.labels):
            clips[chosen.get(label.subject, "train")].append(index)
        return {fold: self._generate_examples(dataset, indices, splits) for fold, indices in clips.items() if indices}

    def _generate_examples(
        self, dataset: Dataset, indices: list[int], splits: Mapping[str, Mapping[str, str]]
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        for index in indices:
            clip = dataset.clip(index, with_frames=dataset.manifest.has_frames)
            folds = {name: split[clip.label.subject] for name, split in splits.items()}
            yield clip.label.clip_id, to_example(clip, folds)


def _features() -> tfds.features.FeaturesDict:
    """Axes: T frames, L landmarks, F stored pictures. TFDS cannot read (T, 0, 3), so landmarks are (T x L, 3).

    Frames are byte strings, for TFDS's `Image` would decode all of a clip's at once.
    """
    text = tfds.features.Text()
    return tfds.features.FeaturesDict(
        {
            "landmarks": tfds.features.Tensor(shape=(None, 3), dtype=np.float16, encoding="bytes"),
            "colours": tfds.features.Tensor(shape=(None, 3), dtype=np.uint8, encoding="bytes"),
            "points": tfds.features.Scalar(np.int32, doc="L: landmarks.reshape(len(times), points, 3)"),
            "layout": text,
            "times": tfds.features.Tensor(shape=(None,), dtype=np.float32, encoding="bytes"),
            "tracked": tfds.features.Tensor(shape=(None,), dtype=np.bool_),
            "blendshapes": tfds.features.Tensor(shape=(None, 52), dtype=np.float16, encoding="bytes"),
            "frames": tfds.features.Sequence(text, doc="JPEG"),
            "frame_index": tfds.features.Tensor(shape=(None,), dtype=np.int32),
            "clip_id": text,
            "subject": text,
            "expression": text,
            "score": tfds.features.Scalar(np.float32, doc="NaN where nobody rated it"),
            "scale_id": text,
            "report": text,
            "turns": tfds.features.Text(doc="JSON"),
            "targets": tfds.features.Text(doc="JSON, see input_pipeline.records.Label"),
            "source": tfds.features.Text(doc="JSON"),
            "folds": tfds.features.Text(doc="JSON: split -> fold"),
        }
    )


def to_example(clip: Clip, folds: Mapping[str, str]) -> dict[str, Any]:
    """A clip in TFDS's features."""
    label, frames = clip.label, len(clip.times)
    blendshapes = np.zeros((0, 52), np.float16) if clip.blendshapes is None else clip.blendshapes
    return {
        "landmarks": clip.landmarks.reshape(-1, 3),
        "colours": clip.colours.reshape(-1, 3),
        "points": clip.landmarks.size // (3 * frames),
        "layout": clip.layout,
        "times": clip.times,
        "tracked": clip.tracked,
        "blendshapes": blendshapes,
        "frames": list(clip.frames),
        "frame_index": clip.frame_index,
        "clip_id": label.clip_id,
        "subject": label.subject,
        "expression": label.expression,
        "score": math.nan if label.score is None else label.score,
        "scale_id": label.scale_id,
        "report": label.report or "",
        "turns": _json(label.turns),
        "targets": _json(label.targets),
        "source": _json(label.source),
        "folds": _json(folds),
    }


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


# TFDS registers a builder as its class is made.
for _name, _builder in BUILDERS.items():
    _about = _builder.ABOUT
    _instructions = f"{_about.title} is obtained so: {_about.obtain}. In --manual_dir: {', '.join(_about.layout)}."
    _members = {"name": _name, "MANUAL_DOWNLOAD_INSTRUCTIONS": _instructions, "__module__": __name__}
    type(tfds.core.naming.snake_to_camelcase(_name), (ClipBuilder,), _members)
