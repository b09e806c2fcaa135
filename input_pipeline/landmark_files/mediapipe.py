"""MediaPipe's Face Landmarker: its results as JSON, frame after frame, or as arrays; 478 points, 52 blendshapes.

MediaPipe writes no file; people save its results. Verified by MediaPipe's documentation of the web task and by its Python
package: {"faceLandmarks": [[{x, y, z}, ...]], "faceBlendshapes": [{"categories": [{"categoryName", "score"}, ...]}]} and
{"face_landmarks": [[{x, y, z}, ...]], "face_blendshapes": [[{"category_name", "score"}, ...]]}, one such result per frame;
x is in widths and y in heights of the picture, z in the scale of x. A guess, since everybody wraps the results in another way:
the list of frames alone or under "frames" or "results", the result itself or under "result", "landmarks" and "blendshapes"
for short, "timestamp_ms" or "timestampMs" beside it, "width", "height" and "fps" beside the list or in the first frame.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from input_pipeline.errors import UserError
from input_pipeline.landmark_files.mirror import BLENDSHAPES
from input_pipeline.landmark_files.series import Series
from input_pipeline.landmark_files.track import (
    Given,
    Track,
    check_frames,
    crowd_warnings,
    follow_one_face,
    frame_times,
    one_size,
    shown,
)

NAME = "mediapipe"
EXPECTS = "JSON list of MediaPipe's results (faceLandmarks or face_landmarks), or NPY or NPZ with landmarks (T, 478, 3)"
_POINTS = 478
_LANDMARKS = ("faceLandmarks", "face_landmarks", "landmarks")
_BLENDSHAPES = ("faceBlendshapes", "face_blendshapes", "blendshapes")
_STAMPS = ("timestamp_ms", "timestampMs")
# A face in widths of its picture is about 1 wide at most, one in pixels at least 16 (ours).
_LARGEST_NORMALISED = 4.0


@dataclasses.dataclass(frozen=True)
class Document:
    """A parsed JSON file."""

    path: Path
    value: Any


def matches(content: object) -> bool:
    """Whether this is JSON, or arrays of 478 points."""
    return isinstance(content, Document) or (isinstance(content, Series) and content.points.shape[1] == _POINTS)


def read(content: Document | Series, given: Given) -> Track:
    """The face that `follow_one_face` follows; normalised coordinates times the size of the picture.

    Raises:
      UserError: another shape, no size of the picture, neither times nor a frame rate.
    """
    return _read_arrays(content, given) if isinstance(content, Series) else _read_document(content, given)


def _read_arrays(series: Series, given: Given) -> Track:
    size = series.size(given)
    times = frame_times(series.path, series.times, np.arange(len(series.points)), series.fps or given.fps)
    points = _to_pixels(series.path, series.points, size)
    shapes = None if series.blendshapes is None else series.blendshapes.astype(np.float32)
    return Track("mediapipe478", points, times, series.depth, shapes, size)


def _read_document(document: Document, given: Given) -> Track:
    path, head, frames = document.path, *_frames(document)
    check_frames(path, len(frames))
    found, stamps, rows, shapes = [], [], [], []
    for k, frame in enumerate(frames):
        where = f"{path} frame {k + 1}"
        result = _result(where, frame)
        stamps.append(_number(where, _first(frame, _STAMPS)))
        faces = [_face(where, face) for face in _faces(where, result)]
        blend = _first(result, _BLENDSHAPES) or []
        for number, face in enumerate(faces or [np.full((_POINTS, 3), np.nan, np.float32)]):
            found.append(face)
            rows.append(k)
            shapes.append(_scores(where, blend[number]) if isinstance(blend, list) and number < len(blend) else None)
    chosen, crowded = follow_one_face(np.array(rows), np.stack(found), np.zeros(len(rows)))
    points = np.stack(found)[chosen]
    times = frame_times(path, _seconds(stamps), np.arange(len(frames)), _number(str(path), head.get("fps")) or given.fps)
    size = one_size(path, _size(str(path), head), given.image_size)
    blank = np.full(len(BLENDSHAPES), np.nan, np.float32)
    known = [blank if shapes[row] is None else shapes[row] for row in chosen]
    blendshapes = None if all(shapes[row] is None for row in chosen) else np.stack(known)
    return Track("mediapipe478", _to_pixels(path, points, size), times, True, blendshapes, size, crowd_warnings(crowded))


def _frames(document: Document) -> tuple[dict[str, Any], list[Any]]:
    """What is said once for the file, and the frames."""
    value = document.value
    frames = value if isinstance(value, list) else _first(value, ("frames", "results"))
    if not isinstance(frames, list):
        found = ", ".join(shown(key) for key in list(value)[:8]) if isinstance(value, dict) else type(value).__name__
        raise UserError(f"{document.path}: no list of frames, found {found}: expected a {EXPECTS}")
    first = frames[0] if frames and isinstance(frames[0], dict) else {}
    return {**first, **(value if isinstance(value, dict) else {})}, frames


def _result(where: str, frame: Any) -> Any:
    """MediaPipe's result of a frame, out of what is wrapped around it."""
    result = frame["result"] if isinstance(frame, dict) and "result" in frame else frame
    if isinstance(result, dict) and _first(result, _LANDMARKS, missing=_LANDMARKS) is _LANDMARKS:
        found = ", ".join(shown(key) for key in list(result)[:8]) or "nothing"
        raise UserError(f"{where}: has {found}, expected one of {', '.join(_LANDMARKS)}: save MediaPipe's results as they are")
    if not isinstance(result, dict | list | None):
        raise UserError(
            f"{where}: is {type(result).__name__}, expected MediaPipe's result: save MediaPipe's results as they are"
        )
    return result


