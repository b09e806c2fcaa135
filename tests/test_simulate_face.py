"""The procedural face has MediaPipe's topology, in MediaPipe's order, on the right side of the image."""

import numpy as np
import pytest

from input_pipeline.motion.mesh import mesh_contours, mesh_triangles
from input_pipeline.simulate import face


def neighbours():
    found = {}
    for triangle in mesh_triangles().tolist():
        for point in triangle:
            found.setdefault(point, set()).update(set(triangle) - {point})
    return found


@pytest.fixture(scope="module")
def people():
    return [face.neutral_face(face.sample_identity(np.random.default_rng(seed))) for seed in range(20)]


def test_every_point_is_finite_and_inside_the_oval(people):
    for points in people:
        oval = points[face.index("oval")]
        assert points.shape == (478, 3)
        assert np.isfinite(points).all()
        assert (points[:, :2] >= oval[:, :2].min(0) - 1e-6).all()
        assert (points[:, :2] <= oval[:, :2].max(0) + 1e-6).all()


def test_points_without_a_contour_are_the_mean_of_their_mesh_neighbours():
    plane = face.mean_plane()
    contour = set(face.index(*face.PAIRS, *face.MIDLINE).tolist())
    for point, around in neighbours().items():
        if point not in contour:
            np.testing.assert_allclose(plane[point], plane[list(around)].mean(0), atol=1e-9)


def test_mediapipe_contours_join_points_that_lie_next_to_each_other(people):
    for points in people:
        for name, edges in mesh_contours().items():
            steps = np.linalg.norm(points[edges[:, 0], :2] - points[edges[:, 1], :2], axis=1)
            assert steps.max() < 0.4, name
            assert steps.max() < 6 * np.median(steps), name


def test_nearly_all_triangles_face_the_camera(people):
    for points in people:
        corners = points[mesh_triangles()]
        area = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])[:, 2]
        assert (np.sign(area) == np.sign(np.median(area))).mean() > 0.96


def test_the_mean_face_is_symmetric_and_the_subjects_right_has_the_smaller_x():
    points = face.neutral_face(face.mean_identity())
    for name, (right, left) in face.PAIRS.items():
        if name != "iris":  # its points run around the eye, not outwards
            np.testing.assert_allclose(points[list(right)], points[list(left)] * (-1, 1, 1), atol=1e-6, err_msg=name)
        assert (points[list(right), 0] < 0).all()
    assert np.abs(points[468] - points[473] * (-1, 1, 1)).max() < 1e-6


def test_the_nose_tip_is_nearest_to_the_camera_and_the_chin_lowest(people):
    for points in people:
        assert points[:468, 2].argmin() in (1, 4, 44, 274, 45, 275)
        assert points[:, 1].argmax() == 152


def test_irises_lie_inside_their_eyes(people):
    for points in people:
        for iris, outer, inner in ((468, 33, 133), (473, 362, 263)):
            assert points[outer, 0] < points[iris, 0] < points[inner, 0]


@pytest.mark.parametrize(
    ("parameter", "a", "b", "axis"),
    [("mouth_width", 61, 291, 0), ("eye_size", 159, 145, 1), ("nose_length", 168, 2, 1), ("face_width", 234, 454, 0)],
)
def test_identity_parameters_change_what_they_name(parameter, a, b, axis):
    distance = []
    for score in (-2.0, 0.0, 2.0):
        identity = face.mean_identity()
        identity.shape[parameter] = score
        points = face.neutral_face(identity)
        distance.append(abs(points[b, axis] - points[a, axis]))
    assert distance[0] < distance[1] < distance[2]
