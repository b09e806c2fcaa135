"""One video to one clip: landmarks, colours, tracking flags, blendshapes, face crops.

The crop's box needs the landmarks of the whole clip. Frames of short clips are held until it is known; holding those of long
ones would cost gigabytes, so such a file is decoded twice. RGB is made for the landmarker alone.

Axes: T landmark frames, N tracked ones, L landmarks, F stored RGB frames.
"""

from __future__ import annotations

import dataclasses
import difflib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from input_pipeline.errors import ClipError, UserError
from input_pipeline.extract.crop import MARGIN, Box, Cropper, face_box, whole_box
from input_pipeline.extract.excerpt import Excerpt, Still
from input_pipeline.extract.landmarker import Face, Landmarker, Tracker
from input_pipeline.extract.pictures import Pictures
from input_pipeline.extract.video import Limits, Video
from input_pipeline.motion.layouts import NO_LANDMARKS
from input_pipeline.records import POSED, Clip, Label

# Goes into every record; to be raised whenever the same video would give another clip.
EXTRACTOR = "input_pipeline.extract/3"
LAYOUT = "mediapipe478"
_HELD_BYTES = 384 * 2**20  # of decoded frames: 1,165 of 640 x 360 (ours)

Progress = Callable[[int, int], None]
Source = Video | Pictures | Excerpt | Still


@dataclasses.dataclass(frozen=True)
class _Tracking:
    """What the first pass saw.

    Attributes:
      times: (T,) float32 seconds.
      tracked: (T,) bool.
      landmarks: (N, L, 3) float32 pixels.
      colours: (N, L, 3) uint8.
      blendshapes: (N, 52) float32.
      damaged: packets and frames that could not be decoded whole.
      held: the frames, None where they were too many.
    """

    times: np.ndarray
    tracked: np.ndarray
    landmarks: np.ndarray
    colours: np.ndarray
    blendshapes: np.ndarray
    damaged: int
    held: list[Any] | None = None


def extract_clip(
    video: str | Path | Pictures | Excerpt | Still,
    landmarker: Landmarker | None,
    *,
    expression: str,
    subject: str,
    dataset: str = "own",
    clip_id: str = "",
    score: float | None = None,
    scale_id: str = "",
    report: str | None = None,
    frame_size: int = 256,
    max_frames_stored: int = 512,
    keep_frame: int | None = None,
    margin: float = MARGIN,
    limits: Limits | None = None,
    progress: Progress | None = None,
) -> Clip:
    """Reads one video of one face.

    Args:
      video: a local video file, pictures, or a part of a video.
      landmarker: the model, opened once for any number of videos; None for a clip of whole pictures without landmarks.
      expression: one of `records.POSED`.
      subject: key of the person; goes into the label as it is, so no name (see `input_pipeline.pseudonyms`).
      clip_id: likewise; empty for one that is not stored.
      frame_size: side of the stored face crops in pixels.
      max_frames_stored, keep_frame: see `frames_to_store`.
      margin: side of the crop over the extent of the face (see `crop.face_box`).
      limits: the largest video that is read.
      progress: called after each frame with (frames done, frames expected; 0 if the file does not say).

    Returns:
      A clip in layout "mediapipe478", or "none" without a landmarker. `label.source` holds: `extractor`, `mediapipe`,
      `landmarker_sha256` (or `landmarks`: "none"), `frames`, `frames_tracked`, `fps` (measured from the timestamps), `width`,
      `height` (upright), `rotation` (degrees counterclockwise), `mirrored`, `crop` ([x, y, side] in upright pixels),
      `frame_size`, `warnings` (lines about the file).

    Raises:
      UserError: the file is not a readable video, is over the limits, shows no face, or an argument is wrong.
    """
    _check_arguments(expression, subject, frame_size, max_frames_stored)
    source = Video(video, limits) if isinstance(video, str | Path) else video
    if landmarker is None:
        tracking, box = _watch(source, progress), whole_box(source.width, source.height)
        made = {"landmarks": "none"}
    else:
        tracking = _track(source, landmarker, progress)
        box = face_box(tracking.landmarks, margin)
        made = {"mediapipe": landmarker.version, "landmarker_sha256": landmarker.sha256}
    frame_index = frames_to_store(len(tracking.times), max_frames_stored, keep_frame)
    # Untracked frames hold the last tracked one; those before any face, the first.
    held = np.maximum(np.cumsum(tracking.tracked) - 1, 0)
    label = Label(
        clip_id=clip_id or f"{subject}-{expression}",
        subject=subject,
        expression=expression,
        dataset=dataset,
        score=score,
        scale_id=scale_id,
        report=report,
        source={
            "extractor": EXTRACTOR,
            **made,
            "crop": [box.x, box.y, box.side],
            "frame_size": frame_size,
            **_describe(source, tracking),
        },
    )
    return Clip(
        label=label,
        landmarks=box.to_crop_units(tracking.landmarks).astype(np.float16)[held],
        layout=LAYOUT if landmarker else NO_LANDMARKS,
        colours=tracking.colours[held],
        times=tracking.times,
        tracked=tracking.tracked,
        blendshapes=tracking.blendshapes.astype(np.float16)[held] if landmarker else None,
        frames=_crop_frames(source, tracking.held, box, frame_index, frame_size, progress),
        frame_index=frame_index,
    )


