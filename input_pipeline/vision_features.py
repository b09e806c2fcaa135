"""Features of a frozen ViT in a data set's folder, which a run can read in place of pixels.

Axes: F RGB frames, P patches, D width of the ViT.

features/NAME/plain-00000-of-00007.arrayrecord      features of each clip, in the data set's order (`vision_records`)
features/NAME/mirrored-00000-of-00007.arrayrecord   those of the mirrored frames, where training flips: a ViT does not see a
                                                    mirrored face as it sees the face
features/NAME/features.json                         of which clips, which frames and which ViT; size and SHA-256 of every
                                                    file; written last
features/NAME/making.json                           the same of what there is, while they are made

`python -m tramp_jax.features` makes them, of the frames that the pipeline picks in evaluation.
"""

from __future__ import annotations

import bisect
import dataclasses
import hashlib
import itertools
import json
import pathlib
import re
from collections.abc import Mapping
from typing import Any

import numpy as np
from ml_collections import ConfigDict

from input_pipeline.dataset import WITHDRAWN, Dataset
from input_pipeline.errors import RecordError, UserError
from input_pipeline.manifest import File, Manifest, check_size
from input_pipeline.record_files import RecordFiles
from input_pipeline.vision_records import DTYPES, KINDS, Seen, decode_vision_record

SCHEMA = "tramp-jax/features/1"
FOLDER, MADE, MAKING = "features", "features.json", "making.json"
COMMAND = "python -m tramp_jax.features"
DTYPE_NAMES = {dtype.name: dtype for dtype in DTYPES.values()}
# Options of config.data that say which frames are seen, beside T, which `rest_frames` may change.
_MOMENTS = ("num_frames", "image_size", "resample_fps")
# Options that say what is done to those frames, named in features only where they are on: older ones were made without.
_SHOWN = ("align_frames", "frame_change")
# Options that change neither which frames a clip shows nor what is in them. What is in neither of these lists (and was
# perhaps added later) must stand at its default for a run that trains on features: it may turn or scale the pixels.
_INDIFFERENT = frozenset(
    {
        "path",
        "split",
        "sources",  # of which features are refused
        "mixture_exponent",
        "mixed_scales",
        "vision_features",
        "features",
        "position_unit",
        "displacement_unit",
        "remove_head_motion",
        "trajectory_length",
        "rest_frames",
        "text_length",
        "conversation",
        "side_word_weight",
        "flip_probability",  # the mirrored frames have features of their own
        "reversal_probability",  # of the trajectory alone
        "landmark_noise",
        "kinematics_centre",
        "kinematics_scale",
        "balance_by",
        "balance_exponent",
        "read_threads",
        "cache_clips",
        "max_bad_clips",
    }
)


@dataclasses.dataclass(frozen=True)
class About:
    """What features are features of.

    Attributes:
      data: SHA-256 over the landmark shards and the label index.
      pixels: SHA-256 over the frame shards.
      clips: how many.
      moments: option of config.data -> value, with "trajectory_length" as it is for these clips.
      shape: (F, P, D).
      dtype: the ViT's compute dtype.
      kinds: out of `vision_records.KINDS`.
      vit: "digest" of its parameters, "config" and "pretrained" (where they came from).
      clips_per_shard: the last shard may have fewer.
    """

    data: str
    pixels: str
    clips: int
    moments: dict[str, Any]
    shape: tuple[int, int, int]
    dtype: str
    kinds: tuple[str, ...]
    vit: dict[str, Any]
    clips_per_shard: int

    @property
    def bytes_per_clip(self) -> int:
        """Of one record's features, without its header."""
        return int(np.prod(self.shape)) * DTYPE_NAMES[self.dtype].itemsize

    def described(self) -> str:
        """In a few words."""
        F, P, D = self.shape
        return f"{F} frames x {P} patches x {D}, {self.dtype}, {' and '.join(self.kinds)}"


@dataclasses.dataclass(frozen=True)
class Family:
    """What features.json and making.json hold: `about`, and kind -> the shards in order."""

    about: About
    files: dict[str, tuple[File, ...]]


def family_path(dataset: pathlib.Path, name: str) -> pathlib.Path:
    """Where the features NAME of a data set folder lie.

    Raises:
      UserError: NAME is no name but a path.
    """
    if not re.fullmatch(r"\w[\w.-]*", name):
        raise UserError(f"data.vision_features={name!r}: expected a name of letters, digits, dots and dashes")
    return dataset / FOLDER / name


