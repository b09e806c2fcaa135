"""Head motion, projection, the fixed face crop, and the landmark tracker's faults.

Axes: T frames, K units, L=478 landmarks. Before the crop, lengths are in the face's unit (see face.py).
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from input_pipeline.simulate import signs as table
from input_pipeline.simulate.face import NUM_LANDMARKS, index
from input_pipeline.simulate.motion import slow_noise

# The head turns about a point between the ears.
_PIVOT = np.array([0.0, 0.5, 0.7], np.float32)
# Side of the crop against the larger side of the face's box, as in the extraction of real videos.
CROP_MARGIN = 1.3


@dataclasses.dataclass(frozen=True)
class View:
    """Where the head is in each frame, as the camera sees it.

    Attributes:
      rotations: (T, 3, 3), camera = rotation @ head.
      offsets: (T, 2) shift in the image plane.
      scales: (T,) relative size.
      distance: of the camera from the pivot.
    """

    rotations: np.ndarray
    offsets: np.ndarray
    scales: np.ndarray
    distance: float

    def project(self, points: np.ndarray) -> np.ndarray:
        """(T, P, 3) head coordinates -> camera coordinates of the same shape, perspective applied."""
        placed = (points - _PIVOT) @ self.rotations.transpose(0, 2, 1)
        size = (self.scales[:, None] * self.distance) / (self.distance + placed[..., 2])
        for axis in range(3):
            placed[..., axis] *= size
        for axis in range(2):
            placed[..., axis] += self.offsets[:, axis, None]
        return placed


@dataclasses.dataclass(frozen=True)
class Crop:
    """The square of the image that a clip keeps: its centre and its side in the face's unit."""

    centre: np.ndarray
    side: float

    def apply(self, points: np.ndarray) -> np.ndarray:
        """(..., 3) camera coordinates -> record coordinates (see records.Clip)."""
        return (points - np.array([*self.centre, 0.0], points.dtype)) * points.dtype.type(1.0 / self.side)


def sample_view(times: np.ndarray, effort: np.ndarray, rng: np.random.Generator) -> View:
    """Draws head angles of the clip, their slow drift, and what the effort of the task adds."""
    nuisance = table.NUISANCE
    angles = (
        np.array(nuisance.head_angle) * rng.standard_normal(3)
        + np.array(nuisance.head_drift) * slow_noise(times, 3, rng, period=3.0)
        + np.array(nuisance.head_effort) * rng.standard_normal(3) * effort[:, None]
    )
    offsets = (nuisance.sway * slow_noise(times, 2, rng, period=3.5)).astype(np.float32)
    scales = (1.0 + nuisance.lean * slow_noise(times, 1, rng, period=4.0)[:, 0]).astype(np.float32)
    rotations = _rotations(np.deg2rad(angles)).astype(np.float32)
    return View(rotations, offsets, scales, rng.uniform(*nuisance.camera_distance))


def fixed_crop(points: np.ndarray) -> Crop:
    """The crop around the mean box of (T, 478, 3) camera coordinates."""
    # The oval is the outermost contour.
    outline = points[:, index("oval"), :2].transpose(1, 0, 2)
    low, high = outline.min(axis=0).mean(axis=0), outline.max(axis=0).mean(axis=0)
    return Crop((low + high) / 2, CROP_MARGIN * float((high - low).max()))


def track(points: np.ndarray, fields: np.ndarray, times: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """What a landmark tracker reports for true points.

    Args:
      points: (T, 478, 3) camera coordinates.
      fields: (K, 478, 3) the person's units: the tracker's errors look partly like expressions.

    Returns:
      (T, 478, 3) camera coordinates with errors.
    """
    nuisance = table.NUISANCE
    count = len(points)
    uneven = np.exp(0.3 * rng.standard_normal((NUM_LANDMARKS, 1), dtype=np.float32))
    axes = np.array([1.0, 1.0, nuisance.depth_jitter], np.float32)
    basis = np.concatenate([slow_noise(times, 5, rng, period=1.5), np.ones((count, 1))], axis=1) / np.sqrt(6.0)
    slow = rng.standard_normal((6, NUM_LANDMARKS, 3), dtype=np.float32) * (
        np.float32(rng.uniform(*nuisance.slow_jitter)) * uneven * axes
    )
    imagined = rng.uniform(*nuisance.coherent_jitter) * slow_noise(times, len(fields), rng, period=0.8)
    basis = np.concatenate([basis, imagined], axis=1).astype(np.float32)
    modes = np.concatenate([slow.reshape(6, -1), fields.reshape(len(fields), -1)])
    seen = white_noise(points.shape, rng)
    seen *= np.float32(rng.uniform(*nuisance.white_jitter)) * uneven * axes
    seen += (basis @ modes).reshape(points.shape)
    seen += points
    seen[..., 2] *= np.float32(rng.uniform(*nuisance.depth_scale))
    return seen


def white_noise(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Float32 noise of unit variance, nearly normal: the sum of four bytes, three times as fast as normal deviates."""
    raw = np.frombuffer(rng.bytes(4 * math.prod(shape)), np.uint8).reshape(4, -1)
    total = raw[0].astype(np.uint16)
    for row in raw[1:]:
        total += row
    noise = total.astype(np.float32)
    noise -= np.float32(510.0)
    noise *= np.float32(1.0 / math.sqrt(4 * (256**2 - 1) / 12))
    return noise.reshape(shape)


def drop_frames(count: int, rng: np.random.Generator) -> np.ndarray:
    """(T,) bool, False in at most one run of untracked frames."""
    tracked = np.ones(count, bool)
    if rng.uniform() < table.NUISANCE.dropout:
        length = int(rng.integers(*table.NUISANCE.dropout_frames))
        start = int(rng.integers(1, count - length))
        tracked[start : start + length] = False
    return tracked


def repeat_last(tracked: np.ndarray) -> np.ndarray:
    """(T,) index of the last tracked frame at or before each frame; the first frame is tracked."""
    return np.maximum.accumulate(np.where(tracked, np.arange(len(tracked)), 0))


def _rotations(angles: np.ndarray) -> np.ndarray:
    (cp, cy, cr), (sp, sy, sr) = np.cos(angles.T), np.sin(angles.T)
    zero, one = np.zeros_like(cp), np.ones_like(cp)
    pitch = np.stack([one, zero, zero, zero, cp, -sp, zero, sp, cp], axis=1).reshape(-1, 3, 3)
    yaw = np.stack([cy, zero, sy, zero, one, zero, -sy, zero, cy], axis=1).reshape(-1, 3, 3)
    roll = np.stack([cr, -sr, zero, sr, cr, zero, zero, zero, one], axis=1).reshape(-1, 3, 3)
    return roll @ yaw @ pitch
