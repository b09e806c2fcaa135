"""OpenFace 2: the CSV of FeatureExtraction and FaceLandmarkVidMulti, 68 points.

Verified by OpenFace's wiki (Output Format) and by the writer's source (RecorderCSV.cpp): names, order and decimals of the
columns, `timestamp` in seconds, x and y in pixels, X, Y and Z in millimetres of the camera. FaceLandmarkVidMulti writes a row
for each face that it follows; FaceLandmarkImg writes single pictures and is refused.
"""

from __future__ import annotations

import numpy as np

from input_pipeline.errors import UserError
from input_pipeline.landmark_files.tables import Table
from input_pipeline.landmark_files.track import Given, Track, check_numbered, frame_times

NAME = "openface"
EXPECTS = "CSV of OpenFace 2 with frame, timestamp, success, x_0..x_67, y_0..y_67"
_POINTS = 68


def matches(content: object) -> bool:
    """Whether the header is OpenFace's."""
    return isinstance(content, Table) and {"confidence", "success"} <= set(content.names)


def read(table: Table, given: Given) -> Track:
    """The face that is tracked in the most frames; where several have as many, the one of the lowest face_id.

    Depth: Z less its mean over the face, in pixels by the ratio of the face's sizes in the picture and in millimetres
    (weak perspective; ours). OpenFace measures Z away from the camera, as records do.

    Raises:
      UserError: no 2-D landmarks, another number of points, one frame twice, or times as in `frame_times`.
    """
    _check_points(table)
    three = all(table.count(f"{axis}_") == _POINTS for axis in "XYZ")
    names = [f"{axis}_{i}" for axis in ("xyXYZ" if three else "xy") for i in range(_POINTS)]
    has_faces = "face_id" in table.names
    values = table.numbers(["frame", "timestamp", "success", *(["face_id"] if has_faces else []), *names])
    frame, stamp, success = values[:, :3].T
    check_numbered(table.path, frame)
    face = values[:, 3] if has_faces else np.zeros(len(values))
    every, first = np.unique(frame, return_index=True)
    times = frame_times(table.path, stamp[first], every, given.fps)
    good = success == 1
    chosen, others = _most_tracked(face, good)
    rows = np.flatnonzero(face == chosen)
    if len(np.unique(frame[rows])) < len(rows):
        raise UserError(f"{table.path}: has one frame in several rows: expected one row per frame and face; export it again")
    coordinates = values[:, 3 + has_faces :].reshape(len(values), -1, _POINTS).swapaxes(1, 2)
    coordinates[~good] = np.nan
    points = np.full((len(every), _POINTS, 3), np.nan, np.float32)
    points[np.searchsorted(every, frame[rows]), :, :2] = coordinates[rows, :, :2]
    points[np.searchsorted(every, frame[rows]), :, 2] = _depth(coordinates[rows]) if three else 0
    warning = f"{others + 1} faces in the file: face_id {chosen:.0f}, which is tracked in the most frames, was taken"
    return Track("openface68", points, times, three, image_size=given.image_size, warnings=(warning,) if others else ())


def _check_points(table: Table) -> None:
    counts = {axis: table.count(f"{axis}_") for axis in "xy"}
    if not counts["x"]:
        raise UserError(f"{table.path}: from OpenFace but without landmarks in pixels: run FeatureExtraction with -2Dfp")
    if set(counts.values()) != {_POINTS}:
        raise UserError(
            f"{table.path}: has {counts['x']} x and {counts['y']} y columns, expected {_POINTS} of each: export it again"
        )


def _most_tracked(face: np.ndarray, good: np.ndarray) -> tuple[float, int]:
    """The face with most tracked frames, and how many others are tracked at all."""
    faces = np.unique(face[np.isfinite(face)])
    if not len(faces):
        return 0.0, 0
    tracked = [int(good[face == one].sum()) for one in faces]
    return float(faces[int(np.argmax(tracked))]), sum(count > 0 for count in tracked) - (max(tracked) > 0)


def _depth(coordinates: np.ndarray) -> np.ndarray:
    """(N, 68, 5) x, y, X, Y, Z -> (N, 68) depth in pixels, 0 in the middle of the face."""
    spread = [np.sqrt(coordinates[..., axes].var(axis=1).sum(axis=-1)) for axes in ([0, 1], [2, 3])]
    pixels_per_mm = spread[0] / np.maximum(spread[1], 1e-6)
    z = coordinates[..., 4]
    return (z - z.mean(axis=1, keepdims=True)) * pixels_per_mm[:, None]
