"""One video to one clip: landmarks, colours, tracking flags, blendshapes, face crops.

The crop's box needs the landmarks of the whole clip. Frames of short clips are held until it is known; holding those of long
ones would cost gigabytes, so such a file is decoded twice. RGB is made for the landmarker alone.

Axes: T landmark frames, N tracked ones, L landmarks, F stored RGB frames.
"""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

import numpy as np

from input_pipeline.errors import UserError
from input_pipeline.extract.crop import MARGIN, Box, Cropper, face_box, whole_box
from input_pipeline.extract.excerpt import Excerpt, Still
from input_pipeline.extract.landmarker import Landmarker
from input_pipeline.extract.pictures import Pictures
from input_pipeline.extract.tracking import Progress, Source, Tracking, track, watch
from input_pipeline.extract.video import Limits, Video
from input_pipeline.motion.layouts import NO_LANDMARKS
from input_pipeline.records import POSED, Clip, Label

# Goes into every record; to be raised whenever the same video would give another clip.
EXTRACTOR = "input_pipeline.extract/3"
LAYOUT = "mediapipe478"


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
      `landmarker_sha256` (or `landmarks`: "none"), `frames`, `frames_tracked`, `frames_several_faces`, `fps` (measured from the
      timestamps), `width`, `height` (upright), `rotation` (degrees counterclockwise), `mirrored`, `crop` ([x, y, side] in
      upright pixels), `frame_size`, `warnings` (lines about the file).

    Raises:
      UserError: the file is not a readable video, is over the limits, shows no face, or an argument is wrong.
    """
    _check_arguments(expression, subject, frame_size, max_frames_stored)
    source = Video(video, limits) if isinstance(video, str | Path) else video
    if landmarker is None:
        tracking, box = watch(source, progress), whole_box(source.width, source.height)
        made = {"landmarks": "none"}
    else:
        tracking = track(source, landmarker, progress)
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


def _describe(video: Source, tracking: Tracking) -> dict[str, Any]:
    seconds = float(tracking.times[-1])
    warnings = []
    if tracking.damaged:
        warnings.append(f"{tracking.damaged} damaged places in the video file")
    if seconds < 0.8 * video.seconds_expected - 1:
        warnings.append(f"only {seconds:.1f} s of {video.seconds_expected:.1f} s of the video file could be read")
    if tracking.several:
        warnings.append(
            f"more than one face in {tracking.several} of {len(tracking.times)} frames: the largest at the start is followed"
        )
    if tracking.jumps:
        warnings.append(f"the face is suddenly elsewhere at {tracking.jumps[0]:.1f} s: is it one person's?")
    if video.interlaced:
        warnings.append(
            "interlaced: each picture shows two moments in every other line; best convert it with `ffmpeg -vf bwdif`"
        )
    if video.mirrored:
        warnings.append("the video file asks to be shown mirrored: left and right are as it is shown")
    return {
        "frames": len(tracking.times),
        "frames_tracked": int(tracking.tracked.sum()),
        "frames_several_faces": tracking.several,
        "fps": round((len(tracking.times) - 1) / seconds, 3) if seconds else 0.0,
        "width": video.width,
        "height": video.height,
        "rotation": video.rotation,
        "mirrored": video.mirrored,
        "warnings": warnings,
    }
