"""Several faces: the largest at the start is followed, and nobody else is ever taken for them."""

import itertools

import numpy as np
import pytest
from video_factory import av, write_video

from input_pipeline.dataset import Dataset
from input_pipeline.extract import Landmarker, extract_clip
from input_pipeline.extract.batch import list_items
from input_pipeline.extract.building import Building, build
from input_pipeline.extract.crop import Box
from input_pipeline.extract.following import LOOK_EVERY, Company, overlap
from input_pipeline.extract.landmarker import Face
from input_pipeline.extract.pool import Settings
from input_pipeline.extract.video import Video
from input_pipeline.images import resize

pytest.importorskip("mediapipe", reason="MediaPipe is not installed (extra: extract)")

SIDE = 270  # of the smaller face's picture, beside one of 360
GREY = 60
FRAMES = 30
HIDDEN = slice(10, 20)


@pytest.fixture(scope="module")
def landmarker(media):
    with Landmarker(media / "face_landmarker.task") as landmarker:
        yield landmarker


@pytest.fixture(scope="module")
def faces(media):
    """Pictures of a real face, 360 x 360."""
    with av.open(str(media / "face_wolfgang_langer_pexels.mp4")) as container:
        decoded = itertools.islice(container.decode(video=0), 2 * FRAMES + 1)
        return [picture.to_ndarray(format="rgb24")[:, 250:610] for picture in decoded]


def beside(small, large):
    """A smaller face on the left of a larger one, either of which may be None."""
    picture = np.full((360, SIDE + 360, 3), GREY, np.uint8)
    if small is not None:
        picture[:SIDE, :SIDE] = resize(np.ascontiguousarray(small), SIDE)
    if large is not None:
        picture[:, SIDE:] = large
    return picture


def make(path, smalls, larges):
    pictures = [beside(small, large) for small, large in zip(smalls, larges, strict=True)]
    return write_video(path, pictures, range(0, 40 * len(pictures), 40))


def extract(path, landmarker):
    return extract_clip(path, landmarker, expression="smile", subject="s")


def centres(clip):
    """(T,) x of the face in pixels of the video."""
    return Box(*clip.label.source["crop"]).to_pixels(clip.landmarks)[..., 0].mean(axis=1)


@pytest.fixture(scope="module")
def two(faces, landmarker, tmp_path_factory):
    """Two faces, of which the larger is hidden for a while; and what the tracker for one face takes for the face."""
    larges = [None if HIDDEN.start <= k < HIDDEN.stop else faces[k] for k in range(FRAMES)]
    path = make(tmp_path_factory.mktemp("two") / "two.mp4", faces[FRAMES : 2 * FRAMES], larges)
    with landmarker.track() as tracker:
        alone = [tracker.detect(frame.rgb(), frame.time) for frame in Video(path).frames()]
    return extract(path, landmarker), np.array([face.landmarks[:, 0].mean() for face in alone])


def test_the_larger_face_is_followed_though_the_tracker_takes_the_smaller(two):
    clip, alone = two
    assert (alone < SIDE).all(), "the tracker takes the larger face by itself: the case is no longer tested"
    assert (centres(clip) > SIDE).all()


def test_nobody_else_is_taken_for_a_face_that_is_lost(two):
    clip, _ = two
    assert not clip.tracked[HIDDEN].any()
    assert clip.tracked[: HIDDEN.start].all()
    assert clip.tracked[HIDDEN.stop + 2 :].all()


def test_frames_with_several_faces_are_counted_and_told(two):
    source = two[0].label.source
    assert abs(source["frames_several_faces"] - (FRAMES - 10)) <= 2
    (warning,) = source["warnings"]
    assert warning.startswith(f"more than one face in {source['frames_several_faces']} of {FRAMES} frames: the largest")


def test_the_followed_face_has_the_points_that_it_has_alone(two, faces, landmarker, tmp_path):
    alone = extract(make(tmp_path / "alone.mp4", [None] * HIDDEN.start, faces[: HIDDEN.start]), landmarker)
    assert alone.label.source["frames_several_faces"] == 0
    found, expected = (Box(*clip.label.source["crop"]).to_pixels(clip.landmarks) for clip in (two[0], alone))
    assert np.abs(found[: HIDDEN.start] - expected)[..., :2].mean() < 0.5