def _faces(where: str, result: Any) -> list[Any]:
    """Lists of points: one for each face of the frame."""
    landmarks = _first(result, _LANDMARKS) if isinstance(result, dict) else result
    if not landmarks:
        return []
    if not isinstance(landmarks, list):
        raise UserError(
            f"{where}: landmarks are {type(landmarks).__name__}, expected a list: save MediaPipe's results as they are"
        )
    first = landmarks[0]
    one_face = isinstance(first, dict) or (isinstance(first, list) and first and not isinstance(first[0], list | dict))
    return [landmarks] if one_face else [face for face in landmarks if face]


def _face(where: str, face: Any) -> np.ndarray:
    """(478, 3) float32 of one face."""
    try:
        points = np.array([[p["x"], p["y"], p["z"]] if isinstance(p, dict) else p for p in face], np.float32)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise UserError(f"{where}: a point is not x, y, z: save MediaPipe's results as they are") from error
    if points.shape != (_POINTS, 3):
        hint = "the older Face Mesh without irises; use Face Landmarker" if len(points) == 468 else "use Face Landmarker"
        raise UserError(f"{where}: landmarks have shape {points.shape}, expected ({_POINTS}, 3): {hint}")
    return points


def _scores(where: str, blend: Any) -> np.ndarray:
    """(52,) float32 in MediaPipe's order."""
    categories = blend.get("categories") if isinstance(blend, dict) else blend
    try:
        named = {_first(one, ("categoryName", "category_name")): float(one["score"]) for one in categories}
        return np.array([named[name] for name in BLENDSHAPES], np.float32)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise UserError(
            f"{where}: blendshapes are not MediaPipe's 52: save MediaPipe's results as they are, or without"
        ) from error


def _first(value: Any, names: Sequence[str], missing: Any = None) -> Any:
    """The entry of the first name that a dictionary has."""
    if isinstance(value, dict):
        for name in names:
            if name in value:
                return value[name]
    return missing


def _number(where: str, value: Any) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 1e15:
        raise UserError(f"{where}: a number is '{shown(value)}', expected one from 0 up: save it again")
    return float(value)


def _seconds(stamps: list[float | None]) -> np.ndarray | None:
    if any(stamp is None for stamp in stamps):
        return None
    return np.array(stamps) / 1000


def _size(where: str, head: dict[str, Any]) -> tuple[int, int] | None:
    width, height = (_number(where, head.get(name)) for name in ("width", "height"))
    return None if width is None or height is None else (int(width), int(height))


def _to_pixels(path: Path, points: np.ndarray, size: tuple[int, int] | None) -> np.ndarray:
    """Normalised coordinates times (width, height, width); coordinates that are pixels already stay."""
    extent = np.ptp(points[..., :2], axis=1).max(axis=-1)
    large = extent[np.isfinite(extent)] > _LARGEST_NORMALISED
    if large.any():
        if not large.all():
            raise UserError(f"{path}: some faces are in pixels, others in widths of the picture: save all frames alike")
        return points
    if size is None:
        raise UserError(
            f"{path}: coordinates are in widths and heights of the picture, whose size it does not say: give it,"
            " image_size=(640, 360) for example"
        )
    return points * np.array([size[0], size[1], size[0]], np.float32)