def is_made(dataset: Dataset, name: str) -> bool:
    """Whether the data set has features of that name, all of them."""
    return (family_path(dataset.path, name) / MADE).is_file()


def stored_in_place(needs: frozenset[str], dataset: Dataset, config: ConfigDict) -> frozenset[str]:
    """What is to be read of a data set: the features that `config.data` names in place of frames, where it has them."""
    has = "frames" in needs and config.vision_features and is_made(dataset, config.vision_features)
    return (needs - {"frames"}) | {"vision"} if has else needs


def data_digests(manifest: Manifest) -> tuple[str, str]:
    """(data, pixels) of `About`."""
    parts = (*manifest.landmarks, manifest.labels), manifest.frames
    data, pixels = (hashlib.sha256("".join(file.sha256 for file in part).encode()).hexdigest() for part in parts)
    return data, pixels


def moments_of(config: ConfigDict, length: int) -> dict[str, Any]:
    """What decides which frames a clip shows.

    Args:
      config: `config.data`.
      length: T.
    """
    shown = {name: config[name] for name in _SHOWN if config[name]}
    return {"trajectory_length": length, **{name: config[name] for name in _MOMENTS}, **shown}


def read_family(folder: pathlib.Path, name: str = MADE) -> Family:
    """Reads features.json or making.json.

    Raises:
      UserError: not JSON, or of another schema.
    """
    path = folder / name
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        if fields["schema"] != SCHEMA:
            raise ValueError(f"schema is {fields['schema']!r}, expected {SCHEMA!r}")
        about = fields["about"]
        about |= {"shape": tuple(about["shape"]), "kinds": tuple(about["kinds"])}
        files = {kind: tuple(File(**file) for file in fields["files"][kind]) for kind in about["kinds"]}
        family = Family(About(**about), files)
        known = set(family.about.kinds) <= set(KINDS) and family.about.dtype in DTYPE_NAMES
        names = [file.name for part in files.values() for file in part]
        if not known or not all(re.fullmatch(r"\w+-\d{5}-of-\d{5}\.arrayrecord", file) for file in names):
            raise ValueError("a kind, a dtype or a file's name is unknown")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{path}: not an account of features ({error}): delete the folder and make them again") from error
    return family


