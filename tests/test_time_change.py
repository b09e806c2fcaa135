"""A clip with other times is one that could have been filmed, and it is used only where words and grade stay true of it."""

import dataclasses

import numpy as np
import pytest
from face_factory import bell, face
from motion_clip_factory import CROP, smiling

from input_pipeline.motion import layouts
from input_pipeline.motion.facts import FACT_TABLE, facts_of, without_values
from input_pipeline.motion.parsing import parse_facts
from input_pipeline.motion.wording import write
from input_pipeline.simulate.clips import make_clip
from input_pipeline.time_change import frame_rate, measured, stays_true, with_other_times

CORNERS = [layouts.MOUTH_CORNER[side][0] for side in ("left", "right")]


def widening_speed(clip):
    """Fastest widening of the mouth in IOD/s, by numpy alone."""
    left, right = (np.asarray(clip.landmarks, np.float64)[:, corner, :2] for corner in CORNERS)
    width = np.linalg.norm(left - right, axis=-1) / CROP
    return np.gradient(width, clip.times.astype(np.float64)).max()


@pytest.mark.parametrize("speed", [0.8, 1.0, 1.25])
@pytest.mark.parametrize("cut", [(0.0, 0.0), (0.1, 0.05)])
def test_a_faster_clip_moves_as_far_and_as_much_faster(cut, speed):
    clip = smiling()
    moved = with_other_times(clip, cut, speed)
    before, after = measured(clip).values, measured(moved).values
    assert widening_speed(moved) / widening_speed(clip) == pytest.approx(speed, rel=0.01)
    for name, factor, tolerance in (
        ("amplitude/mouth_corner/left", 1, 0.02),
        ("peak_speed/mouth_corner/both", speed, 0.04),
        ("onset/mouth_corner/both", 1 / speed, 0.05),
    ):
        assert after[name] == pytest.approx(factor * before[name], rel=tolerance), name
    seconds = clip.times[-1] * (1 - sum(cut)) / speed
    assert moved.times[-1] - moved.times[0] == pytest.approx(seconds, abs=2 / 30)
    assert after["rate/eye/both"] == pytest.approx(60 / seconds, rel=0.05)
    assert frame_rate(moved) == pytest.approx(30 * speed, rel=0.001)


def test_all_arrays_show_the_same_frames():
    clip = smiling(stored=3)
    moved = with_other_times(clip, (0.2, 0.25), 1.2)
    number = moved.colours[:, 0, 0] // 2
    np.testing.assert_array_equal(number, np.arange(24, 90))
    np.testing.assert_array_equal(moved.landmarks, clip.landmarks[number])
    np.testing.assert_allclose(moved.times, (clip.times[number] - clip.times[24]) / 1.2, atol=1e-6)
    assert number[moved.frame_index].tolist() == list(range(24, 90, 3))
    assert [3 * clip.frames.index(jpeg) for jpeg in moved.frames] == list(range(24, 90, 3))


@pytest.mark.parametrize(("kept", "place"), [(0, 0), (119, -1)])
def test_where_no_frame_was_stored_the_nearest_stands_for_the_interval(kept, place):
    clip = smiling()
    clip = dataclasses.replace(clip, frames=clip.frames[:1], frame_index=np.array([kept], np.int32))
    moved = with_other_times(clip, (0.2, 0.2), 1.0)
    assert moved.frames == clip.frames
    assert moved.frame_index.tolist() == [range(len(moved.times))[place]]


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_a_clip_of_few_frames_keeps_them(frames):
    clip = dataclasses.replace(smiling(), frames=(), frame_index=np.zeros(0, np.int32))
    short = {name: getattr(clip, name)[:frames] for name in ("landmarks", "colours", "times", "tracked")}
    moved = with_other_times(dataclasses.replace(clip, **short), (0.3, 0.2), 1.0)
    assert len(moved.times) == frames
    assert len(moved.landmarks) == frames


