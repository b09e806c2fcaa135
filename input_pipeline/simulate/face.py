"""A procedural face with MediaPipe's 478 landmark indices: contours by identity, the rest filled in over the mesh.

No face model file is used. The named contours (lips, eyes, irises, brows, nose, oval) are placed by a table of our own and
bent by a few identity parameters; every other point is the harmonic interpolation of the contours over the tessellation.

Axes: L=478 landmarks, N mesh triangles. Unit of length: the distance between the pupils of the mean face. Origin midway
between the pupils of the mean face; x right in the image (the subject's left), y down, z away from the camera.
"""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import laplacian
from scipy.sparse.linalg import spsolve

from input_pipeline.motion.mesh import mesh_triangles

NUM_LANDMARKS = 478
MOUTH_Y = 1.12
EYE_X = 0.5

# The subject's right side (x < 0) and, in the same order, the left. Lips run from the corner to the midline.
PAIRS = {
    "oval": (
        (109, 67, 103, 54, 21, 162, 127, 234, 93, 132, 58, 172, 136, 150, 149, 176, 148),
        (338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377),
    ),
    "eye_upper": ((33, 246, 161, 160, 159, 158, 157, 173, 133), (263, 466, 388, 387, 386, 385, 384, 398, 362)),
    "eye_lower": ((7, 163, 144, 145, 153, 154, 155), (249, 390, 373, 374, 380, 381, 382)),
    "brow_upper": ((70, 63, 105, 66, 107), (300, 293, 334, 296, 336)),
    "brow_lower": ((46, 53, 52, 65, 55), (276, 283, 282, 295, 285)),
    "lip_outer_upper": ((61, 185, 40, 39, 37), (291, 409, 270, 269, 267)),
    "lip_outer_lower": ((146, 91, 181, 84), (375, 321, 405, 314)),
    "lip_inner_upper": ((78, 191, 80, 81, 82), (308, 415, 310, 311, 312)),
    "lip_inner_lower": ((95, 88, 178, 87), (324, 318, 402, 317)),
    "nose_side": ((45, 220, 115, 48, 64, 98, 97), (275, 440, 344, 278, 294, 327, 326)),
    "eye_skin": ((130, 243), (359, 463)),
    "lip_skin": ((57, 62), (287, 292)),
    "iris": ((468, 469, 470, 471, 472), (473, 474, 475, 476, 477)),
}
MIDLINE = {
    "oval": (10, 152),
    "forehead": (9,),
    "nose": (168, 6, 197, 195, 5, 4, 1, 19, 94, 2),
    "lip_outer_upper": (0,),
    "lip_outer_lower": (17,),
    "lip_inner_upper": (13,),
    "lip_inner_lower": (14,),
}
# The points of eye_skin and lip_skin keep the mesh from folding at the corners.
LIP_PARTS = ("lip_outer_upper", "lip_outer_lower", "lip_inner_upper", "lip_inner_lower")

# Mean face, subject's right side: (x, y) of the points of PAIRS, then y of those of MIDLINE. Proportions are ours.
_RIGHT_XY = {
    "oval": (
        *((-0.25, -0.94), (-0.49, -0.90), (-0.70, -0.81), (-0.87, -0.68), (-1.00, -0.50), (-1.09, -0.28), (-1.15, -0.04)),
        *((-1.17, 0.20), (-1.15, 0.45), (-1.11, 0.72), (-1.04, 1.00), (-0.93, 1.26), (-0.78, 1.49), (-0.61, 1.66)),
        *((-0.45, 1.77), (-0.29, 1.85), (-0.14, 1.89)),
    ),
    "eye_upper": (
        *((-0.735, -0.005), (-0.69, -0.055), (-0.64, -0.085), (-0.58, -0.105), (-0.51, -0.112)),
        *((-0.435, -0.103), (-0.37, -0.075), (-0.32, -0.03), (-0.28, 0.03)),
    ),
    "eye_lower": (
        *((-0.69, 0.03), (-0.64, 0.056), (-0.58, 0.072), (-0.51, 0.078)),
        *((-0.435, 0.073), (-0.37, 0.06), (-0.32, 0.045)),
    ),
    "brow_upper": ((-0.90, -0.30), (-0.76, -0.42), (-0.58, -0.475), (-0.39, -0.46), (-0.21, -0.40)),
    "brow_lower": ((-0.87, -0.24), (-0.74, -0.335), (-0.57, -0.375), (-0.39, -0.365), (-0.21, -0.32)),
    "lip_outer_upper": ((-0.40, 1.12), (-0.33, 1.065), (-0.25, 1.02), (-0.16, 0.985), (-0.07, 0.965)),
    "lip_outer_lower": ((-0.335, 1.18), (-0.255, 1.24), (-0.165, 1.285), (-0.08, 1.305)),
    "lip_inner_upper": ((-0.365, 1.12), (-0.31, 1.112), (-0.235, 1.106), (-0.155, 1.103), (-0.075, 1.105)),
    "lip_inner_lower": ((-0.31, 1.124), (-0.235, 1.125), (-0.155, 1.126), (-0.075, 1.126)),
    "nose_side": (
        *((-0.085, 0.655), (-0.15, 0.62), (-0.225, 0.575), (-0.265, 0.645), (-0.245, 0.725), (-0.175, 0.775)),
        (-0.08, 0.805),
    ),
    "eye_skin": ((-0.785, 0.005), (-0.24, 0.045)),
    "lip_skin": ((-0.435, 1.118), (-0.383, 1.12)),
    "iris": ((-0.5, -0.018), (-0.593, -0.018), (-0.5, -0.111), (-0.407, -0.018), (-0.5, 0.075)),
}
_MID_Y = {
    "oval": (-0.96, 1.90),
    "forehead": (-0.36,),
    "nose": (-0.08, 0.05, 0.21, 0.36, 0.50, 0.615, 0.685, 0.76, 0.795, 0.83),
    "lip_outer_upper": (0.98,),
    "lip_outer_lower": (1.31,),
    "lip_inner_upper": (1.11,),
    "lip_inner_lower": (1.126,),
}

