"""py-feat: the CSV of a `Fex`, 68 points (Detectorv1) or MediaPipe's 478 (MPDetector, Detectorv2).

Verified by py-feat's source, release 2.0 (feat/utils/__init__.py, feat/multitask/__init__.py, feat/MPDetector.py,
feat/data.py): FaceRectX, FaceRectY, FaceRectWidth, FaceRectHeight, FaceScore, frame; x_0..x_67, y_0..y_67 in pixels of the
video; MPDetector x_i, y_i, z_i with i to 477; Detectorv2 the same 68 and mesh_x_i, mesh_y_i, mesh_z_i; blendshapes by
MediaPipe's names; a row of empty fields where no face is. `approx_time` is cut to whole seconds, so it is no time of a frame:
it only checks the frame rate that is given. The unit of z is not documented, and differs between the two: z is left out.
"""

from __future__ import annotations

import re

import numpy as np

from input_pipeline.errors import UserError
from input_pipeline.landmark_files.mirror import BLENDSHAPES
from input_pipeline.landmark_files.tables import Table
from input_pipeline.landmark_files.track import (
    Given,
    Track,
    check_numbered,
    crowd_warnings,
    follow_one_face,
    frame_times,
    one_size,
)

NAME = "pyfeat"
EXPECTS = "CSV of py-feat with frame, FaceScore, and x_0..x_67, x_0..x_477 or mesh_x_0..mesh_x_477 with their y"
_LAYOUTS = {68: "openface68", 478: "mediapipe478"}


def matches(content: object) -> bool:
    """Whether the header is py-feat's."""
    return isinstance(content, Table) and {"FaceScore", "FaceRectX"} <= set(content.names)


def read(table: Table, given: Given) -> Track:
    """The face that `follow_one_face` follows, at frame / fps.

    Raises:
      UserError: another number of points, no frame rate, or one that does not agree with `approx_time`.
    """
    prefix, count = _points(table)
    blendshapes = set(BLENDSHAPES) <= set(table.names)
    sized = {"FrameWidth", "FrameHeight"} <= set(table.names)
    names = ["frame", "FaceScore", *(f"{prefix}{axis}_{i}" for axis in "xy" for i in range(count))]
    names += list(BLENDSHAPES) if blendshapes else []
    values = table.numbers([*names, *(["FrameWidth", "FrameHeight"] if sized else [])])
    check_numbered(table.path, values[:, 0])
    points = np.zeros((len(values), count, 3), np.float32)
    points[..., :2] = values[:, 2 : 2 + 2 * count].reshape(len(values), 2, count).swapaxes(1, 2)
    rows, crowded = follow_one_face(values[:, 0], points, np.nan_to_num(values[:, 1]))
    frames = values[rows, 0]
    times = frame_times(table.path, None, frames, given.fps)
    _check_rate(table, frames, rows, given.fps)
    return Track(
        _LAYOUTS[count],
        points[rows],
        times,
        depth=False,
        blendshapes=values[rows, 2 + 2 * count :][:, : len(BLENDSHAPES)].astype(np.float32) if blendshapes else None,
        image_size=one_size(table.path, _size(values[:, -2:]) if sized else None, given.image_size),
        warnings=crowd_warnings(crowded),
    )


def _points(table: Table) -> tuple[str, int]:
    for prefix in ("mesh_", ""):
        counts = {table.count(f"{prefix}{axis}_") for axis in "xy"}
        if len(counts) == 1 and (count := counts.pop()) in _LAYOUTS:
            return prefix, count
    found = f"{table.count('x_')} x and {table.count('y_')} y columns"
    raise UserError(f"{table.path}: from py-feat but with {found}, expected 68 or 478 of each: export it with landmarks")


def _size(sizes: np.ndarray) -> tuple[int, int] | None:
    known = sizes[np.isfinite(sizes).all(axis=1)]
    return (int(known[0, 0]), int(known[0, 1])) if len(known) else None


def _check_rate(table: Table, frames: np.ndarray, rows: np.ndarray, fps: float | None) -> None:
    """Holds `fps` against the last `approx_time`, minutes and whole seconds since the start of the video."""
    if "approx_time" not in table.names or fps is None:
        return
    written = table.texts("approx_time")[rows[-1]]
    if not re.fullmatch(r"\d{1,4}:\d\d", written):
        return
    minutes, seconds = (int(part) for part in written.split(":"))
    at = frames[-1] / fps
    if not -0.1 - 0.02 * at <= at - (60 * minutes + seconds) <= 1.1 + 0.02 * at:
        raise UserError(
            f"{table.path}: frame {frames[-1]:.0f} is at {written} by its approx_time, but at {at:.1f} s with fps={fps:g}: give"
            " the frame rate of the video"
        )
