"""Arrays of an NPY or NPZ file as landmarks over time.

Names in an NPZ file are ours, no tool writes one: `landmarks` (T, L, 2) or (T, L, 3), NaN where there is no face; and where
known `times` (T,) in seconds or `fps`, `tracked` (T,), `blendshapes` (T, 52), `image_size` (width, height).
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from input_pipeline.errors import UserError
from input_pipeline.landmark_files.arrays import ALONE
from input_pipeline.landmark_files.track import Given, check_frames, one_size, shown

_KNOWN = ("landmarks", "times", "fps", "tracked", "blendshapes", "image_size")


@dataclasses.dataclass(frozen=True)
class Series:
    """Checked arrays of one file.

    Attributes:
      path: the file.
      points: (T, L, 3) float32 as stored; NaN where there is no face, z = 0 where there is none.
      depth: whether z was stored.
      times: (T,) float64 or None.
      fps, blendshapes (T, 52), image_size: None where not in the file.
    """

    path: Path
    points: np.ndarray
    depth: bool
    times: np.ndarray | None
    fps: float | None
    blendshapes: np.ndarray | None
    image_size: tuple[int, int] | None

    def size(self, given: Given) -> tuple[int, int] | None:
        """(width, height), where known; see `one_size`."""
        return one_size(self.path, self.image_size, given.image_size)


def as_series(path: Path, arrays: dict[str, np.ndarray]) -> Series:
    """Finds landmarks and what belongs to them among the arrays of a file.

    Raises:
      UserError: no landmarks, or arrays that do not fit them.
    """
    if ALONE not in arrays:
        raise UserError(f"{path}: no array 'landmarks', found {_shapes(arrays)}: name the arrays {', '.join(_KNOWN)}")
    points = np.asarray(arrays[ALONE], np.float32)
    if points.ndim == 2 and points.shape[1] == 212:
        # The model's flat output, as EmoLA stores it for single pictures.
        points = points.reshape(-1, 106, 2)
    if points.ndim != 3 or points.shape[2] not in (2, 3) or not points.shape[1]:
        raise UserError(
            f"{path}: landmarks have shape {points.shape}, expected (frames, points, 2 or 3): save one face in each frame"
        )
    frames, depth = len(points), points.shape[2] == 3
    check_frames(path, frames)
    if not depth:
        points = np.concatenate([points, np.zeros((*points.shape[:2], 1), np.float32)], axis=2)
    points = points.copy()
    if (tracked := _fitting(path, arrays, "tracked", (frames,))) is not None:
        points[tracked == 0] = np.nan
    size = _fitting(path, arrays, "image_size", (2,))
    fps = _fitting(path, arrays, "fps", ())
    return Series(
        path=path,
        points=points,
        depth=depth,
        times=_fitting(path, arrays, "times", (frames,)),
        fps=None if fps is None else float(fps),
        blendshapes=_fitting(path, arrays, "blendshapes", (frames, 52)),
        image_size=None if size is None else (int(size[0]), int(size[1])),
    )


def _fitting(path: Path, arrays: dict[str, np.ndarray], name: str, shape: tuple[int, ...]) -> np.ndarray | None:
    if name not in arrays:
        return None
    found = np.asarray(arrays[name], np.float64)
    if found.shape != shape:
        raise UserError(f"{path}: {name} has shape {found.shape}, expected {shape}: save it again")
    if name in ("fps", "image_size") and not ((found > 0) & (found < 1e5)).all():
        raise UserError(f"{path}: {name} is {found.tolist()}, expected positive numbers below 1e5: save it again")
    return found


def _shapes(arrays: dict[str, np.ndarray]) -> str:
    found = [f"'{shown(name)}' {array.shape}" for name, array in list(arrays.items())[:6]]
    return ", ".join(found) or "nothing"
