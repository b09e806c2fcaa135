"""Which batch a step takes where some are left out, and the file that says so."""

import itertools

import pytest

from input_pipeline.errors import UserError
from tramp_jax.training.skipped import FILE, SkippedBatches, batch_number

LEFT_OUT = ({3}, {0, 1}, {2, 4, 5}, {7, 3, 4, 12})


@pytest.mark.parametrize("left_out", [set(), *LEFT_OUT])
def test_a_step_takes_the_next_batch_that_is_not_left_out(left_out):
    kept = [number for number in range(30) if number not in left_out]
    assert [batch_number(left_out, step) for step in range(len(kept))] == kept


@pytest.mark.parametrize("steps", [1, 2, 5])
@pytest.mark.parametrize("first", [0, 4, 6])
@pytest.mark.parametrize("before", LEFT_OUT)
def test_what_was_taken_before_the_checkpoint_stays_and_the_rest_moves_up(before, first, steps):
    """`before` is left out already; now the batches of the steps from `first` on are left out too."""
    was = [batch_number(before, step) for step in range(20)]
    left_out = before | set(was[first : first + steps])
    assert [batch_number(left_out, step) for step in range(20 - steps)] == was[:first] + was[first + steps :]


def test_batches_are_those_of_a_stream_that_never_had_the_ones_left_out(tmp_path):
    skipped = SkippedBatches(tmp_path)
    assert list(itertools.islice(skipped.without("severity", 2, itertools.count), 3)) == [2, 3, 4]
    skipped.add({"task": "severity", "batches": [2, 3]})
    skipped.add({"task": "report", "batches": [0]})
    skipped.add({"task": "severity", "batches": [6]})
    again = SkippedBatches(tmp_path)
    assert again.rollbacks == skipped.rollbacks
    for first in range(6):
        found = list(itertools.islice(again.without("severity", first, itertools.count), 4))
        assert found == [0, 1, 4, 5, 7, 8, 9, 10, 11][first : first + 4]
        assert found == again.numbers("severity", first, first + 4)
    assert again.numbers("report", 0, 2) == [1, 2]
    assert again.numbers("language", 0, 2) == [0, 1]


@pytest.mark.parametrize("text", ["[{", "{}", "7", '[{"task": "severity"}]'])
def test_a_damaged_file_is_one_line(tmp_path, text):
    (tmp_path / FILE).write_text(text)
    with pytest.raises(UserError, match=rf"{FILE}: damaged .*: bring it back from a copy"):
        SkippedBatches(tmp_path)


def test_a_file_that_cannot_be_written_is_one_line(tmp_path):
    skipped = SkippedBatches(tmp_path)
    (tmp_path / f"{FILE}.tmp").mkdir()
    with pytest.raises(UserError, match=rf"{FILE}: cannot be written"):
        skipped.add({"task": "severity", "batches": [2, 3]})
