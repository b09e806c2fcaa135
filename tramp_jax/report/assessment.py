"""One clip's assessment: the model's score and words beside what was measured, as plain JSON-able data."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import tramp_jax
from input_pipeline.motion.facts import Fact, facts_of, is_abnormal
from input_pipeline.motion.kinematics import Kinematics
from input_pipeline.motion.parsing import parse
from input_pipeline.records import Clip

SCHEMA = "tramp-jax/assessment/1"
RESEARCH_USE = "Research use only. This page describes facial motion to assist a trained rater; it is no diagnosis and no measure of emotion."
# Below these the page is marked. Ours, not clinical limits.
MIN_TRACKED_SHARE = 0.9
MIN_SECONDS = 3.0
MIN_FPS = 15.0


def make_assessment(
    clip: Clip,
    kinematics: Kinematics,
    scored: dict[str, np.ndarray],
    report: str,
    *,
    model: dict[str, Any],
    trained_on: str,
) -> dict[str, Any]:
    """Puts everything that the page and the JSON say into one dict.

    Args:
      clip: the landmarks and frames that were assessed.
      kinematics: measured on the same landmarks.
      scored: one row of `Predictor.score_batch`: severity (), raw (), grade_distribution (5,), interval (2,).
      report: the generated text.
      model: run, step, sha256 and version of the model.
      trained_on: name of the data set that the model was trained on.

    Returns:
      Keys clip, expression, data, frames, frames_tracked, seconds, fps, severity, grade_distribution, interval, report,
      sentences, findings, warnings, model, extractor, trained_on, research_use.
    """
    measured = facts_of(kinematics, clip.label.expression)
    seconds = float(clip.times[-1] - clip.times[0])
    return {
        "schema": SCHEMA,
        "research_use": RESEARCH_USE,
        "clip": clip.label.clip_id,
        "expression": clip.label.expression,
        "data": clip.label.dataset,
        "trained_on": trained_on,
        "frames": len(clip.times),
        "frames_tracked": int(clip.tracked.sum()),
        "seconds": round(seconds, 3),
        "fps": round(float(kinematics.fps), 3),
        "severity": round(float(scored["severity"]), 4),
        "grade_distribution": [round(float(p), 4) for p in scored["grade_distribution"]],
        "interval": [round(float(x), 3) for x in scored["interval"]],
        "report": report,
        "sentences": _sentences(report, measured),
        "findings": [_finding(fact) for fact in measured],
        "warnings": warnings(clip, kinematics.fps, trained_on),
        "model": {**model, "version": tramp_jax.__version__},
        "extractor": dict(clip.label.source),
    }


def warnings(clip: Clip, fps: float, trained_on: str) -> list[str]:
    """What a reader must know before believing the numbers, most important first."""
    found, total = int(clip.tracked.sum()), len(clip.tracked)
    seconds = float(clip.times[-1] - clip.times[0])
    told = []
    if found < MIN_TRACKED_SHARE * total:
        told.append(
            f"Face found in {found} of {total} frames. Score, report and curves rest on those frames alone; "
            "treat them as unreliable and record the clip again if you can."
        )
    elif found < total:
        told.append(f"Face found in {found} of {total} frames; the gaps are interpolated in the curves.")
    if trained_on == "simulated" and clip.label.dataset != "simulated":
        told.append("The model was trained on simulated faces only; its score and words say nothing about a real person.")
    if seconds < MIN_SECONDS:
        told.append(f"The clip lasts {seconds:.1f} s; blink rate and hold need at least {MIN_SECONDS:.0f} s.")
    if fps < MIN_FPS:
        told.append(f"{fps:.1f} frames per second; blinks and peak speed need at least {MIN_FPS:.0f}.")
    return told


def curve_names(fact: Fact, known: Sequence[str]) -> list[str]:
    """The curves of `Kinematics.curves` that a fact rests on: those of its region, both sides where it names both."""
    wanted = [fact.side] if fact.side in ("left", "right") and fact.attribute != "symmetry" else ["left", "right", "both"]
    return [name for side in wanted if (name := f"{fact.region}/{side}") in known]


def _finding(fact: Fact) -> dict[str, Any]:
    return {
        "region": fact.region,
        "side": fact.side,
        "attribute": fact.attribute,
        "level": fact.level,
        "value": fact.value,
        "unit": fact.unit,
        "abnormal": is_abnormal(fact),
    }


def _sentences(report: str, measured: Sequence[Fact]) -> list[dict[str, Any]]:
    """Each sentence with what it states and whether the measured motion agrees (None where it states nothing known)."""
    return [
        {
            "text": sentence.text,
            "facts": [_finding(fact) for fact in sentence.facts],
            "agrees": all(agrees(fact, measured) for fact in sentence.facts) if sentence.facts else None,
        }
        for sentence in parse(report)
    ]


def agrees(stated: Fact, measured: Sequence[Fact]) -> bool:
    """Whether a stated fact is among the measured ones: same region, attribute and level, on a side that it covers.

    A normal level agrees as well where nothing was measured to be wrong (such facts are measured but not always stated).
    """
    same = [fact for fact in measured if (fact.region, fact.attribute) == (stated.region, stated.attribute)]
    if not same:
        return not is_abnormal(stated)
    return all(fact.level == stated.level for fact in same if _covers(stated.side, fact.side)) and any(
        _covers(stated.side, fact.side) for fact in same
    )


def _covers(stated: str, measured: str) -> bool:
    return stated == measured or "both" in (stated, measured)
