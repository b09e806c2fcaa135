"""One video to one clip: what was tracked, where the landmarks are, which colours, which crops."""

import itertools

import numpy as np
import pytest
import simplejpeg
from video_factory import av, write_video

from input_pipeline.errors import UserError
from input_pipeline.extract import Landmarker, extract_clip
from input_pipeline.extract.clip import frames_to_store
from input_pipeline.extract.crop import Box
from input_pipeline.extract.excerpt import Excerpt, Reel
from input_pipeline.records import decode_frame_record, decode_landmark_record, encode_frame_record, encode_landmark_record

mediapipe = pytest.importorskip("mediapipe", reason="MediaPipe is not installed (extra: extract)")

RIGHT_EYE, LEFT_EYE = 33, 263
COMPARED = 40


@pytest.fixture(scope="module")
def landmarker(media):
    return Landmarker(media / "face_landmarker.task")


@pytest.fixture(scope="module")
def full(media, landmarker):
    """The clip with a face in each of its 472 frames, 128 of them stored."""
    calls = []
    clip = extract_clip(
        media / "face_wolfgang_langer_pexels.mp4",
        landmarker,
        expression="smile",
        subject="w",
        max_frames_stored=128,
        progress=lambda *call: calls.append(call),
    )
    assert calls == [(min(k + 1, 472), 472) for k in range(2 * 472)]  # the file is decoded twice
    return clip


@pytest.fixture(scope="module")
def partial(media, landmarker):
    """The clip whose face is there in 73 of 169 frames."""
    return extract_clip(media / "face_then_no_face.mov", landmarker, expression="rest", subject="p", score=2.5)


@pytest.fixture(scope="module")
def pictures(media):
    """The first frames as plain PyAV gives them."""
    with av.open(str(media / "face_wolfgang_langer_pexels.mp4")) as container:
        decoded = itertools.islice(container.decode(video=0), COMPARED)
        return [(picture.time, picture.to_ndarray(format="rgb24")) for picture in decoded]


@pytest.fixture(scope="module")
def reference(media, pictures):
    """Landmarks of the first frames in pixels, from plain MediaPipe."""
    vision = mediapipe.tasks.vision
    options = vision.FaceLandmarkerOptions(
        base_options=mediapipe.tasks.BaseOptions(model_asset_path=str(media / "face_landmarker.task")),
        running_mode=vision.RunningMode.VIDEO,
    )
    faces = []
    with vision.FaceLandmarker.create_from_options(options) as task:
        for seconds, rgb in pictures:
            image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=rgb)
            points = task.detect_for_video(image, round(seconds * 1000)).face_landmarks[0]
            faces.append([(point.x * 640, point.y * 360, point.z * 640) for point in points])
    return np.array(faces)


def box_of(clip):
    return Box(*clip.label.source["crop"])


def test_the_face_is_found_in_all_472_frames(full):
    assert full.landmarks.shape == full.colours.shape == (472, 478, 3)
    assert full.blendshapes.shape == (472, 52)
    assert full.tracked.all()
    assert full.layout == "mediapipe478"
    source = full.label.source
    assert (source["frames"], source["frames_tracked"], source["warnings"]) == (472, 472, [])
    assert (source["width"], source["height"], source["rotation"], source["mirrored"]) == (640, 360, 0, False)
    assert source["fps"] == pytest.approx(24000 / 1001, abs=0.001)
    assert len(source["landmarker_sha256"]) == 64


def test_landmarks_reproject_to_an_eighth_of_a_pixel(full, reference):
    found = box_of(full).to_pixels(full.landmarks[:COMPARED])
    assert np.abs(found - reference).max() <= 1 / 8


def test_the_subjects_right_eye_is_at_smaller_x_and_the_face_is_inside_the_crop(full):
    x = full.landmarks[..., 0].astype(float)
    assert (x[:, RIGHT_EYE] < x[:, LEFT_EYE]).all()
    assert np.mean(np.abs(full.landmarks[..., :2]) <= 0.5) > 0.99