# Identity parameters: a standard normal each, times this spread (log scale or units of length).
IDENTITY_SPREADS = {
    "mouth_width": 0.11,
    "lip_thickness": 0.20,
    "mouth_height": 0.035,
    "eye_size": 0.10,
    "eye_spacing": 0.045,
    "eye_slant": 0.05,
    "brow_height": 0.04,
    "brow_arch": 0.02,
    "nose_length": 0.06,
    "nose_width": 0.11,
    "nose_depth": 0.15,
    "face_width": 0.055,
    "jaw_width": 0.07,
    "chin_length": 0.08,
    "depth": 0.08,
}


@dataclasses.dataclass(frozen=True)
class Identity:
    """One person's static face.

    Attributes:
      shape: standard scores of IDENTITY_SPREADS, clipped to [-2, 2].
      resting: standard scores of the resting asymmetries: mouth corner height, brow height, eye opening, nose tip.
    """

    shape: dict[str, float]
    resting: np.ndarray


def sample_identity(rng: np.random.Generator) -> Identity:
    """Draws a person."""
    scores = np.clip(rng.standard_normal(len(IDENTITY_SPREADS)), -2.0, 2.0)
    return Identity(dict(zip(IDENTITY_SPREADS, scores.tolist(), strict=True)), np.clip(rng.standard_normal(4), -2.0, 2.0))


def mean_identity() -> Identity:
    """The face with every parameter at its mean and no asymmetry."""
    return Identity(dict.fromkeys(IDENTITY_SPREADS, 0.0), np.zeros(4))


@functools.cache
def mean_plane() -> np.ndarray:
    """(478, 2) frontal coordinates of the mean face; the shading maps are drawn in this plane."""
    points = np.zeros((NUM_LANDMARKS, 2))
    for name, (right, left) in PAIRS.items():
        points[list(right)] = _RIGHT_XY[name]
        points[list(left)] = np.asarray(_RIGHT_XY[name]) * (-1.0, 1.0)
    for name, indices in MIDLINE.items():
        points[list(indices), 1] = _MID_Y[name]
    points.setflags(write=False)
    return fill(points)


def neutral_face(identity: Identity) -> np.ndarray:
    """(478, 3) float32 resting landmarks of a person."""
    plane = fill(_shaped_contours(identity))
    depth = _depth(identity.shape)
    return np.concatenate([plane, depth[:, None]], axis=1).astype(np.float32)


def fill(values: np.ndarray) -> np.ndarray:
    """Replaces all but the contour points by the harmonic interpolation of the contour points; (478, ...) -> same shape."""
    known, unknown, weights = _harmonic()
    filled = values.copy()
    filled[unknown] = (weights @ values[known].reshape(len(known), -1)).reshape(len(unknown), *values.shape[1:])
    return filled


def index(*names: str) -> np.ndarray:
    """Landmark indices of the named contours: right, left, midline."""
    found: list[int] = []
    for name in names:
        found += [*PAIRS.get(name, ((), ()))[0], *PAIRS.get(name, ((), ()))[1], *MIDLINE.get(name, ())]
    return np.array(found)


@functools.cache
def _harmonic() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    # The uniform (Tutte) Laplacian, solved once for every point that is not on a contour.
    triangles = mesh_triangles()
    edges = np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])
    ones = np.ones(len(edges))
    graph = csr_matrix((ones, (edges[:, 0], edges[:, 1])), shape=(NUM_LANDMARKS, NUM_LANDMARKS))
    matrix = laplacian(((graph + graph.T) > 0).astype(float)).tocsc()
    known = np.unique(index(*PAIRS, *MIDLINE))
    unknown = np.setdiff1d(np.arange(NUM_LANDMARKS), known)
    weights = spsolve(matrix[unknown][:, unknown], -matrix[unknown][:, known]).toarray()
    return known, unknown, weights


