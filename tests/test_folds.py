"""Folds hold whole people, and whoever is on both sides is refused by name."""

import numpy as np
import pytest

from input_pipeline.errors import UserError
from input_pipeline.folds import check_disjoint, grouped_folds

SUBJECT = np.random.default_rng(0).permutation(np.repeat([f"s{i}" for i in range(23)], 4))


def test_all_clips_of_a_person_are_in_one_fold_and_folds_are_level():
    fold = grouped_folds(SUBJECT, 5, seed=0)
    of_person = {name: set(fold[name == SUBJECT].tolist()) for name in SUBJECT}
    assert all(len(found) == 1 for found in of_person.values())
    sizes = np.bincount([found.pop() for found in of_person.values()])
    assert sorted(sizes.tolist()) == [4, 4, 5, 5, 5]


def test_the_order_of_the_clips_changes_nothing_and_the_seed_does():
    back = grouped_folds(SUBJECT[::-1], 5, seed=0)[::-1]
    assert (back == grouped_folds(SUBJECT, 5, seed=0)).all()
    assert (back != grouped_folds(SUBJECT, 5, seed=1)).any()


def test_as_many_folds_as_people_leave_one_person_out():
    fold = grouped_folds(SUBJECT, 23, seed=0)
    assert all(len(set(SUBJECT[fold == name])) == 1 for name in range(23))


@pytest.mark.parametrize("count", [1, 24])
def test_folds_that_cannot_be_filled_are_refused(count):
    with pytest.raises(UserError, match=f"{count} folds of 23 subjects"):
        grouped_folds(SUBJECT, count, seed=0)


def test_a_person_on_both_sides_is_refused_by_name():
    subject = np.array(["a", "b", "b", "c"])
    check_disjoint(subject, np.array([0]), np.array([1, 2, 3]))
    with pytest.raises(UserError, match="subject 'b' is in training and test fold"):
        check_disjoint(subject, np.array([0, 1]), np.array([2, 3]))
