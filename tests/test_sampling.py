"""Which clip stands where: shares of groups hold in every epoch, nobody is forgotten, all follows from seed and position."""

import collections

import numpy as np
import pytest
from clip_factory import make_clip

from input_pipeline.errors import RecordError, UserError
from input_pipeline.sampling import Order, Readable, Share, apportion, group_of

# 40 clips of grade 0, 8 of grade 2, 2 of grade 4.
GROUPS = ["0"] * 40 + ["2"] * 8 + ["4"] * 2
CLIPS = list(range(100, 150))


def quotas(counts, exponent):
    return apportion(sum(counts.values()), {name: count**exponent for name, count in counts.items()})


def balanced(seed, exponent):
    return Order(CLIPS, (seed, 1), GROUPS, quotas(collections.Counter(GROUPS), exponent))


def epochs(order, count):
    return [[order[position] for position in range(epoch * 50, (epoch + 1) * 50)] for epoch in range(count)]


def counted(clips):
    return collections.Counter(GROUPS[clip - 100] for clip in clips)


@pytest.mark.parametrize(
    ("exponent", "expected"),
    [(1.0, {"0": 40, "2": 8, "4": 2}), (0.0, {"0": 17, "2": 17, "4": 16}), (0.5, {"0": 30, "2": 13, "4": 7})],
)
def test_every_epoch_has_the_shares_that_were_asked_for(exponent, expected):
    assert quotas({"0": 40, "2": 8, "4": 2}, exponent) == expected
    for clips in epochs(balanced(0, exponent), 4):
        assert counted(clips) == expected


def test_shares_are_those_of_the_formula_to_one_clip():
    rng = np.random.default_rng(0)
    for _ in range(50):
        counts = {str(k): int(count) for k, count in enumerate(rng.integers(1, 1000, rng.integers(1, 9)))}
        exponent = rng.random()
        weights = np.array(list(counts.values())) ** exponent
        exact = sum(counts.values()) * weights / weights.sum()
        found = list(quotas(counts, exponent).values())
        assert sum(found) == sum(counts.values())
        assert min(found) >= 1
        if exact.min() >= 1:
            assert np.abs(found - exact).max() < 1


def test_small_groups_repeat_evenly_and_of_large_ones_nobody_is_forgotten():
    seen = collections.Counter(clip for clips in epochs(balanced(0, 0.0), 40) for clip in clips)
    assert set(seen) == set(CLIPS)
    for name in ("0", "2", "4"):
        times = [seen[clip] for clip in CLIPS if GROUPS[clip - 100] == name]
        assert max(times) - min(times) <= 1


def test_a_stream_is_a_function_of_its_seed_and_the_position():
    first, second, other = (balanced(seed, 0.0) for seed in (0, 0, 5))
    places = np.random.default_rng(0).integers(0, 5000, 200)
    assert [first[int(place)] for place in places] == [second[int(place)] for place in places[::-1]][::-1]
    assert epochs(first, 2) != epochs(other, 2)
    assert epochs(first, 2)[0] != epochs(first, 2)[1]


def test_without_groups_an_epoch_is_every_clip_once():
    for clips in epochs(Order(CLIPS, (0, 1)), 3):
        assert sorted(clips) == CLIPS


def test_groups_are_what_the_label_says():
    label = make_clip(0, score=2.5).label
    assert (group_of(label, "score"), group_of(label, "expression"), group_of(label, "dataset")) == (
        "3",
        label.expression,
        label.dataset,
    )
    assert group_of(label, "emotion") == group_of(make_clip(0).label, "score") == "none"


def test_shares_of_processes_are_the_batch_in_order():
    rows = [[share[row] for row in range(4)] for share in (Share(4, k, 2, 3, 5) for k in range(2))]
    assert rows == [[12, 13, 16, 17], [14, 15, 18, 19]]
    assert len(Share(4, 0, 2, 3, 5)) == 4


def test_a_set_of_damaged_clips_alone_ends_the_run():
    def make(index):
        raise RecordError(f"record {index} is damaged")

    with pytest.raises(UserError, match="none of 3 clips can be read"):
        Readable([[4, 5, 6]], 3)(5, make)


def test_what_is_above_a_limit_goes_to_the_others_by_their_weights():
    assert apportion(100, {"a": 8.0, "b": 1.0, "c": 1.0}) == {"a": 80, "b": 10, "c": 10}
    assert apportion(100, {"a": 8.0, "b": 1.0, "c": 3.0}, {"a": 20}) == {"a": 20, "b": 20, "c": 60}
    assert apportion(100, {"a": 8.0, "b": 1.0, "c": 3.0}, {"a": 20, "c": 50}) == {"a": 20, "b": 30, "c": 50}


def test_no_share_is_above_its_limit_or_none_and_together_they_are_the_whole():
    rng = np.random.default_rng(0)
    for _ in range(200):
        names = [str(k) for k in range(rng.integers(1, 9))]
        most = {name: int(rng.integers(1, 200)) for name in names if rng.random() < 0.5}
        sizes = [min(int(rng.integers(1, 2000)), most.get(name, 2000)) for name in names]
        weights = {name: float(10 ** rng.uniform(-3, 3)) for name in names}
        found = apportion(sum(sizes), weights, most)
        assert sum(found.values()) == sum(sizes)
        assert min(found.values()) >= 1
        assert all(found[name] <= limit for name, limit in most.items())
        # Those that neither limit nor the least of one binds have shares in the ratio of their weights, to a clip.
        free = [name for name in names if found[name] > 2 and found[name] < most.get(name, 10**9)]
        rates = [found[name] / weights[name] for name in free]
        slack = [2 / weights[name] for name in free]
        assert all(abs(a - rates[0]) <= s + slack[0] for a, s in zip(rates, slack, strict=True))