def test_someone_who_comes_in_later_changes_nothing_but_the_count(faces, landmarker, tmp_path):
    count = LOOK_EVERY + 12
    larges = [faces[k % (2 * FRAMES)] for k in range(count)]
    smalls = [faces[k % FRAMES] if k >= LOOK_EVERY - 4 else None for k in range(count)]
    clip = extract(make(tmp_path / "later.mp4", smalls, larges), landmarker)
    assert 8 <= clip.label.source["frames_several_faces"] <= 16
    assert clip.tracked.all()
    assert (centres(clip) > SIDE).all()


def test_one_face_that_is_suddenly_elsewhere_is_followed_and_told(faces, landmarker, tmp_path):
    smalls = [None] * 10 + faces[10:20]
    path = make(tmp_path / "jump.mp4", smalls, faces[:10] + [None] * 10)
    clip = extract(path, landmarker)
    assert clip.label.source["frames_several_faces"] == 0
    assert clip.label.source["warnings"] == ["the face is suddenly elsewhere at 0.4 s: is it one person's?"]
    assert centres(clip)[-1] < SIDE < centres(clip)[0]


def test_warnings_are_in_the_ledger_and_the_data_after_a_second_start_too(faces, media, tmp_path):
    (tmp_path / "videos").mkdir()
    make(tmp_path / "videos" / "a.mp4", faces[FRAMES : FRAMES + 8], faces[:8])
    make(tmp_path / "videos" / "b.mp4", [None] * 8, faces[8:16])
    items = list_items(tmp_path / "videos", "smile")
    model = str(media / "face_landmarker.task")
    for ledger in ("first.csv", "second.csv"):
        plan = Building(tmp_path / ledger[:-4], "own", model, tmp_path / "key", tmp_path / ledger, Settings(32, 4), workers=1)
        if ledger == "second.csv":  # as a killed call leaves it
            keep = build_parts(items, plan)
            assert keep == 2
        build(items, plan, {})
        rows = (tmp_path / ledger).read_text().splitlines()
        assert "more than one face in 8 of 8 frames" in next(row for row in rows if "a.mp4" in row)
        assert "face" not in next(row for row in rows if "b.mp4" in row).partition(",ok,")[2]
        labels = Dataset.open(plan.output).labels
        assert sorted(label.source["frames_several_faces"] for label in labels) == [0, 8]


def build_parts(items, plan):
    from input_pipeline.extract.parts import FOLDER, PartStore
    from input_pipeline.extract.pool import ExtractionPool
    from input_pipeline.pseudonyms import Pseudonyms

    with ExtractionPool(plan.landmarker, 1, plan.settings) as pool:
        return len(list(pool.run(items, PartStore(plan.output / FOLDER), Pseudonyms.open(plan.key_file)[0].parts, 1)))


def test_a_face_counts_only_where_the_followed_one_is_or_was():
    company = Company(place=[None, (10, 10, 20, 20)], others=[[], []], several=0)
    here, there = (Face(np.array([[x, 12, 0], [x + 5, 18, 0]], np.float32), np.zeros(52)) for x in (14, 40))
    assert company.is_followed(1, here)
    assert not company.is_followed(1, there)
    assert not company.is_followed(0, here)


def test_others_are_painted_over_in_a_copy_and_only_as_far_as_the_picture_goes():
    rgb = np.full((10, 10, 3), 7, np.uint8)
    company = Company(place=[None] * 2, others=[[], [(-5, -5, 1, 2), (8, 8, 30, 30), (-9, -9, -2, -2)]], several=1)
    assert company.cover(0, rgb) is rgb
    covered = company.cover(1, rgb)
    assert (rgb == 7).all()
    assert (covered == 128).all(axis=2).sum() == 2 * 3 + 2 * 2
    assert (covered[:3, :2] == 128).all()
    assert (covered[8:, 8:] == 128).all()


def test_overlap_is_shared_over_joint_area():
    assert overlap((0, 0, 2, 2), (0, 0, 2, 2)) == 1
    assert overlap((0, 0, 2, 2), (1, 0, 3, 2)) == pytest.approx(1 / 3)
    assert overlap((0, 0, 2, 2), (2, 0, 3, 2)) == 0
    assert overlap((0, 0, 2, 2), (3, 3, 4, 4)) == 0
