"""Frames of the procedural face: samples of its surface are splatted into the crop, over hair, neck and background.

Axes: H = W pixels of the crop, N samples of the skin, M of eyes and mouth, L=478 landmarks, J folds.

The skin is sampled on a grid in the mean face's plane, a little denser than the pixels, so that everything that does not
move (where a sample lies in its triangle, what colour it has) is computed once. Light comes from the landmarks' normals.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
from scipy.sparse import csr_matrix

from input_pipeline.motion.mesh import mesh_triangles
from input_pipeline.simulate import backdrop, skin
from input_pipeline.simulate.camera import CROP_MARGIN
from input_pipeline.simulate.face import NUM_LANDMARKS, PAIRS, mean_plane

# Samples per pixel, along one axis.
_DENSITY = 1.6
_MOUTH_UPPER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)
_MOUTH_LOWER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
_SENSOR_NOISE = np.float32(0.008)
_SCLERA = np.array([0.86, 0.83, 0.81], np.float32)
_MOUTH = np.array([0.20, 0.07, 0.07], np.float32)
_TEETH = np.array([0.80, 0.77, 0.70], np.float32)
# Place of the highlight, in radii of the iris.
_GLINT = np.array([0.3, -0.35], np.float32)


@dataclasses.dataclass(frozen=True)
class Opening:
    """An eye or the mouth: M samples of the strip between an upper and a lower contour.

    Attributes:
      upper, lower: landmark indices along the contours, first and last shared.
      iris: landmark index of the iris, or None for the mouth.
      between: (M, contour points) weights that interpolate along the contours.
      white, lashes, teeth: (M, 1) factors that only depend on where in the strip a sample lies.
      rows: the samples' rows among all samples.
    """

    upper: np.ndarray
    lower: np.ndarray
    iris: int | None
    between: np.ndarray
    white: np.ndarray
    lashes: np.ndarray
    teeth: np.ndarray
    rows: slice


@dataclasses.dataclass(frozen=True)
class Sampling:
    """What one size of frame needs: (N + M, 478) weights of the landmarks in each sample, the skin's maps, the openings."""

    weights: csr_matrix
    skin_count: int
    maps: skin.SurfaceMaps
    grain: np.ndarray
    noise: np.ndarray
    openings: tuple[Opening, ...]
    pitch: float


class Renderer:
    """Draws frames of one scene.

    Args:
      scene: a clips.Scene.
      size: side of the frames in pixels.
    """

    def __init__(self, scene, size: int):
        self._scene, self._size = scene, size
        self._sampling = _sampling(size)
        colours = skin.albedo(self._sampling.maps, scene.person.skin) * scene.light.gain
        self._albedo = np.ascontiguousarray(colours.T, np.float32) * (1.0 + 0.025 * self._sampling.grain)

    def frame(self, frame: int, rng: np.random.Generator) -> np.ndarray:
        """(size, size, 3) uint8 RGB of one landmark frame; `rng` makes the sensor's noise."""
        scene, sampling = self._scene, self._sampling
        person, light, performance = scene.person, scene.light, scene.performance
        points = scene.crop.apply(scene.placed[frame])
        image = backdrop.paint(points, person.skin, light, self._size)
        normals = skin.blended_normals(person.normals, performance.activations[frame : frame + 1])[0]
        lamp = (light.direction @ scene.view.rotations[frame]).astype(np.float32)
        bright = skin.lambert(normals @ lamp, light.ambient)
        away = normals @ scene.view.rotations[frame][2]
        seen = sampling.weights @ np.column_stack([points[:, :2], bright, away])
        colours = np.empty((3, len(seen)), np.float32)
        surface = colours[:, : sampling.skin_count]
        np.multiply(skin.fold_shade(sampling.maps, performance.folds[frame]), self._albedo, out=surface)
        surface *= seen[: sampling.skin_count, 2]
        # Skin that turns away from the camera fades out, so that no far side shines through.
        amount = _ramp(0.125 - seen[:, 3], 0.25)
        for opening in sampling.openings:
            filled = _opening_colours(opening, points, seen, person.skin.iris, amount, sampling.pitch)
            colours[:, opening.rows] = (filled * light.gain).T
        _splat(image, seen[:, :2], colours, amount)
        shift = rng.integers(0, self._size, 2)
        image += sampling.noise[:, shift[0] : shift[0] + self._size, shift[1] : shift[1] + self._size]
        np.clip(image, 0.0, 1.0, out=image)
        image *= 255.0
        return np.ascontiguousarray(image.transpose(1, 2, 0)).astype(np.uint8)


