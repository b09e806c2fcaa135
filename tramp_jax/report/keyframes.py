"""Key frames of a clip: the face crop, the mesh over it and the trails that the landmarks drew.

Axes: T landmark frames, N tracked ones, L landmarks, V = 63 tokens. Coordinates are those of the crop, -0.5 to 0.5, which is
the SVG's view box. Trails show motion of the face alone, laid over the head as it is in the picture.
"""

from __future__ import annotations

import base64
import dataclasses
import functools
import itertools

import numpy as np
from scipy.ndimage import uniform_filter1d

from input_pipeline.motion.alignment import remove_head_motion
from input_pipeline.motion.kinematics import Kinematics
from input_pipeline.motion.layouts import REGIONS, TOKENS_PER_REGION, to_tokens
from input_pipeline.motion.mesh import mesh_contours, mesh_triangles
from input_pipeline.records import Clip
from tramp_jax.report.figures import blink_moments

# The curves that show the posed movement, and the sign that makes its apex a maximum.
_PRIMARY = {"smile": ("mouth_corner", 1), "frown": ("brow", 1), "squeeze": ("eye", -1), "clench": ("mouth_corner", 1)}
# A blink is no squeeze, and one sample is no apex.
_SMOOTH_SECONDS = 0.3
# A face at rest is shown with open eyes where it can be: this far from any blink.
_BLINK_SECONDS = 0.2
# Where between rest and the extreme the three pictures are: the way up, not the hold.
_REST, _HALFWAY, _APEX = 0.1, 0.5, 0.95
# A trail begins at rest, but not longer ago than this; at rest it shows the moment before.
_LONGEST_TRAIL, _RESTING_TRAIL = 3.0, 0.5
_TRAIL_STEPS = 12
# Time along a trail, from old to new (viridis, by eye).
TRAIL_COLOURS = ("#443983", "#31688e", "#21918c", "#35b779", "#90d743", "#fde725")
# The stored picture may be this far from the moment, where not every frame is stored.
_NEAR_SECONDS = 0.25

# Outlines through the nine points of a region (`layouts`), so that 63 tokens look like a face without a mesh.
_EYE = ((1, 7, 6, 8, 5, 3, 0, 2, 1),)
_LIP = ((0, 1, 2, 3, 4, 5, 6, 7, 8, 0),)
_OUTLINES = {
    "right_eye": _EYE,
    "left_eye": _EYE,
    "right_brow": ((0, 5, 6, 8, 7, 3, 4, 2, 1, 0),),
    "left_brow": ((0, 1, 2, 3, 4, 8, 7, 6, 5, 0),),
    "nose": ((0, 1), (2, 3, 4, 5, 6, 7, 8)),
    "lower_lip": _LIP,
    "upper_lip": _LIP,
}


@dataclasses.dataclass(frozen=True)
class KeyFrame:
    """One picture of the page.

    Attributes:
      name: what the moment is.
      seconds: since the clip's first frame.
      image: data URI of the JPEG crop, empty where the page must show no face or none is stored near the moment.
      mesh: SVG path of the mesh, empty where the layout has none.
      outlines: SVG path of eyes, brows, nose and lips.
      trails: (colour, SVG path) from old to new.
    """

    name: str
    seconds: float
    image: str
    mesh: str
    outlines: str
    trails: tuple[tuple[str, str], ...]


