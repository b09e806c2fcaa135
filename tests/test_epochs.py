"""An epoch of a mixture: each source has its share to the clip, whatever the seed, the start, the threads or the processes."""

import collections
import itertools

import numpy as np
import pytest
from mixture_factory import make_folder, mixed
from test_pipeline import damage

from input_pipeline.epochs import shares, source_quotas
from input_pipeline.errors import UserError
from input_pipeline.mixture import open_data
from input_pipeline.pipeline import batches

SCORE = frozenset({"score"})
TRAIN = ("train",) * 8 + ("validation", "test")


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Folders "a", "b" and "c" with 32, 16 and 8 clips to train on."""
    root = tmp_path_factory.mktemp("folders")
    return [make_folder(root / name, clips, folds=TRAIN) for name, clips in (("a", 40), ("b", 20))] + [
        make_folder(root / "c", 12, folds=("train", "train", "validation", "train", "train", "test"))
    ]


def stream(config, steps, *, batch_size=4, **options):
    data, folds = open_data(config)
    options = {"task": "severity", "seed": 0, "train": True, "needs": SCORE} | options
    found = batches(data, folds["train"], config, None, batch_size=batch_size, **options)
    return data, list(itertools.islice(found, steps))


def epochs(config, size, count, **options):
    """The clips of some epochs, and the source of each."""
    data, found = stream(config, size * count, batch_size=1, **options)
    clips = np.concatenate([batch["clip_index"] for batch in found]).reshape(count, size)
    return clips, [collections.Counter(data.part_of(int(clip)) for clip in epoch) for epoch in clips]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {"a": 32, "b": 16, "c": 8}),
        ({"mixture_exponent": 0.0}, {"a": 19, "b": 19, "c": 18}),
        ({"a": {"weight": 1}, "b": {"weight": 2}, "c": {"weight": 4}}, {"a": 8, "b": 16, "c": 32}),
        ({"a": {"cap": 5}}, {"a": 5, "b": 16, "c": 8}),
        ({"a": {"weight": 8, "cap": 5}, "b": {"weight": 1}, "c": {"weight": 1}}, {"a": 5, "b": 12, "c": 12}),
    ],
)
def test_every_epoch_has_the_clips_of_each_source_that_are_told(folders, changes, expected):
    config = mixed(*folders, **changes)
    data, folds = open_data(config)
    told = shares(data, folds["train"], config, SCORE, task="severity")
    assert {name: drawn for name, (_, drawn) in told.items()} == expected
    assert {name: count for name, (count, _) in told.items()} == {"a": 32, "b": 16, "c": 8}
    _, counted = epochs(config, sum(expected.values()), 4)
    assert counted == [expected] * 4


def test_shares_at_a_temperature_are_those_of_the_formula_to_one_clip(folders):
    """Independently: n^(1/T) over the sum of them, of clips counted up to the cap."""
    rng = np.random.default_rng(0)
    for _ in range(50):
        config = mixed(*folders, mixture_exponent=float(rng.random()), a={"cap": 900})
        counts = dict(zip("abc", map(int, rng.integers(30, 3000, 3)), strict=True))
        sizes = np.minimum(list(counts.values()), [900, 3000, 3000])
        rates = np.exp(config.mixture_exponent * np.log(sizes))
        exact = sizes.sum() * rates / rates.sum()
        if exact[0] > 900:  # then the other two have the rest
            exact = np.array([900, *(sizes.sum() - 900) * rates[1:] / rates[1:].sum()])
        found = source_quotas(counts, config)
        assert list(found) == ["a", "b", "c"]
        assert sum(found.values()) == sizes.sum()
        assert np.abs(list(found.values()) - exact).max() < 1


def test_a_source_with_fewer_places_than_clips_goes_through_all_of_them_and_a_small_one_repeats_evenly(folders):
    clips, counted = epochs(mixed(*folders, a={"weight": 1}, b={"weight": 1}, c={"weight": 2}), 56, 16)
    assert counted == [{"a": 14, "b": 14, "c": 28}] * 16
    for first, last, count in ((0, 40, 32), (40, 60, 16), (60, 72, 8)):
        seen = collections.Counter(int(clip) for clip in clips.ravel() if first <= clip < last)
        assert len(seen) == count
        assert max(seen.values()) - min(seen.values()) <= 1


def test_balance_holds_within_each_source_in_every_epoch(folders):
    config = mixed(*folders, a={"weight": 2}, b={"weight": 1}, c={"weight": 1}, balance_by="score")
    data, folds = open_data(config)
    told = shares(data, folds["train"], config, SCORE, task="severity")
    assert (told["a"], told["b"], told["c"]) == ((32, 28), (16, 14), (8, 14))
    for epoch in epochs(config, 56, 3)[0]:
        found = collections.Counter(f"{data.part_of(clip)}/{data.labels[clip].score:.0f}" for clip in map(int, epoch))
        assert found == {name: drawn for name, (_, drawn) in told.items() if "/" in name}
        assert {found[f"a/{grade}"] for grade in range(5)} <= {5, 6}


def test_a_source_with_too_few_places_for_its_groups_is_told(folders):
    with pytest.raises(
        UserError, match=r"data\.sources\.a: 3 clips of an epoch cannot hold all 5 groups of data\.balance_by=score"
    ):
        stream(mixed(*folders, a={"cap": 3}, balance_by="score"), 1)


@pytest.mark.parametrize("threads", [0, 3])
def test_the_stream_is_the_same_from_any_start_on_any_threads_and_for_any_processes(folders, threads):
    options = {"a": {"cap": 7}, "mixture_exponent": 0.5, "landmark_noise": 1.0}
    needs = {"needs": frozenset({"score", "trajectory"})}
    _, whole = stream(mixed(*folders, **options), 12, **needs)
    for start, step in ((0, 0), (5, 5)):
        parts = [
            stream(
                mixed(*folders, **options, read_threads=threads),
                12 - start,
                start_step=step,
                process_index=i,
                process_count=2,
                **needs,
            )[1]
            for i in range(2)
        ]
        for batch, first, second in zip(whole[start:], *parts, strict=True):
            for name, values in batch.items():
                np.testing.assert_array_equal(values, np.concatenate([first[name], second[name]]), err_msg=name)


def test_seed_task_and_epoch_have_orders_of_their_own(folders):
    config = mixed(*folders, a={"cap": 8})
    clips, _ = epochs(config, 32, 2)
    assert clips[0].tolist() != clips[1].tolist()
    assert clips.tolist() != epochs(config, 32, 2, seed=1)[0].tolist()
    assert clips.tolist() != epochs(config, 32, 2, task="report")[0].tolist()
    assert clips.tolist() == epochs(config, 32, 2)[0].tolist()


def test_a_task_takes_only_sources_that_are_there_for_it_and_clips_that_have_what_it_needs(folders, tmp_path):
    unrated = make_folder(tmp_path / "d", 20, folds=TRAIN, score=None, report="Moves.")
    config = mixed(*folders, unrated, a={"tasks": ("report",)}, b={"tasks": ("severity", "report")})
    data, folds = open_data(config)
    found = {
        task: {name: drawn for name, (_, drawn) in shares(data, folds["train"], config, needs, task=task).items()}
        for task, needs in (("severity", SCORE), ("report", frozenset({"text"})))
    }
    assert found == {"severity": {"b": 16, "c": 8}, "report": {"d": 16}}
    assert epochs(config, 24, 2)[1] == [{"b": 16, "c": 8}] * 2


def test_a_clip_of_the_same_source_stands_in_for_a_damaged_one(folders, tmp_path):
    """So that shares and caps hold of what is trained on, not only of what was meant."""
    broken = make_folder(tmp_path / "b", 20, folds=TRAIN)
    damage(broken, 3, 14, 15)  # 15 is the last of its clips to train on
    config = mixed(folders[0], broken, folders[2], a={"cap": 8}, max_bad_clips=10)
    needs = frozenset({"score", "trajectory"})
    data, found = stream(config, 32 * 3, batch_size=1, needs=needs)
    clips = np.concatenate([batch["clip_index"] for batch in found]).reshape(3, 32)
    assert [collections.Counter(data.part_of(int(clip)) for clip in epoch) for epoch in clips] == [
        {"a": 8, "b": 16, "c": 8}
    ] * 3
    left_out = {int(batch["left_out"][0]) for batch in found} - {-1}
    assert left_out == {40 + 3, 40 + 14, 40 + 15}