def _splat(image: np.ndarray, places: np.ndarray, colours: np.ndarray, amount: np.ndarray) -> None:
    # Bilinear; a pixel is opaque when it has received what the density promises. One pixel of border on each side.
    size = image.shape[1]
    where = places * np.float32(size) + np.float32(0.5 * size + 0.5)
    corner = np.minimum(np.maximum(where.astype(np.int32), 0), size)
    x, y = (where - corner).T
    cell = corner[:, 1] * (size + 2) + corner[:, 0]
    values = [*colours, 1.0]
    total = np.zeros((4, (size + 2) ** 2))
    right, below = amount * x, amount * y
    both = right * y
    for step, share in ((0, amount - right - below + both), (1, right - both), (size + 2, below - both), (size + 3, both)):
        for channel, value in enumerate(values):
            total[channel] += np.bincount(cell + step, share * value, minlength=total.shape[1])
    total = total.reshape(4, size + 2, size + 2)[:, 1:-1, 1:-1].astype(np.float32)
    cover = np.minimum(total[3] / np.float32(0.55 * _DENSITY**2), 1.0)
    image *= 1.0 - cover
    image += total[:3] * (cover / np.maximum(total[3], 1e-6))


def _opening_colours(opening: Opening, points, seen, iris: np.ndarray, amount: np.ndarray, pitch: float) -> np.ndarray:
    # (M, 3) colours of an opening's samples; sets their amount.
    rows = opening.rows
    width = float(np.abs(points[opening.upper[-1], 0] - points[opening.upper[0], 0]))
    gap = opening.between @ np.maximum(points[opening.lower, 1] - points[opening.upper, 1], 0.0)
    # A sample stands for its share of the open area, so that a closed eye is all lid.
    amount[rows] = gap * (width / (len(gap) * pitch**2))
    light = 0.55 + 0.45 * seen[rows, 2:3]
    if opening.iris is None:
        teeth = opening.teeth * _ramp(gap / width - 0.05, 0.08)[:, None]
        return _MOUTH + teeth * (_TEETH * light - _MOUTH)
    offset = seen[rows, :2] - points[opening.iris, :2]
    offset /= np.linalg.norm(points[opening.iris + 1, :2] - points[opening.iris + 3, :2]) / 2
    return _eye_colours(offset, light * opening.white, iris) * opening.lashes


def _eye_colours(offset: np.ndarray, light: np.ndarray, iris: np.ndarray) -> np.ndarray:
    # (M, 2) distance from the iris in its radii -> (M, 3).
    distance = np.sqrt(np.einsum("mc,mc->m", offset, offset))[:, None]
    white = _SCLERA * light
    ring = iris.astype(np.float32) * (0.75 + 0.3 * offset[:, 1:])
    colour = white + _ramp(1.06 - distance, 0.12) * (ring - white)
    colour *= 1.0 - 0.9 * _ramp(0.46 - distance, 0.1)
    glint = _ramp(0.24 - np.abs(offset - _GLINT).max(axis=1, keepdims=True), 0.1)
    return colour + glint * (0.95 - colour)


def _ramp(x: np.ndarray, width: float) -> np.ndarray:
    return np.minimum(np.maximum(x * (1.0 / width), 0.0), 1.0)


