"""BERTScore is the greedy matching of the encoder's embeddings, and what cannot be scored is told in one line."""

import importlib.util
import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
import transformers
from encoder_factory import LAYERS, save_encoder
from text_factory import REPORTS

from input_pipeline.errors import UserError
from tramp_jax.metrics.text.bertscore import bert_score, bertscore_results, check_possible

PAIRS = [[REPORTS[0], REPORTS[1]], [REPORTS[1], REPORTS[0]], [REPORTS[3], REPORTS[3]], ["", REPORTS[3]], [REPORTS[3], " "]]
TOO_LONG = " ".join(["brow"] * 70)
LAYER = 2
RATED = (0, 2, 3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_encoder(tmp_path_factory.mktemp("encoder") / "bert-tiny", REPORTS)


@pytest.fixture(scope="module")
def scores(folder):
    return bert_score(folder, LAYER, [*PAIRS, [TOO_LONG, REPORTS[3]], *([REPORTS[1], REPORTS[i]] for i in RATED)])


def vectors(model, tokenizer, text):
    """Of one text alone, without padding: the hidden states of a model that is cut off after LAYER, as bert-score does."""
    with torch.no_grad():
        return model(**tokenizer(text, return_tensors="pt")).last_hidden_state[0].tolist()


def cosine(a, b):
    return sum(x * y for x, y in zip(a, b, strict=True)) / (sum(x * x for x in a) * sum(y * y for y in b)) ** 0.5


def test_scores_are_the_greedy_matching_of_the_layer_by_hand(folder, scores):
    model = transformers.BertModel.from_pretrained(folder).eval()
    model.encoder.layer = model.encoder.layer[:LAYER]
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    for i, (said, meant) in enumerate(PAIRS[:3]):
        said, meant = vectors(model, tokenizer, said), vectors(model, tokenizer, meant)
        # The first and the last token are [CLS] and [SEP].
        precision = np.mean([max(cosine(token, other) for other in meant) for token in said[1:-1]])
        recall = np.mean([max(cosine(token, other) for other in said) for token in meant[1:-1]])
        found = [scores[name][i] for name in ("precision", "recall", "f1")]
        # float32 in the encoder, in batches of other sizes.
        assert found == pytest.approx([precision, recall, 2 * precision * recall / (precision + recall)], abs=2e-6)
    assert 0 < scores["f1"][0] < 0.999


def test_identity_is_one_an_empty_text_is_zero_and_exchange_exchanges_precision_and_recall(scores):
    assert scores["f1"][2] == pytest.approx(1.0, abs=1e-6)
    for name in ("precision", "recall", "f1"):
        assert scores[name][3] == scores[name][4] == 0.0
    assert scores["precision"][0] == pytest.approx(scores["recall"][1], abs=1e-6)
    assert scores["precision"][0] != pytest.approx(scores["recall"][0], abs=1e-3)


def test_a_text_beyond_the_encoder_is_cut_and_told(scores):
    assert np.flatnonzero(scores["truncated"]).tolist() == [len(PAIRS)]
    assert np.isfinite(scores["f1"]).all()


def test_results_hold_the_baselines_on_the_same_clips_and_an_interval(folder, scores):
    references = [REPORTS[0], None, REPORTS[2], REPORTS[3]]
    rivals = {"always_normal": [REPORTS[1]] * 4}
    found = bertscore_results(folder, LAYER, ["a", "b", "b", "c"], list(REPORTS), references, rivals, draws=50)
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert (found["model"], found["layer"], found["truncated"]) == ("bert-tiny", LAYER, 0)
    assert found["f1"] == pytest.approx(1.0, abs=1e-6)
    assert found["f1_interval"] == pytest.approx([1.0, 1.0], abs=1e-6)
    alone = scores["f1"][-len(RATED) :].mean()
    assert found["baselines"]["always_normal"] == pytest.approx(alone, abs=1e-6)
    nothing = bertscore_results(folder, LAYER, ["a"], REPORTS[:1], [None], {"always_normal": REPORTS[:1]})
    assert (nothing["f1"], nothing["f1_interval"], nothing["baselines"]) == (None, [None, None], {"always_normal": None})


def test_what_is_not_there_is_told_in_one_line(folder, tmp_path, monkeypatch):
    check_possible(folder, LAYER)
    for layer in (None, 0, LAYERS + 1):
        with pytest.raises(UserError, match=f"--bert_layer={layer}: expected 1 to {LAYERS}"):
            check_possible(folder, layer)
    with pytest.raises(UserError, match=r"has no config\.json"):
        check_possible(tmp_path, LAYER)
    shutil.copy(folder / "config.json", tmp_path)
    with pytest.raises(UserError, match=r"has no \*\.safetensors: rewrite"):
        check_possible(tmp_path, LAYER)
    (tmp_path / "model.safetensors").write_bytes(b"broken")
    check_possible(tmp_path, LAYER)
    with pytest.raises(UserError, match=r"PyTorch cannot run it: .+"):
        bert_score(tmp_path, LAYER, PAIRS)
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="says not how many layers"):
        check_possible(tmp_path, LAYER)
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "torch" else find(name))
    with pytest.raises(UserError, match=r"torch is not installed: pip install 'tramp-jax\[torch\]'"):
        check_possible(folder, LAYER)


def evaluate(*arguments):
    command = [sys.executable, "-m", "tramp_jax.evaluate", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.fixture
def predictions(tmp_path):
    rows = [{"subject": f"s{i}", "score": i, "prediction": i, "report": REPORTS[1], "reference": REPORTS[i]} for i in range(4)]
    lines = (json.dumps({"clip_id": f"c{i}", "expression": "smile", **row}) + "\n" for i, row in enumerate(rows))
    path = tmp_path / "predictions.jsonl"
    path.write_text("".join(lines))
    return path


def test_evaluate_writes_bertscore_with_the_encoder_that_it_is_given(folder, scores, predictions, tmp_path):
    asked = (f"--predictions={predictions}", f"--output={tmp_path / 'out'}", f"--bert_model={folder}")
    result = evaluate(*asked, f"--bert_layer={LAYER}")
    assert result.returncode == 0, result.stderr
    found = json.loads((tmp_path / "out" / "results.json").read_text())["report"]["bertscore"]
    assert (found["model"], found["layer"]) == ("bert-tiny", LAYER)
    each = [scores["f1"][-3], 1.0, *scores["f1"][-2:]]
    assert found["f1"] == pytest.approx(np.mean(each), abs=1e-6)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--bert_model={folder}"], "--bert_layer=None: expected 1 to 3"),
        (["--bert_layer=2"], "--bert_layer goes with --bert_model=FOLDER"),
    ],
)
def test_what_evaluate_cannot_score_is_one_line_and_exit_2(folder, predictions, tmp_path, arguments, told):
    arguments = [argument.format(folder=folder) for argument in arguments]
    result = evaluate(f"--predictions={predictions}", f"--output={tmp_path / 'out'}", *arguments)
    assert result.returncode == 2
    assert told in result.stderr
    assert len(result.stderr.splitlines()) == 1
    assert not (tmp_path / "out").exists()
