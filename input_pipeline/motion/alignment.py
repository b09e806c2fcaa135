"""Takes head motion out of the 63 tokens and finds the neutral face of a clip.

Axes: T frames, N points of a fit, V = 63 landmark tokens.

Every frame is fitted onto the neutral face by a weighted 3-D similarity on points that expressions hardly move (root and
bridge of the nose, eye corners), with outliers of a frame weighted down. What is left is motion of the face.
A layout without depth (z = 0) is corrected for translation, scale and in-plane rotation only: turning the head then still
looks like motion of the face.

Which points, their weights and every constant here are ours.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from input_pipeline.errors import UserError
from input_pipeline.motion import layouts

# The base of the nose steadies pitch, for which the points at eye height alone are a short lever; a smile widens the
# nostrils, hence its small weights.
_STABLE_WEIGHTS = {
    layouts.NOSE_ROOT: 1.0,
    layouts.NOSE_REFERENCE: 1.0,
    layouts.NOSE_BASE: 0.5,
    **dict.fromkeys((layouts.region_slice("nose").start + i for i in (2, 8)), 0.7),
    **dict.fromkeys((layouts.region_slice("nose").start + i for i in (4, 6)), 0.2),
    **dict.fromkeys(layouts.EYE_INNER.values(), 1.0),
    **dict.fromkeys(layouts.EYE_OUTER.values(), 0.7),
}
STABLE = np.array(list(_STABLE_WEIGHTS))
STABLE_WEIGHT = np.array(list(_STABLE_WEIGHTS.values()))
# What a posed expression moves most.
_EXPRESSIVE = (*layouts.MOUTH_CORNER.values(), *layouts.BROW_INNER.values(), layouts.LOWER_LIP_OUTER)

# The neutral face: the stillest _NEUTRAL_SECONDS inside the first _FIRST_PART seconds (and the first 40 percent), never
# further than _NEUTRAL_REACH IOD from where the clip starts, lest a held expression pass for rest.
_NEUTRAL_SECONDS, _NEUTRAL_STEP, _NEUTRAL_REACH = 0.3, 0.1, 0.04
_FIRST_SECONDS, _FIRST_PART, _FIRST_SHARE = 0.5, 1.5, 0.4


@dataclasses.dataclass(frozen=True)
class AlignedFace:
    """Tokens in a frame fixed to the head.

    Attributes:
      tokens: (T, 63, 3) in IOD of the neutral face; origin between the eyes, x to the subject's left, y down to the mouth,
        z away from the camera.
      neutral: (63, 3), the neutral face in the same frame.
      rotation: (T,) radians between the head's pose and its pose in the neutral face.
      iod: inter-ocular distance of the neutral face in the unit of the input.
    """

    tokens: np.ndarray
    neutral: np.ndarray
    rotation: np.ndarray
    iod: float


def remove_head_motion(tokens: np.ndarray, times: np.ndarray, tracked: np.ndarray) -> AlignedFace:
    """Expresses every frame in the head's own frame, in units of the neutral face's inter-ocular distance.

    Args:
      tokens: (T, 63, 3) positions, any unit.
      times: (T,) seconds.
      tracked: (T,) bool, at least one; only these frames decide what is neutral.

    Raises:
      UserError: the eyes coincide, so that there is no unit of length.
    """
    face = _neutral_face(tokens[tracked], times[tracked])
    iod = float(layouts.inter_ocular_distance(face))
    if not iod > 0:
        raise UserError("both eyes of the neutral face are in one place, expected two: check the landmarks and their layout")
    origin, axes = _head_axes(face)
    neutral = (face - origin) @ axes.T / iod
    aligned, rotation = fit_similarity(tokens, neutral)
    # The trace of R A^T, with A the neutral face's own rotation into the head frame.
    cosine = (np.einsum("tij,ij->t", rotation, axes) - 1) / 2
    return AlignedFace(aligned, neutral, np.arccos(np.clip(cosine, -1, 1)), iod)


def fit_similarity(tokens: np.ndarray, target: np.ndarray, fits: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Moves each frame onto a target by rotation, one scale and translation, fitted on the stable points.

    Weighted least squares in closed form, refitted with Cauchy weights on the residuals.

    Args:
      tokens: (T, 63, 3).
      target: (63, 3).
      fits: 1 for plain least squares, each further one reweights.

    Returns:
      (T, 63, 3) moved tokens in the target's frame and unit, and (T, 3, 3) rotations (points as columns).
    """
    source, goal = tokens[:, STABLE], target[STABLE]
    weight = np.broadcast_to(STABLE_WEIGHT, source.shape[:2])
    for refit in range(fits):
        linear, shift, rotation = _weighted_fit(source, goal, weight)
        if refit < fits - 1:
            residual = np.linalg.norm(source @ np.swapaxes(linear, 1, 2) + shift - goal, axis=-1)
            # One scale for the whole clip: a frame of its own scale would call its own noise outliers.
            scale = 3 * np.median(residual) + 1e-9
            weight = STABLE_WEIGHT / (1 + np.square(residual / scale))
    return tokens @ np.swapaxes(linear, 1, 2) + shift, rotation


