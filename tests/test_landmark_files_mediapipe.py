"""MediaPipe's results as JSON and arrays: the same clip as our own extraction, and every wrapping told apart."""

import dataclasses
import itertools
import json

import numpy as np
import pytest
from landmark_file_factory import (
    HEIGHT,
    TIMES,
    WIDTH,
    face_pixels,
    normalised,
    python_result,
    read,
    web_result,
    write_json,
    write_npy,
)

from input_pipeline.errors import UserError
from input_pipeline.landmark_files.mirror import BLENDSHAPES

POINTS = face_pixels("mediapipe478")
UNITS = normalised(POINTS)
SIZE = {"image_size": (WIDTH, HEIGHT)}
FRAMES = [python_result(points) for points in UNITS[:6]]


def told(path, words, **changes):
    with pytest.raises(UserError, match=words) as caught:
        read(path, **({"fps": 30, **SIZE} | changes))
    assert "\n" not in str(caught.value)


def detect(media, path, most=100_000):
    """(time, result) of the first frames of a video, from plain MediaPipe on plain PyAV, and the picture's size."""
    mediapipe = pytest.importorskip("mediapipe", reason="MediaPipe is not installed (extra: extract)")
    vision = mediapipe.tasks.vision
    options = vision.FaceLandmarkerOptions(
        base_options=mediapipe.tasks.BaseOptions(model_asset_path=str(media / "face_landmarker.task")),
        running_mode=vision.RunningMode.VIDEO,
        output_face_blendshapes=True,
    )
    found = []
    with vision.FaceLandmarker.create_from_options(options) as task:
        for seconds, rgb in pictures(path, most):
            image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=rgb)
            found.append((seconds, task.detect_for_video(image, round(seconds * 1000))))
    return found, (rgb.shape[1], rgb.shape[0])


def pictures(path, most):
    """(time, (H, W, 3) uint8) of the first frames."""
    av = pytest.importorskip("av", reason="PyAV is not installed (extra: extract)")
    with av.open(str(path)) as container:
        decoded = itertools.islice(container.decode(video=0), most)
        yield from ((float(picture.time), picture.to_ndarray(format="rgb24")) for picture in decoded)


def python_form(result):
    """The result's own fields."""
    fields = dataclasses.asdict(result)
    return {name: fields[name] for name in ("face_landmarks", "face_blendshapes")}


def web_form(result):
    """The names that the web task documents."""
    shapes = [
        {"categories": [{"index": one.index, "score": one.score, "categoryName": one.category_name} for one in face]}
        for face in result.face_blendshapes
    ]
    landmarks = [[{"x": p.x, "y": p.y, "z": p.z, "visibility": 0} for p in face] for face in result.face_landmarks]
    return {"faceLandmarks": landmarks, "faceBlendshapes": shapes}


@pytest.mark.parametrize("form", [python_form, web_form])
def test_mediapipes_own_results_give_the_clip_of_our_extraction(media, tmp_path, form):
    """Landmarks to float16, tracking, blendshapes, box: on real frames, of which some have no face."""
    from video_factory import write_video

    shown = [rgb for _, rgb in pictures(media / "face_wolfgang_langer_pexels.mp4", 32)]
    shown[10:14] = [np.zeros_like(shown[0])] * 4
    video = write_video(tmp_path / "clip.mp4", shown, range(0, 32 * 40, 40))
    assert_same_clip(media, video, tmp_path, form, lost=4)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "lost"), [("face_then_no_face.mov", 96), ("face_wolfgang_langer_pexels.mp4", 0)])
def test_whole_real_clips_are_the_same_too(media, tmp_path, name, lost):
    assert_same_clip(media, media / name, tmp_path, web_form, lost)


