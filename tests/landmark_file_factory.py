"""Writes landmark files as the tools do, of a synthetic face that smiles on its left side.

Axes: T frames, L landmarks of a layout. Pixels of a picture of WIDTH x HEIGHT, x right, y down, z away from the camera.
"""

import csv
import json
import zipfile

import numpy as np
from face_factory import bell, face, frame_times

from input_pipeline.landmark_files import read_landmark_file
from input_pipeline.motion.layouts import LAYOUTS, TOKEN_MIRROR

WIDTH, HEIGHT, FPS, IOD = 640, 480, 30.0, 80.0
SMILE = 0.2  # IOD
TIMES = frame_times(3.0, FPS)
LABEL = {"expression": "smile", "subject": "s", "clip_id": "c", "dataset": "made"}


def face_pixels(layout, mirrored=False):
    """(T, L, 3) pixels of the face; points that are no token lie in its middle. `mirrored`: as a selfie camera shows it."""
    tokens = face(TIMES, smile_left=SMILE * bell(TIMES, 0.8, 0.5))
    if mirrored:
        tokens = tokens[:, TOKEN_MIRROR] * (-1, 1, 1)
    tokens = tokens * IOD + (WIDTH / 2, HEIGHT / 3, 0)
    spec = LAYOUTS[layout]
    points = np.repeat(tokens.mean(axis=1, keepdims=True), spec.size, axis=1)
    points[:, spec.tokens] = tokens
    return points


def read(path, **changes):
    return read_landmark_file(path, **(LABEL | changes))


def write_openface(path, points, three=True, faces=None, success=None, face_id=True, times=TIMES):
    """As RecorderCSV.cpp writes it: a space after each comma, 1 decimal for landmarks, 3 for times.

    Args:
      faces: face_id -> its frame numbers from 1; all of face 0 by default.
      success: (T,) 0 or 1.
    """
    mm = (points - (WIDTH / 2, HEIGHT / 2, 0)) * 0.8 + (0, 0, 600)
    names = ["frame", *(["face_id"] if face_id else []), "timestamp", "confidence", "success", "gaze_0_x", "eye_lmk_x_0"]
    names += ["pose_Tx"] + [f"{axis}_{i}" for axis in "xy" for i in range(points.shape[1])]
    names += [f"{axis}_{i}" for axis in "XYZ" for i in range(points.shape[1])] if three else []
    lines = [", ".join([*names, "p_scale", "AU01_r", "AU01_c"])]
    rows = [(k, one) for one, frames in (faces or {0: range(1, len(points) + 1)}).items() for k in frames]
    for k, one in sorted(rows):
        good = 1 if success is None else int(success[k - 1])
        head = [
            f"{k}",
            *([f"{one}"] if face_id else []),
            f"{times[k - 1]:.3f}",
            f"{0.98 * good:.2f}",
            f"{good}",
            "0.1",
            "3.0",
            "1.5",
        ]
        where = points[k - 1] + (100 * one, 0, 0)
        numbers = [*where[:, :2].T.flat, *(mm[k - 1].T.flat if three else ())]
        lines.append(", ".join([*head, *(f"{number:.1f}" for number in numbers), "1.0", "0.00", "0.0"]))
    path.write_text("\n".join(lines) + "\n")
    return path


def write_pyfeat(path, points, columns="x", frames=None, blendshapes=None, lost=(), others=(), approx_time=True):
    """As pandas writes a Fex: no spaces, an empty field for NaN.

    Args:
      columns: "x" for Detectorv1's 68, "xyz" for MPDetector's 478 with z beside x and y, "mesh" for Detectorv2.
      frames: (T,) frame numbers of the video.
      lost: frames without a face. others: frames with a second face, listed first.
    """
    count, number = points.shape[1], np.arange(len(points)) if frames is None else frames
    names, value = {
        "x": ([f"{axis}_{i}" for axis in "xy" for i in range(count)], lambda p: p[:, :2].T.ravel()),
        "xyz": ([f"{axis}_{i}" for i in range(count) for axis in "xyz"], lambda p: (p * (1, 1, 0.3)).ravel()),
        "mesh": (
            [f"{axis}_{i}" for axis in "xy" for i in range(68)] + [f"mesh_{axis}_{i}" for axis in "xyz" for i in range(count)],
            lambda p: np.concatenate([p[:68, :2].T.ravel(), (p * (1, 1, 0.01)).T.ravel()]),
        ),
    }[columns]
    sized = ["FrameHeight", "FrameWidth"] if columns == "mesh" else []
    shapes = [] if blendshapes is None else list(blendshapes)
    header = [
        "FaceRectX",
        "FaceRectY",
        "FaceRectWidth",
        "FaceRectHeight",
        "FaceScore",
        *names,
        "Pitch",
        "AU01",
        *shapes,
        *sized,
    ]
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*header, "input", "frame", *(["approx_time"] if approx_time else []), "Identity"])
        for k, one in enumerate(points):
            at = int(number[k] / FPS)
            tail = [*([HEIGHT, WIDTH] if sized else []), "clip.mp4", number[k]]
            tail += [*([f"{at // 60:02d}:{at % 60:02d}"] if approx_time else []), "Person_0"]
            extra = [""] * 2 + [0.25] * len(shapes)
            if k in others:
                writer.writerow([0, 0, 90, 90, 0.5, *value(one - (150, 20, 0)), *extra, *tail])
            if k in lost:
                writer.writerow([""] * 4 + [0.0] + [""] * (len(names) + 2 + len(shapes)) + tail)
            else:
                writer.writerow([200, 100, 180, 220, 0.99, *value(one), *extra, *tail])
    return path


def normalised(points):
    """(T, L, 3) as MediaPipe gives it: x and z in widths, y in heights of the picture."""
    return points / (WIDTH, HEIGHT, WIDTH)


def python_result(points):
    """One frame as `dataclasses.asdict` gives MediaPipe's FaceLandmarkerResult."""
    blank = {"visibility": 0.0, "presence": 0.0, "name": None}
    return {"face_landmarks": [[dict(zip("xyz", p, strict=True)) | blank for p in points.tolist()]], "face_blendshapes": []}


def web_result(points):
    """One frame as JSON.stringify gives the web task's FaceLandmarkerResult."""
    landmarks = [dict(zip("xyz", p, strict=True)) | {"visibility": 0} for p in points.tolist()]
    return {"faceLandmarks": [landmarks], "faceBlendshapes": [], "facialTransformationMatrixes": []}


def write_json(path, frames, **head):
    """The frames alone, or under "frames" beside what else is said."""
    path.write_text(json.dumps({**head, "frames": frames} if head else frames))
    return path


def write_npy(path, array, **options):
    np.save(path, array, **options)
    return path


def canonical_vertices(model):
    """(468, 3) of the canonical face in MediaPipe's bundle: a protobuf with x, y, z, u, v of each vertex."""
    with zipfile.ZipFile(model) as bundle:
        blob = bundle.read("geometry_pipeline_metadata_landmarks.binarypb")
    # Each float is a field of its own: one byte of tag (field 3, four bytes), then its value.
    tag = 3 << 3 | 5
    for start in range(len(blob) - 5 * 2340):
        raw = np.frombuffer(blob[start : start + 5 * 2340], np.uint8).reshape(-1, 5)
        if (raw[:, 0] == tag).all():
            return raw[:, 1:].copy().view("<f4").reshape(468, 5)[:, :3]
    raise AssertionError("no vertices in the bundle")
