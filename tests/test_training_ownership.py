"""Ordered regexes decide who trains a parameter."""

import pytest

from input_pipeline.errors import UserError
from tramp_jax.training.ownership import flatten, owners, split, unflatten

RULES = (("motion/.*", "severity"), (r"llm/lm_head/.*", "report"), ("llm/.*", "frozen"))


def test_the_first_rule_that_matches_wins():
    assert owners(["llm/lm_head/kernel", "llm/norm/scale"], RULES, ["severity", "report"]) == {
        "llm/lm_head/kernel": "report",
        "llm/norm/scale": "frozen",
    }


def test_a_rule_matches_the_whole_path_only():
    with pytest.raises(UserError, match="no rule matches emotion/x"):
        owners(["emotion/x"], (("motion/.*", "severity"),), ["severity"])


def test_an_unmatched_path_is_an_error_that_names_it():
    with pytest.raises(UserError, match="no rule matches vision/a"):
        owners(["vision/a"], RULES, ["severity", "report"])


def test_a_rule_for_an_unknown_task_is_an_error():
    with pytest.raises(UserError, match="'emotion'"):
        owners([], (("x", "emotion"),), ["severity"])


def test_split_gives_a_task_its_own_leaves_and_only_the_blocks_that_it_reads():
    flat = {"motion/a": 1, "llm/b": 2, "llm/lm_head/c": 3}
    owner_of = {"motion/a": "severity", "llm/b": "frozen", "llm/lm_head/c": "report"}
    assert split(flat, owner_of, "severity", ["motion"]) == ({"motion/a": 1}, {})
    assert split(flat, owner_of, "report", ["motion", "llm"]) == ({"llm/lm_head/c": 3}, {"motion/a": 1, "llm/b": 2})


def test_flatten_and_unflatten_are_inverse():
    tree = {"a": {"b": 1, "c": {"d": 2}}, "e": {"f": 3}}
    assert unflatten(flatten(tree)) == tree
