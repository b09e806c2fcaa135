"""A clip goes through its two records and comes back; anything else is refused in one line."""

import numpy as np
import pytest

from input_pipeline.errors import UserError
from input_pipeline.motion.kinematics import feature_vector, measure
from input_pipeline.motion.layouts import to_tokens
from input_pipeline.records import (
    decode_frame_record,
    decode_landmark_record,
    encode_frame_record,
    encode_landmark_record,
    only_tokens,
)
from input_pipeline.shards import find_fault
from input_pipeline.simulate.clips import make_clip as simulated_clip
from tests.clip_factory import make_clip


def test_a_clip_comes_back_as_it_went_in():
    clip = make_clip(3, stored=4, report="Größe", turns=({"role": "user", "content": "x"},), truth={"severity": 1.5})
    found = decode_landmark_record(encode_landmark_record(clip))
    assert found.label == clip.label
    for name in ("landmarks", "colours", "times", "tracked"):
        np.testing.assert_array_equal(getattr(found, name), getattr(clip, name))
    frames, index = decode_frame_record(encode_frame_record(clip))
    assert frames == clip.frames
    np.testing.assert_array_equal(index, clip.frame_index)


def test_groups_come_back_and_where_there_are_none_no_byte_tells_of_them():
    clip = make_clip(3, groups={"sex": "female", "age": "60-69"})
    blob, bare = encode_landmark_record(clip), encode_landmark_record(make_clip(3))
    assert decode_landmark_record(blob).label == clip.label
    assert decode_landmark_record(bare).label.groups == {}
    assert b"female" in blob
    assert b"groups" not in bare


def test_equal_clips_give_equal_bytes():
    assert len({encode_landmark_record(make_clip(1)) for _ in range(20)}) == 1
    assert len({encode_frame_record(make_clip(1, stored=3)) for _ in range(20)}) == 1


def test_a_clip_without_frames_has_an_empty_frame_record():
    assert decode_frame_record(encode_frame_record(make_clip(0)))[0] == ()


@pytest.mark.parametrize("blob", [b"", b"\x00" * 40, encode_landmark_record(make_clip(0))[:-1]])
def test_what_is_no_record_is_refused(blob):
    with pytest.raises(UserError, match="not a clip record"):
        decode_landmark_record(blob)


def test_the_other_family_is_refused_by_name():
    with pytest.raises(UserError, match=r"frames.*expected.*landmarks"):
        decode_landmark_record(encode_frame_record(make_clip(0)))


def test_the_tokens_alone_are_an_eighth_and_measure_as_the_whole():
    clip = simulated_clip(0, 1, "smile")
    small = only_tokens(clip)
    assert len(encode_landmark_record(small)) < len(encode_landmark_record(clip)) / 6
    assert find_fault(small) is None
    whole, tokens = (measure(each.landmarks, each.layout, each.times, each.tracked) for each in (clip, small))
    np.testing.assert_array_equal(feature_vector(whole), feature_vector(tokens))
    np.testing.assert_array_equal(to_tokens(small.colours, small.layout), to_tokens(clip.colours, clip.layout))
