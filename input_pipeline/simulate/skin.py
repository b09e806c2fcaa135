"""Skin and light: one shading model for the colours under the landmarks and for the rendered frames.

Axes: P surface points (the 478 landmarks, or the renderer's samples), J folds, T frames. Colours are 0..1 RGB, in display
(gamma) space. Surface maps are functions of the mean face's plane (see face.py), so identity does not move them.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

from input_pipeline.motion.mesh import mesh_triangles
from input_pipeline.simulate.face import NUM_LANDMARKS, index, mean_plane

FOLDS = ("nasolabial", "crows_feet", "lower_lid", "glabella", "forehead", "mouth_corner", "chin")
# How much red, green and blue a fold of depth 1 takes at its line, and what is left at least.
_FOLD_STRENGTH = np.array([0.30, 0.40, 0.42], np.float32)
_FOLD_LEAST = 0.4

# Fold -> polylines of the right half (|x|, y), width of the line, width and share of the soft shadow around it.
_FOLD_LINES = {
    "nasolabial": (((0.30, 0.66), (0.42, 0.84), (0.52, 1.02), (0.55, 1.16)),),
    "crows_feet": (
        ((0.82, 0.0), (0.99, 0.02)),
        ((0.81, -0.06), (0.96, -0.14)),
        ((0.81, 0.06), (0.95, 0.17)),
    ),
    "lower_lid": (((0.30, 0.10), (0.42, 0.16), (0.56, 0.17), (0.70, 0.12)),),
    "glabella": (((0.085, -0.46), (0.10, -0.30), (0.075, -0.16)), ((0.0, -0.04), (0.10, -0.05))),
    "forehead": (((0.0, -0.60), (0.3, -0.63), (0.6, -0.60)), ((0.0, -0.74), (0.3, -0.77), (0.55, -0.74))),
    "mouth_corner": (((0.47, 1.04), (0.50, 1.12), (0.48, 1.22)),),
    "chin": (((0.0, 1.42), (0.15, 1.42), (0.28, 1.46)),),
}
# Polyline of the right half, width, depth.
_SHADOWS = (
    (((0.06, 0.775), (0.13, 0.77)), 0.028, 0.6),
    (((0.25, 0.60), (0.28, 0.67), (0.25, 0.74), (0.19, 0.79)), 0.022, 0.28),
    (((0.0, 0.83), (0.16, 0.82)), 0.035, 0.18),
    (((0.0, 1.117), (0.2, 1.117), (0.37, 1.12)), 0.010, 0.55),
    (((0.37, 1.12), (0.42, 1.125)), 0.016, 0.3),
    (((0.0, 1.36), (0.16, 1.35)), 0.05, 0.20),
    (((0.0, 0.88), (0.0, 0.94)), 0.03, 0.08),
    (((0.27, -0.10), (0.24, 0.06)), 0.06, 0.18),
    (((0.40, -0.19), (0.62, -0.19)), 0.06, 0.10),
)
_LINE_WIDTH = 0.03
_SHADOW_WIDTH = 0.12
_SHADOW_SHARE = 0.6


@dataclasses.dataclass(frozen=True)
class Skin:
    """One person's colours, 0..1 RGB, strength of the blotches, and how far the hair reaches down (plane y; -1: none)."""

    tone: np.ndarray
    lips: np.ndarray
    brows: np.ndarray
    iris: np.ndarray
    hair: np.ndarray
    clothes: np.ndarray
    hair_length: float
    blotches: np.ndarray


@dataclasses.dataclass(frozen=True)
class Light:
    """One clip's light: unit vector to the lamp (camera axes), ambient share, RGB gain, two background colours."""

    direction: np.ndarray
    ambient: float
    gain: np.ndarray
    background: np.ndarray


@dataclasses.dataclass(frozen=True)
class SurfaceMaps:
    """What lies where on the face: masks 0..1 of P points."""

    lips: np.ndarray
    brows: np.ndarray
    lashes: np.ndarray
    flush: np.ndarray
    shadow: np.ndarray
    waves: np.ndarray
    folds: np.ndarray