def _shaped_contours(identity: Identity) -> np.ndarray:
    size = {name: identity.shape[name] * spread for name, spread in IDENTITY_SPREADS.items()}
    points = np.array(mean_plane())
    side = np.sign(points[:, :1])

    oval = index("oval")
    lower = np.clip((points[oval, 1] - 0.3) / 1.6, 0.0, 1.0)
    points[oval, 0] *= np.exp(size["face_width"] + size["jaw_width"] * np.sin(np.pi * np.clip(lower, 0, 0.9)))
    points[oval, 1] += size["chin_length"] * lower + size["nose_length"] * lower

    lips = index(*LIP_PARTS, "lip_skin")
    points[lips, 0] *= np.exp(size["mouth_width"])
    points[lips, 1] = MOUTH_Y + (points[lips, 1] - MOUTH_Y) * np.exp(size["lip_thickness"])
    points[lips, 1] += size["mouth_height"] + 0.8 * size["nose_length"]
    points[lips, 1] += 0.018 * identity.resting[0] * points[lips, 0] / 0.4

    nose = index("nose", "nose_side")
    along = np.clip((points[nose, 1] + 0.1) / 0.9, 0.0, 1.0)
    points[nose, 1] += size["nose_length"] * along
    points[nose, 0] *= np.exp(size["nose_width"])
    points[nose, 0] += 0.012 * identity.resting[3] * along

    for name in ("eye_upper", "eye_lower", "eye_skin", "iris"):
        eye = index(name)
        centre = EYE_X * side[eye, 0]
        offset = points[eye] - np.stack([centre, np.zeros(len(eye))], axis=1)
        opening = np.exp(size["eye_size"]) * (1.0 + 0.05 * identity.resting[2] * side[eye, 0])
        if name != "iris":
            offset[:, 0] *= np.exp(0.5 * size["eye_size"])
            offset[:, 1] = offset[:, 1] * opening - size["eye_slant"] * offset[:, 0] * side[eye, 0]
        points[eye] = offset + np.stack([centre * np.exp(2 * size["eye_spacing"]), np.zeros(len(eye))], axis=1)

    brow = index("brow_upper", "brow_lower", "forehead")
    arch = np.exp(-0.5 * ((np.abs(points[brow, 0]) - 0.62) / 0.2) ** 2)
    points[brow, 1] -= size["brow_height"] + size["brow_arch"] * arch + 0.012 * identity.resting[1] * side[brow, 0]
    points[brow, 0] *= np.exp(size["eye_spacing"])
    return points


def bump(x: float, y: float, sx: float, sy: float) -> np.ndarray:
    """(478,) Gaussian in the mean face's plane, mirrored when x is not 0."""
    plane = mean_plane()
    return np.exp(-0.5 * (((np.abs(plane[:, 0]) - x) / sx) ** 2 + ((plane[:, 1] - y) / sy) ** 2))


def _depth(shape: dict[str, float]) -> np.ndarray:
    plane = mean_plane()
    x, y = plane[:, 0], plane[:, 1] - 0.35
    size = {name: shape[name] * spread for name, spread in IDENTITY_SPREADS.items()}
    dome = np.sqrt(np.clip(1.0 - (x / 1.36) ** 2 - (y / 2.05) ** 2, 0.04, None))
    ridge = np.interp(plane[:, 1], (-0.25, -0.05, 0.3, 0.62, 0.72, 0.84, 0.95), (0.05, 0.08, 0.26, 0.46, 0.42, 0.13, 0.03))
    width = np.interp(plane[:, 1], (-0.2, 0.1, 0.45, 0.7), (0.13, 0.11, 0.14, 0.17))
    nose = ridge * np.exp(-0.5 * (x / width) ** 2) + 0.13 * bump(0.21, 0.68, 0.07, 0.09)
    sockets = 0.16 * bump(0.50, 0.0, 0.20, 0.13) - 0.09 * bump(0.50, 0.0, 0.13, 0.07)
    features = (
        0.07 * bump(0.48, -0.36, 0.30, 0.10)
        + 0.08 * bump(0.72, 0.42, 0.24, 0.20)
        + 0.10 * bump(0.0, 1.06, 0.26, 0.14)
        + 0.07 * bump(0.0, 1.24, 0.20, 0.06)
        - 0.05 * bump(0.0, 1.42, 0.22, 0.06)
        + 0.13 * bump(0.0, 1.66, 0.24, 0.15)
    )
    return -1.15 * np.exp(size["depth"]) * dome - nose * np.exp(size["nose_depth"]) + sockets - features + 0.9
