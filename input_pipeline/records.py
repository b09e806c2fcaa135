"""One clip of one face: the unit of every data set, and its two records.

Axes: T landmark frames, L landmarks of the layout, F stored RGB frames.

A record is a safetensors blob: named arrays, and the label record as JSON in its header. That gives a schema without pickle,
a reader that we need not write, and bytes that any safetensors reader opens.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from input_pipeline.errors import UserError
from input_pipeline.motion.layouts import TOKENS, to_tokens

SCHEMA = "tramp-jax/clip/1"

# PFED5's five posed expressions in the order of its class index (references: tramp_lineage.md section 4).
EXPRESSIONS = ("rest", "smile", "frown", "squeeze", "clench")
# Toronto NeuroFace's speech-free tasks, and what nobody posed. Batches hold the index in POSED.
NEUROFACE = ("spread", "kiss", "open", "blow", "brow", "big_smile")
UNPOSED = "unposed"
POSED = (*EXPRESSIONS, *NEUROFACE, UNPOSED)


@dataclasses.dataclass(frozen=True)
class Label:
    """What is known about a clip beside its pixels and points.

    Attributes:
      clip_id: unique in its data set.
      subject: key of the person; splits are made of these.
      expression: one of POSED.
      dataset: name of the data set; "simulated" for the simulator's.
      score: rated grade, None where nobody rated it.
      scale_id: which scale the score is on (the 1987 UPDRS item 19 and MDS-UPDRS 3.2 differ).
      report: reference report, None where there is none.
      turns: instruction turns as {"role": ..., "content": ...}.
      targets: what else raters said, where they said it: a data set's own sentinels for "unknown" never get here. Keys:
        "emotion" (a word), "emotion_votes" (word -> share), "action_units" ("12" -> 0 or 1), "action_unit_intensity"
        ("12" -> 0 to 5), "valence", "arousal" (-1 to 1), "sub_scores" (name -> score), "pain" (PSPI, 0 to 16), "peak_frame"
        (landmark frame in which the face moves most, from 0; its picture is the one with that `Clip.frame_index`).
      truth: simulator only: latent severity and signs that produced the clip, as numbers.
      source: what made the record: extractor name and version, model SHA-256, frames decoded, and so on.
      groups: what results are told apart by, "sex" -> "female", as given (see `groups`); without unknown ones. For evaluation
        alone: no model reads them.
    """

    clip_id: str
    subject: str
    expression: str
    dataset: str
    score: float | None = None
    scale_id: str = ""
    report: str | None = None
    turns: tuple[dict[str, str], ...] = ()
    targets: dict[str, Any] = dataclasses.field(default_factory=dict)
    truth: dict[str, float] = dataclasses.field(default_factory=dict)
    source: dict[str, Any] = dataclasses.field(default_factory=dict)
    groups: dict[str, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Clip:
    """A label with its arrays.

    Coordinates: origin at the centre of the face crop, unit = side of the square crop, x right in the image, y down, z away
    from the camera (MediaPipe's sign: nearer is smaller) in the same unit. So |x|, |y| <= 0.5 inside the crop, where float16
    resolves 1/8 of a pixel of a 512 px crop or better.

    Attributes:
      landmarks: (T, L, 3) float16. Untracked frames repeat the last tracked one (the first, at the start).
      layout: a key of `input_pipeline.motion.layouts.LAYOUTS`.
      colours: (T, L, 3) uint8 RGB under each landmark.
      times: (T,) float32 seconds, strictly increasing.
      tracked: (T,) bool, whether a face was found.
      blendshapes: (T, 52) float16 or None.
      frames: F JPEG-encoded square face crops.
      frame_index: (F,) int32, the landmark frame that each stored RGB frame belongs to.
    """

    label: Label
    landmarks: np.ndarray
    layout: str
    colours: np.ndarray
    times: np.ndarray
    tracked: np.ndarray
    blendshapes: np.ndarray | None = None
    frames: tuple[bytes, ...] = ()
    frame_index: np.ndarray = dataclasses.field(default_factory=lambda: np.zeros(0, np.int32))


def only_tokens(clip: Clip) -> Clip:
    """The clip with the 63 tokens alone of its landmarks and colours, an eighth of MediaPipe's bytes.

    What else a layout has cannot be had back: other choices of tokens, the mesh on a report's page.
    """
    landmarks, colours = (to_tokens(values, clip.layout) for values in (clip.landmarks, clip.colours))
    return dataclasses.replace(clip, landmarks=landmarks, colours=colours, layout=TOKENS)


def label_fields(label: Label) -> dict[str, Any]:
    """A label as JSON has it. Groups only where there are any: data sets without them are the bytes that they always were."""
    fields = dataclasses.asdict(label)
    return fields if label.groups else {name: value for name, value in fields.items() if name != "groups"}


def label_of(fields: Mapping[str, Any]) -> Label:
    """The inverse of `label_fields`.

    Raises:
      KeyError, TypeError: not a label.
    """
    label = Label(**{**fields, "turns": tuple(fields["turns"])})
    if not isinstance(label.groups, dict) or not all(isinstance(text, str) for text in label.groups.values()):
        raise TypeError("groups are not texts by name")
    return label


def encode_landmark_record(clip: Clip) -> bytes:
    """Packs everything but the pixels."""
    arrays = {
        "landmarks": clip.landmarks.astype(np.float16),
        "colours": clip.colours.astype(np.uint8),
        "times": clip.times.astype(np.float32),
        "tracked": clip.tracked.astype(np.uint8),
    }
    if clip.blendshapes is not None:
        arrays["blendshapes"] = clip.blendshapes.astype(np.float16)
    header = {"schema": SCHEMA, "kind": "landmarks", "layout": clip.layout, "label": label_fields(clip.label)}
    return save({name: np.ascontiguousarray(array) for name, array in arrays.items()}, metadata=metadata_of(header))


def encode_frame_record(clip: Clip) -> bytes:
    """Packs the JPEG frames: one byte array and its cut points, since safetensors holds no ragged lists."""
    ends = np.cumsum([len(jpeg) for jpeg in clip.frames], dtype=np.int64) if clip.frames else np.zeros(0, np.int64)
    arrays = {
        "jpeg": np.frombuffer(b"".join(clip.frames), np.uint8),
        "ends": ends,
        "frame_index": clip.frame_index.astype(np.int32),
    }
    return save(arrays, metadata=metadata_of({"schema": SCHEMA, "kind": "frames", "clip_id": clip.label.clip_id}))


def decode_landmark_record(blob: bytes) -> Clip:
    """The inverse of `encode_landmark_record`; frames stay empty.

    Raises:
      UserError: not a record of this schema.
    """
    arrays, header = _open(blob, "landmarks")
    return Clip(
        label=label_of(header["label"]),
        landmarks=arrays["landmarks"],
        layout=header["layout"],
        colours=arrays["colours"],
        times=arrays["times"],
        tracked=arrays["tracked"].astype(bool),
        blendshapes=arrays.get("blendshapes"),
    )


def decode_frame_record(blob: bytes) -> tuple[tuple[bytes, ...], np.ndarray]:
    """JPEG frames and the landmark frame of each, (F,) int32.

    Raises:
      UserError: not a record of this schema.
    """
    arrays, _ = _open(blob, "frames")
    jpeg, ends = arrays["jpeg"].tobytes(), arrays["ends"]
    starts = np.concatenate([[0], ends[:-1]]) if len(ends) else ends
    return tuple(jpeg[a:b] for a, b in zip(starts, ends, strict=True)), arrays["frame_index"]


def clip_id_of(blob: bytes) -> str:
    """The clip that a record of either family belongs to.

    Raises:
      UserError: not a record of this schema.
    """
    header = header_of(blob)
    return header["label"]["clip_id"] if "label" in header else header["clip_id"]


def _open(blob: bytes, kind: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    try:
        arrays = load(blob)
    except (SafetensorError, ValueError) as error:
        raise UserError(f"not a clip record ({error}): rebuild the shard that holds it") from error
    header = header_of(blob)
    if header.get("schema") != SCHEMA or header.get("kind") != kind:
        found = f"{header.get('schema')}, {header.get('kind')}"
        raise UserError(f"record is ({found}), expected ({SCHEMA}, {kind}): rebuild the data with this version")
    return arrays, header


def header_of(blob: bytes) -> dict[str, Any]:
    """What a record of any family says of itself.

    Raises:
      UserError: not a record.
    """
    try:
        return json.loads(json.loads(blob[8 : 8 + int.from_bytes(blob[:8], "little")])["__metadata__"]["clip"])
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(f"not a clip record of this version ({error}): rebuild the data with this version") from error


def metadata_of(header: dict[str, Any]) -> dict[str, str]:
    """One entry only: safetensors writes several in random order, and equal clips must give equal bytes."""
    return {"clip": json.dumps(header, sort_keys=True, ensure_ascii=False)}