def assert_same_clip(media, video, folder, form, lost):
    from input_pipeline.extract import Landmarker, extract_clip

    found, (width, height) = detect(media, video)
    frames = [form(result) | {"timestamp_ms": 1000 * seconds} for seconds, result in found]
    imported = read(write_json(folder / "m.json", frames, width=width, height=height))
    ours = extract_clip(video, Landmarker(media / "face_landmarker.task"), expression="smile", subject="s")
    assert np.sum(~ours.tracked) == lost
    np.testing.assert_array_equal(imported.tracked, ours.tracked)
    np.testing.assert_array_equal(imported.landmarks, ours.landmarks)
    np.testing.assert_array_equal(imported.blendshapes, ours.blendshapes)
    np.testing.assert_allclose(imported.times, ours.times, atol=1e-3)
    for key in ("crop", "frames", "frames_tracked", "width", "height"):
        assert imported.label.source[key] == ours.label.source[key]
    assert imported.landmarks.dtype == ours.landmarks.dtype


def test_a_clip_without_a_face_is_told(media, tmp_path):
    found, (width, height) = detect(media, media / "no_face.mp4", 12)
    path = write_json(tmp_path / "m.json", [python_form(result) for _, result in found], width=width, height=height, fps=30)
    told(path, "no face in any of its 12 frames", fps=None, image_size=None)


WRAPPED = {
    "python": (lambda p: python_result(p), {}),
    "web": (lambda p: web_result(p), {}),
    "under result": (lambda p: {"result": web_result(p)}, {}),
    "landmarks of one face": (lambda p: {"landmarks": p.tolist()}, {}),
    "bare points": (lambda p: p.tolist(), {}),
    "bare faces": (lambda p: [p.tolist()], {}),
    "in a dictionary": (lambda p: python_result(p), {"width": WIDTH, "height": HEIGHT, "fps": 30}),
}


@pytest.mark.parametrize("name", WRAPPED)
def test_every_wrapping_gives_the_same_clip(tmp_path, name):
    wrap, head = WRAPPED[name]
    path = write_json(tmp_path / "m.json", [wrap(points) for points in UNITS[:6]], **head)
    clip = read(path) if head else read(path, fps=30, **SIZE)
    plain = read(write_npy(tmp_path / "m.npy", UNITS[:6]), fps=30, **SIZE)
    np.testing.assert_array_equal(clip.landmarks, plain.landmarks)
    np.testing.assert_allclose(clip.times, TIMES[:6], atol=1e-6)


@pytest.mark.parametrize("nothing", [None, [], {"face_landmarks": []}, {"faceLandmarks": [[]]}, {"result": None}])
def test_a_frame_without_a_face_is_untracked(tmp_path, nothing):
    clip = read(write_json(tmp_path / "m.json", [*FRAMES[:3], nothing, *FRAMES[4:]]), fps=30, **SIZE)
    np.testing.assert_array_equal(clip.tracked, [True, True, True, False, True, True])
    np.testing.assert_array_equal(clip.landmarks[3], clip.landmarks[2])


def test_x_is_in_widths_and_y_in_heights_so_the_size_is_needed(tmp_path):
    path = write_json(tmp_path / "m.json", FRAMES)
    told(path, r"whose size it does not say: give it, image_size=\(640, 360\)", image_size=None)
    one, other = read(path, fps=30, **SIZE), read(path, fps=30, image_size=(HEIGHT, WIDTH))
    extents = [np.ptp(clip.landmarks[0, :, :2].astype(float), axis=0) for clip in (one, other)]
    assert extents[0][0] / extents[0][1] == pytest.approx((WIDTH / HEIGHT) ** 2 * extents[1][0] / extents[1][1], rel=0.01)
    told(
        write_json(path, FRAMES, width=WIDTH, height=HEIGHT), "says 640 x 480 pixels, image_size says 9 x 9", image_size=(9, 9)
    )


def test_coordinates_that_are_pixels_already_stay(tmp_path):
    clip = read(write_npy(tmp_path / "p.npy", POINTS), fps=30)
    plain = read(write_npy(tmp_path / "m.npy", UNITS), fps=30, **SIZE)
    np.testing.assert_allclose(clip.landmarks.astype(float), plain.landmarks.astype(float), atol=1e-3)
    mixed = np.where(np.arange(90)[:, None, None] < 80, UNITS, POINTS)
    told(write_npy(tmp_path / "x.npy", mixed), "some faces are in pixels, others in widths")


