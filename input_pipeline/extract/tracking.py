"""The first pass over a clip: times, and the face of each frame.

Frames of short clips are held for the crops, whose box needs the landmarks of the whole clip; holding those of long ones would
cost gigabytes, so such a file is decoded twice.

Axes: T landmark frames, N tracked ones, L landmarks.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from input_pipeline.errors import ClipError, UserError
from input_pipeline.extract.excerpt import Excerpt, Still
from input_pipeline.extract.following import LOOK_EVERY, Company, Place, box_of, find_company, overlap
from input_pipeline.extract.landmarker import Face, Landmarker, Tracker
from input_pipeline.extract.pictures import Pictures
from input_pipeline.extract.video import Video

_HELD_BYTES = 384 * 2**20  # of decoded frames: 1,165 of 640 x 360 (ours)

Progress = Callable[[int, int], None]
Source = Video | Pictures | Excerpt | Still


@dataclasses.dataclass(frozen=True)
class Tracking:
    """What the first pass saw.

    Attributes:
      times: (T,) float32 seconds.
      tracked: (T,) bool.
      landmarks: (N, L, 3) float32 pixels.
      colours: (N, L, 3) uint8.
      blendshapes: (N, 52) float32.
      damaged: packets and frames that could not be decoded whole.
      held: the frames, None where they were too many.
      several: frames with more than one face.
      jumps: seconds at which the face is suddenly elsewhere, with nobody else in sight.
    """

    times: np.ndarray
    tracked: np.ndarray
    landmarks: np.ndarray
    colours: np.ndarray
    blendshapes: np.ndarray
    damaged: int
    held: list[Any] | None = None
    several: int = 0
    jumps: tuple[float, ...] = ()


def watch(video: Source, progress: Progress | None) -> Tracking:
    """The times alone; one frame without landmarks stands for all."""
    times = []
    for frame in video.frames():
        times.append(frame.time)
        if progress:
            progress(frame.index + 1, video.frames_expected)
    nothing = np.zeros((1, 0, 3))
    return Tracking(
        np.array(times, np.float32),
        np.zeros(len(times), bool),
        nothing.astype(np.float32),
        nothing.astype(np.uint8),
        np.zeros((1, 0), np.float32),
        video.damaged,
    )


def track(video: Source, landmarker: Landmarker, progress: Progress | None) -> Tracking:
    """One face through the whole clip; where there are several, the largest at the start (see `following`).

    Raises:
      ClipError: no face, or one frame of a video; or what reading the frames raises.
    """
    tracking = _follow(video, landmarker, None, progress)
    if tracking is not None:
        return tracking
    report = (lambda done: progress(done, video.frames_expected)) if progress else (lambda done: None)
    try:
        company = find_company(((frame.rgb(), frame.time) for frame in video.frames()), landmarker, report)
    except ClipError:
        raise
    except UserError as error:
        raise ClipError(video.path, "landmarker-fails", str(error)) from error
    return _follow(video, landmarker, company, progress)


def _follow(video: Source, landmarker: Landmarker, company: Company | None, progress: Progress | None) -> Tracking | None:
    """One face through the whole clip; None as soon as others are seen, unless their `company` is known."""
    times, tracked, landmarks, colours, blendshapes, jumps = [], [], [], [], [], []
    held, room = [], _HELD_BYTES
    last: Place | None = None
    with landmarker.track() as tracker:
        for frame in video.frames():
            rgb = frame.rgb()
            room -= sum(plane.buffer_size for plane in frame.picture.planes)
            if room > 0:
                held.append(frame)
            face = _detect(video, tracker, company.cover(frame.index, rgb) if company else rgb, frame.time)
            if company:
                face = face if face and company.is_followed(frame.index, face) else None
            else:
                jumped = face is not None and last is not None and not overlap(box_of(face), last)
                due = frame.index % LOOK_EVERY == 0 and video.frames_expected != 1
                if (jumped or due) and landmarker.count(rgb) > 1:
                    return None
                jumps += [frame.time] if jumped else []
                last = box_of(face) if face else last
            times.append(frame.time)
            tracked.append(face is not None)
            if face is not None:
                landmarks.append(face.landmarks)
                colours.append(_colours(rgb, face.landmarks))
                blendshapes.append(face.blendshapes)
            if progress:
                progress(frame.index + 1, video.frames_expected)
    if len(times) < 2 and isinstance(video, Video):
        reason = f"has {len(times)} frame: a clip of motion needs at least 2; give a video"
        raise ClipError(video.path, "one-picture", reason)
    if not landmarks:
        raise ClipError(
            video.path,
            "no-face",
            f"no face found in {len(times)} frames: expected one upright, well lit face, seen from the front and not too "
            "small; crop or turn the video, or film it again",
        )
    return Tracking(
        np.array(times, np.float32),
        np.array(tracked),
        np.stack(landmarks),
        np.stack(colours),
        np.stack(blendshapes),
        video.damaged,
        held if len(held) == len(times) else None,
        company.several if company else 0,
        tuple(jumps),
    )


def _detect(video: Source, tracker: Tracker, rgb: np.ndarray, seconds: float) -> Face | None:
    try:
        return tracker.detect(rgb, seconds)
    except UserError as error:
        raise ClipError(video.path, "landmarker-fails", str(error)) from error


def _colours(rgb: np.ndarray, landmarks: np.ndarray) -> np.ndarray:
    """RGB of the one pixel under each landmark (L, 3), the reference's "RGB 1x1"; the border's beyond the border."""
    columns = np.clip(landmarks[:, 0].astype(int), 0, rgb.shape[1] - 1)
    rows = np.clip(landmarks[:, 1].astype(int), 0, rgb.shape[0] - 1)
    return rgb[rows, columns]
