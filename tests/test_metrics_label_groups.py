"""Groups of labels as columns that a file of predictions can hold."""

import dataclasses
import json

import numpy as np
from clip_factory import make_clip
from measured_factory import make_measured

from tramp_jax.metrics.baselines import BaselinePredictions
from tramp_jax.metrics.evaluation import evaluate_clips, sample_rows
from tramp_jax.metrics.label_groups import group_columns
from tramp_jax.metrics.prediction_results import evaluate_predictions
from tramp_jax.metrics.predictions import read_predictions


def labels_of(groups):
    return [make_clip(k, groups=each).label for k, each in enumerate(groups)]


def test_a_clip_without_a_label_is_unknown():
    columns, left_out = group_columns(labels_of([{"sex": "f"}, {}, {"sex": "m", "age": "60-69"}, {"sex": " "}]))
    assert left_out == []
    assert {name: of.tolist() for name, of in columns.items()} == {
        "group_age": ["", "", "60-69", ""],
        "group_sex": ["f", "", "m", ""],
    }
    assert group_columns(labels_of([{}, {"sex": ""}])) == ({}, [])


def test_what_a_file_could_not_hold_is_left_out_and_told():
    many = [{"age": f"{k}", "site": "x" * (257 if k == 3 else 1), "sex": "fm"[k % 2]} for k in range(21)]
    columns, left_out = group_columns(labels_of(many))
    assert list(columns) == ["group_sex"]
    assert [line.split(",")[0] for line in left_out] == ["group_age: 21 labels", "group_site: 2 labels"]
    assert list(group_columns(labels_of(many[:20]))[0]) == ["group_age", "group_sex"]


def test_samples_are_predictions_with_the_same_results_of_every_group_to_the_last_digit(tmp_path):
    clips = make_measured(3, 16)
    rng = np.random.default_rng(0)
    # Of two data sets, some unrated, some of unknown sex; the age is known of the unrated alone, the site has too many labels.
    labels = [
        dataclasses.replace(
            label,
            dataset=("one", "two")[i % 10 // 5],
            score=None if i < 10 else label.score,
            groups={"site": f"{i}"} | ({"age": "60-69"} if i < 10 else {}) | ({"sex": "fm"[i // 5 % 2]} if i % 5 else {}),
        )
        for i, label in enumerate(clips.labels)
    ]
    clips = dataclasses.replace(clips, labels=tuple(labels))
    scores = np.nan_to_num(clips.score, nan=1.0) + rng.normal(0, 0.7, len(labels))
    rivals = BaselinePredictions({"noise": rng.normal(2, 1, len(labels))}, {})
    first = evaluate_clips("both", clips, scores, None, rivals, draws=100)["severity"]
    path = tmp_path / "samples.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in sample_rows(clips, scores, None, rivals)))
    again = evaluate_predictions(read_predictions(path), draws=100)["severity"]
    assert list(first["subsets"]) == ["dataset", "group_age", "group_sex"]
    assert {name: sorted(parts) for name, parts in first["subsets"].items()} == {
        "dataset": ["one", "two"],
        "group_age": [],
        "group_sex": ["f", "m"],
    }
    of = np.array([label.groups.get("sex", "") for label in labels])
    women = (of == "f") & np.isfinite(clips.score)
    part = first["subsets"]["group_sex"]["f"]
    assert part["counts"]["clips"] == women.sum() == 28
    errors = [np.abs(scores - clips.score)[women & (clips.expression == name)].mean() for name in part["mae"] if name != "mean"]
    np.testing.assert_allclose(part["mae"]["mean"], np.mean(errors))
    assert "group_sex: 14 clips have no label" in first["flags"]
    (told,) = set(first["flags"]) - set(again["flags"])
    assert told.startswith("group_site: 80 labels, not told apart")
    assert again | {"flags": 0} == first | {"flags": 0}


def test_rows_without_groups_have_no_such_column():
    clips = make_measured(0, 2)
    rows = sample_rows(clips, clips.score, None, BaselinePredictions({}, {}))
    assert not [name for row in rows for name in row if name.startswith("group_")]