def test_a_second_face_is_left_out_and_said(tmp_path):
    frames = json.loads(json.dumps(FRAMES))
    other = [point | {"x": point["x"] - 0.3} for point in frames[0]["face_landmarks"][0]]
    for frame in frames[2:5]:
        frame["face_landmarks"].insert(0, other)
    clip = read(write_json(tmp_path / "m.json", frames), fps=30, **SIZE)
    alone = read(write_json(tmp_path / "a.json", FRAMES), fps=30, **SIZE)
    np.testing.assert_array_equal(clip.landmarks, alone.landmarks)
    assert clip.label.source["warnings"][0].startswith("several faces in 3 frames")


def test_blendshapes_are_ordered_by_name_and_change_sides_when_mirrored(tmp_path):
    scores = {name: k / 100 for k, name in enumerate(BLENDSHAPES)}
    for form in ("category_name", "categoryName"):
        shapes = [{form: name, "score": score} for name, score in reversed(scores.items())]
        shapes = [{"categories": shapes}] if form == "categoryName" else [shapes]
        path = write_json(tmp_path / "m.json", [frame | {"face_blendshapes": shapes} for frame in FRAMES])
        clip = read(path, fps=30, **SIZE)
        np.testing.assert_allclose(clip.blendshapes, np.tile(np.arange(52) / 100, (6, 1)), atol=1e-3)
        turned = read(path, fps=30, mirrored=True, **SIZE)
        left, right = (BLENDSHAPES.index(f"eyeBlink{side}") for side in ("Left", "Right"))
        np.testing.assert_array_equal(turned.blendshapes[:, left], clip.blendshapes[:, right])
        np.testing.assert_array_equal(turned.blendshapes[:, right], clip.blendshapes[:, left])


def test_times_are_milliseconds_of_the_frames(tmp_path):
    frames = [frame | {"timestampMs": 1000 + 40 * k} for k, frame in enumerate(FRAMES)]
    clip = read(write_json(tmp_path / "m.json", frames), fps=99, **SIZE)
    np.testing.assert_allclose(clip.times, 0.04 * np.arange(6), atol=1e-6)
    frames[3]["timestampMs"] = 1080
    told(
        write_json(tmp_path / "m.json", frames), "frame 4 is at 0.08 s, the one before at 0.08 s: expected times that increase"
    )


def face(points):
    return {"face_landmarks": [points]}


@pytest.mark.parametrize(
    ("frames", "words"),
    [
        ({"faces": []}, "no list of frames, found faces"),
        ("text", "no list of frames, found str"),
        ([], "has 0 frames"),
        (FRAMES[:1], "has 1 frames"),
        ([{"pose": 1}] * 2, "frame 1: has pose, expected one of faceLandmarks, face_landmarks, landmarks"),
        ([3, 3], "frame 1: is int, expected MediaPipe's result"),
        ([{"landmarks": "x"}] * 2, "frame 1: landmarks are str"),
        ([face(UNITS[0, :468].tolist())] * 2, r"shape \(468, 3\), expected \(478, 3\): the older Face Mesh"),
        ([face(UNITS[0, :, :2].tolist())] * 2, r"shape \(478, 2\), expected \(478, 3\)"),
        ([face([{"x": 1, "y": 2}])] * 2, "a point is not x, y, z"),
        ([face([[1, 2, 3], [1, 2]])] * 2, "a point is not x, y, z"),
        ([face([["a", "b", "c"]])] * 2, "a point is not x, y, z"),
        ([face([[10**400, 2, 3]])] * 2, "a point is not x, y, z"),
        ([face([[None, 2, 3]] * 478)] * 2, "no face in any of its 2 frames"),
        ([FRAMES[0] | {"face_blendshapes": [[{"score": 1}]]}] * 2, "blendshapes are not MediaPipe's 52"),
        ([FRAMES[0] | {"timestamp_ms": "now"}] * 2, "frame 1: a number is 'now'"),
        ({"frames": FRAMES[:2], "width": True, "height": 3}, "a number is 'True'"),
        ({"frames": FRAMES[:2], "width": 0, "height": 3}, "says that its pictures are 0 x 3 pixels"),
    ],
)
def test_malformed_files_are_told_in_one_line(tmp_path, frames, words):
    path = tmp_path / "m.json"
    path.write_text(json.dumps(frames))
    told(path, words, image_size=None if "width" in frames else (WIDTH, HEIGHT))
