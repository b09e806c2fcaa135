"""Every kind of landmark file becomes a clip with our sides, units and records; what is none is told in one line."""

import dataclasses

import numpy as np
import pytest
from landmark_file_factory import (
    FPS,
    HEIGHT,
    IOD,
    LABEL,
    SMILE,
    TIMES,
    WIDTH,
    canonical_vertices,
    face_pixels,
    normalised,
    python_result,
    read,
    web_result,
    write_json,
    write_npy,
    write_openface,
    write_pyfeat,
)

from input_pipeline.errors import UserError
from input_pipeline.extract.crop import MARGIN, face_box
from input_pipeline.landmark_files import SUFFIXES, is_landmark_file, read_landmark_file
from input_pipeline.landmark_files.insightface import _SUBSETS
from input_pipeline.landmark_files.reader import MARGINS
from input_pipeline.motion.kinematics import measure
from input_pipeline.motion.layouts import EYE_INNER, EYE_OUTER, LAYOUTS, PUPIL, to_tokens
from input_pipeline.records import decode_landmark_record, encode_landmark_record
from input_pipeline.shards import Dataset, find_fault, write_dataset

SIZE = {"image_size": (WIDTH, HEIGHT)}


def subset(count):
    return lambda path, points: write_npy(path, points[:, _SUBSETS[count], :2].astype(np.float32))


def json_of(result):
    def write(path, points):
        frames = [result(p) | {"timestamp_ms": 1000 * t} for p, t in zip(normalised(points), TIMES, strict=True)]
        return write_json(path, frames, width=WIDTH, height=HEIGHT)

    return write


def save_npz(path, points):
    np.savez(path, landmarks=normalised(points), times=TIMES, image_size=(WIDTH, HEIGHT))
    return path


def save_normalised(path, points):
    return write_npy(path, normalised(points))


# What is written -> file name, layout of the face, layout of the clip, writer, arguments that the file lacks.
FILES = {
    "openface": ("o.csv", "openface68", "openface68", write_openface, {}),
    "openface_2d": ("o.csv", "openface68", "openface68", lambda path, p: write_openface(path, p, three=False), {}),
    "pyfeat_v1": ("f.csv", "openface68", "openface68", write_pyfeat, {"fps": FPS}),
    "pyfeat_mp": ("f.csv", "mediapipe478", "mediapipe478", lambda path, p: write_pyfeat(path, p, "xyz"), {"fps": FPS}),
    "pyfeat_v2": ("f.csv", "mediapipe478", "mediapipe478", lambda path, p: write_pyfeat(path, p, "mesh"), {"fps": FPS}),
    "insightface": ("i.npy", "insightface106", "insightface106", subset(106), {"fps": FPS}),
    "pfed5_73": ("i.npy", "insightface106", "tokens63", subset(73), {"fps": FPS}),
    "pfed5_71": ("i.npy", "insightface106", "tokens63", subset(71), {"fps": FPS}),
    "tokens": ("i.npy", "tokens63", "tokens63", write_npy, {"fps": FPS}),
    "mediapipe_python": ("m.json", "mediapipe478", "mediapipe478", json_of(python_result), {}),
    "mediapipe_web": ("m.json", "mediapipe478", "mediapipe478", json_of(web_result), {}),
    "mediapipe_npz": ("m.npz", "mediapipe478", "mediapipe478", save_npz, {}),
    "mediapipe_npy": (
        "m.npy",
        "mediapipe478",
        "mediapipe478",
        lambda path, p: write_npy(path, normalised(p)),
        {"fps": FPS, **SIZE},
    ),
}


@pytest.mark.parametrize("mirrored", [False, True], ids=["as filmed", "mirrored"])
@pytest.mark.parametrize("name", FILES)
def test_the_subjects_left_is_left_in_every_kind(tmp_path, name, mirrored):
    file, layout, expected, write, needed = FILES[name]
    path = write(tmp_path / file, face_pixels(layout, mirrored=mirrored))
    clip = read(path, mirrored=mirrored, **needed)
    assert clip.layout == expected
    assert find_fault(clip) is None
    values = measure(clip.landmarks, clip.layout, clip.times, clip.tracked).values
    assert values["amplitude/mouth_corner/left"] == pytest.approx(SMILE, rel=0.15)
    assert values["amplitude/mouth_corner/right"] < 0.1 * SMILE
    if mirrored:
        # Not told that the picture was mirrored, no one could know.
        clip = read(path, **needed)
        values = measure(clip.landmarks, clip.layout, clip.times, clip.tracked).values
        assert values["amplitude/mouth_corner/right"] > 0.85 * SMILE
    np.testing.assert_allclose(clip.times, TIMES, atol=6e-4)