def sample_skin(rng: np.random.Generator) -> Skin:
    """Draws a person's colours, from fair to dark skin."""
    melanin = rng.beta(1.1, 1.5)
    tone = np.array([0.95, 0.77, 0.67]) * (1 - melanin) + np.array([0.45, 0.29, 0.21]) * melanin
    tone = np.clip(tone * (1 + 0.02 * rng.standard_normal(3)), 0.05, 0.97)
    lips = tone * np.array([0.92, 0.70, 0.72]) * (1 + 0.05 * rng.standard_normal(3))
    hair = rng.choice([[0.10, 0.08, 0.07], [0.25, 0.17, 0.12], [0.42, 0.40, 0.39], [0.70, 0.69, 0.67], [0.45, 0.30, 0.16]])
    iris = rng.choice([[0.22, 0.13, 0.08], [0.30, 0.22, 0.12], [0.30, 0.42, 0.52], [0.30, 0.38, 0.28]])
    brows = np.minimum(0.75 * hair + 0.05, 0.8 * tone)
    clothes, length = (
        rng.uniform(0.15, 0.7) * (1 + 0.15 * rng.standard_normal(3)),
        float(rng.choice([-1.0, 0.1, 0.1, 0.3, 1.6, 1.9])),
    )
    return Skin(tone, np.clip(lips, 0.05, 0.95), brows, iris, hair, clothes, length, 0.018 * rng.standard_normal(12))


def sample_light(rng: np.random.Generator) -> Light:
    """Draws a clip's light and background."""
    side, height = rng.uniform(-0.8, 0.8), rng.uniform(-0.8, 0.1)
    direction = np.array([side, height, -1.0])
    gain = rng.uniform(0.8, 1.1) * (1 + 0.035 * rng.standard_normal(3))
    background = rng.uniform(0.3, 0.85) * (1 + 0.06 * rng.standard_normal((2, 3)))
    return Light(direction / np.linalg.norm(direction), rng.uniform(0.35, 0.6), gain, np.clip(background, 0.05, 0.95))


def surface_maps(points: np.ndarray) -> SurfaceMaps:
    """Masks at points (P, 2) of the mean face's plane."""
    x, y = np.abs(points[:, 0]), points[:, 1]
    mirrored = np.stack([x, y], axis=1)
    brow = np.minimum(_distance(mirrored, _right("brow_upper")), _distance(mirrored, _right("brow_lower")))
    lash = _distance(mirrored, _right("eye_upper"))
    inside_brow = _inside(mirrored, np.concatenate([_right("brow_upper"), _right("brow_lower")[::-1]]))
    lips = _inside(points, _outline())
    waves = np.stack([np.sin(a * points[:, 0] + b * points[:, 1] + c) for a, b, c in _WAVES], axis=1)
    return SurfaceMaps(
        lips=np.maximum(lips, np.exp(-0.5 * (_distance(points, _outline(), closed=True) / 0.015) ** 2) * 0.5),
        brows=np.maximum(inside_brow, np.exp(-0.5 * (brow / 0.025) ** 2)) * 0.85,
        lashes=np.exp(-0.5 * (lash / 0.016) ** 2),
        flush=np.exp(-0.5 * (((x - 0.66) / 0.22) ** 2 + ((y - 0.52) / 0.2) ** 2))
        + 0.7 * np.exp(-0.5 * ((x / 0.16) ** 2 + ((y - 0.66) / 0.12) ** 2)),
        shadow=_shadow_map(mirrored),
        waves=waves,
        folds=np.stack([_fold_map(mirrored, name) for name in FOLDS], axis=1).astype(np.float32),
    )


def albedo(maps: SurfaceMaps, skin: Skin) -> np.ndarray:
    """(P, 3) colour of the surface before light and folds."""
    colour = skin.tone * (1.0 + maps.waves @ skin.blotches)[:, None]
    colour = colour * (1.0 - np.multiply.outer(0.09 * maps.flush, (0.1, 1.0, 0.8)))
    colour += maps.lips[:, None] * (skin.lips - colour)
    colour += maps.brows[:, None] * (skin.brows - colour)
    return colour * ((1.0 - 0.6 * maps.lashes) * (1.0 - maps.shadow))[:, None]


def lambert(cosine: np.ndarray, ambient: float) -> np.ndarray:
    """Wrapped Lambert light, 0..1.15, for the cosine between normal and light."""
    lit = np.maximum((cosine + 0.4) / 1.4, 0.0)
    return ambient + (1.15 - ambient) * lit


def blended_normals(normals: np.ndarray, activations: np.ndarray) -> np.ndarray:
    """Unit normals of a moving face, by first-order change with the activations.

    Args:
      normals: (1 + K, 478, 3) at rest, and the change per activation of each unit.
      activations: (T, K).

    Returns:
      (T, 478, 3).
    """
    blended = activations @ normals[1:].reshape(len(normals) - 1, -1)
    blended += normals[0].reshape(-1)
    blended = blended.reshape(len(activations), *normals.shape[1:])
    blended *= (1.0 / np.sqrt(np.einsum("tlc,tlc->tl", blended, blended)))[..., None]
    return blended


