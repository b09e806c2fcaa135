"""What a reader of one kind of file hands over, and the rules that all of them share.

Axes: T frames, L landmarks of the layout, N rows of a file (one face in one frame).
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from input_pipeline.errors import UserError
from input_pipeline.extract.video import Limits

# The most bytes of one file (ours): five minutes of 478 points at 30 frames per second as JSON.
MOST_BYTES = 256 * 2**20


@dataclasses.dataclass(frozen=True)
class Given:
    """What the user says of a file beside its content.

    Attributes:
      fps: frames per second, for files without times.
      image_size: (width, height) in pixels of the pictures that the tool saw.
    """

    fps: float | None = None
    image_size: tuple[int, int] | None = None


@dataclasses.dataclass(frozen=True)
class Track:
    """One face over time, in the pixels of the picture that the tool saw.

    Attributes:
      layout: a key of `LAYOUTS`.
      points: (T, L, 3) float32, x right, y down, z away from the camera in the same unit; NaN where there is no face.
      times: (T,) float64 seconds since the first frame.
      depth: whether z was measured; where not, it is 0.
      blendshapes: (T, 52) float32 in MediaPipe's order, NaN where unknown, or None.
      image_size: (width, height) in pixels, where known.
      warnings: lines for the reader of a report.
    """

    layout: str
    points: np.ndarray
    times: np.ndarray
    depth: bool
    blendshapes: np.ndarray | None = None
    image_size: tuple[int, int] | None = None
    warnings: tuple[str, ...] = ()


def shown(text: object, most: int = 30) -> str:
    """The beginning of what a file or a library says, for one line of an error: files hold anything."""
    line = " ".join(str(text).split())
    return line if len(line) <= most else line[: most - 1] + "…"


def check_size(path: Path) -> None:
    """Raises UserError for a file that is larger than any clip."""
    size = path.stat().st_size
    if size > MOST_BYTES:
        raise UserError(f"{path}: has {size} bytes, at most {MOST_BYTES} are read: cut it into clips")


def check_frames(path: Path, frames: int) -> None:
    """Raises UserError for fewer frames than motion needs, or more than `extract` reads of a video."""
    if frames < 2:
        raise UserError(f"{path}: has {frames} frames: a clip of motion needs at least 2; give the landmarks of a whole video")
    if frames > Limits().frames:
        raise UserError(f"{path}: has {frames} frames, at most {Limits().frames} are read: cut it into clips")


def check_numbered(path: Path, frames: np.ndarray) -> None:
    """Raises UserError where a row of a table has no frame number."""
    missing = np.flatnonzero(~np.isfinite(frames))
    if len(missing):
        raise UserError(f"{path}: row {missing[0] + 1} has no frame number: the file is damaged or cut off; export it again")


def frame_times(path: Path, stamps: np.ndarray | None, frames: np.ndarray, fps: float | None) -> np.ndarray:
    """(T,) seconds since the first frame: the file's own times, else frame numbers over `fps`.

    Args:
      stamps: (T,) seconds, None where the file has none; all equal counts as none.
      frames: (T,) increasing frame numbers.

    Raises:
      UserError: neither times nor a frame rate, times that do not increase, or longer than `extract` reads of a video.
    """
    check_frames(path, len(frames))
    if stamps is not None and np.isfinite(stamps).all() and np.ptp(stamps) > 0:
        times = stamps - stamps[0]
    elif fps is not None:
        times = (frames - frames[0]) / fps
    else:
        raise UserError(f"{path}: says no times and no frame rate: give the frame rate of its video, fps=30 for example")
    wrong = np.flatnonzero(np.diff(times.astype(np.float32)) <= 0)
    if len(wrong):
        k = int(wrong[0])
        raise UserError(
            f"{path}: frame {k + 2} is at {times[k + 1]:g} s, the one before at {times[k]:g} s: expected times that increase;"
            " export it again"
        )
    if times[-1] > Limits().seconds:
        raise UserError(f"{path}: lasts {times[-1]:.0f} s, at most {Limits().seconds:g} s are read: cut it into clips")
    return times


def one_size(path: Path, found: tuple[int, int] | None, given: tuple[int, int] | None) -> tuple[int, int] | None:
    """(width, height) out of the file or from the user.

    Raises:
      UserError: they differ, or the file's is no size.
    """
    if found is not None and min(found) <= 0:
        raise UserError(f"{path}: says that its pictures are {found[0]} x {found[1]} pixels: export it again")
    if found is not None and given is not None and tuple(found) != tuple(given):
        raise UserError(
            f"{path}: says {found[0]} x {found[1]} pixels, image_size says {given[0]} x {given[1]}: leave image_size out"
        )
    return found or given


def follow_one_face(frames: np.ndarray, points: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, int]:
    """One row per frame where tools list several faces in no lasting order: always the face nearest to the one before.

    The first is the face of the highest score. The rule is ours.

    Args:
      frames: (N,) frame number of each row.
      points: (N, L, C), NaN where there is no face.
      scores: (N,).

    Returns:
      (T,) row of each distinct frame number, in increasing order; and how many frames had several faces.
    """
    order = np.argsort(frames, kind="stable")
    groups = np.split(order, np.flatnonzero(np.diff(frames[order])) + 1)
    centres = points[..., :2].mean(axis=1)
    seen = np.isfinite(centres).all(axis=1)
    rows, crowded, last = [], 0, None
    for group in groups:
        faces = group[seen[group]]
        crowded += len(faces) > 1
        if not len(faces):
            rows.append(group[0])
            continue
        distance = -scores[faces] if last is None else np.linalg.norm(centres[faces] - last, axis=1)
        row = faces[np.argmin(distance)]
        last = centres[row]
        rows.append(row)
    return np.array(rows), crowded


def crowd_warnings(crowded: int) -> tuple[str, ...]:
    """The line about several faces, if there were any."""
    if not crowded:
        return ()
    return (f"several faces in {crowded} frames: the one nearest to the face of the frame before was taken",)
