"""MediaPipe's face mesh as data: which of the 478 landmarks form triangles and contours.

`mediapipe_mesh.json` was generated from `FaceLandmarksConnections` of MediaPipe (Copyright The MediaPipe Authors,
Apache-2.0), so that drawing a face needs no MediaPipe. Sides are the subject's, as in MediaPipe.
"""

from __future__ import annotations

import functools
import json
from importlib import resources

import numpy as np


@functools.cache
def mesh_triangles() -> np.ndarray:
    """(852, 3) landmark indices of the tessellation's triangles; the irises (468-477) are in none."""
    return _frozen(_load()["triangles"], 3)


@functools.cache
def mesh_contours() -> dict[str, np.ndarray]:
    """(N, 2) landmark indices of the edges of each contour.

    Names: lips, left_eye, left_brow, left_iris, right_eye, right_brow, right_iris, face_oval, nose.
    """
    return {name: _frozen(edges, 2) for name, edges in _load()["contours"].items()}


def _load() -> dict:
    return json.loads(resources.files(__package__).joinpath("mediapipe_mesh.json").read_text(encoding="utf-8"))


def _frozen(flat: list[int], width: int) -> np.ndarray:
    array = np.array(flat).reshape(-1, width)
    array.setflags(write=False)
    return array