def key_moments(kinematics: Kinematics, expression: str) -> dict[str, float]:
    """Name -> seconds since the clip's first frame: rest, halfway and apex of the posed movement's way up.

    Begin, middle and end where no movement is posed. Tracked moments alone.
    """
    known = np.flatnonzero(kinematics.tracked)
    times = (np.asarray(kinematics.times) - kinematics.times[0])[known]
    region, sign = _PRIMARY.get(expression, ("", 1))
    curves = [kinematics.curves[name] for name in (f"{region}/left", f"{region}/right") if name in kinematics.curves]
    if not curves:
        return {"begin": float(times[0]), "middle": float(times[len(times) // 2]), "end": float(times[-1])}
    size = max(1, round(_SMOOTH_SECONDS * kinematics.fps))
    curve = sign * uniform_filter1d(np.mean(curves, axis=0)[known], size)
    level = (curve - curve.min()) / max(float(np.ptp(curve)), 1e-12)
    apex = int(np.argmax(level >= _APEX))
    before = level[: apex + 1]
    rest = _last(before <= _REST, int(np.argmin(before)))
    rest = _last((before <= _REST) & _eyes_open(times[: apex + 1], kinematics), rest)
    between = level[rest : apex + 1]
    halfway = rest + int(np.argmin(np.abs(between - (between[0] + between[-1]) * _HALFWAY)))
    return {"rest": float(times[rest]), "halfway": float(times[halfway]), "apex": float(times[apex])}


def key_frames(clip: Clip, moments: dict[str, float], show_face: bool) -> list[KeyFrame]:
    """The pictures at these moments, each at the tracked frame nearest to its moment.

    Args:
      clip: its landmarks and frames.
      moments: of `key_moments`.
      show_face: False leaves every pixel out.
    """
    finite = np.isfinite(clip.landmarks).all(axis=(1, 2))
    tracked = np.flatnonzero(np.asarray(clip.tracked, bool) & finite)
    times = (clip.times - clip.times[0]).astype(np.float64)
    tokens = to_tokens(clip.landmarks[tracked].astype(np.float64), clip.layout)
    still = remove_head_motion(tokens, times[tracked], np.ones(len(tracked), bool)).tokens
    first = min(moments.values())
    pictures = []
    for name, seconds in moments.items():
        frame, image = _stored_picture(clip, times, tracked, seconds) if show_face else (-1, "")
        frame = frame if image else int(tracked[np.argmin(np.abs(times[tracked] - seconds))])
        now = int(np.searchsorted(tracked, frame))
        begin = max(first, seconds - _LONGEST_TRAIL) if seconds > first else seconds - _RESTING_TRAIL
        steps = np.flatnonzero((times[tracked] >= begin) & (tracked <= frame))
        points = clip.landmarks[frame, :, :2].astype(np.float64)
        mesh = _segments(points[_mesh_edges()]) if clip.layout == "mediapipe478" else ""
        outlines = points[_contour_edges()] if mesh else tokens[now][_outline_edges(), :2]
        trails = _trails(_onto_picture(still, tokens[now], now, steps))
        pictures.append(KeyFrame(name, float(times[frame]), image, mesh, _segments(outlines), trails))
    return pictures


def _eyes_open(times: np.ndarray, kinematics: Kinematics) -> np.ndarray:
    apart = np.abs(times[:, None] - blink_moments(kinematics)[None])
    return (apart > _BLINK_SECONDS).all(axis=1)


def _last(mask: np.ndarray, otherwise: int) -> int:
    return int(np.flatnonzero(mask)[-1]) if mask.any() else otherwise


def _stored_picture(clip: Clip, times: np.ndarray, tracked: np.ndarray, seconds: float) -> tuple[int, str]:
    """The landmark frame and data URI of the stored picture nearest to a moment; (-1, "") where none is near."""
    stored = np.flatnonzero(np.isin(clip.frame_index, tracked)) if clip.frames else np.zeros(0, int)
    if not len(stored):
        return -1, ""
    apart = np.abs(times[clip.frame_index[stored]] - seconds)
    best = int(stored[np.argmin(apart)])
    if apart.min() > _NEAR_SECONDS:
        return -1, ""
    return int(clip.frame_index[best]), "data:image/jpeg;base64," + base64.b64encode(clip.frames[best]).decode()


def _onto_picture(still: np.ndarray, target: np.ndarray, now: int, steps: np.ndarray) -> np.ndarray:
    """Tokens without head motion at `steps`, (len(steps), 63, 2), drawn on the head as it is in one picture.

    Args:
      still: (N, 63, 3) in the head's frame.
      target: (63, 3), the tokens of the picture, which is sample `now` of `still`.
    """
    corner = np.ones((*still.shape[:2], 1))
    homogeneous = np.concatenate([still, corner], axis=-1)
    camera, *_ = np.linalg.lstsq(homogeneous[now], target[:, :2], rcond=None)
    return homogeneous[steps] @ camera


def _trails(path: np.ndarray) -> tuple[tuple[str, str], ...]:
    """(S, 63, 2) positions over time -> coloured SVG paths."""
    if len(path) < 2:
        return ()
    chosen = path[np.unique(np.linspace(0, len(path) - 1, _TRAIL_STEPS + 1).round().astype(int))]
    parts: dict[str, list[str]] = {}
    for index, (old, new) in enumerate(itertools.pairwise(chosen)):
        colour = TRAIL_COLOURS[index * len(TRAIL_COLOURS) // (len(chosen) - 1)]
        parts.setdefault(colour, []).append(_segments(np.stack([old, new], axis=1)))
    return tuple((colour, " ".join(paths)) for colour, paths in parts.items())


def _segments(ends: np.ndarray) -> str:
    """(E, 2, 2) end points -> an SVG path."""
    return " ".join(f"M{a[0]:.4f} {a[1]:.4f}L{b[0]:.4f} {b[1]:.4f}" for a, b in ends.tolist())


@functools.cache
def _mesh_edges() -> np.ndarray:
    triangles = np.asarray(mesh_triangles())
    edges = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1)
    return np.unique(edges, axis=0)


@functools.cache
def _contour_edges() -> np.ndarray:
    return np.concatenate([edges for name, edges in mesh_contours().items() if name != "nose"])


@functools.cache
def _outline_edges() -> np.ndarray:
    edges = []
    for region, lines in _OUTLINES.items():
        start = REGIONS.index(region) * TOKENS_PER_REGION
        edges += [(start + a, start + b) for line in lines for a, b in itertools.pairwise(line)]
    return np.array(edges)