@pytest.mark.parametrize("name", ["openface", "pyfeat_v2", "insightface", "mediapipe_web", "tokens"])
def test_a_mirrored_file_gives_the_landmarks_of_the_plain_one(tmp_path, name):
    file, layout, _, write, needed = FILES[name]
    plain = read(write(tmp_path / file, face_pixels(layout)), **needed)
    turned = read(write(tmp_path / file, face_pixels(layout, mirrored=True)), mirrored=True, **needed)
    # Tokens that the 68 points lack are a neighbour's, one or the other.
    same = np.unique(LAYOUTS[layout].tokens, return_counts=True)
    once = same[0][same[1] == 1] if layout == "openface68" else np.arange(LAYOUTS[layout].size)
    side = plain.label.source["crop"][2]
    # The box's edges are on even pixels, so its middle moves by up to two; float16 rounds by less than 0.05.
    difference = (plain.landmarks.astype(float) - turned.landmarks.astype(float))[:, once] * side
    assert np.abs(difference - difference[:1, :1]).max() < 0.5
    assert np.abs(difference[..., :2]).max() < 2.05


@pytest.mark.parametrize("name", FILES)
def test_coordinates_are_in_sides_of_the_box_around_its_middle(tmp_path, name):
    file, layout, _, write, needed = FILES[name]
    points = face_pixels(layout)
    clip = read(write(tmp_path / file, points), **needed)
    x, y, side = clip.label.source["crop"]
    pixels = to_tokens(clip.landmarks, clip.layout).astype(float)[..., :2] * side + (x + side / 2, y + side / 2)
    np.testing.assert_allclose(pixels, to_tokens(points, layout)[..., :2], atol=0.2)
    assert np.abs(clip.landmarks[..., :2]).max() <= 0.5


def test_the_box_is_that_of_our_own_extraction():
    assert MARGINS["mediapipe478"] == MARGIN
    points = face_pixels("mediapipe478").astype(np.float32)
    assert face_box(points, MARGINS["mediapipe478"]) == face_box(points)


# Of the 478 points, a jaw like that of the other layouts.
JAW = [127, 234, 93, 132, 58, 172, 136, 150, 176, 152, 356, 454, 323, 361, 288, 397, 365, 379, 400]


def test_a_face_seen_from_the_front_gets_the_same_unit_in_every_layout(media):
    """MediaPipe's canonical face, of which the other layouts have a part, each in its own box."""
    face = canonical_vertices(media / "face_landmarker.task")[None] * (20, -20, 20)
    face = np.concatenate([face, face[:, :10]], axis=1)
    # Irises lie within the face, wherever they are.
    tokens = to_tokens(face, "mediapipe478")
    tokens[:, [PUPIL["right"], PUPIL["left"]]] = tokens[:, [EYE_INNER["right"], EYE_INNER["left"]]]
    whole = face_box(face, MARGINS["mediapipe478"]).side
    assert face_box(tokens, MARGINS["tokens63"]).side == pytest.approx(whole, rel=0.01)
    outlined = np.concatenate([tokens, face[:, JAW]], axis=1)
    for layout in ("insightface106", "openface68"):
        assert face_box(outlined, MARGINS[layout]).side == pytest.approx(whole, rel=0.01)


def test_a_turned_or_renumbered_face_is_refused(tmp_path):
    points = face_pixels("insightface106")[..., :2]
    for wrong in (points * (-1, 1) + (WIDTH, 0), points * (1, -1) + (0, HEIGHT)):
        with pytest.raises(UserError, match=r"the eyes are not above the mouth .* order of insightface106$"):
            read(write_npy(tmp_path / "i.npy", wrong), fps=FPS)


def test_colours_and_depth_are_told_to_be_missing(tmp_path):
    clip = read(write_pyfeat(tmp_path / "f.csv", face_pixels("openface68")), fps=FPS)
    assert (clip.colours == 128).all()
    assert clip.colours.shape == clip.landmarks.shape
    assert (clip.landmarks[..., 2] == 0).all()
    source = clip.label.source
    assert (source["colours"], source["depth"], source["kind"]) == ("none", "none", "pyfeat")
    assert (source["frames"], source["frames_tracked"], source["fps"], source["mirrored"]) == (90, 90, 30.0, False)
    assert clip.frames == ()


def test_frames_without_a_face_hold_the_last_one_and_those_before_any_face_the_first(tmp_path):
    points = face_pixels("insightface106")[..., :2].copy()
    points[:3] = np.nan
    points[40:45] = 0
    points[60, 7, 0] = np.inf
    clip = read(write_npy(tmp_path / "i.npy", points), fps=FPS)
    lost = [0, 1, 2, 40, 41, 42, 43, 44, 60]
    np.testing.assert_array_equal(np.flatnonzero(~clip.tracked), lost)
    np.testing.assert_array_equal(clip.landmarks[:3], np.repeat(clip.landmarks[3:4], 3, axis=0))
    np.testing.assert_array_equal(clip.landmarks[40:45], np.repeat(clip.landmarks[39:40], 5, axis=0))
    assert find_fault(clip) is None


