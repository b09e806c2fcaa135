import base64
import re

import numpy as np
import pytest
from face_factory import bell, blink_wave, face, frame_times, turn_head
from report_factory import as_clip, measured, smile_face

from input_pipeline.motion import layouts
from input_pipeline.motion.layouts import LAYOUTS
from tramp_jax.report.keyframes import key_frames, key_moments


def pictures(clip, show_face=True):
    moments = key_moments(measured(clip), clip.label.expression)
    return {picture.name: picture for picture in key_frames(clip, moments, show_face)}


def points(path):
    """(N, 2) every point that an SVG path names."""
    return np.array(re.findall(r"[ML](-?[\d.]+) (-?[\d.]+)", path), float)


def trail_lengths(picture):
    """(63,) length of each token's trail."""
    ends = np.concatenate([points(path) for _, path in picture.trails]).reshape(-1, 2, 2)
    return np.hypot(*np.moveaxis(ends[:, 1] - ends[:, 0], -1, 0)).reshape(-1, layouts.NUM_TOKENS).sum(axis=0)


def test_the_moments_are_on_the_way_up_of_the_smile():
    moments = key_moments(measured(as_clip(*smile_face())), "smile")
    assert 0.8 < moments["rest"] < 1.35
    assert moments["halfway"] == pytest.approx(1.5, abs=0.1)
    assert 1.65 < moments["apex"] < 2.05


def test_a_blink_is_no_squeeze():
    times = frame_times(5.0)
    closed = blink_wave(times, (0.5,), depth=1.0) + 0.8 * bell(times, 2.0, 1.0)
    clip = as_clip(times, face(times, blink_left=closed, blink_right=closed), expression="squeeze")
    assert key_moments(measured(clip), "squeeze")["apex"] > 2.5


def test_the_face_at_rest_is_not_shown_in_a_blink():
    times, tokens = smile_face()
    blinking = tokens + face(times, **{f"blink_{side}": blink_wave(times, (1.05,)) for side in ("left", "right")}) - face(times)
    shut, open_eyes = (key_moments(measured(as_clip(times, t)), "smile") for t in (blinking, tokens))
    assert abs(open_eyes["rest"] - 1.05) < 0.2
    assert abs(shut["rest"] - 1.05) > 0.15
    assert shut["apex"] == pytest.approx(open_eyes["apex"])


@pytest.mark.parametrize(
    ("lost", "stored"), [(slice(45, 150), 150), (slice(36, 54), 150), (slice(36, 57), 50), (slice(0, 46), 30)]
)
def test_no_moment_and_no_picture_is_of_a_lost_face(lost, stored):
    clip = as_clip(*smile_face(), lost=lost, stored=stored)
    kinematics = measured(clip)
    for seconds in key_moments(kinematics, "smile").values():
        assert kinematics.tracked[round(seconds * 30)]
    for picture in pictures(clip).values():
        assert clip.tracked[round(picture.seconds * 30)]


def test_the_resting_face_is_shown_at_its_begin_middle_and_end():
    times = frame_times(4.0)
    found = key_moments(measured(as_clip(times, face(times), expression="rest")), "rest")
    assert list(found) == ["begin", "middle", "end"]
    assert list(found.values()) == pytest.approx([0.0, 2.0, 4.0 - 1 / 30], abs=0.02)


def test_times_count_from_the_first_frame_whenever_that_was():
    times, tokens = smile_face()
    early, late = (pictures(as_clip(times + start, tokens, stored=150)) for start in (0.0, 100.0))
    assert [p.seconds for p in early.values()] == pytest.approx([p.seconds for p in late.values()], abs=1e-3)
    assert [p.image for p in early.values()] == [p.image for p in late.values()]


def test_trails_follow_the_mouth_corners_and_not_the_head():
    times, tokens = smile_face()
    clip = as_clip(times, turn_head(tokens, times, (4.0, 6.0, 5.0)))
    lengths = trail_lengths(pictures(clip)["apex"])
    corners = [token for pair in layouts.MOUTH_CORNER.values() for token in pair]
    still = [*layouts.EYE_INNER.values(), layouts.NOSE_ROOT]
    # 85 percent of 0.2 IOD (rest to apex), at a quarter of the crop per IOD.
    assert lengths[corners] == pytest.approx(np.full(4, 0.85 * 0.2 / 4), rel=0.25)
    raw = clip.landmarks[30:60, still, :2].astype(float)
    assert np.hypot(*np.moveaxis(np.diff(raw, axis=0), -1, 0)).sum(axis=0).min() > 0.02
    assert lengths[still].max() < 0.01


def test_trails_end_where_the_points_are():
    clip = as_clip(*smile_face())
    picture = pictures(clip)["apex"]
    ends = points(picture.trails[-1][1]).reshape(-1, layouts.NUM_TOKENS, 2, 2)[-1, :, 1]
    now = clip.landmarks[round(picture.seconds * 30), :, :2]
    assert ends == pytest.approx(now, abs=2e-3)


def test_without_the_face_no_pixel_is_left():
    clip = as_clip(*smile_face(), stored=150)
    assert all(picture.image for picture in pictures(clip).values())
    assert not any(picture.image for picture in pictures(clip, show_face=False).values())


def test_each_picture_is_the_frame_that_it_says():
    clip = as_clip(*smile_face(), stored=40)
    for picture in pictures(clip).values():
        jpeg = base64.b64decode(picture.image.split(",")[1])
        assert clip.frame_index[clip.frames.index(jpeg)] == round(picture.seconds * 30)


def test_a_moment_without_a_stored_picture_near_it_is_drawn_as_mesh():
    clip = as_clip(*smile_face(), stored=2)
    assert [picture.image for picture in pictures(clip).values()] == [""] * 3


@pytest.mark.parametrize("layout", sorted(LAYOUTS))
def test_every_layout_is_drawn_inside_its_crop(layout):
    picture = pictures(as_clip(*smile_face(), layout=layout))["rest"]
    drawn = points(picture.outlines)
    assert len(drawn) > 60
    assert np.abs(drawn).max() <= 0.5
    assert bool(picture.mesh) == (layout == "mediapipe478")
