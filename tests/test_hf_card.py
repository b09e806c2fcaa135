"""The model card: whether it is simulated comes first, figures only where there was an evaluation."""

import pytest
import yaml
from tiny import tiny_config

from tramp_jax.hf.card import model_card

RESULTS = {
    "simulated": True,
    "counts": {"clips": 600, "subjects": 120},
    "severity": {"spearman": {"mean": 0.8125}, "mae": {"mean": 0.5}, "baselines": {}},
    "report": None,
}


def card(trained_on="simulated", results=None, base=""):
    config = tiny_config()
    config.trained_on = trained_on
    text = model_card(config, 1400, results, base)
    _, head, body = text.split("---\n", 2)
    return yaml.safe_load(head), body.strip()


@pytest.mark.parametrize(
    ("trained_on", "first"),
    [
        ("simulated", "**Trained on simulated faces only: what it says of a real face means nothing.**"),
        ("pfed5_plus", '**Trained on the data set "pfed5_plus" (not simulated).**'),
    ],
)
def test_the_first_line_says_whether_it_is_simulated(trained_on, first):
    assert card(trained_on)[1].splitlines()[0] == first


def test_metrics_are_those_of_the_evaluation_and_absent_ones_are_left_out():
    body = card(results=RESULTS)[1]
    assert "On 600 held-out clips of 120 subjects (simulated)" in body
    assert "| Spearman, predicted and rated grade | 0.812 |" in body
    assert "fact F1" not in body
    assert "Not evaluated" in card()[1]
    assert "Not evaluated" not in body


@pytest.mark.parametrize("section", ["Intended use", "Data", "Results", "Limits"])
def test_sections(section):
    assert f"## {section}\n" in card()[1]


def test_the_base_model_is_named_where_the_hub_knows_it_and_its_licence_holds(tmp_path):
    head = card(base="meta-llama/Llama-3.1-8B")[0]
    assert (head["base_model"], head["license"]) == ("meta-llama/Llama-3.1-8B", "other")
    head, body = card(base=str(tmp_path / "llama"))
    assert ("base_model" in head, head["license"]) == (False, "apache-2.0")
    assert str(tmp_path) not in body
    assert "fine-tuned from llama" in body
