"""The record of a clip's frozen-ViT features: a safetensors blob like the records of landmarks and frames.

Axes: F RGB frames, P patches, D width of the ViT.

`safetensors.numpy.load` knows no bfloat16, which is what real ViTs compute in; hence a reader of our own below.
"""

from __future__ import annotations

import dataclasses

import ml_dtypes
import numpy as np
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save

from input_pipeline.errors import UserError
from input_pipeline.records import header_of, metadata_of

SCHEMA = "tramp-jax/vision/1"
KINDS = ("plain", "mirrored")
# safetensors' name of what a ViT may compute in -> NumPy's.
DTYPES = {"BF16": np.dtype(ml_dtypes.bfloat16), "F32": np.dtype(np.float32), "F16": np.dtype(np.float16)}
_STORED = {**DTYPES, "U8": np.dtype(np.uint8)}


@dataclasses.dataclass(frozen=True)
class Seen:
    """What the ViT saw of a clip.

    Attributes:
      clip_id: whose features these are.
      kind: "plain", or "mirrored" for those of the mirrored frames.
      vision: (F, P, D) patch features in the ViT's compute dtype; of 0 frames where there are none.
      frame_mask: (F,) bool, which frames show a face.
      missing: why there are none, "" where there are.
    """

    clip_id: str
    kind: str
    vision: np.ndarray
    frame_mask: np.ndarray
    missing: str = ""


def encode_vision_record(seen: Seen) -> bytes:
    """Packs the features of a clip."""
    arrays = {"vision": np.ascontiguousarray(seen.vision), "frame_mask": seen.frame_mask.astype(np.uint8)}
    header = {"schema": SCHEMA, "kind": seen.kind, "clip_id": seen.clip_id, "missing": seen.missing}
    return save(arrays, metadata=metadata_of(header))


def decode_vision_record(blob: bytes) -> Seen:
    """The inverse of `encode_vision_record`.

    Raises:
      UserError: not a record of this schema.
    """
    header = header_of(blob)
    if header.get("schema") != SCHEMA:
        raise UserError(f"record is {header.get('schema')}, expected {SCHEMA}: make the features again with this version")
    try:
        arrays = {
            name: np.frombuffer(found["data"], _STORED[found["dtype"]]).reshape(found["shape"])
            for name, found in deserialize(blob)
        }
        return Seen(header["clip_id"], header["kind"], arrays["vision"], arrays["frame_mask"].astype(bool), header["missing"])
    except (SafetensorError, ValueError, KeyError) as error:
        raise UserError(f"not a record of features ({error}): make the features again") from error