class VisionFeatures:
    """The features NAME of a data set, read by index; safe to share between threads.

    Attributes:
      folder: where they lie.
      about: what they are features of.
      files: kind -> shards.

    Raises:
      UserError: none of that name, not all of them, a file missing or of another size, or made of another data set.
    """

    def __init__(self, dataset: Dataset, name: str):
        self.folder = family_path(dataset.path, name)
        if not (self.folder / MADE).is_file():
            raise UserError(_none_there(dataset, self.folder, name))
        family = read_family(self.folder)
        self.about, self.files, self._dataset = family.about, family.files, dataset
        for kind in self.about.kinds:
            if sum(file.records for file in self.files[kind]) != self.about.clips:
                raise UserError(f"{self.folder / MADE}: its {kind} shards do not add up to its clips: make them again")
        for file in self.all_files():
            if problem := check_size(self.folder, file):
                raise UserError(problem)
        data, pixels = data_digests(dataset.manifest)
        # A copy of the data set without its pixels is the same data set.
        same_pixels = pixels == self.about.pixels or not dataset.manifest.has_frames
        if data != self.about.data or not same_pixels:
            raise UserError(
                f"{self.folder}: made before the data set was built again: delete the folder and make them again with {COMMAND}"
            )
        self._ends = list(itertools.accumulate(file.records for file in self.files[KINDS[0]]))
        self._reader = RecordFiles(self.folder)

    def all_files(self) -> tuple[File, ...]:
        """Every shard."""
        return tuple(file for kind in self.about.kinds for file in self.files[kind])

    def read(self, index: int, *, mirrored: bool) -> dict[str, np.ndarray]:
        """vision (F, P, D) and frame_mask (F,) of a clip.

        Raises:
          RecordError: the record is damaged, of another clip, or there could be none.
        """
        kind = KINDS[mirrored]
        shard, position = self._locate(index)
        try:
            seen = decode_vision_record(self._reader.read(self.files[kind][shard], position))
        except (RuntimeError, IndexError) as error:
            reason = " ".join(str(error).split())
            raise RecordError(f"{self.where(kind, index)} is damaged ({reason}); copy or make the features again") from error
        except UserError as error:
            raise RecordError(f"{self.where(kind, index)}: {error}") from error
        if problem := self._find_problem(seen, kind, index):
            raise RecordError(f"{self.where(kind, index)}: {problem}")
        return {"vision": seen.vision, "frame_mask": seen.frame_mask}

    def where(self, kind: str, index: int) -> str:
        """Names file, record and clip, for error messages."""
        shard, position = self._locate(index)
        return f"{self.folder / self.files[kind][shard].name}: record {position} ({self._dataset.labels[index].clip_id})"

    def check(self, config: ConfigDict, length: int, defaults: Mapping[str, Any] | None) -> None:
        """Refuses features of other frames than the pipeline would show.

        Args:
          config: `config.data`.
          length: T.
          defaults: of `config.data`, for training, which augments; None for evaluation.

        Raises:
          UserError: with the option that differs.
        """
        wanted = moments_of(config, length)
        made = self.about.moments
        if differing := [name for name in wanted | made if made.get(name) != wanted.get(name)]:
            there = ", ".join(f"data.{name}={made.get(name, 'off')}" for name in differing)
            here = ", ".join(str(wanted.get(name, "off")) for name in differing)
            raise UserError(f"{self.folder}: made of other frames, with {there}; here {here}: {_again(config)}")
        if defaults is None:
            return
        for name, value in config.items():
            if name not in (*_INDIFFERENT, *_MOMENTS, *_SHOWN) and (name not in defaults or value != defaults[name]):
                raise UserError(
                    f"data.{name}={value}: may change the pixels that data.vision_features={config.vision_features} were made "
                    "of: leave it at its default, or run the ViT with --config.data.vision_features="
                )
        if config.flip_probability > 0 and KINDS[1] not in self.about.kinds:
            raise UserError(
                f"{self.folder}: has no features of mirrored frames: set --config.data.flip_probability=0, or {_again(config)}"
            )

    def _find_problem(self, seen: Seen, kind: str, index: int) -> str | None:
        label, shape, dtype = self._dataset.labels[index], self.about.shape, self.about.dtype
        if (seen.clip_id, seen.kind) != (label.clip_id, kind):
            return f"holds {seen.kind} features of clip {seen.clip_id!r}; make the features again"
        if seen.missing:
            return f"{seen.missing}; mend that and make the features again"
        if seen.vision.shape != shape or seen.vision.dtype.name != dtype or seen.frame_mask.shape != shape[:1]:
            return f"holds {seen.vision.dtype.name} {seen.vision.shape}, expected {dtype} {shape}; make the features again"
        return None

    def _locate(self, index: int) -> tuple[int, int]:
        if not 0 <= index < self.about.clips:
            raise IndexError(f"clip {index} of {self.about.clips}")
        shard = bisect.bisect_right(self._ends, index)
        return shard, index - (self._ends[shard - 1] if shard else 0)


def open_features(source: Any, config: ConfigDict, length: int, defaults: Mapping[str, Any] | None) -> VisionFeatures:
    """The features that `config.data` names, of a data set, checked; arguments as of `VisionFeatures.check`.

    Raises:
      UserError: there are none, or they do not fit.
    """
    if not isinstance(source, Dataset):
        raise UserError(
            "data.vision_features: needs one data set folder (data.path), neither data.sources nor clips at hand: run the ViT "
            "with --config.data.vision_features="
        )
    found = VisionFeatures(source, config.vision_features)
    found.check(config, length, defaults)
    return found


def why_withheld(dataset: Dataset, index: int) -> str:
    """Why a clip must not be looked at, or ""."""
    return f"its subject had withdrawn ({WITHDRAWN})" if dataset.labels[index].subject in dataset.withdrawn else ""


def _again(config: ConfigDict) -> str:
    return f"make others with {COMMAND} --config.data.vision_features=ANOTHER_NAME, or run the ViT with an empty one"


def _none_there(dataset: Dataset, folder: pathlib.Path, name: str) -> str:
    if (folder / MAKING).is_file():
        return f"{folder}: features that were never finished: run the same {COMMAND} again, it goes on from there"
    known = sorted(path.parent.name for path in (dataset.path / FOLDER).glob(f"*/{MADE}"))
    has = ", ".join(known) or "none"
    return f"data.vision_features={name}: {dataset.path} has no such features (it has: {has}): make them with {COMMAND}"