def frames_to_store(num_frames: int, most: int, keep: int | None = None) -> np.ndarray:
    """Which frames keep their picture, (F,) int32, increasing, F <= most.

    All of them where they fit. Otherwise half of the pictures spread evenly over the clip, for the reader of a report, and
    half are its last frames, where the window of the model lies (reference 2.2: the last frames); the split is ours.

    Args:
      num_frames: of the clip.
      most: pictures, at least 2.
      keep: a frame that is to be among them, in place of the nearest; one that the clip does not have changes nothing.
    """
    if num_frames <= most:
        return np.arange(num_frames, dtype=np.int32)
    tail = num_frames - most // 2
    spread = np.linspace(0, tail - 1, most - most // 2).round().astype(np.int32)
    if keep is not None and 0 <= keep < tail:
        spread[np.abs(spread - keep).argmin()] = keep
    return np.concatenate([spread, np.arange(tail, num_frames, dtype=np.int32)])


def _check_arguments(expression: str, subject: str, frame_size: int, max_frames_stored: int) -> None:
    check_expression(expression)
    if not subject:
        raise UserError("subject is empty: expected a key of the person, so that splits can keep people apart")
    if not 16 <= frame_size <= 2048:
        raise UserError(f"frame_size is {frame_size}: expected 16 to 2048 pixels")
    if max_frames_stored < 2:
        raise UserError(f"max_frames_stored is {max_frames_stored}: expected 2 or more")


def check_expression(expression: str) -> None:
    """Raises UserError, with the nearest name, unless it is one of `records.POSED`."""
    if expression not in POSED:
        near = difflib.get_close_matches(str(expression).lower(), POSED, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise UserError(f"unknown expression '{expression}': expected one of {', '.join(POSED)}{hint}")


def _watch(video: Source, progress: Progress | None) -> _Tracking:
    """The times alone; one frame without landmarks stands for all."""
    times = []
    for frame in video.frames():
        times.append(frame.time)
        if progress:
            progress(frame.index + 1, video.frames_expected)
    nothing = np.zeros((1, 0, 3))
    return _Tracking(
        np.array(times, np.float32),
        np.zeros(len(times), bool),
        nothing.astype(np.float32),
        nothing.astype(np.uint8),
        np.zeros((1, 0), np.float32),
        video.damaged,
    )


def _track(video: Source, landmarker: Landmarker, progress: Progress | None) -> _Tracking:
    times, tracked, landmarks, colours, blendshapes = [], [], [], [], []
    held, room = [], _HELD_BYTES
    with landmarker.track() as tracker:
        for frame in video.frames():
            rgb = frame.rgb()
            room -= sum(plane.buffer_size for plane in frame.picture.planes)
            if room > 0:
                held.append(frame)
            face = _detect(video, tracker, rgb, frame.time)
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
    return _Tracking(
        np.array(times, np.float32),
        np.array(tracked),
        np.stack(landmarks),
        np.stack(colours),
        np.stack(blendshapes),
        video.damaged,
        held if len(held) == len(times) else None,
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


def _crop_frames(
    video: Source, held: list[Any] | None, box: Box, frame_index: np.ndarray, size: int, progress: Progress | None
) -> tuple[bytes, ...]:
    cropper = Cropper(box, size, video.coded_size, video.orientation)
    wanted, crops = set(frame_index.tolist()), []
    for frame in video.frames() if held is None else held:
        if frame.index in wanted:
            crops.append(cropper(frame.picture))
        if progress:  # the display stands still, but whoever watches sees that we live
            progress(frame_index[-1].item() + 1, video.frames_expected)
    return tuple(crops)


def _describe(video: Source, tracking: _Tracking) -> dict[str, Any]:
    seconds = float(tracking.times[-1])
    warnings = []
    if tracking.damaged:
        warnings.append(f"{tracking.damaged} damaged places in the video file")
    if seconds < 0.8 * video.seconds_expected - 1:
        warnings.append(f"only {seconds:.1f} s of {video.seconds_expected:.1f} s of the video file could be read")
    if video.mirrored:
        warnings.append("the video file asks to be shown mirrored: left and right are as it is shown")
    return {
        "frames": len(tracking.times),
        "frames_tracked": int(tracking.tracked.sum()),
        "fps": round((len(tracking.times) - 1) / seconds, 3) if seconds else 0.0,
        "width": video.width,
        "height": video.height,
        "rotation": video.rotation,
        "mirrored": video.mirrored,
        "warnings": warnings,
    }