def test_a_cut_that_takes_the_movement_is_seen_and_one_beside_it_is_not():
    clip = smiling(start=2.4)
    for cut, true in (((0.15, 0.05), True), ((0.0, 0.4), False)):
        after = measured(with_other_times(clip, cut, 1.0))
        assert stays_true(measured(clip), after, "smile", None) is true
        assert stays_true(measured(clip), after, "kiss", None) is true  # no facts of it, but excursions


def test_a_speed_that_a_report_would_name_otherwise_is_not_used():
    clip = smiling(size=0.2)
    before = measured(clip)
    bound = FACT_TABLE["smile"][1].scale[3] / before.values["peak_speed/mouth_corner/both"]  # from reduced to normal
    assert 0.4 < bound < 1
    for speed, true in ((bound * 1.05, True), (bound * 0.95, False)):
        assert stays_true(before, measured(with_other_times(clip, (0, 0), speed)), "smile", None) is true


@pytest.mark.parametrize(
    ("report", "faster", "shorter"),
    [
        (None, True, True),
        ("Movement of both mouth corners is normal. Movement speed of both mouth corners is normal.", True, True),
        ("Movement speed of both mouth corners is normal ({speed:.2f} IOD/s).", False, True),
        ("Movement of both mouth corners is normal (0.20 IOD).", True, True),
        ("The blink rate is normal ({rate:.0f} per minute).", False, False),
        ("Onset of movement of both mouth corners is prompt.", False, False),  # no row of the smile's table: not compared
        ("Both mouth corners move fully. The smile takes two seconds.", False, False),  # not understood
    ],
)
def test_reports_with_times_in_them_keep_their_clips_as_filmed(report, faster, shorter):
    clip = smiling()
    before = measured(clip)
    values = {"speed": before.values["peak_speed/mouth_corner/both"], "rate": before.values["rate/eye/both"]}
    report = report and report.format(**values)
    for cut, speed, expected in (((0.0, 0.0), 1.1, faster), ((0.1, 0.0), 1.0, shorter)):
        assert stays_true(before, measured(with_other_times(clip, cut, speed)), "smile", report) is expected


def test_what_is_used_of_simulated_clips_is_what_their_reports_say_of_it():
    """Measured and put in words anew, an accepted clip gives the facts of its report, where the clip as filmed does."""

    def in_words(kinematics, expression):
        return set(without_values(parse_facts(write(facts_of(kinematics, expression), expression))))

    rng, agreed, otherwise = np.random.default_rng(0), 0, 0
    for subject in range(4):
        for expression in FACT_TABLE:
            clip = make_clip(0, subject, expression, 0, 0, 32)
            before, report = measured(clip), set(parse_facts(clip.label.report))
            if in_words(before, expression) != report:  # reports of the simulator are of the motion without a tracker
                continue
            for _ in range(4):
                after = measured(with_other_times(clip, tuple(rng.uniform(0, 0.15, 2)), rng.uniform(0.8, 1.25)))
                same = in_words(after, expression) == report
                assert same or not stays_true(before, after, expression, clip.label.report)
                agreed += same and stays_true(before, after, expression, clip.label.report)
                otherwise += not same
    assert agreed > 15
    assert otherwise > 3


def test_an_untracked_interval_cannot_be_measured():
    clip = smiling()
    clip = dataclasses.replace(clip, tracked=np.arange(120) >= 90)
    assert measured(clip) is not None
    assert measured(with_other_times(clip, (0.0, 0.5), 1.0)) is None


def test_a_movement_that_only_noise_makes_does_not_forbid_a_cut():
    """Excursions of a tenth of a millimetre come and go with the interval."""
    clip = smiling(size=0.0)
    times = clip.times.astype(np.float64)
    twitch = 0.01 * (bell(times, 3.0, 0.2) - bell(times, 3.4, 0.2))
    clip = dataclasses.replace(clip, landmarks=CROP * face(times, brow_left=twitch, brow_right=twitch))
    assert stays_true(measured(clip), measured(with_other_times(clip, (0.0, 0.3), 1.0)), "kiss", None)