def fold_shade(maps: SurfaceMaps, folds: np.ndarray) -> np.ndarray:
    """(3, ..., P) factor on red, green and blue for fold depths (..., J). Channels come first: three long loops are fast."""
    shade = np.multiply.outer(-_FOLD_STRENGTH, folds @ maps.folds.T)
    shade += 1.0
    return np.maximum(shade, _FOLD_LEAST, out=shade)


@functools.cache
def landmark_maps() -> SurfaceMaps:
    """The maps at the 478 landmarks."""
    return surface_maps(mean_plane())


def vertex_normals(points: np.ndarray) -> np.ndarray:
    """Area-weighted normals, pointing towards the camera for a frontal face; (..., 478, 3), not normalised.

    The irises, which are in no triangle, look at the camera.
    """
    corners = points[..., mesh_triangles(), :]
    faces = np.cross(corners[..., 1, :] - corners[..., 0, :], corners[..., 2, :] - corners[..., 0, :])
    normals = np.moveaxis(np.tensordot(_incidence(), faces, axes=(1, -2)), 0, -2)
    normals[..., index("iris"), :] = (0.0, 0.0, -0.02)
    return normals


@functools.cache
def _incidence() -> np.ndarray:
    triangles = mesh_triangles()
    matrix = np.zeros((NUM_LANDMARKS, len(triangles)))
    for corner in range(3):
        matrix[triangles[:, corner], np.arange(len(triangles))] = 1.0
    return matrix


def _shadow_map(mirrored: np.ndarray) -> np.ndarray:
    # What the coarse mesh cannot cast: nostrils, the wing of the nose, the lids' crease, the line between the lips.
    total = np.zeros(len(mirrored))
    for line, width, depth in _SHADOWS:
        total += depth * np.exp(-0.5 * (_distance(mirrored, np.array(line)) / width) ** 2)
    crease = _right("eye_upper")[1:] * (1.0, 1.0) + (0.0, -0.055)
    total += 0.28 * np.exp(-0.5 * (_distance(mirrored, crease) / 0.014) ** 2)
    return np.minimum(total, 0.8)


def _fold_map(mirrored: np.ndarray, name: str) -> np.ndarray:
    distance = np.min([_distance(mirrored, np.array(line)) for line in _FOLD_LINES[name]], axis=0)
    line, shadow = (np.exp(-0.5 * (distance / width) ** 2) for width in (_LINE_WIDTH, _SHADOW_WIDTH))
    return (1.0 - _SHADOW_SHARE) * line + _SHADOW_SHARE * shadow


def _right(name: str) -> np.ndarray:
    # The right half as (|x|, y).
    points = mean_plane()[index(name)]
    return points[: len(points) // 2] * (-1.0, 1.0)


def _outline() -> np.ndarray:
    plane = mean_plane()
    upper = [61, 185, 40, 39, 37, 0, 267, 269, 270, 409, 291]
    return plane[[*upper, 375, 321, 405, 314, 17, 84, 181, 91, 146]]


def _distance(points: np.ndarray, line: np.ndarray, closed: bool = False) -> np.ndarray:
    ends = np.concatenate([line, line[:1]]) if closed else line
    start, step = ends[:-1], np.diff(ends, axis=0)
    offset = points[:, None, :] - start
    along = np.clip((offset * step).sum(-1) / (step**2).sum(-1), 0.0, 1.0)
    return np.sqrt(((offset - along[..., None] * step) ** 2).sum(-1).min(axis=1))


def _inside(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    # Even-odd rule.
    a, b = polygon, np.roll(polygon, -1, axis=0)
    x, y = points[:, :1], points[:, 1:]
    spans = (a[:, 1] > y) != (b[:, 1] > y)
    crossing = a[:, 0] + (y - a[:, 1]) * (b[:, 0] - a[:, 0]) / np.where(b[:, 1] == a[:, 1], 1e-9, b[:, 1] - a[:, 1])
    return ((spans & (x < crossing)).sum(axis=1) % 2).astype(float)


_WAVES = tuple((a, b, c) for a, b, c in np.random.default_rng(7).uniform(-1.0, 1.0, (12, 3)) * (9.0, 9.0, 3.0))
