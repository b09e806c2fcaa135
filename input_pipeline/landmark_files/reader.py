"""A landmark file to a clip: which kind it is, and the same box, units and rules as for our own extraction.

Axes: T frames, N tracked ones, L landmarks of the layout.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from input_pipeline.errors import UserError, unreadable
from input_pipeline.extract.clip import check_expression
from input_pipeline.extract.crop import MARGIN, Box, face_box
from input_pipeline.extract.video import check_file
from input_pipeline.landmark_files import insightface, mediapipe, openface, pyfeat
from input_pipeline.landmark_files.arrays import load_arrays
from input_pipeline.landmark_files.mirror import mirror_blendshapes, mirror_landmarks
from input_pipeline.landmark_files.series import Series, as_series
from input_pipeline.landmark_files.tables import Table
from input_pipeline.landmark_files.track import Given, Track, check_size, shown
from input_pipeline.motion.layouts import EYE_OUTER, MOUTH_CORNER, to_tokens
from input_pipeline.records import Clip, Label

# Goes into every record; to be raised whenever the same file would give another clip.
READER = "input_pipeline.landmark_files/1"
# A new kind of file is one module and one row here.
KINDS: dict[str, ModuleType] = {module.NAME: module for module in (openface, pyfeat, insightface, mediapipe)}
SUFFIXES = frozenset({".csv", ".json", ".npy", ".npz"})

# Side of the box over the extent of the points. Layouts without forehead (and without jaw) reach less far, so the box is
# larger in proportion: the same face gets the same unit in each. Ratios of MediaPipe's canonical face model (ours).
MARGINS = {
    "mediapipe478": MARGIN,
    "insightface106": MARGIN * 1.14,
    "openface68": MARGIN * 1.14,
    "tokens63": MARGIN * 1.54,
}
# What no camera gives, in pixels, and the least extent of a face in them (ours).
_FARTHEST, _SMALLEST_FACE = 1e5, 8.0
# Colours that nobody measured: the middle, 0 in the features.
_GREY = 128


def is_landmark_file(path: str | Path) -> bool:
    """Whether `read_landmark_file` is for a path: by its suffix; a CSV file, which may be a list of clips, by its header."""
    path = Path(path)
    if path.suffix.lower() != ".csv":
        return path.suffix.lower() in SUFFIXES
    try:
        table = Table(path)
    except UserError:
        return False
    return any(module.matches(table) for module in KINDS.values())


def read_landmark_file(
    path: str | Path,
    *,
    expression: str,
    subject: str,
    clip_id: str,
    dataset: str,
    score: float | None = None,
    scale_id: str = "",
    report: str | None = None,
    fps: float | None = None,
    image_size: tuple[int, int] | None = None,
    mirrored: bool = False,
    kind: str | None = None,
) -> Clip:
    """Reads one file of landmarks of one face.

    Args:
      path: a local file with one of SUFFIXES.
      expression: one of `records.EXPRESSIONS`.
      subject: key of the person; goes into the label as it is, so no name (see `input_pipeline.pseudonyms`).
      fps: frames per second of the video, for files that say no times; where they do, theirs count.
      image_size: (width, height) in pixels of the pictures that the tool saw, for normalised coordinates.
      mirrored: whether these pictures were mirrored, as selfie cameras show them; the clip then has the sides put right.
      kind: one of KINDS; None recognises the kind by the content.

    Returns:
      A clip without frames, in the layout of its kind. Colours are grey: `label.source["colours"]` is "none", and
      `label.source["depth"]` is "none" where z was not measured. Beside these `label.source` holds: `extractor`, `kind`,
      `frames`, `frames_tracked`, `fps` (measured from the times), `mirrored`, `crop` ([x, y, side] in pixels of
      the picture that the tool saw), `warnings`, and `width`, `height` where known.

    Raises:
      UserError: not such a file, damaged, no face in it, no frame rate or size where one is needed, or a wrong argument.
    """
    check_expression(expression)
    _check_arguments(subject, clip_id, fps, image_size, kind)
    path = check_file(path)
    with np.errstate(over="ignore", invalid="ignore"):
        # What overflows is not finite, and no face.
        content = _load(path)
        name = kind or _recognise(path, content)
        if not KINDS[name].matches(content):
            raise UserError(f"{path}: is no file of kind {name}: expected {KINDS[name].EXPECTS}; found {_describe(content)}")
        track = KINDS[name].read(content, Given(fps, image_size))
    tracked = _tracked(path, track)
    points = track.points[tracked]
    _check_points(path, points, track.layout)
    box = face_box(points, MARGINS[track.layout])
    units = box.to_crop_units(points)
    # Untracked frames hold the last tracked one; those before any face, the first.
    held = np.maximum(np.cumsum(tracked) - 1, 0)
    label = Label(
        clip_id=clip_id,
        subject=subject,
        expression=expression,
        dataset=dataset,
        score=score,
        scale_id=scale_id,
        report=report,
        source={"extractor": READER, "kind": name, **_describe_track(track, tracked, box, mirrored)},
    )
    return Clip(
        label=label,
        landmarks=(mirror_landmarks(units, track.layout) if mirrored else units).astype(np.float16)[held],
        layout=track.layout,
        colours=np.full((len(tracked), units.shape[1], 3), _GREY, np.uint8),
        times=track.times.astype(np.float32),
        tracked=tracked,
        blendshapes=_blendshapes(track, tracked, held, mirrored),
    )


def _check_arguments(
    subject: str, clip_id: str, fps: float | None, image_size: tuple[int, int] | None, kind: str | None
) -> None:
    if not subject or not clip_id:
        raise UserError("subject or clip_id is empty: expected a key of the person, and a name of its own for each clip")
    if fps is not None and not 1 <= fps <= 1000:
        raise UserError(f"fps is {fps}: expected the frames per second of the video, 1 to 1000")
    if image_size is not None and (len(image_size) != 2 or not all(0 < side <= _FARTHEST for side in image_size)):
        raise UserError(f"image_size is {image_size}: expected width and height in pixels, (640, 360) for example")
    if kind is not None and kind not in KINDS:
        raise UserError(f"unknown kind '{kind}' of landmark file: expected one of {', '.join(KINDS)}")


def _load(path: Path) -> Any:
    """What the modules of KINDS look at: a Table, a Document or a Series."""
    check_size(path)
    suffix = path.suffix.lower()
    if suffix == ".csv":
        return Table(path)
    if suffix == ".json":
        return mediapipe.Document(path, _load_json(path))
    if suffix in (".npy", ".npz"):
        return as_series(path, load_arrays(path))
    raise UserError(f"{path}: no landmark file by its name: expected one ending in {' '.join(sorted(SUFFIXES))}")


def _load_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8-sig"))
    except (ValueError, RecursionError, OSError) as error:
        raise unreadable(path, error, f"not JSON in UTF-8 ({shown(error, 100)}): save it again") from error


def _recognise(path: Path, content: Any) -> str:
    for name, module in KINDS.items():
        if module.matches(content):
            return name
    known = "; ".join(f"{name}: {module.EXPECTS}" for name, module in KINDS.items())
    raise UserError(f"{path}: no kind of landmark file that is known, found {_describe(content)}. Known are {known}")


def _describe(content: Any) -> str:
    if isinstance(content, Table):
        return f"a CSV file with the columns {', '.join(shown(name) for name in content.names[:8])}"
    return f"landmarks of {content.points.shape[1]} points" if isinstance(content, Series) else "JSON"


def _tracked(path: Path, track: Track) -> np.ndarray:
    """(T,) whether a frame has a whole face: all points finite, and not all in one place, as tools fill gaps with zeros."""
    flat = track.points[..., :2]
    tracked = np.isfinite(track.points).all(axis=(1, 2)) & ((flat != flat[:, :1]).any(axis=(1, 2)))
    if not tracked.any():
        raise UserError(f"{path}: no face in any of its {len(tracked)} frames: film again, or track it with other settings")
    return tracked


def _check_points(path: Path, points: np.ndarray, layout: str) -> None:
    """Pixels, the face upright and the sides as layouts have them."""
    if (farthest := float(np.abs(points).max())) > _FARTHEST:
        raise UserError(
            f"{path}: has a coordinate of {farthest:.3g} pixels, beyond {_FARTHEST:g}: the file is damaged; export it again"
        )
    extent = float(np.median(np.ptp(points[..., :2], axis=1).max(axis=-1)))
    if extent < _SMALLEST_FACE:
        raise UserError(
            f"{path}: the face is {extent:.3g} wide or high, expected pixels, {_SMALLEST_FACE:g} or more: multiply normalised"
            " coordinates by the width and height of the picture"
        )
    tokens = np.median(to_tokens(points, layout), axis=0)
    right, left = (tokens[EYE_OUTER[side], :2] for side in ("right", "left"))
    mouth = tokens[[MOUTH_CORNER[side][0] for side in ("right", "left")], 1].mean()
    if right[0] >= left[0] or mouth <= (right[1] + left[1]) / 2:
        raise UserError(
            f"{path}: the eyes are not above the mouth with the subject's right eye on the left of the picture: expected an"
            f" upright face, x to the right, y down and the points in the order of {layout}"
        )


def _blendshapes(track: Track, tracked: np.ndarray, held: np.ndarray, mirrored: bool) -> np.ndarray | None:
    """(T, 52) float16, or None unless every tracked frame has them."""
    if track.blendshapes is None or not np.isfinite(track.blendshapes[tracked]).all():
        return None
    found = track.blendshapes[tracked]
    return (mirror_blendshapes(found) if mirrored else found).astype(np.float16)[held]


def _describe_track(track: Track, tracked: np.ndarray, box: Box, mirrored: bool) -> dict[str, Any]:
    size = {} if track.image_size is None else {"width": int(track.image_size[0]), "height": int(track.image_size[1])}
    fps = (len(tracked) - 1) / float(track.times[-1])
    return {
        "frames": len(tracked),
        "frames_tracked": int(tracked.sum()),
        "fps": round(fps, 3) if math.isfinite(fps) else 0.0,
        **size,
        "mirrored": mirrored,
        "crop": [box.x, box.y, box.side],
        "colours": "none",
        "depth": "measured" if track.depth else "none",
        "warnings": list(track.warnings),
    }
