"""Groups as a list tells them: names and labels as they are, limits in one line, counts with the unknown last."""

import pytest
from clip_factory import make_clip

from input_pipeline.errors import UserError
from input_pipeline.groups import MOST_CHARACTERS, MOST_GROUPS, check_few, count_groups, is_group, read_groups
from tramp_jax.metrics import predictions, predictions_table


def test_a_group_needs_a_name():
    assert [name for name in ("group_sex", "group_", "group_ ", "group", "Group_sex", "sex") if is_group(name)] == ["group_sex"]


def test_the_order_of_the_columns_does_not_matter():
    fields = {"path": "a.mp4", "group_sex": "f", "group_age": "60-69", "group_device": ""}
    one, two = (read_groups("l", dict(pairs), "anna") for pairs in (fields.items(), reversed(fields.items())))
    assert list(one.items()) == list(two.items()) == [("age", "60-69"), ("sex", "f")]


def test_limits_are_those_of_a_file_of_predictions():
    assert (predictions.GROUP, predictions.MOST_GROUPS) == ("group_", MOST_GROUPS)
    assert predictions_table.MOST_CHARACTERS == MOST_CHARACTERS
    assert read_groups("l", {"group_site": "x" * MOST_CHARACTERS}, "anna")["site"] == "x" * MOST_CHARACTERS
    with pytest.raises(
        UserError, match=r"l, column 'group_site': found 'xxx.*expected a text of at most 256 characters, not 257"
    ):
        read_groups("l", {"group_site": "x" * (MOST_CHARACTERS + 1)}, "anna")
    check_few("l", [{"age": f"{k % MOST_GROUPS}", "sex": "f"} for k in range(100)])
    with pytest.raises(UserError, match=r"l, column 'group_age': found 21 labels, '0' for one, expected at most 20"):
        check_few("l", [{"age": f"{k % (MOST_GROUPS + 1)}"} for k in range(100)])


def test_no_label_names_its_person():
    with pytest.raises(UserError, match="'clinic of anna' names the subject, and is stored as it is"):
        read_groups("l", {"group_site": "clinic of anna"}, "Anna")
    for subject, label in (("Ann", "Anna"), ("1234", "1234"), ("f", "f")):
        assert read_groups("l", {"group_site": label}, subject) == {"site": label}


def test_clips_of_unknown_label_are_counted_last():
    labels = [make_clip(k, groups={"sex": sex} if sex else {}).label for k, sex in enumerate(["m", "", "f", "m", ""])]
    assert [list(found.items()) for found in count_groups(labels).values()] == [[("f", 1), ("m", 2), ("", 2)]]
    assert count_groups([make_clip(0).label]) == {}
