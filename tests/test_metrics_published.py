"""The published tables add up, and are of expressions that the records know."""

import tomllib
from pathlib import Path

import numpy as np
import pytest

from input_pipeline.records import EXPRESSIONS, NEUROFACE
from tramp_jax.metrics.published import TABLES, published_table, tables_for


@pytest.mark.parametrize("name", TABLES)
def test_the_averages_are_the_plain_means_of_their_rows(name):
    table = published_table(name)
    for row in table["rows"]:
        # Half a unit of the second digit, for a table that was rounded once.
        assert np.mean(list(row["values"].values())) == pytest.approx(row["average"], abs=0.00501), row["method"]
    assert table["protocol"] == "literature"
    assert table["models"] == "per expression"
    assert all("github.com" in source for source in table["sources"])


def test_the_tables_have_the_published_rows_and_the_known_expressions():
    pfed5, neuroface = map(published_table, TABLES)
    assert (len(pfed5["rows"]), len(neuroface["rows"])) == (14, 9)
    assert all(tuple(row["values"]) == EXPRESSIONS for row in pfed5["rows"])
    assert all(set(row["values"]) == set(NEUROFACE) - {"big_smile"} for row in neuroface["rows"])
    best = max(pfed5["rows"], key=lambda row: row["average"])
    assert (best["method"], best["average"], best["values"]["frown"]) == ("TraMP-Former", 71.86, 79.01)
    assert {row["method"]: row["average"] for row in neuroface["rows"]}["QAFE-Net"] == 46.22


def test_a_table_stands_beside_results_of_all_its_expressions_alone():
    assert [table["data"] for table in tables_for({*EXPRESSIONS, "mean"})] == ["PFED5"]
    assert not tables_for({"smile"})


def test_wheels_carry_the_tables():
    patterns = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]
    assert "*.json" in patterns["*"]
