"""Stored features are used only for the clips, the frames and the augmentations that they were made of."""

import dataclasses
import json
import re
import shutil

import numpy as np
import pytest
from clip_factory import make_clip

from input_pipeline.dataset import Dataset
from input_pipeline.errors import RecordError, UserError
from input_pipeline.pipeline import batches, default_data_config
from input_pipeline.shards import write_dataset
from input_pipeline.validate import describe, find_problems
from input_pipeline.vision_feature_shards import FeatureWriter
from input_pipeline.vision_features import _INDIFFERENT, _MOMENTS, _SHOWN, About, data_digests, moments_of, open_features
from input_pipeline.vision_records import DTYPES, KINDS, Seen, decode_vision_record, encode_vision_record

COUNT, SHAPE = 7, (2, 3, 4)


def data_config(**changes):
    config = default_data_config()
    config.update({"vision_features": "made", "trajectory_length": 16, "num_frames": 2, "image_size": 32, "read_threads": 0})
    config.update(changes)
    return config


def write_data(folder, count=COUNT, **changes):
    write_dataset([make_clip(k, stored=4, score=k % 5, **changes) for k in range(count)], folder, "made", 2, {})
    return Dataset.open(folder)


def seen(dataset, index, kind, missing="", dtype="bfloat16"):
    """Features that say whose they are: the clip's number, negative where mirrored."""
    vision = np.full(SHAPE, (1 + index) * (-1 if kind == KINDS[1] else 1), DTYPES["BF16" if dtype == "bfloat16" else "F32"])
    return Seen(dataset.labels[index].clip_id, kind, vision, np.arange(2) <= index, missing)


def about_of(dataset, config, **changes):
    data, pixels = data_digests(dataset.manifest)
    vit = {"digest": "0" * 64, "config": {}, "pretrained": {}}
    moments = moments_of(config, config.trajectory_length)
    about = About(data, pixels, len(dataset), moments, SHAPE, "bfloat16", KINDS, vit, 3)
    return dataclasses.replace(about, **changes)


def write_features(dataset, about=None, make=seen, name="made"):
    writer = FeatureWriter(dataset.path / "features" / name, about or about_of(dataset, data_config()))
    for number, clips in writer.missing():
        with writer.shard(number) as shard:
            for index in clips:
                shard.add({kind: make(dataset, index, kind) for kind in writer.about.kinds})
    writer.finish()
    return writer.folder


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data") / "data"
    write_features(write_data(folder))
    return folder


@pytest.fixture
def folder(sound, tmp_path):
    return shutil.copytree(sound, tmp_path / "data")


def make(dataset, config, train=True, steps=6):
    options = {"task": "severity", "batch_size": 4, "seed": 0, "train": train, "needs": frozenset({"vision", "score"})}
    stream = batches(dataset, range(len(dataset)), config, None, **options)
    return [batch for batch, _ in zip(stream, range(steps), strict=False)]


@pytest.mark.parametrize("dtype", ["bfloat16", "float32", "float16"])
def test_a_record_comes_back_as_it_went_in(dtype):
    vision = np.random.default_rng(0).normal(size=SHAPE).astype({kind.name: kind for kind in DTYPES.values()}[dtype])
    before = Seen("clip", "plain", vision, np.array([True, False]))
    after = decode_vision_record(encode_vision_record(before))
    assert after.vision.dtype == before.vision.dtype
    np.testing.assert_array_equal(after.vision, before.vision)
    np.testing.assert_array_equal(after.frame_mask, before.frame_mask)
    assert encode_vision_record(before) == encode_vision_record(after)