def test_colours_are_the_full_resolution_pixels_under_the_landmarks(full, reference, pictures):
    columns, rows = reference[..., 0].astype(int), reference[..., 1].astype(int)
    for k in range(COMPARED):
        expected = pictures[k][1][np.clip(rows[k], 0, 359), columns[k]]
        same = (full.colours[k] == expected).all(axis=1)
        # A landmark on the edge of two pixels may fall either way between float32 and float64.
        assert same.mean() > 0.98


def test_stored_frames_are_the_cropped_pictures(full, pictures):
    cv2 = pytest.importorskip("cv2")
    box, k = box_of(full), int(full.frame_index[1])
    assert 0 < k < COMPARED
    stored = simplejpeg.decode_jpeg(full.frames[1]).astype(int)
    errors = []
    for _, rgb in pictures:
        padded = cv2.copyMakeBorder(rgb, box.side, box.side, box.side, box.side, cv2.BORDER_CONSTANT)
        square = padded[box.y + box.side : box.y + 2 * box.side, box.x + box.side : box.x + 2 * box.side]
        errors.append(np.abs(stored - cv2.resize(square, (256, 256), interpolation=cv2.INTER_AREA)).mean())
    assert errors[k] < 3
    assert np.argmin(errors) == k


def test_every_stored_frame_names_its_landmark_frame(full):
    assert len(full.frames) == len(full.frame_index) == 128
    np.testing.assert_array_equal(full.frame_index, frames_to_store(472, 128))