@functools.lru_cache(maxsize=4)
def _sampling(size: int) -> Sampling:
    plane = mean_plane()
    # The crop's side in the plane, so the pitch of the samples.
    extent = plane.max(axis=0) - plane.min(axis=0)
    side = CROP_MARGIN * float(extent.max())
    pitch = side / size / _DENSITY
    places, triangles, inner = _grid_samples(plane, pitch)
    rows = np.repeat(np.arange(len(places)), 3)
    parts = [(rows, mesh_triangles()[triangles].ravel(), inner.ravel())]
    openings, start = [], len(places)
    for upper, lower, iris in _opening_contours():
        opening, part = _opening_samples(upper, lower, iris, start, pitch)
        openings.append(opening)
        parts.append(part)
        start = opening.rows.stop
    row, column, weight = (np.concatenate([part[i] for part in parts]) for i in range(3))
    weights = csr_matrix((weight.astype(np.float32), (row, column)), shape=(start, NUM_LANDMARKS))
    rng = np.random.default_rng(3)
    grain = rng.standard_normal(len(places), dtype=np.float32)
    noise = _SENSOR_NOISE * rng.standard_normal((3, 2 * size, 2 * size), dtype=np.float32)
    return Sampling(weights, len(places), skin.surface_maps(places), grain, noise, tuple(openings), pitch / side)


def _grid_samples(plane: np.ndarray, pitch: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    places, which, inner = [], [], []
    for number, corners in enumerate(plane[mesh_triangles()]):
        low, high = np.ceil(corners.min(axis=0) / pitch), np.floor(corners.max(axis=0) / pitch)
        if (high < low).any():
            continue
        x, y = np.meshgrid(np.arange(low[0], high[0] + 1), np.arange(low[1], high[1] + 1))
        grid = np.stack([x.ravel(), y.ravel()], axis=1) * pitch
        share = (grid - corners[2]) @ np.linalg.inv(corners[:2] - corners[2])
        share = np.concatenate([share, 1.0 - share.sum(axis=1, keepdims=True)], axis=1)
        inside = (share >= 0).all(axis=1)
        places.append(grid[inside])
        which.append(np.full(inside.sum(), number))
        inner.append(share[inside])
    return np.concatenate(places), np.concatenate(which), np.concatenate(inner)


def _opening_contours() -> tuple[tuple[tuple[int, ...], tuple[int, ...], int | None], ...]:
    eyes = []
    for side, iris in ((0, 468), (1, 473)):
        upper, lower = PAIRS["eye_upper"][side], PAIRS["eye_lower"][side]
        eyes.append((upper, (upper[0], *lower, upper[-1]), iris))
    return (*eyes, (_MOUTH_UPPER, _MOUTH_LOWER, None))


def _opening_samples(upper, lower, iris, start: int, pitch: float):
    plane = mean_plane()
    width = abs(plane[upper[-1], 0] - plane[upper[0], 0])
    across, down = int(width / pitch), int(0.2 / pitch)
    u, v = (grid.ravel() for grid in np.meshgrid((np.arange(across) + 0.5) / across, (np.arange(down) + 0.5) / down))
    knots = np.arange(len(upper)) / (len(upper) - 1)
    between = np.maximum(1.0 - np.abs(u[:, None] - knots) * (len(upper) - 1), 0.0)
    row, knot = np.nonzero(between)
    upper, lower = np.array(upper), np.array(lower)
    share, depth = between[row, knot], v[row]
    entries = (
        np.concatenate([row, row]) + start,
        np.concatenate([upper[knot], lower[knot]]),
        np.concatenate([share * (1.0 - depth), share * depth]),
    )
    # Darker under the upper lid and in the corners; lashes at the upper edge; teeth in the upper part.
    white = 1.0 - 0.35 * np.exp(-v / 0.18) - 0.15 * np.abs(2.0 * u - 1.0)
    lashes, teeth = 1.0 - 0.5 * np.exp(-v / 0.08), _ramp(0.42 - v, 0.1)
    masks = (mask.astype(np.float32)[:, None] for mask in (white, lashes, teeth))
    return Opening(upper, lower, iris, between.astype(np.float32), *masks, slice(start, start + len(u))), entries
