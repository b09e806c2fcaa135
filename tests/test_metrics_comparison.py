"""Two files are joined by clip, refused where they differ, and compared on the same draws."""

import json
import random

import numpy as np
import pytest
from predictions_factory import make_rows, write_rows
from scipy import stats

from input_pipeline.errors import UserError
from tramp_jax.metrics import evaluation
from tramp_jax.metrics.comparison import compare, shows
from tramp_jax.metrics.predictions import read_predictions

DRAWS = 200


def _read(path, rows):
    return read_predictions(write_rows(path, rows))


def _noisier(rows, noise=1.5):
    rng = np.random.default_rng(9)
    return [row | {"prediction": round(row["prediction"] + rng.normal(0, noise), 3)} for row in rows]


@pytest.fixture
def good(tmp_path):
    return _read(tmp_path / "good.csv", make_rows(subjects=20))


def test_a_difference_is_that_of_the_metrics_with_the_interval_of_the_same_draws(good, tmp_path):
    worse = _read(tmp_path / "worse.csv", _noisier(make_rows(subjects=20)))
    found = compare(good, worse, draws=DRAWS)
    json.dumps(found, allow_nan=False)
    smile = found["metrics"]["spearman"]["smile"]
    of = good.clips.expression == "smile"
    truth = good.clips.truth[of]
    one, two = (stats.spearmanr(truth, x.clips.prediction[of]).statistic for x in (good, worse))
    assert (smile["one"], smile["two"], smile["difference"]) == pytest.approx((one, two, one - two), abs=1e-9)
    # By hand: the same people for both, row by row.
    subjects, counts = _people(good.clips.subject, DRAWS)
    differences = []
    for draw in counts:
        rows = np.concatenate(
            [np.repeat(np.flatnonzero(of & (good.clips.subject == s)), c) for s, c in zip(subjects, draw, strict=True)]
        )
        drawn = [stats.spearmanr(good.clips.truth[rows], x.clips.prediction[rows]).statistic for x in (good, worse)]
        differences.append(drawn[0] - drawn[1])
    np.testing.assert_allclose(smile["interval"], np.percentile(differences, [2.5, 97.5]), atol=1e-9)
    assert found["metrics"]["mae"]["mean"]["interval"][1] < 0 < found["metrics"]["spearman"]["mean"]["interval"][0]
    assert set(found["metrics"]) >= {"rps", "interval_coverage", "icc_a1", "aurc_entropy"}


def _people(subject, draws):
    keys = np.unique(subject)
    return keys, np.random.default_rng(0).multinomial(len(keys), np.full(len(keys), 1 / len(keys)), size=draws)


def test_a_model_against_itself_in_another_order_differs_by_nothing(good, tmp_path):
    rows = make_rows(subjects=20)
    random.Random(0).shuffle(rows)
    found = compare(good, _read(tmp_path / "b.jsonl", rows), draws=DRAWS)
    for table in found["metrics"].values():
        for cell in table.values():
            assert (cell["difference"], cell["interval"]) == (0.0, [0.0, 0.0])


def test_other_clips_are_refused_with_how_many_and_left_out_where_asked(good, tmp_path):
    fewer = _read(tmp_path / "fewer.csv", [row for i, row in enumerate(make_rows(subjects=22)) if i % 5])
    with pytest.raises(
        UserError, match=r"good.csv: 12 of 60 clips are not in .*fewer.csv, and 4 of its 52 not here: .*the 48 that"
    ):
        compare(good, fewer)
    found = compare(good, fewer, common_clips=True, draws=DRAWS)
    assert found["counts"]["clips"] == 48
    assert found["left_out"] == {"one": 12, "two": 4}
    strangers = _read(tmp_path / "strangers.csv", [row | {"clip_id": f"x{row['clip_id']}"} for row in make_rows()])
    with pytest.raises(UserError, match="no clip_id in common"):
        compare(good, strangers, common_clips=True)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"score": 4}, r"clip 0-smile: score is \d.0 in .*good.csv and 4.0 in .*b.csv \(1 such"),
        ({"score": ""}, r"clip 0-smile: score is \d.0 in .* and nan"),
        ({"expression": "frown"}, "clip 0-smile: expression is smile in .* and frown"),
        ({"subject": "x"}, "clip 0-smile: subject is s0 in .* and x"),
    ],
)
def test_labels_that_differ_are_refused(good, tmp_path, fields, said):
    rows = make_rows(subjects=20)
    assert rows[0]["score"] != 4
    rows[0] |= fields
    with pytest.raises(UserError, match=said):
        compare(good, _read(tmp_path / "b.csv", rows))