def test_frames_to_store_cover_the_clip_and_all_of_its_end():
    np.testing.assert_array_equal(frames_to_store(100, 100), np.arange(100))
    for frames, most in ((101, 100), (5000, 512), (9, 2), (1000, 3)):
        index = frames_to_store(frames, most)
        assert len(index) == most
        assert (np.diff(index) > 0).all()
        assert index[0] == 0
        np.testing.assert_array_equal(index[-(most // 2) :], np.arange(frames - most // 2, frames))
    assert np.diff(frames_to_store(5000, 512)[:256]).max() <= np.ceil((5000 - 256) / 255)


def test_a_frame_to_keep_takes_the_place_of_the_nearest():
    for frames, most in ((100, 100), (101, 100), (5000, 512), (9, 2), (1000, 3)):
        usual = frames_to_store(frames, most)
        for keep in {0, 1, frames // 3, frames - most // 2 - 1, frames - 1}:
            index = frames_to_store(frames, most, keep)
            assert keep in index
            assert len(index) == len(usual)
            assert (np.diff(index) > 0).all()
            assert len(set(index) - set(usual)) <= 1
        for keep in (None, -1, frames, 10**9):
            np.testing.assert_array_equal(frames_to_store(frames, most, keep), usual)


def test_a_partly_tracked_clip_holds_the_last_face(partial):
    assert (len(partial.times), int(partial.tracked.sum())) == (169, 73)
    assert partial.label.source["frames_tracked"] == 73
    assert (np.diff(partial.times) > 0).all()
    assert len(np.unique(partial.landmarks[partial.tracked], axis=0)) == 73
    lost = np.flatnonzero(~partial.tracked)
    last = [np.flatnonzero(partial.tracked[:k])[-1] for k in lost]
    for array in (partial.landmarks, partial.colours, partial.blendshapes):
        np.testing.assert_array_equal(array[lost], array[last])
    assert np.isfinite(partial.landmarks.astype(float)).all()


def test_frames_before_any_face_show_the_first(landmarker, pictures, tmp_path):
    blank = [np.zeros_like(pictures[0][1])] * 4
    path = write_video(tmp_path / "late.mp4", [*blank, *(rgb for _, rgb in pictures[:6])], range(0, 400, 40))
    clip = extract_clip(path, landmarker, expression="smile", subject="l")
    assert not clip.tracked[:4].any()
    assert clip.tracked[4:].all()
    np.testing.assert_array_equal(clip.landmarks[:4], np.repeat(clip.landmarks[4:5], 4, axis=0))


def test_a_part_of_a_video_has_the_face_of_its_frames_and_a_still_is_one(media, landmarker, reference):
    path = media / "face_wolfgang_langer_pexels.mp4"
    for source, frames in ((Excerpt(path, 10, 13), slice(10, 13)), (Reel().still(str(path), 20), slice(20, 21))):
        clip = extract_clip(source, landmarker, expression="smile", subject="e")
        assert clip.tracked.all()
        assert len(clip.frames) == len(clip.times) == frames.stop - frames.start
        # The tracker has not seen the frames before, so the face is found anew and lies a little elsewhere.
        found = box_of(clip).to_pixels(clip.landmarks)
        assert np.abs(found - reference[frames])[..., :2].mean() < 2


def test_a_turned_recording_gives_the_same_face(landmarker, pictures, tmp_path):
    upright = [rgb for _, rgb in pictures[:6]]
    plain = write_video(tmp_path / "plain.mp4", upright, range(0, 240, 40))
    # As a phone held upright does: stored lying on its side, to be turned by a quarter for showing.
    turned = write_video(tmp_path / "turned.mp4", [np.rot90(rgb, -1) for rgb in upright], range(0, 240, 40), rotation=90)
    one, other = (extract_clip(path, landmarker, expression="smile", subject="t") for path in (plain, turned))
    assert other.label.source["rotation"] == 90
    assert (other.label.source["width"], other.label.source["height"]) == (640, 360)
    difference = box_of(one).to_pixels(one.landmarks) - box_of(other).to_pixels(other.landmarks)
    assert np.abs(difference[..., :2]).mean() < 1


def test_interlaced_video_is_told(tmp_path):
    pictures = [np.full((48, 64, 3), 9 * k, np.uint8) for k in range(5)]
    warnings = {}
    for name, options in {"woven": {"x264-params": "tff=1"}, "plain": {}}.items():
        path = write_video(tmp_path / f"{name}.mp4", pictures, range(0, 200, 40), options=options)
        warnings[name] = extract_clip(path, None, expression="smile", subject="i").label.source["warnings"]
    assert warnings["plain"] == []
    assert [line.partition(":")[0] for line in warnings["woven"]] == ["interlaced"]


def test_records_carry_the_clip(partial):
    again = decode_landmark_record(encode_landmark_record(partial))
    assert again.label == partial.label
    for name in ("landmarks", "colours", "times", "tracked", "blendshapes"):
        np.testing.assert_array_equal(getattr(again, name), getattr(partial, name))
        assert getattr(again, name).dtype == getattr(partial, name).dtype
    frames, index = decode_frame_record(encode_frame_record(partial))
    assert frames == partial.frames
    np.testing.assert_array_equal(index, partial.frame_index)


def test_no_face_is_one_line_with_the_count(media, landmarker):
    with pytest.raises(UserError, match=r"^\S*no_face\.mp4: no face found in 95 frames: [^\n]*$"):
        extract_clip(media / "no_face.mp4", landmarker, expression="smile", subject="n")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"expression": "smlie"}, "did you mean smile"),
        ({"subject": ""}, "subject is empty"),
        ({"frame_size": 5}, "frame_size is 5"),
        ({"max_frames_stored": 1}, "max_frames_stored is 1"),
    ],
)
def test_wrong_arguments_are_refused_before_the_video_is_read(landmarker, change, words):
    with pytest.raises(UserError, match=words):
        extract_clip("absent.mp4", landmarker, **({"expression": "smile", "subject": "s"} | change))


def test_a_single_picture_is_no_clip(landmarker, pictures, tmp_path):
    path = write_video(tmp_path / "one.mp4", [pictures[0][1]], [0])
    with pytest.raises(UserError, match="at least 2"):
        extract_clip(path, landmarker, expression="smile", subject="s")


def test_frames_that_are_too_many_to_hold_are_decoded_again_to_the_same_clip(partial, media, landmarker, monkeypatch):
    monkeypatch.setattr("input_pipeline.extract.tracking._HELD_BYTES", 50 * 3 * 640 * 360)
    again = extract_clip(media / "face_then_no_face.mov", landmarker, expression="rest", subject="p", score=2.5)
    assert again.frames == partial.frames
    assert encode_landmark_record(again) == encode_landmark_record(partial)
