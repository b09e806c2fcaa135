"""A clip is a pure function of its key, passes the writer's checks, and tells the truth about itself."""

import numpy as np
import pytest
import simplejpeg

from input_pipeline.motion.facts import facts_of
from input_pipeline.motion.kinematics import measure
from input_pipeline.motion.parsing import parse_facts
from input_pipeline.records import EXPRESSIONS
from input_pipeline.shards import find_fault
from input_pipeline.simulate import clips, make_clip, signs


def content(clip):
    arrays = (clip.landmarks, clip.colours, clip.times, clip.tracked, clip.frame_index)
    return (clip.label, clip.layout, clip.frames, *(array.tobytes() for array in arrays))


def test_the_same_key_gives_the_same_clip_whatever_was_made_before():
    first = content(make_clip(0, 3, "smile", frames=2))
    clips.make_person.cache_clear()
    make_clip(0, 4, "rest")
    assert content(make_clip(0, 3, "smile", frames=2)) == first


@pytest.mark.parametrize("key", [(1, 3, "smile", 0), (0, 4, "smile", 0), (0, 3, "frown", 0), (0, 3, "smile", 1)])
def test_every_part_of_the_key_matters(key):
    assert content(make_clip(*key)) != content(make_clip(0, 3, "smile", 0))


def test_the_number_of_frames_does_not_change_the_landmarks():
    with_frames, without = make_clip(0, 5, "clench", frames=3, frame_size=64), make_clip(0, 5, "clench")
    np.testing.assert_array_equal(with_frames.landmarks, without.landmarks)
    np.testing.assert_array_equal(with_frames.colours, without.colours)
    assert with_frames.label == without.label


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_clips_pass_the_checks_of_the_shard_writer(expression):
    clip = make_clip(7, 1, expression, frames=4, frame_size=48)
    assert find_fault(clip) is None
    assert clip.landmarks.shape[1:] == (478, 3)
    assert clip.landmarks.dtype == np.float16
    assert clip.colours.dtype == np.uint8
    assert np.abs(clip.landmarks[..., :2]).max() < 0.6
    assert all(simplejpeg.decode_jpeg(jpeg).shape == (48, 48, 3) for jpeg in clip.frames)
    assert clip.frame_index[0] >= len(clip.times) - 128
    assert clip.frame_index[-1] == len(clip.times) - 1


def test_the_label_records_severity_signs_and_grade():
    for subject in range(6):
        label = make_clip(0, subject, "frown").label
        assert set(label.truth) == {"severity", "worse_side", *signs.SIGNS}
        assert label.score in range(5)
        assert abs(label.score - label.truth["severity"]) < 0.5 + 4 * signs.RATER_SPREAD
        assert label.dataset == "simulated"


def test_a_subject_is_one_person_in_all_clips():
    assert make_clip(0, 3, "smile").label.subject == make_clip(0, 3, "rest", take=2).label.subject
    assert make_clip(0, 3, "smile").label.truth["worse_side"] == make_clip(0, 3, "rest").label.truth["worse_side"]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_the_report_states_the_facts_of_the_noise_free_motion(expression):
    label = make_clip(0, 11, expression).label
    rng = np.random.default_rng([clips._CLIP, 0, 11, EXPRESSIONS.index(expression), 0])
    scene = clips.make_scene(0, 11, expression, rng)
    facts = facts_of(measure(scene.head, clips.LAYOUT, scene.times), expression)
    stated = {(f.region, f.side, f.attribute, f.level) for f in parse_facts(label.report)}
    assert stated == {(f.region, f.side, f.attribute, f.level) for f in facts}


def test_untracked_frames_repeat_what_was_seen_last():
    clip = next(c for c in (make_clip(0, subject, "smile") for subject in range(30)) if not c.tracked.all())
    lost = np.flatnonzero(~clip.tracked)
    for frame in lost:
        np.testing.assert_array_equal(clip.landmarks[frame], clip.landmarks[lost[0] - 1])
        np.testing.assert_array_equal(clip.colours[frame], clip.colours[lost[0] - 1])


def test_kinematics_find_the_simulated_smile_through_head_motion_and_jitter():
    asked, found = [], []
    for subject in range(25):
        clip = make_clip(0, subject, "smile")
        scene_rng = np.random.default_rng([clips._CLIP, 0, subject, EXPRESSIONS.index("smile"), 0])
        scene = clips.make_scene(0, subject, "smile", scene_rng)
        asked.append(measure(scene.head, clips.LAYOUT, scene.times).values["amplitude/mouth_corner/both"])
        values = measure(clip.landmarks, clip.layout, clip.times, clip.tracked).values
        found.append(values["amplitude/mouth_corner/both"])
    assert np.corrcoef(asked, found)[0, 1] > 0.85
