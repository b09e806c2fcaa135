"""Official folds as splits, and parts of people as cross-validation."""

import itertools

from input_pipeline.datasets.folds import cross_validation, official_folds

PARTS = tuple(tuple(f"{letter}{k}" for k in range(12)) for letter in "abc")
PEOPLE = tuple(itertools.chain(*PARTS))


def test_each_part_is_tested_on_once_and_validation_comes_out_of_the_others():
    folds = {name: cross_validation(PARTS, name) for name in PEOPLE}
    for number, part in enumerate(PARTS, 1):
        for name in PEOPLE:
            assert folds[name][f"official_fold{number}"] == ("test" if name in part else "train")
            assert (folds[name][f"fold{number}"] == "test") == (name in part)
        assert sum(folds[name][f"fold{number}"] == "validation" for name in PEOPLE) == 2
    assert all(folds[name]["default"] == folds[name]["fold1"] for name in PEOPLE)


def test_few_people_have_one_of_them_as_validation():
    assert sorted(cross_validation((("a",), ("b", "c")), name)["default"] for name in "abc") == ["test", "train", "validation"]


def test_validation_is_drawn_from_train_alone_by_name():
    names = [f"n{k}" for k in range(2000)]
    drawn = [official_folds("train", name)["default"] for name in names]
    assert 150 < drawn.count("validation") < 250
    assert {official_folds("test", name)["default"] for name in names} == {"test"}
    assert official_folds("train", names[0], "fold2").keys() == {"official_fold2", "fold2"}
