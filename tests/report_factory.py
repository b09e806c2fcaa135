"""Posed clips with a known motion and their assessments, for the tests of `tramp_jax.report`.

Axes: T frames, V = 63 landmark tokens.
"""

import dataclasses

import numpy as np
from clip_factory import make_jpeg
from face_factory import bell, face, frame_times

from input_pipeline.motion.facts import facts_of
from input_pipeline.motion.kinematics import Kinematics, measure
from input_pipeline.motion.layouts import LAYOUTS
from input_pipeline.motion.wording import write
from input_pipeline.records import Clip, Label
from tramp_jax.report.assessment import make_assessment

# Side of the crop in IOD, and where its middle is below the eyes.
CROP_SIDE, CROP_MIDDLE = 4.0, 0.5
SCORED = {
    "severity": np.float32(1.25),
    "raw": np.float32(1.2),
    "grade_distribution": np.array([0.2, 0.45, 0.25, 0.08, 0.02], np.float32),
    "interval": np.array([0.1, 2.6], np.float32),
}
MODEL = {"run": "demo", "step": 40, "sha256": "0123abcd"}


def smile_face(seconds: float = 5.0, left: float = 0.2, right: float = 0.2) -> tuple[np.ndarray, np.ndarray]:
    """(T,) times and (T, 63, 3) tokens in IOD of a smile that rises from 1 s to 2 s and is held."""
    times = frame_times(seconds)
    rise = bell(times, 1.0, 1.0)
    return times, face(times, smile_left=left * rise, smile_right=right * rise)


def as_clip(
    times: np.ndarray,
    tokens: np.ndarray,
    lost: slice | None = None,
    layout: str = "tokens63",
    stored: int = 0,
    **label,
) -> Clip:
    """Tokens in IOD as a clip in crop units, in any layout; the frames `lost` are untracked; `stored` JPEG frames."""
    crop = (tokens - np.array([0, CROP_MIDDLE, 0])) / CROP_SIDE
    landmarks = np.zeros((len(times), LAYOUTS[layout].size, 3), np.float16)
    landmarks[:, LAYOUTS[layout].tokens] = crop
    tracked = np.ones(len(times), bool)
    if lost is not None:
        tracked[lost] = False
        landmarks[lost] = landmarks[max(lost.start - 1, 0)]
    index = np.unique(np.linspace(0, len(times) - 1, stored).astype(np.int32)) if stored else np.zeros(0, np.int32)
    fields = {"clip_id": "clip", "subject": "someone", "expression": "smile", "dataset": "made"} | label
    return Clip(
        label=Label(**fields),
        landmarks=landmarks,
        layout=layout,
        colours=np.zeros(landmarks.shape, np.uint8),
        times=times.astype(np.float32),
        tracked=tracked,
        frames=tuple(make_jpeg(int(t) // 3) for t in index),
        frame_index=index,
    )


def measured(clip: Clip) -> Kinematics:
    """What `tramp_jax.assessor` measures of a clip."""
    return measure(clip.landmarks, clip.layout, clip.times, clip.tracked)


def assess(clip: Clip, report: str | None = None, trained_on: str = "made", **scored) -> tuple[dict, Kinematics]:
    """An assessment with made-up scores; the report defaults to what was measured, in words."""
    kinematics = measured(clip)
    text = write(facts_of(kinematics, clip.label.expression), clip.label.expression) if report is None else report
    return make_assessment(clip, kinematics, SCORED | scored, text, model=MODEL, trained_on=trained_on), kinematics


def renamed(clip: Clip, **fields) -> Clip:
    """The clip with other label fields."""
    return dataclasses.replace(clip, label=dataclasses.replace(clip.label, **fields))