def test_each_clip_gets_its_own_features_and_a_flipped_one_the_mirrored(sound):
    dataset = Dataset.open(sound)
    for batch in make(dataset, data_config(flip_probability=0.0)):
        assert batch["vision"].dtype == DTYPES["BF16"]
        assert batch["vision"][:, 0, 0, 0].tolist() == (1 + batch["clip_index"]).tolist()
        assert batch["frame_mask"].tolist() == [[True, index >= 1] for index in batch["clip_index"]]
    signs = [batch["vision"][:, 0, 0, 0] / (1 + batch["clip_index"]) for batch in make(dataset, data_config())]
    assert {float(sign) for sign in np.concatenate(signs)} == {1.0, -1.0}
    (flipped, *_) = make(dataset, data_config(flip_probability=1.0))
    assert (flipped["vision"][:, 0, 0, 0] == -(1 + flipped["clip_index"])).all()
    for batch in make(dataset, data_config(flip_probability=1.0), train=False):
        assert (batch["vision"][:, 0, 0, 0] == 1 + batch["clip_index"]).all()


def test_batches_of_features_start_anywhere_and_are_read_by_several_threads(sound):
    dataset = Dataset.open(sound)
    alone, threads = make(dataset, data_config()), make(dataset, data_config(read_threads=2))
    for first, second in zip(alone, threads, strict=True):
        for name in first:
            np.testing.assert_array_equal(first[name], second[name])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"num_frames": 4}, "made of other frames, with data.num_frames=2; here 4"),
        ({"image_size": 48}, "made of other frames, with data.image_size=32; here 48"),
        ({"trajectory_length": 8}, "made of other frames, with data.trajectory_length=16; here 8"),
        ({"resample_fps": 5.0}, "made of other frames, with data.resample_fps=0.0; here 5.0"),
        ({"align_frames": True}, "made of other frames, with data.align_frames=off; here True"),
        ({"frame_change": 3.0}, "made of other frames, with data.frame_change=off; here 3.0"),
        ({"vision_features": "other"}, "has no such features (it has: made): make them with python -m tramp_jax.features"),
        ({"vision_features": "../made"}, "expected a name of letters"),
    ],
)
def test_features_of_other_frames_are_refused_in_training_and_evaluation(sound, changes, words):
    for train in (True, False):
        with pytest.raises(UserError, match=re.escape(words)) as error:
            make(Dataset.open(sound), data_config(**changes), train)
        assert len(str(error.value).splitlines()) == 1


def test_training_with_flips_needs_features_of_mirrored_frames(folder):
    dataset = Dataset.open(folder)
    write_features(dataset, about_of(dataset, data_config(), kinds=KINDS[:1]), name="plain")
    config = data_config(vision_features="plain")
    with pytest.raises(UserError, match=r"no features of mirrored frames: set --config\.data\.flip_probability=0"):
        make(dataset, config)
    make(dataset, config, train=False)
    make(dataset, data_config(vision_features="plain", flip_probability=0.0))


def test_an_augmentation_that_may_change_pixels_is_refused_in_training_alone(sound):
    config = data_config()
    config.zoom = 0.2
    with pytest.raises(UserError, match=r"data\.zoom=0\.2: may change the pixels that data\.vision_features=made were made of"):
        make(Dataset.open(sound), config)
    make(Dataset.open(sound), config, train=False)
    defaults = {**default_data_config(), "zoom": 0.2}
    open_features(Dataset.open(sound), config, config.trajectory_length, defaults)


def test_it_is_decided_of_every_option_whether_it_changes_what_is_seen():
    """A new one of config.data goes into one of the two lists, or has to stand at its default in runs on features."""
    changing = {"zoom", "trim", "speed_change", "brightness", "contrast", "saturation", "colour_cast", "grayscale_probability"}
    shown = {"num_frames", "image_size", "resample_fps", "align_frames", "frame_change"}
    known = set(default_data_config()) - shown - changing
    assert {*_MOMENTS, *_SHOWN} == shown
    assert set(_INDIFFERENT) == known


def test_features_of_a_data_set_that_was_built_again_are_refused(folder):
    shutil.move(folder / "features", folder.parent / "features")
    write_data(folder, expression="frown")
    shutil.move(folder.parent / "features", folder / "features")
    with pytest.raises(UserError, match="made before the data set was built again"):
        make(Dataset.open(folder), data_config())
    (problem,) = find_problems(folder)
    assert "made before the data set was built again" in problem


