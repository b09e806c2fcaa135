"""A clip that begins later, ends earlier or runs faster, and whether everything said of it stays true.

Axes: T landmark frames.

Such a clip is the frames of an interval with other times: nothing is interpolated, so landmarks, colours, tracking flags and
RGB frames show the same moments, and `kinematics.measure` sees the speed that it has. What raters and reports say of the
clip is kept true by measuring it again: an interval or a speed of which the closed vocabulary says anything else is not used.
The rules and their numbers are ours.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from input_pipeline.errors import UserError
from input_pipeline.motion.facts import FACT_TABLE, Fact, measured_facts, without_values
from input_pipeline.motion.kinematics import Kinematics, measure
from input_pipeline.motion.parsing import parse
from input_pipeline.records import Clip

# An excursion may lose this share to the cut, and what cannot be told from noise (IOD) beside it: a cut that takes more has
# taken the apex.
_LOST_SHARE, _LOST_NOISE = 0.1, 0.015
_LEAST_FRAMES = 4


def with_other_times(clip: Clip, cut: tuple[float, float], speed: float) -> Clip:
    """The clip as if filmed from later on, to an earlier end, and of a person who moves `speed` times as fast.

    Args:
      clip: any clip.
      cut: shares of the clip's time that are left out at its start and at its end.
      speed: factor; times shrink by it.

    Returns:
      The frames of the interval, their times from 0 on. Of the stored RGB frames those of the interval, or where there are
      none the nearest, as the interval's first or last frame.
    """
    times = clip.times.astype(np.float64)
    duration = times[-1] - times[0]
    first = int(np.searchsorted(times, times[0] + cut[0] * duration))
    last = int(np.searchsorted(times, times[-1] - cut[1] * duration, side="right"))
    if last - first < min(_LEAST_FRAMES, len(times)):
        first, last = 0, len(times)
    kept = slice(first, last)
    stored = np.flatnonzero((clip.frame_index >= first) & (clip.frame_index < last))
    if len(clip.frames) and not len(stored):
        stored = [np.abs(clip.frame_index - (first + last - 1) / 2).argmin()]
    return dataclasses.replace(
        clip,
        landmarks=clip.landmarks[kept],
        colours=clip.colours[kept],
        times=((times[kept] - times[first]) / speed).astype(np.float32),
        tracked=clip.tracked[kept],
        blendshapes=None if clip.blendshapes is None else clip.blendshapes[kept],
        frames=tuple(clip.frames[i] for i in stored),
        frame_index=np.clip(clip.frame_index[stored] - first, 0, last - first - 1).astype(np.int32),
    )


def frame_rate(clip: Clip) -> float:
    """Frames per second, by the median gap; 0 for a single frame."""
    return float(1 / np.median(np.diff(clip.times.astype(np.float64)))) if len(clip.times) > 1 else 0.0


def measured(clip: Clip) -> Kinematics | None:
    """The clip's kinematics; None where too little is tracked to measure."""
    try:
        return measure(clip.landmarks, clip.layout, clip.times, clip.tracked)
    except UserError:
        return None


def stays_true(before: Kinematics, after: Kinematics, expression: str, report: str | None) -> bool:
    """Whether what was said of the clip `before` can be said of it `after` its times were changed.

    No excursion is lost; every fact that a report of this expression can state has the level that it had, so that neither
    words nor grade change (a grade rates speed as well); and of the report, where the example has one, every sentence is
    understood, is about such facts, and has the same numbers in it. Where that is not sure, it is not so.

    Args:
      before, after: measured kinematics; only their values are used.
      expression: one of `records.POSED`; one without facts has no report that is surely true.
      report: the text that the example teaches, or None.
    """
    if _lost(before.values, after.values):
        return False
    facts = [measured_facts(one, expression) if expression in FACT_TABLE else () for one in (before, after)]
    if without_values(facts[0]) != without_values(facts[1]):
        return False
    return report is None or all(_as_true(sentence.facts, *facts) for sentence in parse(report))


def _lost(before: dict[str, float], after: dict[str, float]) -> bool:
    """Whether an excursion is no longer in the clip."""
    extents = [key for key in before if key.startswith("amplitude/")]
    return any(after[key] < (1 - _LOST_SHARE) * before[key] - _LOST_NOISE for key in extents)


def _as_true(stated: Sequence[Fact], before: Sequence[Fact], after: Sequence[Fact]) -> bool:
    """Whether a sentence is known to be as true after as before; levels are the same by now."""
    return bool(stated) and all(_unchanged(fact, before, after) for fact in stated)


def _unchanged(stated: Fact, before: Sequence[Fact], after: Sequence[Fact]) -> bool:
    then, now = (
        [f for f in facts if (f.attribute, f.region) == (stated.attribute, stated.region)] for facts in (before, after)
    )
    return bool(then) and (stated.value is None or then == now)
