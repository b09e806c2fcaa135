"""`python -m tramp_jax.compare`: one page of several models, inert, offline, with every plotted number in a table."""

import functools
import json
import re
import subprocess
import sys

import numpy as np
import plotly.graph_objects
import pytest
from predictions_factory import make_rows, write_rows
from test_report_page import HOSTILE, Page, outside, policy

from input_pipeline.errors import UserError
from tramp_jax.metrics.predictions import read_predictions
from tramp_jax.metrics.side_by_side import side_by_side
from tramp_jax.models import heads
from tramp_jax.report.comparison_page import RUN_LEVEL, write_comparison

REPORT = "Movement of the left mouth corner is markedly reduced. Movement of the right mouth corner is normal."
SWAPPED = "Movement of the right mouth corner is markedly reduced. Movement of the left mouth corner is normal."
DRAWS = 60


class Spaced(Page):
    """Cells of tables apart."""

    def handle_endtag(self, tag):
        super().handle_endtag(tag)
        self.text += " "


def rows_of(seed=0, noise=0.0, report=REPORT, **columns):
    rng = np.random.default_rng(seed)
    rows = make_rows(subjects=20, expressions=("smile", "rest"), report=report, reference=REPORT, **columns)
    return [row | {"prediction": round(row["prediction"] + noise * rng.normal(), 3)} for row in rows]


def page_of(folder, *files, levels=None, **options):
    models = side_by_side([read_predictions(file) for file in files], draws=DRAWS, **options)
    write_comparison(models, folder / "page.html", levels or [None] * len(models))
    text = (folder / "page.html").read_text(encoding="utf-8")
    return Spaced(text), models, text


def words(page):
    return re.sub(r"\s+", " ", page.text)


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    folder = tmp_path_factory.mktemp("compare")
    mine = write_rows(folder / "mine.jsonl", rows_of())
    other = write_rows(folder / "other.csv", rows_of(noise=1.5, report=SWAPPED))
    return page_of(folder, mine, other, levels=[0.9, None])


def test_the_page_asks_for_nothing_and_runs_no_script_but_its_own(two):
    page, *_ = two
    assert outside(page) == []
    assert not re.search(r"url\(|@import", page.style)
    assert policy(page)["default-src"] == ["'none'"]
    assert [values.get("type") for tag, values in page.tags if tag == "script"] == ["application/json", None, None]
    assert not [name for _, values in page.tags for name in values if name.startswith("on")]


def test_the_numbers_are_those_of_results_and_comparison_with_what_they_show(two):
    page, (first, second), _ = two
    said = words(page)
    for name in ("spearman", "mae", "macro_f1", "rps"):
        assert f"{first.results['severity'][name]['mean']:.3f}" in said
    low, high = first.results["severity"]["intervals"]["icc_a1"]["mean"]
    assert f"[{low:.3f}, {high:.3f}]" in said
    mae = second.minus_first["metrics"]["mae"]["mean"]
    assert mae["difference"] == pytest.approx(
        second.results["severity"]["mae"]["mean"] - first.results["severity"]["mae"]["mean"]
    )
    assert f"{mae['difference']:+.3f} [{mae['interval'][0]:.3f}, {mae['interval'][1]:.3f}] worse" in said
    assert "rps less is better" in said
    covered = np.mean([row["low"] <= row["score"] <= row["high"] for row in rows_of()])
    assert f"interval of the file {covered:.3f} (meant to hold 0.90)" in said


def test_reports_that_swap_the_sides_show_in_facts_errors_and_worst_cases(two):
    page, (first, second), _ = two
    assert first.results["report"]["errors"]["wrong_side"] == 0
    assert second.results["report"]["errors"]["wrong_side"] > 0
    assert f"wrong side 0.000 {second.results['report']['errors']['wrong_side']:.3f}" in words(page)
    parts = [model.results["report"] for model in (first, second)]
    for label, keys in (
        ("fact F1: value", ("fact_f1", "value")),
        ("weighted findings, 0 for always normal", ("weighted_facts",)),
        ("reports that name a diagnosis or an emotion", ("forbidden_share", "any")),
        ("severity of the text with the score: Spearman", ("severity_agreement", "head", "spearman", "mean")),
    ):
        one, two_ = (functools.reduce(dict.get, keys, part) for part in parts)
        assert f"{label} {one:.3f} {two_:.3f}" in words(page)
    assert parts[1]["weighted_facts"] < parts[0]["weighted_facts"] == 1.0
    assert words(page).count(f"Report: {SWAPPED} Reference: {REPORT}") == 15
    worst = max(zip(rows_of(), rows_of(noise=1.5), strict=True), key=lambda pair: abs(pair[1]["prediction"] - pair[1]["score"]))
    assert second.worst[0]["clip"] == worst[1]["clip_id"]
    assert second.worst[0]["others"] == [worst[0]["prediction"], worst[1]["prediction"]]


