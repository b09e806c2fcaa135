"""Rows of several data sets and tasks: each is scored by its own rules, and no answer is lost."""

import io
import json
import math

import numpy as np
import pytest
from judge_server import judge_server
from rich.console import Console
from scipy import stats
from sklearn import metrics as sk

from input_pipeline.errors import UserError
from tramp_jax.metrics.emotion import action_units as au
from tramp_jax.metrics.emotion.feab import print_scores, score
from tramp_jax.metrics.emotion.findings import Options
from tramp_jax.metrics.emotion.judge import Judge
from tramp_jax.metrics.emotion.labels import last_word
from tramp_jax.metrics.emotion.predictions import Row
from tramp_jax.metrics.emotion.tasks import HEADLINE, TASKS


def rows(task, pairs, dataset="", subjects=None, emotions=None, references=None):
    return [
        Row(
            where=f"p.csv line {k + 2}",
            dataset=dataset,
            task=task,
            id="",
            subject=subjects[k] if subjects else "",
            truth=truth,
            prediction=prediction,
            emotion=emotions[k] if emotions else "",
            reference=references[k] if references else "",
        )
        for k, (truth, prediction) in enumerate(pairs)
    ]


def one(task, pairs, options=None, **told):
    return score(rows(task, pairs, **told), options or Options())["results"][0]


def printed(scores):
    console = Console(file=io.StringIO(), width=100)
    print_scores(scores, console)
    return console.file.getvalue()


def test_classes_are_the_data_sets_own_and_free_texts_are_read():
    pairs = [("happiness", "Happy."), ("sad", "They look sad."), ("fear", "surprised"), ("anger", "sad or angry")]
    found = one("expression", pairs, dataset="RAF-DB")
    assert found["labels"] == ["surprise", "fear", "disgust", "happiness", "sadness", "anger", "neutral"]
    assert (found["rows"], found["unread"]) == (4, 1)
    assert found["metrics"]["accuracy"] == 0.5
    assert found["confusion"][5] == [0, 0, 0, 0, 0, 0, 0, 1]
    assert found["per_class"]["happiness"] == {"clips": 1, "f1": 1.0, "recall": 1.0}


def test_emotion_llamas_rule_may_be_asked_for():
    pairs = [("neutral", "no idea."), ("happy", "so it is happy")]
    assert one("expression", pairs, dataset="mer2023")["unread"] == 1
    found = one("expression", pairs, Options(rule=last_word), dataset="mer2023")
    assert (found["unread"], found["metrics"]["accuracy"]) == (0, 1.0)


def test_units_are_those_reported_of_the_data_set():
    truth = {unit: int(unit in ("4", "12")) for unit in ("1", "2", "4", "5", "6", "9", "12", "15", "17", "20", "25", "26")}
    found = one("action_units", [(truth, "AU4 and AU15."), (truth | {"4": 9}, [12])], dataset="DISFA")
    assert tuple(found["per_unit"]) == au.REPORTED["disfa"]
    assert found["per_unit"]["4"] == {"frames": 1, "f1": 1.0}
    assert found["per_unit"]["12"] == {"frames": 2, "f1": pytest.approx(2 / 3)}
    assert found["metrics"]["f1"] == pytest.approx((1 + 2 / 3) / 8)


def test_probabilities_are_present_from_a_half_on():
    pairs = [({"1": 1, "2": 0}, {"1": 0.5, "2": 0.49})]
    assert one("action_units", pairs)["per_unit"]["1"]["f1"] == 1.0
    assert one("action_units", pairs)["flags"] == ["f1: never present, never predicted (2)"]


def test_intensities_are_present_from_two_on():
    rng = np.random.default_rng(0)
    truth, said = rng.integers(0, 6, 40), rng.uniform(0, 5, 40)
    found = one("action_unit_intensity", [({"12": int(a)}, {"12": float(b)}) for a, b in zip(truth, said, strict=True)])
    assert found["metrics"]["f1"] == pytest.approx(sk.f1_score(truth >= 2, said >= 2), abs=1e-9)
    assert found["metrics"]["mse"] == pytest.approx(sk.mean_squared_error(truth, said), abs=1e-9)
    assert found["metrics"]["mae"] == pytest.approx(sk.mean_absolute_error(truth, said), abs=1e-9)
    assert found["metrics"]["icc_3_1"] == au.icc_3_1(np.stack([truth, said], axis=1)).value


def test_an_answer_without_intensities_is_as_wrong_as_can_be():
    found = one("action_unit_intensity", [({"12": 1, "4": 4}, "AU4 is strong."), ({"12": 0, "4": 3}, "AU12: 0, AU4: 3")])
    assert found["unread"] == 1
    assert found["metrics"]["mae"] == pytest.approx((4 + 4) / 4)


