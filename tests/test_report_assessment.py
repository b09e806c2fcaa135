import json
import math

import numpy as np
import pytest
from face_factory import face, frame_times
from report_factory import as_clip, assess, smile_face

from input_pipeline.motion.facts import ATTRIBUTES, Fact, facts_of
from input_pipeline.motion.kinematics import Kinematics
from input_pipeline.records import EXPRESSIONS
from tramp_jax.report.assessment import curve_names, normal_range


def test_it_has_the_promised_keys_and_is_plain_json():
    assessment, _ = assess(as_clip(*smile_face()))
    promised = {"frames", "frames_tracked", "severity", "grade_distribution", "interval", "report", "findings", "warnings"}
    assert promised | {"model", "extractor"} <= set(assessment)
    assert json.loads(json.dumps(assessment, allow_nan=False)) == assessment
    assert assessment["severity"] == 1.25
    assert assessment["interval"] == [0.1, 2.6]


def test_a_clean_clip_of_a_known_model_has_no_warning():
    assessment, _ = assess(as_clip(*smile_face()))
    assert assessment["warnings"] == []


def test_poor_tracking_is_the_first_warning_and_counts_the_frames():
    times, tokens = smile_face(169 / 30)
    assessment, _ = assess(as_clip(times, tokens, lost=slice(73, 169)), trained_on="simulated")
    assert (assessment["frames"], assessment["frames_tracked"]) == (169, 73)
    assert assessment["flags"][:2] == ["poor_tracking", "simulated_model"]
    assert "73 of 169 frames" in assessment["warnings"][0]


def test_a_few_lost_frames_are_told_but_do_not_mark_the_clip():
    assessment, _ = assess(as_clip(*smile_face(), lost=slice(100, 105)))
    assert assessment["flags"] == ["gaps"]


def test_a_model_of_simulated_faces_says_so_of_real_and_of_simulated_ones():
    times, tokens = smile_face()
    flags = [assess(as_clip(times, tokens, dataset=name), trained_on="simulated")[0]["flags"] for name in ("own", "simulated")]
    assert flags == [["simulated_model"], ["simulated_face"]]


def test_short_and_slow_clips_and_what_the_video_file_said_are_told():
    times = frame_times(2.0, fps=10.0)
    clip = as_clip(times, face(times), source={"warnings": ["the video file asks to be shown mirrored"]})
    assessment, _ = assess(clip)
    assert assessment["flags"] == ["file", "short", "slow"]
    assert "mirrored" in assessment["warnings"][0]


def test_a_wrong_sentence_is_marked_and_the_finding_that_it_gets_wrong_too():
    clip = as_clip(*smile_face(left=0.05))
    text = "Movement of the left mouth corner is normal. The blink rate is markedly reduced."
    assessment, _ = assess(clip, report=text)
    assert [sentence["check"] for sentence in assessment["sentences"]] == ["disagrees", "agrees"]
    told = {(f["attribute"], f["side"]): f["in_text"] for f in assessment["findings"]}
    assert told["amplitude", "left"] == "differs"
    assert told["amplitude", "right"] == "no"
    assert told["rate", "both"] == "yes"


def test_sentences_lead_to_the_curves_of_their_side():
    assessment, kinematics = assess(as_clip(*smile_face(left=0.05)))
    by_text = {sentence["text"]: sentence["curves"] for sentence in assessment["sentences"]}
    left = next(curves for text, curves in by_text.items() if "left mouth corner" in text)
    assert left == ["mouth_corner/left"]
    assert all(set(curves) <= set(kinematics.curves) for curves in by_text.values())
    assert all(by_text.values())


@pytest.mark.parametrize(
    ("fact", "curves"),
    [
        (Fact("eye", "both", "rate", "normal"), ["eye/right", "eye/left"]),
        (Fact("brow", "left", "symmetry", "reduced"), ["brow/right", "brow/left"]),
        (Fact("lips", "both", "duty_cycle", "normal"), ["lips/both"]),
        (Fact("global", "none", "amplitude", "normal"), []),
    ],
)
def test_a_fact_rests_on_the_curves_of_its_region(fact, curves):
    _, kinematics = assess(as_clip(*smile_face()))
    assert curve_names(fact, kinematics.curves) == curves


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_findings_are_abnormal_exactly_outside_their_normal_range(expression):
    rng = np.random.default_rng(EXPRESSIONS.index(expression))
    _, kinematics = assess(as_clip(*smile_face()))
    checked = 0
    for _ in range(50):
        values = {key: float(rng.gamma(0.7, 0.2)) * (30 if key.startswith("rate/") else 1) for key in kinematics.values}
        drawn = Kinematics(**{**vars(kinematics), "values": values})
        for fact in facts_of(drawn, expression):
            low, high = normal_range(fact, expression)
            step = 10.0 ** -ATTRIBUTES[fact.attribute].decimals
            # A mean of two sides, and a rounded number, may lie across a bound from what decided the level.
            if any(end is not None and abs(fact.value - end) <= step for end in (low, high)) or fact.side == "both":
                continue
            inside = (low is None or fact.value >= low) and (high is None or fact.value < high)
            abnormal = fact.level != ATTRIBUTES[fact.attribute].normal
            assert abnormal == (not inside), fact
            checked += 1
    assert checked


def test_measurements_are_finite_numbers():
    assessment, kinematics = assess(as_clip(*smile_face()))
    assert set(assessment["measurements"]) == set(kinematics.values)
    assert all(math.isfinite(value) for value in assessment["measurements"].values())
