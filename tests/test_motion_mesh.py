"""The mesh that is shipped as data is MediaPipe's, and the right way round on a real face."""

from pathlib import Path

import numpy as np
import pytest

from input_pipeline.motion import layouts
from input_pipeline.motion.alignment import remove_head_motion
from input_pipeline.motion.mesh import mesh_contours, mesh_triangles

MEDIA = Path(__file__).parents[2] / "shared" / "media"
CONTOURS = {
    "lips": "LIPS",
    "left_eye": "LEFT_EYE",
    "left_brow": "LEFT_EYEBROW",
    "left_iris": "LEFT_IRIS",
    "right_eye": "RIGHT_EYE",
    "right_brow": "RIGHT_EYEBROW",
    "right_iris": "RIGHT_IRIS",
    "face_oval": "FACE_OVAL",
    "nose": "NOSE",
}


def test_triangles_and_contours_equal_those_of_mediapipe():
    pytest.importorskip("mediapipe", reason="the data was generated from MediaPipe; without it nothing to compare with")
    from mediapipe.tasks.python.vision import FaceLandmarksConnections

    def edges(name):
        return [(edge.start, edge.end) for edge in getattr(FaceLandmarksConnections, f"FACE_LANDMARKS_{name}")]

    ours = mesh_triangles()
    rings = [edge for a, b, c in ours.tolist() for edge in ((a, b), (b, c), (c, a))]
    assert rings == edges("TESSELATION")
    assert set(mesh_contours()) == set(CONTOURS)
    for name, theirs in CONTOURS.items():
        assert [tuple(edge) for edge in mesh_contours()[name].tolist()] == edges(theirs)


def test_the_mesh_is_one_sheet_over_the_468_points_without_irises():
    triangles = mesh_triangles()
    assert triangles.shape == (852, 3)
    assert triangles.max() < 468
    assert len(np.unique(np.sort(triangles, axis=1), axis=0)) == 852
    edges = np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]]), axis=1)
    _, shared_by = np.unique(edges, axis=0, return_counts=True)
    assert shared_by.max() == 2


@pytest.fixture(scope="module")
def real_tokens():
    """(63, 3) tokens of the first frame of a real video, x, y and z in pixels."""
    video, model = MEDIA / "face_wolfgang_langer_pexels.mp4", MEDIA / "face_landmarker.task"
    if not (video.exists() and model.exists()):
        pytest.skip("the real clip and the landmark model are kept outside the project")
    mediapipe = pytest.importorskip("mediapipe", reason="extraction needs the extra `extract`")
    av = pytest.importorskip("av", reason="extraction needs the extra `extract`")
    vision = mediapipe.tasks.vision
    options = vision.FaceLandmarkerOptions(base_options=mediapipe.tasks.BaseOptions(model_asset_path=str(model)))
    with av.open(str(video)) as container, vision.FaceLandmarker.create_from_options(options) as landmarker:
        pixels = next(container.decode(video=0)).to_ndarray(format="rgb24")
        found = landmarker.detect(mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=pixels)).face_landmarks[0]
    height, width, _ = pixels.shape
    return layouts.to_tokens(np.array([(p.x * width, p.y * height, p.z * width) for p in found]), "mediapipe478")


def test_the_subjects_right_eye_has_the_smaller_x_in_a_real_video(real_tokens):
    tokens = real_tokens
    x = {region: tokens[layouts.region_slice(region), 0].mean() for region in layouts.REGIONS}
    assert x["right_eye"] < x["nose"] < x["left_eye"]
    assert x["right_brow"] < x["nose"] < x["left_brow"]
    assert tokens[layouts.MOUTH_CORNER["right"][0], 0] < tokens[layouts.MOUTH_CORNER["left"][0], 0]


def test_a_real_face_is_about_its_own_mirror_image(real_tokens):
    one = np.ones(1, bool)
    head = remove_head_motion(real_tokens[None], np.zeros(1), one).neutral
    mirrored = head[layouts.TOKEN_MIRROR] * (-1, 1, 1)
    assert np.linalg.norm(mirrored - head, axis=-1).max() < 0.12
    # Among the points of its region, each is nearest to its own mirror image; pupils follow the gaze, this mouth is oblique.
    for region in layouts.REGIONS[:5]:
        own = [token for token in np.r_[layouts.region_slice(region)] if token not in layouts.PUPIL.values()]
        distance = np.linalg.norm(mirrored[own][:, None] - head[own], axis=-1)
        assert np.all(np.diag(distance) <= distance.min(axis=1) + 1e-9), region