def test_an_unread_valence_is_as_wrong_as_can_be_and_an_unrated_one_is_left_out():
    found = one("valence_arousal", [("0.5 0.5", "0.5 0.5"), ("-0.5 0.1", "no"), ("-2 -2", "0 0"), ("0.1 0.2", "7, 8")])
    assert (found["rows"], found["unread"], found["unrated"]) == (3, 2, 1)
    assert found["metrics"]["rmse_valence"] == pytest.approx(math.sqrt((1.5**2 + 1.1**2) / 3), abs=1e-9)
    assert found["read_only"]["rmse_valence"] == 0.0


def test_intensity_of_emotions_is_the_mean_over_the_emotions():
    rng = np.random.default_rng(0)
    emotions = ["joy", "fear"] * 10
    truth, said = rng.random(20).round(3), rng.random(20).round(3)
    found = one("ei_reg", [(str(a), f"Intensity Score: {b}") for a, b in zip(truth, said, strict=True)], emotions=emotions)
    expected = [stats.pearsonr(truth[k::2], said[k::2]).statistic for k in (0, 1)]
    assert found["metrics"]["pearson"] == pytest.approx(np.mean(expected), abs=1e-9)
    assert found["per_emotion"]["joy"]["pearson"] == pytest.approx(expected[0], abs=1e-9)


def test_ordinal_answers_that_cannot_be_read_are_wrong():
    pairs = [("3: very positive emotional state can be inferred", "3"), ("-1", "-1: slightly negative"), ("2", "quite good")]
    found = one("v_oc", pairs)
    assert (found["unread"], found["metrics"]["accuracy"]) == (1, pytest.approx(2 / 3))
    expected = sk.cohen_kappa_score([3, -1, 2], [3, -1, -3], labels=range(-3, 4), weights="quadratic")
    assert found["metrics"]["quadratic_kappa"] == pytest.approx(expected, abs=1e-9)


def test_answers_from_0_to_1_are_mapped_to_the_range_of_aebs_set():
    pairs = [("1.0", "0.1"), ("5", "0.9"), ("3", "0.2"), ("1.5", "nothing")]
    found = one("v_reg", pairs, dataset="emobank")
    assert found["metrics"]["pearson"] == pytest.approx(
        stats.pearsonr([1, 5, 3, 1.5], [0.1, 0.9, 0.2, 1.0]).statistic, abs=1e-9
    )
    assert found["unread"] == 1


def test_lists_of_emotions():
    found = one("e_c", [("joy, love.", "joy."), ("neutral or no emotion", "who knows"), ("anger", "anger, rage")])
    assert found["metrics"]["jaccard"] == pytest.approx((0.5 + 0 + 1) / 3)
    assert (found["unread"], found["parts_of_no_emotion"]) == (1, 2)


def test_both_variants_of_rege_stand_beside_each_other():
    pairs = [("Happiness", "The nose is still. A happy face."), ("1", "A sad face.")]
    found = one("rege_emotion", pairs, dataset="FABA-Instruct", references=["A happy face.", "A sad face."])
    assert found["metrics"]["s_re_legacy"] == found["metrics"]["s_re_fixed"] == 100.0
    assert found["metrics"]["s_rege_fixed"] == pytest.approx(100 + found["metrics"]["s_ge_fixed"])
    assert "ours" in found["flags"][0]
    units = one("rege_action_units", [("4, 9", "AU4 - Brow Lowerer: drawn."), ("1", "No AU4, AU1.")], references=["x", "y"])
    assert units["units"] == list(au.REPORTED["faba_instruct"])
    assert units["metrics"]["s_re_fixed"] > units["metrics"]["s_re_legacy"] * 2 / 12


def test_a_judge_is_asked_four_times_for_each_pair_and_its_garbled_replies_are_told():
    with judge_server((200, "score: 8"), (200, "well"), (200, "glad"), (200, "glad"), (200, "9"), (200, "3")) as server:
        judge = Judge(server.address, "tiny")
        found = one("overlap", [("He is glad.", "She is happy."), ("x", "y")], Options(judge=judge))
    assert found["metrics"]["clue_overlap_judge"] == 8.0
    assert "clue_overlap_judge: 1 of 2 replies unread" in found["flags"]
    assert found["metrics"]["label_overlap_judge"] == 6.0
    assert found["judge"]["unread"] == {"clue_overlap_judge": 1, "label_overlap_judge": 0}
    assert (found["judge"]["asked"], found["judge"]["model"]) == (8, "tiny")