def test_a_copy_without_pixels_keeps_its_features(folder):
    about = json.loads((folder / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps(about | {"frames": [], "has_frames": False}))
    for path in folder.glob("frames-*"):
        path.unlink()
    assert list(find_problems(folder)) == []
    assert len(make(Dataset.open(folder), data_config())) == 6


def damage(folder, pattern, value):
    """Writes over the features of a clip; returns what held them."""
    path = next(path for path in sorted(folder.glob(pattern)) if value in path.read_bytes())
    blob = bytearray(path.read_bytes())
    blob[blob.index(value)] ^= 1
    path.write_bytes(blob)
    return path


def test_a_damaged_record_is_found_borne_and_counted_like_any_other(folder):
    """Value 3 is in the features of the third clip."""
    where, clip = (
        damage(folder, "features/made/plain-*", np.full(SHAPE, 3, DTYPES["BF16"]).tobytes()),
        Dataset.open(folder).labels[2].clip_id,
    )
    problems = list(find_problems(folder))
    assert len(problems) == 2
    assert f"{where}: SHA-256 is" in problems[0]
    assert f"{where}: record 2 ({clip}) is damaged" in problems[1]
    dataset = Dataset.open(folder)
    with pytest.raises(RecordError, match=clip):
        open_features(dataset, data_config(), 16, None).read(2, mirrored=False)
    borne = make(dataset, data_config(flip_probability=0.0, max_bad_clips=1))
    left_out = np.concatenate([batch["left_out"] for batch in borne])
    assert set(left_out) == {-1, 2}
    with pytest.raises(UserError, match=clip):
        make(dataset, data_config(flip_probability=0.0))


def test_features_of_another_clip_or_kind_or_shape_or_none_at_all_are_refused(sound, tmp_path):
    def wrong(dataset, index, kind):
        found = seen(dataset, index, kind)
        changes = [
            {"clip_id": "another"},
            {"kind": KINDS[1]},
            {"vision": found.vision[:1]},
            {"vision": found.vision.astype(np.float32)},
            {"vision": found.vision[:0], "missing": "its frames could not be read when the features were made"},
        ]
        return dataclasses.replace(found, **changes[index]) if index < len(changes) else found

    dataset = write_data(tmp_path)
    write_features(dataset, about_of(dataset, data_config(), kinds=KINDS[:1]), wrong)
    problems = list(find_problems(tmp_path))
    words = [
        "holds plain features of clip 'another'",
        "holds mirrored features",
        r"\(1, 3, 4\), expected",
        "float32",
        "could not be",
    ]
    for index, (problem, word) in enumerate(zip(problems, words, strict=True)):
        assert f"record {index % 3} ({dataset.labels[index].clip_id})" in problem
        assert re.search(word, problem)


def test_features_that_are_no_numbers_are_found(tmp_path):
    dataset = write_data(tmp_path)
    write_features(dataset, make=lambda *of: dataclasses.replace(seen(*of), vision=np.full_like(seen(*of).vision, np.nan)))
    problems = list(find_problems(tmp_path))
    assert len(problems) == 2 * COUNT
    assert "no numbers" in problems[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text[:-5], "not an account of features"),
        (lambda text: text.replace("features/1", "features/0"), "schema is 'tramp-jax/features/0'"),
        (lambda text: text.replace("plain-00000-of", "../../x-of"), "a file's name is unknown"),
        (lambda text: text.replace('"bfloat16"', '"int8"'), "a dtype"),
        (lambda text: text.replace('"clips": 7', '"clips": 8'), "do not add up"),
    ],
)
def test_a_damaged_account_is_one_line(folder, change, words):
    path = folder / "features" / "made" / "features.json"
    path.write_text(change(path.read_text()))
    (problem,) = find_problems(folder)
    assert words in problem
    assert len(problem.splitlines()) == 1


def test_a_missing_shard_is_told_at_once(folder):
    next((folder / "features" / "made").glob("mirrored-00001*")).unlink()
    with pytest.raises(UserError, match=r"mirrored-00001-of-00003\.arrayrecord: missing"):
        make(Dataset.open(folder), data_config())


def test_features_are_described(sound):
    assert "features made: 2 frames x 3 patches x 4, bfloat16, plain and mirrored" in describe(sound)