def test_every_figure_is_one_that_plotly_knows_has_its_place_and_needs_no_webgl(two):
    page, *_ = two
    specs = json.loads(page.scripts[0])
    expected = {"people", "reliability", "coverage", "shares"} | {
        f"{kind}-{i}" for kind in ("agreement", "confusion") for i in "01"
    }
    assert set(specs) == expected
    for name, spec in specs.items():
        assert f"plot-{name}" in page.all("id")
        plotly.graph_objects.Figure(spec)  # refuses unknown properties and values
        assert {trace["type"] for trace in spec["data"]} <= {"scatter", "bar", "heatmap"}


def test_what_is_plotted_stands_in_tables(two):
    page, (first, _), _ = two
    said = words(page)
    for row in first.calibration["reliability"]:
        assert f"{row['predicted']:.3f}, {row['observed']:.3f} ({row['count']})" in said
    for grade, share in enumerate(first.calibration["expected"]):
        assert f" {grade} {first.calibration['rated'][grade]:.3f} {share:.3f} " in said
    for row in first.results["severity"]["confusion"]["all"]:
        assert " ".join(map(str, row)) in said
    assert f"bias (mean) {first.agreement['bias']:+.3f}" in said
    assert page.count("table") >= 12
    assert all(values.get("scope") in ("col", "row") for tag, values in page.tags if tag == "th")


def test_what_comes_from_data_stays_inert(two, tmp_path):
    clean, _, _ = two
    rows = rows_of(report=f"Movement {HOSTILE} is normal. </script>{HOSTILE}")
    for row in rows:
        row["clip_id"], row["expression"] = f"{HOSTILE}{row['clip_id']}", f"{HOSTILE}{row['expression']}"
        row["reference"], row[HOSTILE] = HOSTILE, "?"
    name = "<img src=x onerror=alert(3)>&quot;"
    files = [write_rows(tmp_path / f"{name}.jsonl", rows), write_rows(tmp_path / "b.jsonl", rows)]
    page, *_ = page_of(tmp_path, *files)
    assert page.count("script") == clean.count("script")
    assert page.count("img") == 0
    assert policy(page) == policy(clean)
    assert not [attribute for _, values in page.tags for attribute in values if attribute.startswith("on")]
    assert page.scripts[1:] == clean.scripts[1:]
    assert page.text.count(HOSTILE) > 20
    # What plotly shows is escaped for its own reading of tags.
    shown = json.loads(page.scripts[0])
    assert shown["agreement-0"]["data"][0]["name"].startswith("&lt;img")
    assert "<" not in "".join(shown["agreement-0"]["data"][0]["text"])


def test_no_person_is_named(tmp_path):
    rows = [row | {"subject": f"Jane-Doe-{row['subject']}"} for row in rows_of()]
    page, _, text = page_of(tmp_path, write_rows(tmp_path / "mine.csv", rows))
    assert "Jane-Doe" not in text
    assert page.count("image") == page.count("img") == 0
    assert "Comparison" not in page.text
    assert "Evaluation: mine.csv" in page.text


@pytest.mark.parametrize(
    ("sets", "said"), [(["simulated"], "all of"), (["simulated", "clinic"], "some of"), (["clinic"], None)]
)
def test_simulated_clips_are_called_simulated(sets, said, tmp_path):
    rows = [row | {"dataset": sets[i % len(sets)]} for i, row in enumerate(rows_of())]
    page, *_ = page_of(tmp_path, write_rows(tmp_path / "mine.csv", rows))
    alerts = [values for _, values in page.tags if values.get("role") == "alert"]
    assert len(alerts) == (said is not None)
    assert said is None or f"Simulated data : {said} these clips are simulated faces" in words(page)


def test_files_without_probabilities_reports_or_intervals_have_a_page(tmp_path):
    keys = ("clip_id", "subject", "expression", "score", "prediction")
    rows = [{key: row[key] for key in keys} for row in rows_of()]
    page, *_ = page_of(tmp_path, write_rows(tmp_path / "mine.csv", rows))
    assert "No input has probabilities of the grades" in page.text
    assert "Facts of the reports" not in page.text
    assert {f"plot-{name}" for name in json.loads(page.scripts[0])} <= set(page.all("id"))


