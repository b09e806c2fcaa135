"""One clip's assessment: the model's score and words beside what was measured, as plain JSON-able data."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import numpy as np

import tramp_jax
from input_pipeline.motion.facts import ATTRIBUTES, FACT_TABLE, Fact, facts_of, is_abnormal, measured_facts
from input_pipeline.motion.kinematics import Kinematics
from input_pipeline.records import Clip
from tramp_jax.report.checks import Checked, check_report, in_text

SCHEMA = "tramp-jax/assessment/1"
RESEARCH_USE = (
    "Research use only. This page describes facial motion to assist a trained rater; "
    "it is no diagnosis and no measure of emotion."
)
# Beyond these the page is marked. Ours, not clinical limits.
MIN_TRACKED_SHARE = 0.9
MIN_SECONDS = 3.0
MIN_FPS = 15.0
MAX_HEAD_TURN = 30.0


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
      sentences (each with its `check`, see `checks.CHECKS`), findings (each with its normal range and whether the text says
      it), warnings (lines for a reader), flags (what they are about, same order), measurements (`kinematics.VALUES`),
      noise_floor, model, extractor, trained_on, research_use, schema.
    """
    expression = clip.label.expression
    sentences = check_report(report, measured_facts(kinematics, expression))
    stated = [fact for sentence in sentences for fact in sentence.facts]
    told = cautions(clip, kinematics, trained_on)
    return {
        "schema": SCHEMA,
        "research_use": RESEARCH_USE,
        "clip": clip.label.clip_id,
        "expression": expression,
        "data": clip.label.dataset,
        "trained_on": trained_on,
        "frames": len(clip.times),
        "frames_tracked": int(clip.tracked.sum()),
        "seconds": round(float(clip.times[-1] - clip.times[0]), 3),
        "fps": round(float(kinematics.fps), 3),
        "severity": round(float(scored["severity"]), 4),
        "grade_distribution": [round(float(p), 4) for p in scored["grade_distribution"]],
        "interval": [round(float(x), 3) for x in scored["interval"]],
        "report": report,
        "sentences": [_sentence(sentence, kinematics.curves) for sentence in sentences],
        "findings": [
            {**_finding(fact), "normal_range": normal_range(fact, expression), "in_text": in_text(fact, stated)}
            for fact in facts_of(kinematics, expression)
        ],
        "warnings": [line for _, line in told],
        "flags": [flag for flag, _ in told],
        "measurements": {key: round(value, 5) for key, value in kinematics.values.items() if math.isfinite(value)},
        "noise_floor": round(kinematics.noise_floor, 6),
        "model": {**model, "version": tramp_jax.__version__},
        "extractor": dict(clip.label.source),
    }


def cautions(clip: Clip, kinematics: Kinematics, trained_on: str) -> list[tuple[str, str]]:
    """(flag, line) for what a reader must know before believing the numbers, most important first."""
    found, total = int(clip.tracked.sum()), len(clip.tracked)
    seconds, fps = float(clip.times[-1] - clip.times[0]), kinematics.fps
    turn = kinematics.values.get("head_rotation/global/none", 0.0)
    told = []
    if found < MIN_TRACKED_SHARE * total:
        told.append(
            (
                "poor_tracking",
                f"Face found in {found} of {total} frames ({100 * found / total:.0f} %). Score, text and measurements rest on "
                "those frames alone: treat them as unreliable, and film again if you can.",
            )
        )
    if trained_on == "simulated":
        told.append(_simulated(clip.label.dataset))
    if 0 < total - found <= (1 - MIN_TRACKED_SHARE) * total:
        told.append(("gaps", f"Face found in {found} of {total} frames; the rest is left out of the measurements."))
    told += [("file", f"Video: {line}.") for line in clip.label.source.get("warnings", ())]
    if seconds < MIN_SECONDS:
        told.append(("short", f"The clip lasts {seconds:.1f} s; blink rate and hold need at least {MIN_SECONDS:.0f} s."))
    if fps < MIN_FPS:
        told.append(("slow", f"{fps:.1f} frames per second; blinks and peak speed need at least {MIN_FPS:.0f}."))
    if turn > MAX_HEAD_TURN:
        told.append(("head_turn", f"The head turns by up to {turn:.0f} degrees; the side that turns away is measured poorly."))
    return told


def _simulated(data: str) -> tuple[str, str]:
    if data == "simulated":
        line = "A simulated face, judged by a model trained on simulated faces: a demonstration, not a real person."
        return "simulated_face", line
    line = "The model was trained on simulated faces only. Its score and its text say nothing about a real person."
    return "simulated_model", line


def normal_range(fact: Fact, expression: str) -> list[float | None]:
    """[from, below] of the level that is no finding, in the fact's unit; None where that end is open, [] where unknown."""
    attribute = ATTRIBUTES[fact.attribute]
    rows = [row for row in FACT_TABLE[expression] if (row.attribute, row.region) == (fact.attribute, fact.region)]
    if not rows or attribute.normal not in rows[0].scale:
        return []
    scale = (None, *rows[0].scale, None)
    at = scale.index(attribute.normal)
    ends = (scale[at - 1], scale[at + 1])
    return [None if end is None else round(attribute.factor * float(end), attribute.decimals + 1) for end in ends]


def curve_names(fact: Fact, known: Collection[str]) -> list[str]:
    """The curves of `Kinematics.curves` that a fact rests on: its side's, or all of its region where it is about both."""
    one = fact.side in ("left", "right") and fact.attribute != "symmetry"
    sides = (fact.side,) if one else ("right", "left", "both")
    return [name for side in sides if (name := f"{fact.region}/{side}") in known]


def _sentence(sentence: Checked, curves: Collection[str]) -> dict[str, Any]:
    return {
        "text": sentence.text,
        "check": sentence.check,
        "facts": [_finding(fact) for fact in sentence.facts],
        "measured": [_finding(fact) for fact in sentence.measured],
        "curves": list(dict.fromkeys(name for fact in sentence.facts for name in curve_names(fact, curves))),
    }


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
