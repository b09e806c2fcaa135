"""The task of a step is a pure function of (schedule, step)."""

import collections

import pytest
from ml_collections import ConfigDict

from input_pipeline.errors import UserError
from tramp_jax.tasks.schedule import Schedule


def schedule(weights, first_step):
    return Schedule.from_config(ConfigDict({"weights": weights, "first_step": first_step}))


def test_each_round_holds_every_task_as_often_as_its_weight():
    plan = schedule({"severity": 2, "report": 1}, {"severity": 0, "report": 0})
    for start in range(0, 30, 3):
        assert collections.Counter(plan.task_at(start + i) for i in range(3)) == {"severity": 2, "report": 1}


def test_tasks_are_spread_within_a_round_not_bunched():
    plan = schedule({"a": 4, "b": 2}, {"a": 0, "b": 0})
    order = "".join(plan.task_at(i) for i in range(12))
    assert "bb" not in order
    assert "aaa" not in order


def test_a_task_that_joins_later_takes_no_step_before():
    plan = schedule({"severity": 1, "report": 3}, {"severity": 0, "report": 7})
    assert {plan.task_at(i) for i in range(7)} == {"severity"}
    assert collections.Counter(plan.task_at(i) for i in range(7, 15)) == {"severity": 2, "report": 6}


@pytest.mark.parametrize("steps", [0, 1, 6, 7, 8, 20, 33])
def test_count_agrees_with_walking_through_the_steps(steps):
    plan = schedule({"severity": 2, "report": 1}, {"severity": 0, "report": 7})
    for task in ("severity", "report"):
        assert plan.count(task, steps) == sum(plan.task_at(i) == task for i in range(steps))


def test_a_task_of_weight_zero_never_runs():
    plan = schedule({"severity": 1, "report": 0}, {"severity": 0, "report": 0})
    assert {plan.task_at(i) for i in range(10)} == {"severity"}


def test_no_task_at_step_zero_is_refused_in_one_line():
    with pytest.raises(UserError, match="no task runs at step 0"):
        schedule({"severity": 1}, {"severity": 5})
