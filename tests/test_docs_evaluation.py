"""Every figure of docs/evaluation.md comes from its worked example."""

import dataclasses
import json
import pathlib
import re

import numpy as np
import pytest

from tramp_jax.metrics import severity
from tramp_jax.metrics.prediction_results import evaluate_predictions
from tramp_jax.metrics.predictions import OPTIONAL, REQUIRED, read_predictions
from tramp_jax.metrics.severity_table import ROWS, metric_table
from tramp_jax.metrics.side_by_side import side_by_side

TEXT = (pathlib.Path(__file__).parents[1] / "docs" / "evaluation.md").read_text()
FIGURES = re.findall(r"`([^`=]+) = ([^`]+)`", TEXT)
CHANGES = {
    "prediction + 1": lambda p: p + 1,
    "2 * prediction": lambda p: 2 * p,
    "rounded": lambda p: severity.to_grade(p).astype(float),
}


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    path = tmp_path_factory.mktemp("docs") / "example.csv"
    path.write_text(re.search(r"```csv\n(.*?)```", TEXT, re.DOTALL).group(1))
    return read_predictions(path)


@pytest.fixture(scope="module")
def results(example):
    (model,) = side_by_side([example], draws=10)
    return evaluate_predictions(example)["severity"] | {"agreement": model.agreement, "calibration": model.calibration}


def _value(name, example, results):
    if changed := re.fullmatch(r"(\w+)\((.+)\)", name):
        clips = dataclasses.replace(example.clips, prediction=CHANGES[changed[2]](example.clips.prediction))
        return metric_table(changed[1], clips, ["smile"])[0]["mean"]
    if name.startswith("constant_median/"):
        return results["baselines"]["constant_median"][name.split("/")[1]]["mean"]
    if name.startswith(("risk_coverage/", "agreement/", "calibration/")):
        part, _, of = name.partition("/")
        return results[part][of]
    return results[name]["mean"]


@pytest.mark.parametrize(("name", "written"), [figure for figure in FIGURES if figure != ("name", "value")])
def test_a_figure_of_the_page_is_what_the_code_gives_to_the_last_digit(name, written, example, results):
    digits = len(re.search(r"\.(\d+)", written).group(1))
    found = np.array(_value(name, example, results), np.float64)
    # Half a unit of the last digit, and no more: a tie may have been rounded either way.
    np.testing.assert_allclose(np.array(json.loads(written)), found, atol=0.5 * 10**-digits + 1e-9, rtol=0)


def test_every_metric_has_its_paragraph_with_its_value_and_its_trap():
    headings = re.findall(r"^### (.+)$", TEXT, re.MULTILINE)
    assert {name for heading in headings for name in heading.split(", ")} == {*ROWS, "tie_ceiling"}
    values = {name for name, _ in FIGURES}
    for paragraph in re.split(r"^### ", TEXT, flags=re.MULTILINE)[1:]:
        heading, body = paragraph.split("\n", 1)
        assert set(heading.split(", ")) <= values
        assert re.search(r"\btraps?\b", body.split("\n## ")[0])


def test_the_table_of_columns_is_that_of_the_code():
    table = TEXT.split("## The file")[1].split("## The worked")[0]
    named = {name for cell in re.findall(r"^\| (.+?) \|", table, re.MULTILINE) for name in re.findall(r"`(\w+)`", cell)}
    assert named - {"group_NAME"} == {*REQUIRED, *OPTIONAL} - {"p1", "p2", "p3"}


def test_the_ceiling_of_uneven_grades_is_as_the_page_says():
    assert "80, 10, 7 and 3 percent it is 0.70" in TEXT
    truth = np.repeat(np.arange(4.0), [8000, 1000, 700, 300])
    assert f"{severity.tie_ceiling(truth).value:.2f}" == "0.70"