def test_ten_thousand_clips_of_two_models_stay_below_20_mb(tmp_path):
    rows = make_rows(subjects=2000, expressions=("smile", "rest", "frown", "squeeze", "clench"))
    file = write_rows(tmp_path / "mine.csv", rows)
    models = side_by_side([read_predictions(file)] * 2, draws=2)
    write_comparison(models, tmp_path / "page.html", [None, None])
    assert (tmp_path / "page.html").stat().st_size < 20e6
    page = Spaced((tmp_path / "page.html").read_text(encoding="utf-8"))
    assert "2000 of 10000 clips are drawn, chosen at random; every number is of all clips" in words(page)
    assert len(json.loads(page.scripts[0])["agreement-0"]["data"][0]["x"]) == 2000


def test_the_level_of_a_run_is_that_of_the_models_interval():
    low, high = heads._INTERVAL
    assert pytest.approx(high - low) == RUN_LEVEL


# As `python -m tramp_jax.compare` where neither JAX nor what is built on it can be imported.
WITHOUT_JAX = """
import runpy, sys
for name in ("jax", "flax", "optax", "orbax"):
    sys.modules[name] = None
sys.argv[0] = "compare"
runpy.run_module("tramp_jax.compare", run_name="__main__", alter_sys=True)
"""


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-c", WITHOUT_JAX, *map(str, arguments)], capture_output=True, text=True, timeout=120
    )


def test_the_command_takes_a_run_and_a_file_and_needs_no_jax(tmp_path):
    (tmp_path / "run" / "eval").mkdir(parents=True)
    (tmp_path / "run" / "config.json").write_text("{}")
    write_rows(tmp_path / "run" / "eval" / "samples.jsonl", rows_of())
    other = write_rows(tmp_path / "other.csv", rows_of(noise=1.0)[::-1])
    done = command(tmp_path / "run", other, f"--output={tmp_path / 'out' / 'page.html'}")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("2 models on 40 rated clips of 20 people")
    page = Spaced((tmp_path / "out" / "page.html").read_text(encoding="utf-8"))
    assert "Comparison: run/eval, other.csv" in page.text
    assert re.search(r"\(meant to hold 0\.90\).*\(its level is not known\)", words(page))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--output={folder}/x.html"], "expected 1 to 8 runs or files, got 0"),
        (["{good}"], "--output is missing"),
        (["{good}", "--output={folder}/x"], "expected the name of an .html file"),
        (["{good}", "--output={folder}/x.html", "--interval-level=90"], "expected a share between 0 and 1"),
        (["{good}", "{fewer}", "--output={folder}/x.html"], "1 of 40 clips are not in"),
        (["{folder}", "--output={folder}/x.html"], "found no samples.jsonl there nor in eval"),
        (["{unrated}", "--output={folder}/x.html"], "none of the 40 clips has a score"),
        (["{good}", "--output={good}/x.html"], "cannot be written"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(tmp_path, arguments, said):
    rows = rows_of()
    files = {"good": write_rows(tmp_path / "good.csv", rows), "fewer": write_rows(tmp_path / "fewer.csv", rows[1:])}
    files["unrated"] = write_rows(tmp_path / "unrated.csv", [row | {"score": ""} for row in rows])
    done = command(*(x.format(folder=tmp_path, **files) for x in arguments))
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert said in done.stderr


def test_three_files_are_compared_on_the_clips_that_all_have_in_any_order(tmp_path):
    rows = rows_of()
    orders = (rows[2:], rows[:-2][::-1], rows)
    files = [read_predictions(write_rows(tmp_path / f"{i}.csv", order)) for i, order in enumerate(orders)]
    with pytest.raises(UserError, match="2 of 38 clips are not in"):
        side_by_side(files, draws=DRAWS)
    models = side_by_side(files, common_clips=True, draws=DRAWS)
    assert {tuple(model.found.clip_id) for model in models} == {tuple(row["clip_id"] for row in rows[2:-2])}
    assert models[1].minus_first["metrics"]["spearman"]["mean"]["interval"] == [0.0, 0.0]
    assert models[0].results["severity"] == models[2].results["severity"]


def test_a_file_that_does_not_name_the_data_sets_draws_the_same_people(tmp_path):
    rows = [row | {"dataset": "ab"[i % 2]} for i, row in enumerate(rows_of())]
    for row in rows:
        row["subject"] += row["dataset"]
    bare = [{key: value for key, value in row.items() if key != "dataset"} for row in rows]
    one, two = (read_predictions(write_rows(tmp_path / f"{i}.csv", of)) for i, of in enumerate((rows, bare)))
    models = side_by_side([one, two], draws=DRAWS)
    assert models[1].results["severity"]["intervals"] == models[0].results["severity"]["intervals"]


def test_inputs_of_one_name_are_told_apart(tmp_path):
    for folder in "ab":
        (tmp_path / folder).mkdir()
    files = [read_predictions(write_rows(tmp_path / folder / "mine.csv", rows_of())) for folder in "ab"]
    assert [model.name for model in side_by_side(files, draws=2)] == ["mine.csv (1)", "mine.csv (2)"]
