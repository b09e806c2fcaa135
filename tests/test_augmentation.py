"""Landmarks, frames, words and kinematics of an augmented example are those of one video that could have been filmed."""

import dataclasses
import hashlib
import itertools
import re

import numpy as np
import pytest
import simplejpeg
from clip_factory import SIDE, make_clip
from motion_clip_factory import Held, smiling

from input_pipeline import augmentation
from input_pipeline.errors import UserError
from input_pipeline.examples import Examples
from input_pipeline.motion import wording
from input_pipeline.motion.facts import ATTRIBUTES, Fact
from input_pipeline.motion.kinematics import FEATURE_NAMES, measure
from input_pipeline.motion.layouts import NO_LANDMARKS, NOSE_REFERENCE, TOKEN_MIRROR
from input_pipeline.pipeline import batches, default_data_config
from input_pipeline.records import EXPRESSIONS
from input_pipeline.shards import Dataset, write_dataset
from input_pipeline.tokenizer import Tokenizer, train_tokenizer

REPORT = "The left mouth corner moves less. Right eye number {}."
TURNS = tuple({"role": role, "content": f"{role} {k}"} for k in range(3) for role in ("user", "assistant"))
COUNT = 7


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer(train_tokenizer([REPORT.format(k) for k in range(COUNT)], 400))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Clips of 12 to 18 frames; two with instruction turns, of which one is drawn."""
    folder = tmp_path_factory.mktemp("data")
    clips = [
        make_clip(
            k,
            frames=12 + k,
            stored=12 + k,
            score=k % 5,
            report=REPORT.format(k),
            expression=EXPRESSIONS[k % 5],
            turns=TURNS if k < 2 else (),
        )
        for k in range(COUNT)
    ]
    write_dataset(clips, folder, "made", 3, {})
    return Dataset.open(folder)


def data_config(**changes):
    config = default_data_config()
    small = {"trajectory_length": 16, "num_frames": 4, "image_size": SIDE, "text_length": 96, "read_threads": 0}
    measured = {"kinematics_centre": (0.0,) * len(FEATURE_NAMES), "kinematics_scale": (1.0,) * len(FEATURE_NAMES)}
    config.update(small | measured | changes)
    return config


def make(source, tokenizer, steps, config, needs, indices=None, **changes):
    options = {"task": "severity", "batch_size": 4, "seed": 0, "train": True} | changes
    chosen = list(range(len(source.labels))) if indices is None else list(indices)
    return list(itertools.islice(batches(source, chosen, config, tokenizer, needs=frozenset(needs), **options), steps))


# SHA-256 of batches as the version before this module made them, so that its runs go on to the bit. Without `kinematics`, and
# texts as words: filters and trained tokenizers may differ between versions of other packages.
BEFORE = {
    ("trajectory", "frames", "text", "score"): "7a97763dd4df3336e8cc6953ddc94c206c339e7cbda4269aa9d5a7a1c1c7512d",
    ("trajectory", "score"): "6bd17d0b693f83c43a007d11ccae2e380a01355c24288500ef9852bb2c096aaa",
    ("frames", "text"): "ed0c44b1afe1b1127477af20fc6023262ed3731a3516676be93c00d4e8f38ed6",
}
_OF_TOKENS = ("tokens", "token_mask", "loss_mask", "prompt_length", "truncated")


@pytest.mark.parametrize("needs", BEFORE, ids="+".join)
def test_what_is_off_changes_no_bit(dataset, tokenizer, needs):
    digest = hashlib.sha256()
    for config in (data_config(), data_config(landmark_noise=1.0, reversal_probability=0.5)):
        for batch in make(dataset, tokenizer, 6, config, needs):
            for name in sorted(batch.keys() - set(_OF_TOKENS)):
                digest.update(name.encode() + np.ascontiguousarray(batch[name]).tobytes())
            for row in batch.get("tokens", ()):
                digest.update(tokenizer.decode(row).encode())
    assert digest.hexdigest() == BEFORE[needs]


LIGHT = {"brightness": 0.3, "contrast": 0.3, "saturation": 0.3, "colour_cast": 0.2, "grayscale_probability": 0.2}
TIME = {"trim": 0.3, "speed_change": 0.3}
ALL_NEEDS = ("trajectory", "frames", "text", "score", "kinematics")


def example(clip, config, needs, seed, tokenizer=None, train=True):
    """One example, and what was drawn for it."""
    make_example = Examples(Held(clip), config, tokenizer, frozenset(needs), train, config.trajectory_length)
    return make_example(0, 1.0, np.random.default_rng(seed)), augmentation.draw(config, np.random.default_rng(seed))


@pytest.fixture(scope="module")
def pictured():
    """A clip whose colours are the pixels of its frames under its landmarks, whose pixels are all different."""
    rng, count = np.random.default_rng(0), 6
    jpegs = tuple(simplejpeg.encode_jpeg(rng.integers(0, 256, (SIDE, SIDE, 3), np.uint8), quality=95) for _ in range(count))
    places = rng.integers(0, SIDE, (count, 63, 2))  # column and row of the pixel under each landmark
    images = np.stack([simplejpeg.decode_jpeg(jpeg) for jpeg in jpegs])
    clip = make_clip(0, frames=count)
    landmarks = np.concatenate([(places + 0.5) / SIDE - 0.5, np.zeros((count, 63, 1))], axis=-1)
    return dataclasses.replace(
        clip,
        landmarks=landmarks.astype(np.float16),
        colours=images[np.arange(count)[:, None], places[..., 1], places[..., 0]],
        frames=jpegs,
        frame_index=np.arange(count, dtype=np.int32),
    )


@pytest.mark.parametrize("flip", [0.0, 1.0])
@pytest.mark.parametrize("seed", range(5))
def test_a_landmark_has_the_colour_of_the_pixel_that_it_lies_on(pictured, flip, seed):
    """In every frame of the example, found at the place that the trajectory gives."""
    count = len(pictured.times)
    config = data_config(
        trajectory_length=count, num_frames=count, position_unit=1.0, features=("x", "y", "r", "g", "b"), flip_probability=flip
    )
    plain, _ = example(pictured, config, ("trajectory", "frames"), seed)
    config.update(LIGHT)
    found, drawn = example(pictured, config, ("trajectory", "frames"), seed)
    nose = pictured.landmarks[0, TOKEN_MIRROR[NOSE_REFERENCE] if flip else NOSE_REFERENCE, :2].astype(float)
    nose[0] *= -1 if flip else 1
    column, row = np.floor((found["trajectory"][..., :2] / 256 + nose + 0.5) * SIDE).astype(int).transpose(2, 0, 1)
    under = found["frames"][np.arange(count)[:, None], row, column]
    np.testing.assert_array_equal(np.floor((found["trajectory"][..., 2:] + 1) * 127.5 + 0.501), under)
    np.testing.assert_array_equal(found["trajectory"][..., :2], plain["trajectory"][..., :2])
    changed = np.abs(found["frames"].astype(int) - plain["frames"]).mean()
    assert changed > 4, drawn
    # One change for the whole clip: it maps the frames of the plain example to these.
    np.testing.assert_array_equal(drawn.colour.of_images(np.ascontiguousarray(plain["frames"])), found["frames"])


@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_landmarks_stay_on_what_they_lie_on_when_the_view_is_closer(flip):
    """A bright spot under a landmark that is found in the frame by its centre of mass, at the size of a view."""
    size, clip, places = 64, make_clip(0, frames=3), np.array([[22.0, 40.0], [30.0, 27.0], [41.0, 35.0]])
    y, x = np.mgrid[:size, :size] + 0.5
    spots = [255 * np.exp(-((x - column) ** 2 + (y - row) ** 2) / 8) for column, row in places]
    jpegs = tuple(simplejpeg.encode_jpeg(np.repeat(one[..., None], 3, 2).astype(np.uint8), quality=100) for one in spots)
    landmarks = np.zeros((3, 63, 3))
    landmarks[:, :, :2] = (places / size - 0.5)[:, None]
    landmarks[:, 5, 2] = 0.1
    clip = dataclasses.replace(clip, landmarks=landmarks, frames=jpegs, frame_index=np.arange(3, dtype=np.int32))
    config = data_config(
        trajectory_length=3, num_frames=3, image_size=size, features=("x", "y", "z"), position_unit=256.0, zoom=0.5
    )
    config.flip_probability = flip
    sides = set()
    for seed in range(12):
        found, drawn = example(clip, config, ("trajectory", "frames"), seed)
        weight = found["frames"][..., 0] + 1e-6
        centre = np.stack([(weight * axis).sum(axis=(1, 2)) for axis in (x, y)], 1) / weight.sum(axis=(1, 2))[:, None] / size
        inside = (np.abs(centre - 0.5).max(axis=1) < 0.35) & (weight.sum(axis=(1, 2)) > 1000)  # the whole spot is
        moved = found["trajectory"][:, 0, :2]
        for first, second in itertools.combinations(np.flatnonzero(inside), 2):
            np.testing.assert_allclose(moved[second] - moved[first], centre[second] - centre[first], atol=0.006)
            sides.add(drawn.view.side)
        np.testing.assert_allclose(
            found["trajectory"][:, TOKEN_MIRROR[5] if flip else 5, 2], 0.1 * size / drawn.view.side, rtol=1e-5
        )
        if not flip and inside[0]:  # also where it is, not only how far it goes
            np.testing.assert_allclose(drawn.of_pixels(landmarks * 256.0, None)[0, 0, :2] / 256 + 0.5, centre[0], atol=0.006)
    assert len(sides) > 5
    head_free = augmentation.draw(data_config(zoom=0.5, remove_head_motion=True), np.random.default_rng(0))
    assert not head_free.view.is_whole
    assert head_free.view_of_landmarks.is_whole


def test_no_report_that_is_written_speaks_of_colours():
    facts = [
        Fact(region, "both", name, level)
        for name, attribute in ATTRIBUTES.items()
        for region in attribute.regions
        for level in attribute.levels
    ]
    words = " ".join([*(text for fact in facts for text in wording.sentences_for(fact, "smile")), str(wording.LEAD_INS)])
    assert "reduced" in words
    colours = (
        r"colou?r\w*|red|reddish|pale\w*|flush\w*|dark\w*|bright\w*|light\w*|gr[ae]y|white|black|blue|tint\w*|skin|shin\w+"
    )
    assert not re.search(rf"\b(?:{colours})\b", words.lower())


@pytest.mark.parametrize("resample_fps", [0.0, 20.0])
def test_an_example_with_other_times_is_one_video(resample_fps):
    """Landmarks, frames, clock and kinematics agree: as far, as much faster, at the moments that the frames show."""
    clip, checked = smiling(stored=2), 0
    window = {"trajectory_length": 72, "num_frames": 72, "features": ("x", "y", "r"), "position_unit": 256.0}
    still = data_config(resample_fps=resample_fps, **window)
    config = data_config(resample_fps=resample_fps, **window, **TIME)
    rate = resample_fps or 30.0
    filmed = measure(clip.landmarks, clip.layout, clip.times)
    for seed in range(12):
        found, drawn = example(clip, config, ("trajectory", "frames", "kinematics"), seed)
        plain, _ = example(clip, still, ("trajectory",), seed)
        if np.array_equal(found["trajectory"], plain["trajectory"]):
            continue  # the cut would have taken the smile
        again = np.flatnonzero(np.diff(found["trajectory_time"]) < 0)  # where a short clip starts anew
        count = again[0] + 1 if len(again) else 72
        number = (found["trajectory"][:count, 0, 2] + 1) * 127.5 / 2
        seconds = number / 30
        # The clock under the landmarks runs `speed` times as fast as the window, within the interval.
        inner = slice(2, -2)
        np.testing.assert_allclose(np.diff(number[inner]), 30 / rate * drawn.speed, atol=0.02)
        start, end = drawn.cut[0] * clip.times[-1], (1 - drawn.cut[1]) * clip.times[-1]
        assert start - 1e-3 <= seconds.min()
        assert seconds.max() <= end + 1e-3
        # Frames show the same moments, to half the distance of stored ones (and the means over a moment).
        shown = found["frames"][:count].mean(axis=(1, 2, 3)) / 2
        assert np.abs(shown - number).max() <= 1.3
        # What the model reads measures as the clip does, but for the speed; so do the kinematics beside it.
        tokens = np.concatenate([found["trajectory"][:count, :, :2], np.zeros((count, 63, 1))], axis=-1)
        seen = measure(tokens, "tokens63", np.arange(count) / rate).values
        for name, factor in (("amplitude/mouth_corner/both", 1.0), ("peak_speed/mouth_corner/both", drawn.speed)):
            assert seen[name] == pytest.approx(factor * filmed.values[name], rel=0.08), (name, drawn)
        told = dict(zip(FEATURE_NAMES, found["kinematics"], strict=True))
        expected = np.log(0.05 + drawn.speed * filmed.values["peak_speed/mouth_corner/both"])
        assert told["log_speed peak_speed/mouth_corner/both"] == pytest.approx(expected, abs=0.04)
        checked += 1
    assert checked >= 5


@pytest.fixture(scope="module")
def smiles():
    """Clips that time changes apply to, with a report that they leave true, and one that they do not."""
    plain, timed = "Movement of both mouth corners is normal.", "Movement speed of both mouth corners is normal (0.54 IOD/s)."
    return Held(
        *(smiling(start=1.2 + 0.05 * k, stored=4, size=0.2 + 0.01 * k, score=k % 5, report=plain) for k in range(5)),
        smiling(start=1.5, stored=4, score=0, report=timed),
    )


ON = {**LIGHT, **TIME, "zoom": 0.2, "landmark_noise": 0.5, "reversal_probability": 0.3, "trajectory_length": 64}


def test_what_is_drawn_does_not_depend_on_what_is_read(smiles):
    config = data_config(**ON)
    needs = ("trajectory", "frames", "score", "kinematics")
    everything = make(smiles, None, 4, config, needs)
    for some in (("trajectory",), ("frames",), ("kinematics", "score"), ("trajectory", "frames")):
        for whole, part in zip(everything, make(smiles, None, 4, config, some), strict=True):
            for name in part:
                np.testing.assert_array_equal(part[name], whole[name], err_msg=name)


@pytest.mark.parametrize("threads", [2, 4])
@pytest.mark.parametrize("cached", [0, 3])
def test_threads_starts_and_caches_change_nothing(smiles, tokenizer, threads, cached):
    expected = make(smiles, tokenizer, 5, data_config(**ON), ALL_NEEDS)
    config = data_config(read_threads=threads, cache_clips=cached, **ON)
    for _ in range(2):
        for batch, same in zip(expected[2:], make(smiles, tokenizer, 3, config, ALL_NEEDS, start_step=2), strict=True):
            for name in batch:
                np.testing.assert_array_equal(batch[name], same[name], err_msg=name)


def test_kept_clips_are_read_once_with_their_frames_and_once_without(tmp_path, monkeypatch):
    """Two of three are kept; a task without frames leaves nothing to one with them."""
    clips = [smiling(start=1.2 + 0.1 * k, stored=8, clip_id=f"clip{k}") for k in range(3)]
    write_dataset(clips, tmp_path, "made", 1, {})
    config, read, record = data_config(cache_clips=2, **ON), [], Dataset.record
    monkeypatch.setattr(Dataset, "record", lambda self, family, i: (read.append((family, i)), record(self, family, i))[1])
    source, both = Dataset.open(tmp_path), ("trajectory", "frames")
    make(source, None, 6, config, ("trajectory",))
    found = make(source, None, 6, config, both)
    assert len(found) == 6
    counts = [read.count(("landmarks", k)) for k in range(3)], [read.count(("frames", k)) for k in range(3)]
    assert [sorted(one)[:2] for one in counts] == [[2, 2], [1, 1]]
    assert [max(one) > 6 for one in counts] == [True, True]
    for batch, same in zip(found, make(Dataset.open(tmp_path), None, 6, data_config(**ON), both), strict=True):
        np.testing.assert_array_equal(batch["frames"], same["frames"])


def test_an_evaluation_sees_clips_as_filmed(smiles, tokenizer):
    config, plain = data_config(cache_clips=9, **ON), data_config(trajectory_length=64)
    make(smiles, tokenizer, 4, config, ALL_NEEDS)  # fills what is kept of clips
    on, off = (make(smiles, tokenizer, 2, one, ALL_NEEDS, train=False, batch_size=3) for one in (config, plain))
    for batch, same in zip(on, off, strict=True):
        for name in batch:
            np.testing.assert_array_equal(batch[name], same[name], err_msg=name)


def test_a_clip_whose_report_tells_a_speed_is_moved_only_where_the_report_is_not_read(smiles, tokenizer):
    config, still = data_config(trajectory_length=64, **TIME), data_config(trajectory_length=64)
    for index, text, applies in ((0, True, True), (5, True, False), (5, False, True)):
        needs = ("trajectory", "text") if text else ("trajectory",)
        moved = [
            not np.array_equal(one["trajectory"], other["trajectory"])
            for one, other in (
                (example(smiles.clip(index), chosen, needs, seed, tokenizer)[0] for chosen in (config, still))
                for seed in range(8)
            )
        ]
        assert any(moved) is applies


def test_one_augmentation_does_not_shift_what_another_draws():
    for seed in range(20):
        alone = augmentation.draw(data_config(**TIME), np.random.default_rng(seed))
        both = augmentation.draw(data_config(**TIME, **LIGHT), np.random.default_rng(seed))
        light = augmentation.draw(data_config(**LIGHT), np.random.default_rng(seed))
        assert (alone.cut, alone.speed, alone.flip) == (both.cut, both.speed, light.flip)
        np.testing.assert_array_equal(light.colour.matrix, both.colour.matrix)
        rng, untouched = np.random.default_rng(seed), np.random.default_rng(seed)
        augmentation.draw(data_config(**ON), rng)
        untouched.random(2)
        assert rng.random() == untouched.random()


def test_draws_fill_their_ranges_evenly():
    config = data_config(trim=0.4, speed_change=0.25, brightness=0.2, grayscale_probability=0.3, zoom=0.25)
    drawn = [augmentation.draw(config, np.random.default_rng([0, k])) for k in range(1000)]
    cuts, speeds = np.array([one.cut for one in drawn]), np.log([one.speed for one in drawn]) / np.log(1.25)
    assert 0.19 < cuts.sum(axis=1).mean() < 0.21
    assert 0.39 < cuts.sum(axis=1).max() <= 0.4
    assert cuts.min() >= 0
    np.testing.assert_allclose(cuts.mean(axis=0), 0.1, atol=0.008)
    assert -1 <= speeds.min() < -0.98 < 0.98 < speeds.max() <= 1
    assert abs(speeds.mean()) < 0.05
    views = np.array([(one.view.left, one.view.top, one.view.side) for one in drawn])
    assert {SIDE} == {one.view.size for one in drawn}
    assert (views[:, 2].min(), views[:, 2].max()) == (SIDE * 3 // 4, SIDE)
    assert views.min() == 0
    ends = views[:, :2] + views[:, 2:]
    assert (ends <= SIDE).all()
    assert ((ends == SIDE) & (views[:, :2] > 0)).any(axis=0).all()
    gains = np.array([one.colour.matrix.sum(axis=1)[0] / 2**one.colour.bits for one in drawn])
    assert 0.79 < gains.min() < 0.82
    assert 1.18 < gains.max() < 1.21
    assert abs(gains.mean() - 1) < 0.01
    assert 0.26 < np.mean([np.ptp(one.colour.matrix, axis=0).max() <= 1 for one in drawn]) < 0.34
    assert len({(one.colour.bits, *one.colour.matrix.flat) for one in drawn}) > 10


def test_frames_without_landmarks_change_their_light_and_not_their_times():
    clip = smiling(stored=4)
    nothing = {"landmarks": np.zeros((120, 0, 3), np.float16), "colours": np.zeros((120, 0, 3), np.uint8)}
    bare = dataclasses.replace(clip, layout=NO_LANDMARKS, **nothing)
    needs, config = ("frames",), data_config(brightness=0.5, flip_probability=0.0, **TIME)
    for seed in range(3):
        found, drawn = example(bare, config, needs, seed)
        plain, _ = example(bare, data_config(flip_probability=0.0), needs, seed)
        np.testing.assert_array_equal(found["frames"], drawn.colour.of_images(plain["frames"]))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("zoom", 0.6),
        ("trim", 0.6),
        ("trim", -0.1),
        ("speed_change", 0.7),
        ("brightness", 1.0),
        ("contrast", -1.0),
        ("saturation", 1.5),
        ("colour_cast", 1.0),
        ("grayscale_probability", float("nan")),
    ],
)
def test_a_wrong_strength_is_told_in_one_line(smiles, name, value):
    told = rf"^data\.{name}={value}: must be between 0 \(off\) and [\d.]+$"
    with pytest.raises(UserError, match=told):
        make(smiles, None, 1, data_config(**{name: value}), ("trajectory",))
