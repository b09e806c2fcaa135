"""Parts of a video: the frames that were asked for, no others, and one pass for many stills."""

from fractions import Fraction

import numpy as np
import pytest
from video_factory import write_video

from input_pipeline.errors import ClipError
from input_pipeline.extract import extract_clip
from input_pipeline.extract.excerpt import Excerpt, Reel
from input_pipeline.extract.isolated import ClipExtractor
from input_pipeline.extract.item import Item
from input_pipeline.extract.pool import ExtractionPool
from input_pipeline.extract.video import Limits, Video
from input_pipeline.pseudonyms import Pseudonyms
from input_pipeline.records import encode_frame_record, encode_landmark_record

FRAMES = 12
ABOUT = {"expression": "unposed", "subject": "s", "frame_size": 32, "max_frames_stored": 8}


@pytest.fixture(scope="module", params=["mp4", "avi"])
def video(request, tmp_path_factory):
    """Frame k is of brightness 20 k, 40 ms after the one before; MPEG-4 in AVI as DISFA's, with frames that need others."""
    path = tmp_path_factory.mktemp("video") / f"steps.{request.param}"
    pictures = [np.full((48, 64, 3), 20 * k, np.uint8) for k in range(FRAMES)]
    codec = {"mp4": "libx264", "avi": "mpeg4"}[request.param]
    return write_video(path, pictures, range(FRAMES), time_base=Fraction(1, 25), codec=codec)


def brightness(frames):
    return [round(frame.rgb().mean() / 20) for frame in frames]


def test_an_excerpt_is_the_frames_that_were_asked_for_from_time_0(video):
    excerpt = Excerpt(video, 4, 9)
    for _ in range(2):  # extraction reads twice
        frames = list(excerpt.frames())
        assert brightness(frames) == [4, 5, 6, 7, 8]
        assert [frame.index for frame in frames] == [0, 1, 2, 3, 4]
        assert [frame.time for frame in frames] == pytest.approx([0, 0.04, 0.08, 0.12, 0.16], abs=1e-4)
    whole = [frame.rgb() for frame in Video(video).frames()]
    assert all((frame.rgb() == rgb).all() for frame, rgb in zip(excerpt.frames(), whole[4:9], strict=True))


def test_what_lies_behind_the_end_of_the_video_is_told(video):
    with pytest.raises(ClipError, match=rf"has {FRAMES} frames, 13 are needed") as caught:
        list(Excerpt(video, 9, 13).frames())
    assert caught.value.code == "too-short"
    with pytest.raises(ClipError, match=rf"has {FRAMES} frames, 31 are needed"):
        Reel().still(str(video), 30)


def test_stills_in_the_order_of_time_take_one_pass_and_others_are_right_all_the_same(video):
    passed = []
    reel = Reel(waiting=lambda: passed.append(1))
    for index in (0, 3, 4, 11):
        still = reel.still(str(video), index)
        assert brightness(still.frames()) == [index]
        assert (still.width, still.height) == (64, 48)
    assert len(passed) == FRAMES - 4
    assert brightness(reel.still(str(video), 2).frames()) == [2]


def test_a_pass_that_has_failed_is_not_read_on(video):
    reel = Reel()
    reel.still(str(video), 0)
    reel._video.limits = Limits(frames=5)  # as where a header says fewer frames than there are
    with pytest.raises(ClipError, match="at most 5 are read"):
        reel.still(str(video), 7)
    assert brightness(reel.still(str(video), 7).frames()) == [7]


def test_a_clip_of_a_part_is_the_same_through_the_other_process(video):
    with ClipExtractor("") as extractor:
        part = extractor.extract(video, start=4, end=9, **ABOUT)
        still = extractor.extract(video, start=6, end=7, **ABOUT)
        with pytest.raises(ClipError, match="13 are needed"):
            extractor.extract(video, start=9, end=13, **ABOUT)
        assert extractor.starts == 1
    ours = extract_clip(Excerpt(video, 4, 9), None, **ABOUT)
    for encode in (encode_landmark_record, encode_frame_record):
        assert encode(part) == encode(ours)
    assert (len(part.frames), len(still.frames)) == (5, 1)
    assert still.frames[0] == part.frames[2]
    assert part.label.source["warnings"] == []


def test_the_part_of_a_video_has_a_key_of_its_own_for_each_range(video):
    ranges = [(0, 0), (0, 1), (0, 2), (1, 2), (1, 21), (11, 21)]
    pseudonyms = Pseudonyms(bytes(32))
    items = [Item(video, "s", "unposed", start=start, end=end) for start, end in ranges]
    with ExtractionPool("", 1) as pool:
        keys = {pool.key(pseudonyms.parts, item, item.sha256()) for item in items}
    assert len(keys) == len({item.name for item in items}) == len(ranges)
    assert [item.still for item in items] == [False, True, False, True, False, False]