def test_a_clip_goes_through_records_and_shards(tmp_path):
    clip = read(write_openface(tmp_path / "o.csv", face_pixels("openface68")), score=2.0, scale_id="mds", report="A smile.")
    again = decode_landmark_record(encode_landmark_record(clip))
    assert again.label == clip.label
    assert (again.label.score, again.label.scale_id, again.label.report) == (2.0, "mds", "A smile.")
    other = dataclasses.replace(clip, label=dataclasses.replace(clip.label, clip_id="d"))
    write_dataset([clip, other], tmp_path / "data", "made", 1, {})
    dataset = Dataset.open(tmp_path / "data")
    assert not dataset.manifest.has_frames
    np.testing.assert_array_equal(dataset.clip(1).landmarks, clip.landmarks)


def test_landmark_files_are_told_from_videos_and_lists_of_clips(tmp_path):
    listing = tmp_path / "clips.csv"
    listing.write_text("path,subject,expression\na.mp4,a,smile\n")
    (tmp_path / "bytes.csv").write_bytes(b"\xff\xfe\x00")
    assert not is_landmark_file(listing)
    assert not is_landmark_file(tmp_path / "bytes.csv")
    assert not is_landmark_file(tmp_path / "absent.csv")
    assert not is_landmark_file("a.mp4")
    assert is_landmark_file("a.NPZ")
    assert is_landmark_file(write_openface(tmp_path / "o.csv", face_pixels("openface68")[:2]))
    assert is_landmark_file(write_pyfeat(tmp_path / "f.csv", face_pixels("openface68")[:2]))
    assert frozenset({".csv", ".json", ".npy", ".npz"}) == SUFFIXES


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        (
            "clips.csv",
            "path,subject\na.mp4,a\n",
            r"found a CSV file with the columns path, subject\. Known are openface: ",
        ),
        ("text.csv", "hello\n", "columns hello"),
        ("a.json", "{", "not JSON"),
        ("a.json", "[" * 100_000, "not JSON"),
        ("a.mat", "x", r"ending in \.csv \.json \.npy \.npz"),
        ("a.csv", "", "is empty"),
        ("a.csv", '"', "not a CSV file"),
    ],
)
def test_what_is_no_landmark_file_is_told_in_one_line(tmp_path, name, content, told):
    path = tmp_path / name
    path.write_text(content)
    with pytest.raises(UserError, match=told) as caught:
        read(path, fps=FPS)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("scale", "told"),
    [
        (1 / WIDTH, "multiply normalised coordinates by the width and height"),
        (1e5, "has a coordinate of"),
        (1e300, "no face in any"),
    ],
)
def test_coordinates_that_are_no_pixels_are_refused(tmp_path, scale, told):
    path = write_npy(tmp_path / "i.npy", face_pixels("insightface106") * scale)
    with pytest.raises(UserError, match=told):
        read(path, fps=FPS)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"expression": "smlie"}, "did you mean smile"),
        ({"subject": ""}, "subject or clip_id is empty"),
        ({"fps": 0}, "fps is 0"),
        ({"fps": float("nan")}, "fps is nan"),
        ({"image_size": (640,)}, "image_size is"),
        ({"kind": "dlib"}, "unknown kind 'dlib' .* openface, pyfeat, insightface, mediapipe"),
        ({"kind": "openface"}, "is no file of kind openface: expected CSV .*; found landmarks of 106 points"),
    ],
)
def test_wrong_arguments_are_told(tmp_path, change, told):
    path = write_npy(tmp_path / "i.npy", face_pixels("insightface106"))
    with pytest.raises(UserError, match=told):
        read_landmark_file(path, **(LABEL | {"fps": FPS} | change))


def test_a_file_without_times_needs_a_frame_rate(tmp_path):
    path = write_npy(tmp_path / "i.npy", face_pixels("insightface106"))
    with pytest.raises(UserError, match="says no times and no frame rate: give"):
        read(path)
    slow = read(path, fps=15)
    np.testing.assert_allclose(slow.times, np.arange(90) / 15, atol=1e-6)


def test_the_unit_of_the_synthetic_face_is_what_the_file_says(tmp_path):
    clip = read(write_openface(tmp_path / "o.csv", face_pixels("openface68")))
    tokens = to_tokens(clip.landmarks.astype(float), clip.layout)
    eyes = [(tokens[0, EYE_OUTER[side]] + tokens[0, EYE_INNER[side]]) / 2 for side in ("right", "left")]
    assert np.linalg.norm(eyes[0] - eyes[1]) * clip.label.source["crop"][2] == pytest.approx(IOD, abs=0.5)
