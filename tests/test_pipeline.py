"""Batches are a function of (seed, task, step), and everything in an example belongs together."""

import dataclasses
import hashlib
import itertools

import numpy as np
import pytest
from clip_factory import SIDE, make_clip

from input_pipeline import transforms
from input_pipeline.errors import UserError
from input_pipeline.motion.kinematics import FEATURE_NAMES
from input_pipeline.motion.layouts import NOSE_REFERENCE
from input_pipeline.pipeline import NEEDS, batches, default_data_config, instruction, shares, single_batch
from input_pipeline.records import EXPRESSIONS
from input_pipeline.shards import Dataset, write_dataset
from input_pipeline.tokenizer import Tokenizer, train_tokenizer

REPORT = "The left mouth corner moves less. Right eye number {}."
COUNT = 11


@pytest.fixture(scope="module")
def tokenizer():
    return Tokenizer(train_tokenizer([REPORT.format(k) for k in range(COUNT)], 400))


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("data")
    clips = [
        make_clip(k, frames=12 + k, stored=12 + k, score=k % 5, report=REPORT.format(k), expression=EXPRESSIONS[k % 5])
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


def make(dataset, tokenizer, steps, config=None, indices=range(COUNT), **changes):
    """The first `steps` batches, all of them for None."""
    options = {"task": "severity", "batch_size": 4, "seed": 0, "train": True, "needs": NEEDS} | changes
    stream = batches(dataset, list(indices), config or data_config(), tokenizer, **options)
    return list(itertools.islice(stream, steps))


def assert_equal(first, second):
    assert first.keys() == second.keys()
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


def test_a_batch_has_the_shapes_and_types_of_the_contract(dataset, tokenizer):
    (batch,) = make(dataset, tokenizer, 1)
    assert {name: (value.shape, value.dtype.name) for name, value in batch.items()} == {
        "trajectory": ((4, 16, 63, 5), "float32"),
        "trajectory_time": ((4, 16), "float32"),
        "trajectory_mask": ((4, 16), "bool"),
        "frames": ((4, 4, SIDE, SIDE, 3), "uint8"),
        "frame_mask": ((4, 4), "bool"),
        "kinematics": ((4, 53), "float32"),
        "expression": ((4,), "int32"),
        "score": ((4,), "float32"),
        "score_weight": ((4,), "float32"),
        "tokens": ((4, 96), "int32"),
        "token_mask": ((4, 96), "bool"),
        "loss_mask": ((4, 96), "float32"),
        "prompt_length": ((4,), "int32"),
        "truncated": ((4,), "int32"),
        "weight": ((4,), "float32"),
        "clip_index": ((4,), "int32"),
        "left_out": ((4,), "int32"),
    }


@pytest.mark.parametrize("threads", [0, 2, 4])
def test_batch_k_is_the_same_from_any_start_and_on_any_number_of_threads(dataset, tokenizer, threads):
    noisy = {"landmark_noise": 1.0, "reversal_probability": 0.5}
    expected = make(dataset, tokenizer, 9, data_config(**noisy))
    for start in (0, 1, 5):
        found = make(dataset, tokenizer, 9 - start, data_config(read_threads=threads, **noisy), start_step=start)
        for first, second in zip(expected[start:], found, strict=True):
            assert_equal(first, second)


def test_seed_and_task_have_streams_of_their_own(dataset, tokenizer):
    def order(**changes):
        return np.concatenate([batch["clip_index"] for batch in make(dataset, tokenizer, 6, **changes)]).tolist()

    assert order() == order()
    assert order() != order(seed=1)
    assert order() != order(task="report")


def test_every_epoch_shows_every_clip_once_in_an_order_of_its_own(dataset, tokenizer):
    stream = np.concatenate([batch["clip_index"] for batch in make(dataset, tokenizer, COUNT, needs=frozenset({"score"}))])
    epochs = stream.reshape(-1, COUNT)
    assert all(sorted(epoch) == list(range(COUNT)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == len(epochs)


def test_fewer_clips_than_a_batch_are_repeated(dataset, tokenizer):
    for batch in make(dataset, tokenizer, 3, indices=[7, 2], batch_size=6):
        assert sorted(batch["clip_index"]) == [2, 2, 2, 7, 7, 7]


def test_processes_share_a_batch_without_gap_or_overlap(dataset, tokenizer):
    whole = make(dataset, tokenizer, 3, start_step=2)
    parts = [make(dataset, tokenizer, 3, start_step=2, process_index=i, process_count=2) for i in range(2)]
    for batch, first, second in zip(whole, *parts, strict=True):
        assert_equal(batch, {name: np.concatenate([first[name], second[name]]) for name in batch})


def test_a_process_reads_the_records_of_its_own_share_alone(dataset, tokenizer, monkeypatch):
    read = []
    record = Dataset.record
    monkeypatch.setattr(Dataset, "record", lambda self, family, i: (read.append((family, i)), record(self, family, i))[1])
    shares = []
    for process in range(2):
        read.clear()
        mine = make(dataset, tokenizer, None, train=False, indices=range(8), process_index=process, process_count=2)
        shares.append({index for _, index in read})
        assert shares[-1] == set(np.concatenate([batch["clip_index"] for batch in mine]).tolist())
        assert {family for family, _ in read} == {"landmarks", "frames"}
    assert shares == [{0, 1, 4, 5}, {2, 3, 6, 7}]


def test_evaluation_goes_through_the_clips_once_in_order_and_pads_with_weight_zero(dataset, tokenizer):
    found = make(dataset, tokenizer, None, train=False, indices=[9, 3, 4, 0, 8])
    assert np.concatenate([batch["clip_index"] for batch in found]).tolist() == [9, 3, 4, 0, 8, 8, 8, 8]
    assert np.concatenate([batch["weight"] for batch in found]).tolist() == [1, 1, 1, 1, 1, 0, 0, 0]
    assert not found[1]["score_weight"][1:].any()
    assert not found[1]["loss_mask"][1:].any()
    assert_equal(found[1], make(dataset, tokenizer, None, train=False, indices=[9, 3, 4, 0, 8], start_step=1)[0])


def test_labels_and_text_belong_to_the_clip(dataset, tokenizer):
    for batch in make(dataset, tokenizer, 3, data_config(flip_probability=0.0)):
        for row, index in enumerate(batch["clip_index"]):
            label = dataset.labels[index]
            assert batch["score"][row] == label.score
            assert EXPRESSIONS[batch["expression"][row]] == label.expression
            prompt = batch["prompt_length"][row]
            assert tokenizer.decode(batch["tokens"][row, :prompt]) == instruction(label.expression)
            assert tokenizer.decode(batch["tokens"][row, prompt:]) == label.report


def test_the_trajectory_is_the_reference_window_of_the_clip(dataset, tokenizer):
    config = data_config(position_unit=1.0, features=("x", "y"))
    (batch, *_) = make(dataset, tokenizer, None, config, train=False, batch_size=COUNT)
    for row, index in enumerate(batch["clip_index"]):
        clip = dataset.clip(int(index))
        count = len(clip.times)
        frames = [k % count for k in range(16)] if count < 16 else list(range(count))[-16:]
        pixels = clip.landmarks[frames].astype(np.float32) * 256
        np.testing.assert_allclose(batch["trajectory"][row], (pixels - pixels[0, NOSE_REFERENCE])[..., :2], atol=1e-3)
        np.testing.assert_allclose(batch["trajectory_time"][row], [2 * k / 16 - 1 for k in frames], atol=1e-6)


@pytest.mark.parametrize("stored", [1, 3])
def test_frames_show_the_moments_of_the_window(tmp_path, tokenizer, stored):
    # The grey level of a frame is its number (clip_factory), so the pixels say which moment they show.
    clips = [make_clip(k, frames=frames, stored=-(-frames // stored)) for k, frames in enumerate((10, 40))]
    write_dataset(clips, tmp_path, "made", 1, {})
    config = data_config(trajectory_length=24, num_frames=6)
    (batch,) = make(Dataset.open(tmp_path), tokenizer, None, config, indices=range(2), train=False, batch_size=2)
    for row, count in enumerate((10, 40)):
        window = [k % count for k in range(24)] if count < 24 else list(range(count - 24, count))
        shown = (batch["frames"][row, :, :, SIDE // 2 + 4 :].mean(axis=(1, 2, 3)) - 20) / 4
        wanted = [window[round(place)] for place in np.linspace(0, 23, 6)]
        assert np.abs(shown - wanted).max() <= (0.3 if stored == 1 else stored / 2 + 0.3)


def test_a_flip_mirrors_landmarks_frames_and_words_together(dataset, tokenizer):
    (plain,) = make(dataset, tokenizer, 1, data_config(flip_probability=0.0, position_unit=1.0))
    (flipped,) = make(dataset, tokenizer, 1, data_config(flip_probability=1.0, position_unit=1.0))
    np.testing.assert_array_equal(plain["clip_index"], flipped["clip_index"])
    np.testing.assert_array_equal(flipped["frames"], plain["frames"][:, :, :, ::-1])
    assert plain["frames"][..., : SIDE // 2, :].mean() < plain["frames"][..., SIDE // 2 :, :].mean()
    np.testing.assert_array_equal(flipped["score"], plain["score"])
    for row, index in enumerate(plain["clip_index"]):
        report = tokenizer.decode(flipped["tokens"][row, flipped["prompt_length"][row] :])
        assert (
            report
            == f"The right mouth corner moves less. Left eye number {dataset.labels[index].clip_id[-2:].lstrip('0') or 0}."
        )
        clip = dataset.clip(int(index))
        mirrored = dataclasses.replace(
            clip, landmarks=transforms.flip_tokens(clip.landmarks), colours=transforms.flip_colours(clip.colours)
        )
        expected = single_batch(mirrored, data_config(position_unit=1.0), None, needs=frozenset({"trajectory"}))
        np.testing.assert_allclose(flipped["trajectory"][row], expected["trajectory"][0], atol=1e-4)


def test_about_half_the_clips_are_flipped_in_training_and_none_in_evaluation(dataset, tokenizer):
    needs = frozenset({"text"})
    texts = [row.tobytes() for batch in make(dataset, tokenizer, 50, needs=needs) for row in batch["tokens"]]
    plain = {row.tobytes() for batch in make(dataset, tokenizer, None, needs=needs, train=False) for row in batch["tokens"]}
    share = np.mean([text in plain for text in texts])
    assert 0.4 < share < 0.6
    assert len(plain) == COUNT


def test_reversal_turns_the_trajectory_alone(dataset, tokenizer):
    still = {"flip_probability": 0.0, "features": ("r", "g", "b")}
    (plain,) = make(dataset, tokenizer, 1, data_config(**still))
    (backwards,) = make(dataset, tokenizer, 1, data_config(reversal_probability=1.0, **still))
    np.testing.assert_array_equal(backwards["trajectory"], plain["trajectory"][:, ::-1])
    np.testing.assert_array_equal(backwards["trajectory_time"], plain["trajectory_time"])
    np.testing.assert_array_equal(backwards["frames"], plain["frames"])


def test_what_is_not_needed_is_not_read(dataset, tokenizer, tmp_path):
    severity = make(dataset, None, 1, needs=frozenset({"trajectory", "score"}))[0]
    assert not {"tokens", "frames"} & severity.keys()
    write_dataset([make_clip(k, stored=2, score=1) for k in range(3)], tmp_path, "made", 1, {})
    frames = tmp_path / "frames-00000-of-00001.arrayrecord"
    frames.write_bytes(b"x" * frames.stat().st_size)
    make(Dataset.open(tmp_path), None, 2, indices=range(3), needs=frozenset({"trajectory", "score"}))
    landmarks = tmp_path / "landmarks-00000-of-00001.arrayrecord"
    landmarks.write_bytes(b"x" * landmarks.stat().st_size)
    make(Dataset.open(tmp_path), None, 2, indices=range(3), needs=frozenset({"score"}))


def test_augmentation_does_not_depend_on_what_else_is_read(dataset, tokenizer):
    (everything,) = make(dataset, tokenizer, 1, data_config(landmark_noise=1.0))
    (alone,) = make(dataset, tokenizer, 1, data_config(landmark_noise=1.0), needs=frozenset({"trajectory"}))
    np.testing.assert_array_equal(everything["trajectory"], alone["trajectory"])


def test_training_takes_only_clips_that_have_what_the_task_needs(tmp_path, tokenizer):
    clips = [make_clip(k, score=k if k % 2 else None, report=None if k < 3 else "Moves.") for k in range(5)]
    write_dataset(clips, tmp_path, "made", 1, {})
    source = Dataset.open(tmp_path)

    def seen(need):
        found = make(source, tokenizer, 5, indices=range(5), needs=frozenset({need}))
        return {int(index) for batch in found for index in batch["clip_index"]}

    assert seen("score") == {1, 3}
    assert seen("text") == {3, 4}
    (batch,) = make(source, None, None, indices=range(5), batch_size=5, train=False, needs=frozenset({"score"}))
    assert batch["score_weight"].tolist() == [0, 1, 0, 1, 0]
    with pytest.raises(UserError, match="none with score"):
        make(source, tokenizer, 1, indices=[0, 2], needs=frozenset({"score"}))


def test_untracked_moments_are_masked_but_never_all(tokenizer):
    clip = make_clip(0, frames=20, stored=20)
    tracked = np.arange(20) < 10
    batch = single_batch(dataclasses.replace(clip, tracked=tracked), data_config(), tokenizer, needs=NEEDS)
    np.testing.assert_array_equal(batch["trajectory_mask"][0], tracked[4:])
    np.testing.assert_array_equal(batch["frame_mask"][0], [True, True, False, False])
    early = dataclasses.replace(clip, tracked=np.arange(20) < 2)
    assert single_batch(early, data_config(), tokenizer, needs=NEEDS)["trajectory_mask"].all()


def test_rest_is_shorter_only_in_a_run_of_its_own(dataset, tokenizer):
    config = data_config(rest_frames=8)
    rest = [i for i, label in enumerate(dataset.labels) if label.expression == "rest"]
    assert make(dataset, tokenizer, 1, config, indices=rest)[0]["trajectory"].shape[1] == 8
    with pytest.raises(UserError, match=r"data\.rest_frames=8 is for runs on rest alone"):
        make(dataset, tokenizer, 1, config)


def test_head_motion_and_resampling_are_switches(dataset, tokenizer):
    config = data_config(remove_head_motion=True, resample_fps=25.0, features=("x", "dx", "dz"))
    (batch,) = make(dataset, tokenizer, 1, config)
    assert batch["trajectory"].shape == (4, 16, 63, 3)
    assert np.isfinite(batch["trajectory"]).all()


def damage(folder, *numbers):
    """Flips a bit in the landmarks of clips of `make_clip`."""
    path = folder / "landmarks-00000-of-00001.arrayrecord"
    blob = bytearray(path.read_bytes())
    for number in numbers:
        blob[blob.index(make_clip(number).landmarks.tobytes()[:64])] ^= 1
    path.write_bytes(blob)


def test_balanced_batches_have_the_shares_that_are_told(dataset, tokenizer):
    """Eleven clips: grades 0 three times, the others twice."""
    config, needs = data_config(balance_by="score"), frozenset({"score"})
    told = shares(dataset, range(COUNT), config, needs, task="severity")
    assert told == {"0": (3, 3), "1": (2, 2), "2": (2, 2), "3": (2, 2), "4": (2, 2)}
    config.update({"balance_by": "expression"})
    of = {name: [i for i, label in enumerate(dataset.labels) if label.expression == name] for name in EXPRESSIONS}
    some = [*of["rest"], of["smile"][0], of["frown"][0]]
    assert shares(dataset, some, config, needs, task="severity") == {"frown": (1, 2), "rest": (3, 2), "smile": (1, 1)}
    found = make(dataset, tokenizer, 10, config, indices=some, batch_size=5, needs=needs)
    for batch in found:  # an epoch each
        names = [EXPRESSIONS[number] for number in batch["expression"]]
        assert {name: names.count(name) for name in names} == {"frown": 2, "rest": 2, "smile": 1}


@pytest.mark.parametrize("threads", [0, 2])
def test_a_damaged_record_stops_the_run_and_names_file_and_record(tmp_path, tokenizer, threads):
    write_dataset([make_clip(k, stored=2, score=1) for k in range(4)], tmp_path, "made", 1, {})
    damage(tmp_path, 2)
    config = data_config(read_threads=threads)
    with pytest.raises(UserError, match=r"landmarks-00000-of-00001\.arrayrecord: record 2 \(clip002\) is damaged"):
        make(Dataset.open(tmp_path), None, 2, config, indices=range(4), needs=frozenset({"trajectory"}))


@pytest.mark.parametrize("threads", [0, 2])
def test_so_many_damaged_records_as_are_allowed_are_replaced_and_told(tmp_path, threads):
    """By the clip after them, whoever reads, so that the rest of every batch is what it was."""
    write_dataset([make_clip(k, score=1) for k in range(6)], tmp_path, "made", 1, {})
    needs, config = frozenset({"trajectory", "kinematics"}), data_config(read_threads=threads, max_bad_clips=2)
    whole = make(Dataset.open(tmp_path), None, 6, config, indices=range(6), needs=needs)
    damage(tmp_path, 2, 5)
    found = make(Dataset.open(tmp_path), None, 6, config, indices=range(6), needs=needs)
    before, after, left_out = (
        np.concatenate([batch[name] for batch in stream])
        for stream, name in ((whole, "clip_index"), (found, "clip_index"), (found, "left_out"))
    )
    bad = np.isin(before, (2, 5))
    assert bad.sum() == 8
    np.testing.assert_array_equal(after, np.where(bad, (before + 1) % 6, before))
    np.testing.assert_array_equal(left_out, np.where(bad, before, -1))
    rows, same = ([row for batch in stream for row in batch["trajectory"]] for stream in (found, whole))
    np.testing.assert_array_equal(np.stack(rows)[~bad], np.stack(same)[~bad])
    config.max_bad_clips = 1
    with pytest.raises(UserError, match=r"is damaged .* \(2 such clips by now, data\.max_bad_clips=1\)"):
        make(Dataset.open(tmp_path), None, 6, config, indices=range(6), needs=needs)


def test_an_evaluation_bears_no_damaged_record(tmp_path):
    write_dataset([make_clip(k, score=1) for k in range(4)], tmp_path, "made", 1, {})
    damage(tmp_path, 2)
    config = data_config(max_bad_clips=3)
    with pytest.raises(UserError, match="clip002"):
        make(Dataset.open(tmp_path), None, None, config, indices=range(4), needs=frozenset({"trajectory"}), train=False)


def test_a_broken_image_names_file_and_record(tmp_path, tokenizer):
    clip = make_clip(0, stored=1)
    write_dataset([dataclasses.replace(clip, frames=(b"\xff\xd8 cut",))], tmp_path, "made", 1, {})
    with pytest.raises(UserError, match=r"frames-00000-of-00001\.arrayrecord: record 0 \(clip000\): a frame is not a readable"):
        make(Dataset.open(tmp_path), None, 1, indices=[0], needs=frozenset({"frames"}))


def test_frames_asked_of_a_data_set_without_them_are_refused(tmp_path):
    write_dataset([make_clip(0)], tmp_path, "made", 1, {})
    with pytest.raises(UserError, match="has no frames; train without vision"):
        make(Dataset.open(tmp_path), None, 1, indices=[0], needs=frozenset({"frames"}))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"features": ("x", "u")}, r"data\.features: 'u'"),
        ({"num_frames": 0}, r"data\.num_frames=0: must be positive"),
        ({"read_threads": -1}, r"data\.read_threads=-1"),
        ({"flip_probability": 1.5}, r"data\.flip_probability=1\.5"),
        ({"text_length": 10}, r"data\.text_length=10"),
        ({"balance_by": "sex"}, r"data\.balance_by='sex': expected one of score, expression, emotion, dataset, side"),
        ({"balance_exponent": 2.0}, r"data\.balance_exponent=2\.0: must be between 0"),
    ],
)
def test_a_wrong_config_value_is_told(dataset, tokenizer, changes, message):
    with pytest.raises(UserError, match=message):
        make(dataset, tokenizer, 1, data_config(**changes))


def test_batches_that_processes_cannot_share_are_refused(dataset, tokenizer):
    with pytest.raises(UserError, match="3 processes cannot share"):
        make(dataset, tokenizer, 1, process_count=3)


def test_features_that_landmarks_made_elsewhere_lack_are_refused(tokenizer, tmp_path):
    lacking = {"colours": "none", "depth": "none"}
    write_dataset([make_clip(0), make_clip(1, source=lacking), make_clip(2, source=lacking)], tmp_path, "made", 1, {})
    dataset = Dataset.open(tmp_path)

    def ask(features, **changes):
        options = {"indices": range(3), "needs": frozenset({"trajectory"})} | changes
        return make(dataset, tokenizer, 1, data_config(features=features), **options)

    told = r"data\.features: r, db need colours, which 2 of 3 clips do not have \(clip001, .* data\.features=\('x',\)$"
    with pytest.raises(UserError, match=told) as caught:
        ask(("x", "r", "db"))
    assert "\n" not in str(caught.value)
    with pytest.raises(UserError, match="dz need depth, which 2 of 3"):
        ask(("x", "dz"), train=False)
    with pytest.raises(UserError, match="r need colours, which 1 of 1"):
        single_batch(dataset.clip(1), data_config(features=("r",)), None, needs=frozenset({"trajectory"}))
    assert ask(("x", "y", "dx"))
    assert ask(("x", "r", "z"), indices=[0])
    assert ask(("x", "r"), needs=frozenset({"kinematics"}))


@pytest.mark.parametrize(
    ("balance_by", "expected"),
    [
        ("", "57e73756bc72492ec189d46ec5804f23c6027af8742aa737ceeae50c67890a35"),
        ("score", "118b6faf3ee1b037196ee5e592132e6b64bf4e278660b69b141ee383b3408bf7"),
    ],
)
def test_batches_of_one_folder_are_what_they_were_before_there_were_mixtures(tmp_path, balance_by, expected):
    """A run from then goes on to the bit. Where this fails and is meant to, `pipeline.VERSION` must rise."""
    write_dataset([make_clip(k, frames=12 + k, score=(0, 0, 0, 1, 1, 3)[k % 6]) for k in range(17)], tmp_path, "made", 2, {})
    config = default_data_config()
    config.update({"trajectory_length": 16, "read_threads": 0, "landmark_noise": 1.0, "balance_by": balance_by})
    needs, digest = frozenset({"trajectory", "score"}), hashlib.sha256()
    for batch in make(Dataset.open(tmp_path), None, 12, config, indices=range(17), seed=3, needs=needs):
        for name in sorted(batch):
            digest.update(batch[name].tobytes())
    assert digest.hexdigest() == expected
