"""The model card: whether it is simulated comes first, figures only where there was an evaluation."""

import pytest
import yaml
from ml_collections import ConfigDict
from tiny import tiny_config

from tramp_jax.hf.card import model_card

COMMIT = "0" * 40
RESULTS = {
    "simulated": True,
    "counts": {"clips": 600, "subjects": 120},
    "severity": {"spearman": {"mean": 0.8125}, "mae": {"mean": 0.5}, "baselines": {}},
    "report": None,
}


def card(trained_on="simulated", results=None, **pretrained):
    config = tiny_config()
    config.trained_on = trained_on
    config.pretrained = ConfigDict(
        {part: {"source": source, "revision": revision, "family": "llama"} for part, (source, revision) in pretrained.items()}
    )
    text = model_card(config, 1400, results)
    _, head, body = text.split("---\n", 2)
    return yaml.safe_load(head), body.strip()


@pytest.mark.parametrize(
    ("trained_on", "first"),
    [
        ("simulated", "**Trained on simulated faces only: what it says of a real face means nothing.**"),
        ("pfed5_plus", '**Trained on the data set "pfed5_plus" (not simulated).**'),
        ("mine + simulated", '**Trained on the data sets "mine + simulated": some of the faces are simulated.**'),
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


def test_parts_of_the_hub_are_named_with_their_licences():
    head, body = card(llm=("meta-llama/Llama-3.1-8B", COMMIT), lora=("someone/lora", COMMIT), vision=("google/siglip", COMMIT))
    assert head["base_model"] == ["meta-llama/Llama-3.1-8B", "someone/lora", "google/siglip"]
    assert head["license"] == "other"
    assert "It started from meta-llama/Llama-3.1-8B (llm), someone/lora (lora), google/siglip (vision), whose licences" in body


@pytest.mark.parametrize("source", ["/data/weights/Llama-3.1-8B", "weights/Llama-3.1-8B", "./Llama-3.1-8B"])
def test_a_folder_is_no_id_of_the_hub_and_its_path_stays_here(source):
    head, body = card(llm=(source, None))
    assert "base_model" not in head
    assert head["license"] == "other"
    assert "It started from Llama-3.1-8B (llm)" in body
    assert "weights" not in body.replace("authors' weights", "")


def test_a_run_from_before_provenance_was_kept_names_its_folders():
    config = tiny_config()
    config.init_from.llm = "weights/llama"
    assert "license: other" in model_card(config, 1, None)


def test_a_run_from_scratch_is_ours():
    head, body = card()
    assert head["license"] == "apache-2.0"
    assert "trained from scratch" in body
