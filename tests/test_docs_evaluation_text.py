"""Every figure of docs/evaluation_text.md comes from its worked example or its edits, and facts see what words do not."""

import csv
import io
import json
import math
import pathlib
import re

import pytest

from input_pipeline.motion.parsing import parse_facts
from tramp_jax.metrics import report_facts, weighted_facts
from tramp_jax.metrics.forbidden import forbidden_share
from tramp_jax.metrics.prediction_results import evaluate_predictions
from tramp_jax.metrics.predictions import read_predictions
from tramp_jax.metrics.text import TEXT_SCORES, score_texts

TEXT = (pathlib.Path(__file__).parents[1] / "docs" / "evaluation_text.md").read_text()
EXAMPLE = re.search(r"```csv\n(.*?)```", TEXT, re.DOTALL).group(1)
_EDITED = map(json.loads, re.search(r"```jsonl\n(.*?)```", TEXT, re.DOTALL).group(1).splitlines())
EDITS = {row["edit"]: row["report"] for row in _EDITED}
REFERENCE = next(iter(EDITS.values()))
HEADER, _, *ROWS = [[cell.strip() for cell in line.strip("|").split("|")] for line in TEXT.splitlines() if line.startswith("|")]
FIGURES = re.findall(r"`([^`=\n]+) = (-?\d+\.\d+)`", TEXT)
ALIKE = ("as it should be", "sentences in another order", "paraphrase")
# Depends on a model.
WITHOUT_VALUE = {"bertscore"}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    path = tmp_path_factory.mktemp("docs") / "example.csv"
    path.write_text(EXAMPLE)
    return evaluate_predictions(read_predictions(path), draws=100)["report"]


def of_pair(said, meant):
    """Every metric of one report against one reference, by its path."""
    stated, reference = parse_facts(said), parse_facts(meant)
    found = {
        f"fact_f1/{name}": report_facts.score_report(stated, reference)[f"{name}_f1"] for name in report_facts.STRICTNESSES
    }
    found |= {f"errors/{kind}": value for kind, value in report_facts.error_table([stated], [reference]).items()}
    found["weighted_facts"] = weighted_facts.score_report(stated, reference)
    found["laterality_accuracy"] = report_facts.laterality_accuracy([stated], [reference])
    found["grounding"] = report_facts.grounding([stated], [reference])
    return found | score_texts([said], [meant]).values


def value_of(name, results):
    if quoted := re.fullmatch(r'forbidden_share/(\w+)\("(.+)"\)', name):
        return forbidden_share([quoted[2]])[quoted[1]]
    if changed := re.fullmatch(r"(.+)\((.+)\)", name):
        clips = {row["clip_id"]: (row["report"], row["reference"]) for row in csv.DictReader(io.StringIO(EXAMPLE))}
        return of_pair(*(clips[changed[2]] if changed[2] in clips else (EDITS[changed[2]], REFERENCE)))[changed[1]]
    for key in name.split("/"):
        results = results[key]
    return results


def rounded(value, digits):
    return "–" if math.isnan(value) else f"{value + 0.0:.{digits}f}"


@pytest.mark.parametrize(("name", "written"), FIGURES)
def test_a_figure_of_the_page_is_what_the_code_gives_to_the_last_digit(name, written, results):
    digits = len(written.split(".")[1])
    assert float(written) == pytest.approx(value_of(name, results), abs=0.5 * 10**-digits + 1e-9)


def test_the_table_of_edits_is_what_the_code_gives():
    assert [row[0] for row in ROWS] == list(EDITS)
    for edit, *cells in ROWS:
        found = of_pair(EDITS[edit], REFERENCE)
        assert cells == [rounded(found[name], 1 if name in ("bleu4", "chrf") else 2) for name in HEADER[1:]], edit


def test_facts_are_whole_in_other_words_and_order_and_lower_with_every_error():
    found = {edit: of_pair(said, REFERENCE) for edit, said in EDITS.items()}
    for metric in ("fact_f1/value", "weighted_facts"):
        assert [found[edit][metric] for edit in ALIKE] == [1.0] * 3
        assert max(scores[metric] for edit, scores in found.items() if edit not in ALIKE) < 1.0
        assert found["empty"][metric] == 0.0
    assert found["all normal"]["fact_f1/abnormal"] == found["all normal"]["weighted_facts"] == 0.0
    assert found["left and right exchanged"]["laterality_accuracy"] == 0.0
    # Words are the other way round: an exchange costs less than a paraphrase.
    for metric in ("bleu4", "caption_bleu4", "rouge_l", "meteor_no_wn", "chrf"):
        assert found["paraphrase"][metric] < 0.7 * found["left and right exchanged"][metric]


def test_every_metric_has_its_paragraph_with_its_value_and_its_trap(results):
    headings = [heading.split(", ") for heading in re.findall(r"^### (.+)$", TEXT, re.MULTILINE)]
    facts = {f"fact_f1/{name}" for name in report_facts.STRICTNESSES} | {f"errors/{kind}" for kind in report_facts.ERRORS}
    others = {
        "weighted_facts",
        "laterality_accuracy",
        "grounding",
        "forbidden_share",
        "severity_agreement",
        "score_probe",
        "bertscore",
    }
    assert {name for names in headings for name in names} == {*facts, *others, *TEXT_SCORES}
    valued = {re.sub(r"\(.*", "", name) for name, _ in FIGURES}
    for paragraph, names in zip(re.split(r"^### ", TEXT, flags=re.MULTILINE)[1:], headings, strict=True):
        body = paragraph.split("\n", 1)[1].split("\n## ")[0]
        assert re.search(r"\b[Tt]raps?\b", body), names
        for name in set(names) - WITHOUT_VALUE:
            assert any(value == name or value.startswith(f"{name}/") for value in valued), name