def test_only_metrics_that_both_have_are_compared_and_data_sets_join_where_both_name_them(good, tmp_path):
    bare = [{k: v for k, v in row.items() if k[0] != "p" or k == "prediction"} for row in make_rows(subjects=20)]
    for row in bare:
        del row["dataset"]
    found = compare(good, _read(tmp_path / "b.csv", bare), draws=DRAWS)
    assert "rps" not in found["metrics"]
    assert "interval_width" in found["metrics"]
    other = _read(tmp_path / "c.csv", make_rows(subjects=20, dataset="elsewhere"))
    with pytest.raises(UserError, match="no clip_id in common"):
        compare(good, other)
    twice = _read(tmp_path / "d.csv", make_rows(subjects=20) + make_rows(subjects=20, dataset="elsewhere"))
    with pytest.raises(UserError, match="clips of several data sets"):
        compare(_read(tmp_path / "b2.csv", bare), twice, common_clips=True)


def test_reports_are_compared_by_their_facts(tmp_path):
    said = "The left mouth corner moves less than normal."
    rows = [row | {"report": said, "reference": said} for row in make_rows(expressions=("smile",))]
    silent = [row | {"report": ""} for row in rows]
    found = compare(*(_read(tmp_path / f"{i}.csv", r) for i, r in enumerate((rows, silent))), draws=DRAWS)
    expected = evaluation.direction_f1(said, said) - evaluation.direction_f1("", said)
    assert found["metrics"]["fact_f1_direction"]["mean"]["difference"] == pytest.approx(expected)


def test_other_reference_reports_are_refused_and_missing_ones_are_not(tmp_path):
    """The difference would be of two other figures than those of each file's own results."""
    said = "Movement of both mouth corners is reduced."
    rows = [row | {"report": said, "reference": said} for row in make_rows(expressions=("smile",))]
    one, same = _read(tmp_path / "one.jsonl", rows), _read(tmp_path / "same.jsonl", [row | {"reference": None} for row in rows])
    for pair in ((one, same), (same, one)):
        assert compare(*pair, draws=DRAWS)["metrics"]["fact_f1_direction"]["mean"]["two"] == 1.0
    other = _read(tmp_path / "other.jsonl", rows[:-2] + [row | {"reference": "Nothing moves."} for row in rows[-2:]])
    with pytest.raises(
        UserError, match=r"^clip 10-smile: .*one.jsonl and .*other.jsonl have other .* \(2 such clips\)"
    ) as error:
        compare(one, other, draws=DRAWS)
    assert "\n" not in str(error.value)


def test_nothing_rated_is_refused(tmp_path):
    rows = make_rows(score="")
    with pytest.raises(UserError, match="none of the 36 clips that both files have has a score"):
        compare(_read(tmp_path / "a.csv", rows), _read(tmp_path / "b.csv", rows))


@pytest.mark.parametrize(
    ("interval", "better", "subjects", "said"),
    [
        ([0.1, 0.2], 1, 10, "better"),
        ([0.1, 0.2], -1, 10, "worse"),
        ([-0.2, -0.1], -1, 10, "better"),
        ([0.0, 0.2], 1, 10, "not shown"),
        ([0.1, 0.2], 1, 9, "9 people: too few"),
        ([0.1, 0.2], 0, 10, ""),
        ([None, None], 1, 1, ""),
    ],
)
def test_a_difference_says_who_is_better_where_it_can(interval, better, subjects, said):
    assert shows(interval, better, subjects) == said
