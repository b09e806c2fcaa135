"""The Face Landmarker: checked model file, faces in pixels, nothing on the user's terminal."""

import hashlib
import importlib.metadata
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from unprivileged import python

from input_pipeline.errors import UserError
from input_pipeline.extract import extra
from input_pipeline.extract.landmarker import Landmarker
from input_pipeline.extract.video import Video

pytest.importorskip("mediapipe", reason="MediaPipe is not installed (extra: extract)")

RIGHT_EYE, LEFT_EYE, NOSE_TIP, CHIN, FOREHEAD = 33, 263, 1, 152, 10


@pytest.fixture(scope="module")
def landmarker(media):
    return Landmarker(media / "face_landmarker.task")


@pytest.fixture(scope="module")
def pictures(media):
    frames = Video(media / "face_wolfgang_langer_pexels.mp4").frames()
    return [(frame.rgb(), frame.time) for frame, _ in zip(frames, range(3), strict=False)]


@pytest.fixture
def fresh_extra():
    extra.import_extra.cache_clear()
    yield extra.import_extra
    extra.import_extra.cache_clear()


def error_of(call, *args):
    with pytest.raises(UserError) as caught:
        call(*args)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_face_is_in_pixels_with_the_subjects_right_at_smaller_x(landmarker, pictures):
    rgb, seconds = pictures[0]
    with landmarker.track() as tracker:
        face = tracker.detect(rgb, seconds)
    assert face.landmarks.shape == (478, 3)
    assert face.blendshapes.shape == (52,)
    assert 0 <= face.blendshapes.min() <= face.blendshapes.max() <= 1
    x, y, z = face.landmarks.T
    assert (x > 0).all()
    assert x.max() < rgb.shape[1]
    assert x[RIGHT_EYE] + 20 < x[LEFT_EYE]
    assert y[FOREHEAD] + 20 < y[NOSE_TIP] < y[CHIN] - 20
    assert z[NOSE_TIP] < min(z[RIGHT_EYE], z[LEFT_EYE])


def test_a_new_tracker_starts_afresh_and_gives_the_same_faces(landmarker, pictures):
    runs = []
    for _ in range(2):
        with landmarker.track() as tracker:
            runs.append([tracker.detect(*picture).landmarks for picture in pictures])
    np.testing.assert_array_equal(runs[0], runs[1])


def test_times_closer_than_a_millisecond_are_taken(landmarker, pictures):
    with landmarker.track() as tracker:
        assert all(tracker.detect(pictures[0][0], seconds) is not None for seconds in (0.0, 0.0004, 0.0009, 0.0016))


def test_a_picture_without_a_face_gives_none(landmarker):
    with landmarker.track() as tracker:
        assert tracker.detect(np.zeros((96, 128, 3), np.uint8), 0.0) is None


def test_faces_are_counted_without_disturbing_a_tracker(landmarker, pictures):
    empty, one = np.zeros((96, 128, 3), np.uint8), pictures[0][0]
    two = np.concatenate([one[:, 250:610], one[:, 250:610]], axis=1)
    runs = []
    for counting in (False, True):
        with landmarker.track() as tracker:
            runs.append([])
            for picture in pictures:
                runs[-1].append(tracker.detect(*picture).landmarks)
                assert not counting or [landmarker.count(rgb) for rgb in (empty, one, two)] == [0, 1, 2]
    np.testing.assert_array_equal(runs[0], runs[1])
    with landmarker as kept:
        assert [kept.count(rgb) for rgb in (empty, one, two, one)] == [0, 1, 2, 1]


def test_a_process_that_has_counted_ends_without_a_word(media):
    code = (
        "import sys, numpy; from input_pipeline.extract import Landmarker; landmarker = Landmarker(sys.argv[1]);"
        "print(landmarker.count(numpy.zeros((96, 96, 3), numpy.uint8)))"
    )
    command = [sys.executable, "-c", code, str(media / "face_landmarker.task")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")


def test_the_model_is_named_by_its_hash(landmarker, media):
    assert landmarker.sha256 == hashlib.sha256((media / "face_landmarker.task").read_bytes()).hexdigest()


def test_mediapipe_writes_nothing_to_the_terminal(media, pictures, capfd):
    with Landmarker(media / "face_landmarker.task").track() as tracker:
        for picture in pictures:
            tracker.detect(*picture)
    assert capfd.readouterr() == ("", "")


def test_other_files_are_refused_in_one_line(media, tmp_path, capfd):
    text = tmp_path / "text.task"
    text.write_text("not a model")
    empty = tmp_path / "empty.task"
    empty.touch()
    cut = tmp_path / "cut.task"
    cut.write_bytes((media / "face_landmarker.task").read_bytes()[:100_000])
    other = tmp_path / "hand_landmarker.task"
    with zipfile.ZipFile(other, "w") as bundle:
        bundle.writestr("hand_detector.tflite", b"")
    junk = tmp_path / "junk.task"
    with zipfile.ZipFile(media / "face_landmarker.task") as bundle, zipfile.ZipFile(junk, "w") as copy:
        for name in bundle.namelist():
            copy.writestr(name, b"junk" * 1000)
    for path in (text, empty, cut, other, junk, media / "no_face.mp4"):
        message = error_of(Landmarker, path)
        assert message.startswith(f"{path}: not a Face Landmarker model")
    assert "no such landmarker file" in error_of(Landmarker, tmp_path / "absent.task")
    assert "no such landmarker file" in error_of(Landmarker, tmp_path)
    assert capfd.readouterr() == ("", "")


def test_a_folder_that_may_not_be_entered_is_told_as_that(tmp_path):
    closed = tmp_path / "closed_folder"
    closed.mkdir(mode=0)
    path = closed / "face_landmarker.task"
    code = f"""
from input_pipeline.errors import UserError
from input_pipeline.extract.landmarker import Landmarker
try:
    Landmarker({str(path)!r})
except UserError as error:
    print(error)
"""
    done = python("-c", code, folder=tmp_path)
    closed.chmod(0o755)
    assert done.stdout == f"{path}: cannot be read (Permission denied): check its permissions\n", done.stderr[-2000:]


def test_an_absent_package_is_one_line_with_the_command(fresh_extra, monkeypatch):
    def absent(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", absent)
    assert 'pip install "mediapipe>=' in error_of(fresh_extra, "mediapipe")
    assert "av, which is not installed" in error_of(fresh_extra, "av")


@pytest.mark.parametrize("version", ["0.10.21", "0.10.35", "1.2.2"])
def test_versions_that_clash_or_report_usage_are_refused(fresh_extra, monkeypatch, version):
    monkeypatch.setattr(importlib.metadata, "version", lambda name: version)
    assert f"mediapipe {version} is installed, expected mediapipe>=0.10.31,<0.10.35" in error_of(fresh_extra, "mediapipe")