def _weighted_fit(source: np.ndarray, goal: np.ndarray, weight: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(T, N, 3), (N, 3), (T, N) -> scaled rotation (T, 3, 3), shift (T, 1, 3), rotation (T, 3, 3)."""
    weight = weight / weight.sum(axis=1, keepdims=True)
    source_mean, goal_mean = np.einsum("tn,tni->ti", weight, source), weight @ goal
    centred = source - source_mean[:, None]
    weighted = centred * weight[..., None]
    covariance = np.swapaxes(weighted, 1, 2) @ (goal - goal_mean[:, None])
    rotation = _best_rotation(covariance)
    scale = np.einsum("tij,tji->t", rotation, covariance) / np.maximum(np.einsum("tni,tni->t", weighted, centred), 1e-12)
    linear = rotation * scale[:, None, None]
    return linear, (goal_mean - np.einsum("tij,tj->ti", linear, source_mean))[:, None], rotation


def _best_rotation(covariance: np.ndarray) -> np.ndarray:
    """(T, 3, 3) source-goal covariances -> rotations: Horn (1987), the quaternion of the largest eigenvalue.

    A quaternion is never a reflection, so a flat face (z = 0) needs no special case; and `eigh` is faster than `svd` here.
    """
    s = np.moveaxis(covariance, 0, -1)
    form = np.empty((4, 4, len(covariance)))
    form[0, 0] = s[0, 0] + s[1, 1] + s[2, 2]
    form[0, 1:] = form[1:, 0] = s[1, 2] - s[2, 1], s[2, 0] - s[0, 2], s[0, 1] - s[1, 0]
    form[1:, 1:] = s + np.swapaxes(s, 0, 1) - np.eye(3)[..., None] * form[0, 0]
    w, x, y, z = np.linalg.eigh(np.moveaxis(form, -1, 0))[1][:, :, -1].T
    rows = (
        (1 - 2 * (y * y + z * z), 2 * (x * y - w * z), 2 * (x * z + w * y)),
        (2 * (x * y + w * z), 1 - 2 * (x * x + z * z), 2 * (y * z - w * x)),
        (2 * (x * z - w * y), 2 * (y * z + w * x), 1 - 2 * (x * x + y * y)),
    )
    return np.moveaxis(np.array(rows), -1, 0)


def _neutral_face(tokens: np.ndarray, times: np.ndarray) -> np.ndarray:
    """(63, 3) median over the stillest window near the start; the first half second where there is no such window."""
    since = times - times[0]
    early = since <= min(_FIRST_PART, max(_FIRST_SECONDS, _FIRST_SHARE * since[-1]))
    since = since[early]
    unit = layouts.inter_ocular_distance(tokens[0])
    face, _ = fit_similarity(tokens[early] / max(unit, 1e-12), tokens[0] / max(unit, 1e-12), fits=1)
    moving = np.stack([face[:, list(tokens)].mean(axis=1) for tokens in _EXPRESSIVE], axis=1)
    start = np.median(moving[since <= _NEUTRAL_SECONDS / 2], axis=0)
    reach = np.linalg.norm(moving - start, axis=-1).max(axis=1)
    least, chosen = np.inf, since <= _FIRST_SECONDS
    for begin in np.arange(0, since[-1] - _NEUTRAL_SECONDS + 1e-6, _NEUTRAL_STEP):
        inside = (since >= begin) & (since <= begin + _NEUTRAL_SECONDS)
        if inside.sum() < 3 or reach[inside].max() > _NEUTRAL_REACH:
            continue
        restless = moving[inside].var(axis=0).sum()
        if restless < least:
            least, chosen = restless, inside
    return np.median(face[chosen], axis=0) * unit


def _head_axes(face: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Origin (3,) between the eyes and the head's axes (3, 3), one a row: to the left, down to the mouth, backwards."""
    eyes = {side: (face[layouts.EYE_OUTER[side]] + face[layouts.EYE_INNER[side]]) / 2 for side in ("left", "right")}
    across = eyes["left"] - eyes["right"]
    across = across / np.linalg.norm(across)
    origin = (eyes["left"] + eyes["right"]) / 2
    down = face[[layouts.MOUTH_CORNER[side][0] for side in ("left", "right")]].mean(axis=0) - origin
    down = down - (down @ across) * across
    down = down / max(float(np.linalg.norm(down)), 1e-12)
    return origin, np.stack([across, down, np.cross(across, down)])