def test_without_a_judge_no_number_is_called_one():
    found = one("overlap", [("He is happy.", "He is glad, joyful even.")])
    assert found["metrics"]["label_overlap_words"] == 1.0
    assert not any("judge" in name for name in found["metrics"])


def test_intervals_are_of_subjects_where_rows_tell_them():
    pairs = [("fear", "fear"), ("anger", "fear")] * 6
    told = one("expression", pairs, dataset="raf_db", subjects=[str(k // 2) for k in range(12)])
    low, high = told["intervals"]["accuracy"]
    assert low == high == 0.5  # every subject has one right and one wrong
    assert "intervals: 6 subjects: the interval is too narrow" in told["flags"]
    assert one("expression", pairs, dataset="raf_db")["intervals"] == {}
    assert one("expression", pairs, dataset="raf_db", subjects=["a"] * 12)["intervals"] == {}


def test_every_group_stands_in_one_table_with_the_mean_of_the_data_sets():
    both = rows("expression", [("fear", "fear")], dataset="RAF-DB") + rows("expression", [("fear", "anger")], dataset="CAER-S")
    scores = score(both + rows("e_c", [("joy", "joy")], dataset="[red]mine"), Options())
    assert scores["means"]["expression"]["accuracy"] == 0.5
    text = printed(scores)
    for part in ("RAF-DB, expression", "CAER-S, expression", "mean of sets, expression", "6 of 7 classes"):
        assert part in text
    assert any(line.strip().startswith("[red]mine, e_c  ") for line in text.splitlines())
    assert "SIMULATED" not in text
    assert "SIMULATED" in printed(score(rows("e_c", [("joy", "joy")], dataset="simulated"), Options()))


DEGENERATE = {
    "expression": [("fear", "")],
    "action_units": [({"1": 0}, "")],
    "action_unit_intensity": [({"1": 0}, {"1": 7.5})] * 3,
    "valence_arousal": [("-2 -2", "x")],
    "ei_reg": [("0.5", "")] * 2,
    "ei_oc": [("0", "9")],
    "v_reg": [("0.5", "1e300")],
    "v_oc": [("0", "")],
    "e_c": [("neutral or no emotion", "")],
    "rege_emotion": [("0", "")],
    "rege_action_units": [("", "")],
    "overlap": [("", "")],
}


@pytest.mark.parametrize("task", TASKS)
def test_nothing_is_ever_nan(task):
    found = score(rows(task, DEGENERATE[task], emotions=["joy"] * 3, subjects=["a", "b", "c"]), Options())
    json.dumps(found, allow_nan=False)
    assert "nan" not in printed(found)
    assert set(HEADLINE[task]) >= {name for name in found["results"][0]["metrics"] if name in HEADLINE[task]} != set()


@pytest.mark.parametrize(
    ("task", "pair", "said"),
    [
        ("dancing", ("a", "b"), "expected one of expression"),
        ("expression", ("3", "fear"), "expected one of surprise, fear"),
        ("action_units", ({"1": 3}, {"1": 1}), "use the task action_unit_intensity"),
        ("action_units", ({"1": 0, "2": 1}, {"1": 1}), "prediction says nothing of AU2"),
        ("action_unit_intensity", ({"1": 6}, {"1": 1}), "expected units of 0 to 5"),
        ("action_unit_intensity", ("1, 4", {"1": 1}), "expected an intensity for each unit"),
        ("action_unit_intensity", ({"1": 1}, {"1": 80}), "expected units of 0 to 5"),
        ("action_units", ({"1": 9}, {"1": 1}), "no action unit is told"),
        ("valence_arousal", ("3 4", "0 0"), "from -1 to 1"),
        ("ei_reg", ("0.5", "0.5"), "in the column `emotion`"),
        ("v_reg", ("7", "0.5"), "from 0 to 1"),
        ("v_oc", ("good", "1"), "from -3 to 3"),
        ("e_c", ("rage", "anger"), "emotions of E-c"),
        ("rege_emotion", ("joy", "A happy face."), "expected 0 to 6 or one of"),
    ],
)
def test_a_row_that_its_task_does_not_expect_is_one_line(task, pair, said):
    with pytest.raises(UserError) as error:
        score(rows(task, [pair], dataset="raf_db" if task == "expression" else ""), Options())
    assert said in str(error.value)
    assert "\n" not in str(error.value)
    assert "p.csv line 2" in str(error.value)


def test_an_empty_truth_is_told_where_no_labels_are_known():
    with pytest.raises(UserError, match="truth '', expected the name of an expression"):
        score(rows("expression", [("", "fear")], dataset="mine"), Options())
