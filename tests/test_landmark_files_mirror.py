"""The tables that undo a mirrored picture, against MediaPipe's own model of a face and our tokens."""

import numpy as np
import pytest
from landmark_file_factory import canonical_vertices

from input_pipeline.landmark_files.mirror import BLENDSHAPES, MIRROR, mirror_blendshapes, mirror_landmarks
from input_pipeline.motion.layouts import LAYOUTS, TOKEN_MIRROR, to_tokens
from input_pipeline.transforms import flip_tokens


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_mirror_is_an_involution_that_agrees_with_the_tokens(layout):
    mirror, tokens = MIRROR[layout], LAYOUTS[layout].tokens
    assert len(mirror) == LAYOUTS[layout].size
    np.testing.assert_array_equal(mirror[mirror], np.arange(len(mirror)))
    np.testing.assert_array_equal(mirror[tokens], tokens[TOKEN_MIRROR])
    units = np.random.default_rng(0).normal(size=(3, len(mirror), 3)).astype(np.float32)
    mirrored = to_tokens(mirror_landmarks(units, layout), layout)
    np.testing.assert_array_equal(mirrored, flip_tokens(to_tokens(units, layout)))


def test_the_478_points_are_mirrored_as_mediapipes_canonical_face_is(media):
    vertices = canonical_vertices(media / "face_landmarker.task")
    np.testing.assert_array_equal(vertices[MIRROR["mediapipe478"][:468]] * (-1, 1, 1), vertices)


def test_the_irises_are_mirrored_ring_on_ring(media):
    for name in ("mediapipe", "av"):
        pytest.importorskip(name, reason=f"{name} is not installed (extra: extract)")
    from input_pipeline.extract import Landmarker
    from input_pipeline.extract.video import Video

    with Landmarker(media / "face_landmarker.task").track() as tracker:
        frame = next(Video(media / "face_wolfgang_langer_pexels.mp4").frames())
        points = tracker.detect(frame.rgb(), frame.time).landmarks[468:478, :2]
    right, left = points[:5] - points[0], points[5:] - points[5]
    mirrored = (MIRROR["mediapipe478"][468:473] - 473).tolist()
    assert mirrored[0] == 0
    # The head is turned a little: each point of the ring lies nearest to its own mirror image.
    distance = np.linalg.norm(right[1:, None] * (-1, 1) - left[None, 1:], axis=-1)
    np.testing.assert_array_equal(distance.argmin(axis=1) + 1, mirrored[1:])


def test_the_names_of_the_blendshapes_are_mediapipes():
    module = pytest.importorskip("mediapipe.tasks.python.vision.face_landmarker", reason="MediaPipe is not installed")
    words = [[word.lower() for word in shape.name.split("_")] for shape in module.Blendshapes]
    names = ["".join([first, *(word.title() for word in rest)]) for first, *rest in words]
    assert ["_neutral", *names[1:]] == list(BLENDSHAPES)


def test_blendshapes_of_one_side_go_to_the_other():
    values = np.arange(52.0)[None]
    turned = mirror_blendshapes(values)[0]
    named = dict(zip(BLENDSHAPES, turned, strict=True))
    assert named["mouthSmileLeft"] == BLENDSHAPES.index("mouthSmileRight")
    assert named["jawRight"] == BLENDSHAPES.index("jawLeft")
    assert named["eyeLookInLeft"] == BLENDSHAPES.index("eyeLookInRight")
    assert named["jawOpen"] == BLENDSHAPES.index("jawOpen")
    assert sorted(turned) == list(range(52))


# The 106 points in the order of the JD 106-point format, and iBUG's 68 of them, as users of the model publish both.
CONTOUR = (1, *range(9, 17), *range(2, 9), 0, *range(24, 17, -1), *range(32, 24, -1), 17)
TO_68 = """1 10 12 14 16 3 5 7 0 23 21 19 32 30 28 26 17 43 48 49 51 50 102 103 104 105 101 72 73 74 86 78 79 80 85 84
35 41 42 39 37 36 89 95 96 93 91 90 52 64 63 71 67 68 61 58 59 53 56 55 65 66 62 70 69 57 60 54"""


def test_the_106_points_are_mirrored_as_their_published_orders_are():
    mirror = MIRROR["insightface106"]
    np.testing.assert_array_equal(mirror[list(CONTOUR)], CONTOUR[::-1])
    to_68 = np.array([int(number) for number in TO_68.split()])
    np.testing.assert_array_equal(mirror[to_68], to_68[MIRROR["openface68"]])
