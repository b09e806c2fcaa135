"""Key frames of a clip: the face crop, the mesh over it and the trails that the landmarks drew.

Axes: T landmark frames, L landmarks, V = 63 tokens. Coordinates are those of the crop, -0.5 to 0.5, which is the SVG's view box.
"""

from __future__ import annotations

import base64
import dataclasses

import numpy as np

from input_pipeline.motion.kinematics import Kinematics
from input_pipeline.motion.layouts import to_tokens
from input_pipeline.motion.mesh import mesh_triangles
from input_pipeline.records import Clip

# The curve that shows the posed movement, and whether its apex is the largest or the smallest value.
_PRIMARY = {"smile": ("mouth_corner", max), "frown": ("brow", max), "squeeze": ("eye", min), "clench": ("mouth_corner", max)}
_TRAIL_SECONDS = 1.0
_TRAIL_STEPS = 12
# Time along a trail, from old to new (viridis, by eye).
_TRAIL_COLOURS = ("#443983", "#31688e", "#21918c", "#35b779", "#90d743", "#fde725")


@dataclasses.dataclass(frozen=True)
class KeyFrame:
    """One picture of the page.

    Attributes:
      name: what the moment is.
      seconds: since the clip's first frame.
      image: data URI of the JPEG crop, empty where the page must show no face.
      mesh: SVG path of the mesh's edges.
      trails: (colour, SVG path) from old to new.
    """

    name: str
    seconds: float
    image: str
    mesh: str
    trails: tuple[tuple[str, str], ...]


def key_moments(kinematics: Kinematics, expression: str) -> dict[str, float]:
    """Name -> seconds: rest, halfway and apex of the posed movement; begin, middle and end for the resting face."""
    times = np.asarray(kinematics.times)
    region, extreme = _PRIMARY.get(expression, (None, max))
    curves = [kinematics.curves[name] for name in (f"{region}/left", f"{region}/right") if name in kinematics.curves]
    if not curves:
        return {"begin": float(times[0]), "middle": float(times[len(times) // 2]), "end": float(times[-1])}
    curve = np.mean(curves, axis=0) * (1 if extreme is max else -1)
    curve = np.where(kinematics.tracked, curve, -np.inf)
    apex = int(np.argmax(curve))
    before = curve[: apex + 1]
    finite = np.where(np.isfinite(before), before, np.inf)
    rest = int(np.argmin(finite))
    middle = rest + int(np.argmin(np.abs(finite[rest:] - (finite[rest] + curve[apex]) / 2)))
    return {"rest": float(times[rest]), "halfway": float(times[middle]), "apex": float(times[apex])}


def key_frames(clip: Clip, moments: dict[str, float], show_face: bool) -> list[KeyFrame]:
    """The pictures at these moments, each at the stored RGB frame nearest to its moment."""
    times = clip.times - clip.times[0]
    tokens = to_tokens(clip.landmarks.astype(np.float32), clip.layout)[..., :2]
    return [_key_frame(clip, name, seconds, times, tokens, show_face) for name, seconds in moments.items()]


def _key_frame(clip: Clip, name: str, seconds: float, times: np.ndarray, tokens: np.ndarray, show_face: bool) -> KeyFrame:
    frame, image = int(np.argmin(np.abs(times - seconds))), ""
    if show_face and clip.frames:
        stored = int(np.argmin(np.abs(times[clip.frame_index] - seconds)))
        frame = int(clip.frame_index[stored])
        image = "data:image/jpeg;base64," + base64.b64encode(clip.frames[stored]).decode()
    return KeyFrame(name, float(times[frame]), image, _mesh_path(clip, frame), _trails(tokens, times, frame))


def _mesh_path(clip: Clip, frame: int) -> str:
    points = clip.landmarks[frame, :, :2].astype(np.float32)
    if clip.layout != "mediapipe478":
        chosen = to_tokens(clip.landmarks[frame : frame + 1].astype(np.float32), clip.layout)[0, :, :2]
        return " ".join(f"M{x:.4f} {y:.4f}h.004" for x, y in chosen)
    return " ".join(f"M{points[a, 0]:.3f} {points[a, 1]:.3f}L{points[b, 0]:.3f} {points[b, 1]:.3f}" for a, b in _edges())


def _edges() -> np.ndarray:
    triangles = np.asarray(mesh_triangles())
    edges = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1)
    return np.unique(edges, axis=0)


def _trails(tokens: np.ndarray, times: np.ndarray, frame: int) -> tuple[tuple[str, str], ...]:
    begin = int(np.searchsorted(times, times[frame] - _TRAIL_SECONDS))
    steps = np.unique(np.linspace(begin, frame, _TRAIL_STEPS + 1).astype(int))
    trails = []
    for index, (a, b) in enumerate(zip(steps, steps[1:], strict=False)):
        colour = _TRAIL_COLOURS[index * len(_TRAIL_COLOURS) // max(len(steps) - 1, 1)]
        lines = (f"M{p[0]:.4f} {p[1]:.4f}L{q[0]:.4f} {q[1]:.4f}" for p, q in zip(tokens[a], tokens[b], strict=True))
        trails.append((colour, " ".join(lines)))
    return tuple(trails)
