"""Every worked example of docs/evaluation_emotion.md has the value that is printed there."""

import ast
import re
from pathlib import Path

import numpy as np
import pytest

from tramp_jax.metrics.emotion import action_units, classification, emollms, overlap, rege, rouge, valence_arousal
from tramp_jax.metrics.emotion.tasks import TASKS
from tramp_jax.metrics.severity import pearson

TEXT = (Path(__file__).parents[1] / "docs" / "evaluation_emotion.md").read_text()
EXAMPLES = re.findall(r"^    (\w+)(\(.*\)) = ([\d.]+)$", TEXT, re.MULTILINE)


def of_lists(metric, *more):
    def value(truth, prediction):
        one, two = (emollms.indicators([frozenset(row) for row in rows]) for rows in (truth, prediction))
        return metric(one, two, *(make(one) for make in more)).value

    return value


def of_sets(metric):
    return lambda truth, prediction: metric(*map(overlap.label_sets, ([truth], [prediction])))[0]


def s_rege(variant):
    def value(truth, said, meant):
        codes = np.array([rege.CLASSES.index(name) for name in truth])
        return rege.emotion_rege(codes, said, meant, rege.OUR_LEXICON)[variant].s_rege.value

    return value


def of_arrays(metric):
    return lambda **told: metric(**{name: np.array(v) if isinstance(v, list) else v for name, v in told.items()}).value


FUNCTIONS = {
    **{name: of_arrays(metric) for name, metric in (classification.METRICS | valence_arousal.METRICS).items()},
    "unit_f1": lambda truth, present: action_units.f1_scores(np.array([truth], float).T, np.array([present], bool).T)[0].value,
    "icc_3_1": of_arrays(action_units.icc_3_1),
    "icc_a_1": of_arrays(action_units.icc_a_1),
    "pearson": of_arrays(pearson),
    "quadratic_kappa": of_arrays(emollms.quadratic_kappa),
    "jaccard": of_lists(emollms.jaccard, lambda rows: np.ones(len(rows), bool)),
    "list_micro_f1": of_lists(emollms.micro_f1),
    "list_macro_f1": of_lists(emollms.macro_f1),
    "rouge_l": rouge.rouge_l,
    "clue_overlap": lambda truth, prediction: overlap.clue_overlap([truth], [prediction])[0],
    "label_overlap": of_sets(overlap.label_overlap),
    "set_precision": of_sets(overlap.set_precision),
    "set_recall": of_sets(overlap.set_recall),
    "s_rege_legacy": s_rege("legacy"),
    "s_rege_fixed": s_rege("fixed"),
}


@pytest.mark.parametrize(("name", "call", "printed"), EXAMPLES, ids=[example[0] for example in EXAMPLES])
def test_a_worked_example_has_the_printed_value(name, call, printed):
    told = {keyword.arg: ast.literal_eval(keyword.value) for keyword in ast.parse(f"f{call}").body[0].value.keywords}
    assert FUNCTIONS[name](**told) == pytest.approx(float(printed), abs=0.6e-9)


def test_every_task_and_metric_is_on_the_page():
    assert len(EXAMPLES) >= 18
    assert not [task for task in TASKS if f"`{task}`" not in TEXT]
    for name in ("Accuracy, WAR", "UAR", "ICC(3,1)", "ICC(A,1)", "CCC", "PCC", "RMSE", "SAGR", "Jaccard accuracy"):
        assert f"**{name}" in TEXT
