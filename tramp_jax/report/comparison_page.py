"""The page of one or more evaluated models: one self-contained HTML file, readable offline and without its plots.

It holds no face, and no person's name: people are numbered in the order of the file. Everything that comes from data is
escaped, see `tramp_jax.report.page`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from plotly.offline import get_plotlyjs

from input_pipeline.whole_files import write_whole
from tramp_jax.metrics.calibration import LEVELS
from tramp_jax.metrics.comparison import FACT_F1, shows
from tramp_jax.metrics.report_facts import ERRORS
from tramp_jax.metrics.severity import GRADES
from tramp_jax.metrics.severity_table import MEAN, ROWS
from tramp_jax.metrics.side_by_side import Model, expressions, simulated_share
from tramp_jax.report import comparison_figures as figures
from tramp_jax.report import offline

# Told expression by expression as well (ours).
# What the interval of our own models is meant to hold (`models.heads`).
RUN_LEVEL = 0.9
BY_EXPRESSION = ("spearman", "mae", "quadratic_kappa")
# People in the table, those with the largest errors of the first model (ours).
MOST_PEOPLE = 100
# Row, keys into the report part of the results, whether more is better, decimals.
_REPORT_ROWS = (
    ("fact F1: mention", ("fact_f1", "mention"), 3),
    ("fact F1: direction", ("fact_f1", "direction"), 3),
    ("fact F1: value", ("fact_f1", "value"), 3),
    ("fact F1: findings", ("fact_f1", "abnormal"), 3),
    ("weighted findings, 0 for always normal", ("weighted_facts",), 3),
    ("sides right", ("laterality_accuracy",), 3),
    ("BLEU-4", ("bleu4",), 1),
    ("ROUGE-L", ("rouge_l",), 3),
    ("sentences that state no readable fact", ("unparsed_share",), 3),
    ("reports that name a diagnosis or an emotion", ("forbidden_share", "any"), 3),
    ("severity of the text with the score: Spearman", ("severity_agreement", "head", "spearman", MEAN), 3),
)
_ABSENT = "–"


def write_comparison(models: Sequence[Model], path: Path, levels: Sequence[float | None]) -> None:
    """Writes the page.

    Args:
      models: of `side_by_side`.
      path: the HTML file.
      levels: nominal level of each model's intervals, None where it is not known.
    """
    script, plotly_js = offline.file_text("comparison.js"), get_plotlyjs()
    specs = _specs(models, levels)
    first = models[0]
    html = offline.render(
        "comparison.html.j2",
        models=models,
        inputs=[_input(model) for model in models],
        simulated=simulated_share(first.found),
        counts=_counts(first),
        metrics=[_metric_row(name, models) for name in ROWS if any(name in m.results["severity"] for m in models)],
        by_expression={name: _expression_rows(name, models) for name in BY_EXPRESSION},
        columns=[*expressions(first.found), MEAN],
        calibrated=[model for model in models if model.calibration is not None],
        reliability=_reliability_rows(models),
        coverage=[(level, [_coverage(model, i) for model in models]) for i, level in enumerate(LEVELS)],
        own_coverage=[_own_coverage(model, level) for model, level in zip(models, levels, strict=True)],
        baselines=_baselines(first),
        agreement=[_agreement(model) for model in models],
        grades=GRADES,
        people=_people(models),
        reports=_report_rows(models),
        notes=_notes(models),
        drawn=min(figures.MOST_POINTS, int(first.found.clips.rated.sum())),
        number=_number,
        specs=specs,
        css=offline.file_text("page.css") + offline.file_text("comparison.css"),
        plotly_js=plotly_js,
        script=script,
        policy=offline.policy(plotly_js, script),
    )
    write_whole({path: html})


def _specs(models: Sequence[Model], levels: Sequence[float | None]) -> dict[str, Any]:
    """Place in the page -> figure."""
    found = {"people": figures.people_figure(models)}
    if any(model.calibration is not None for model in models):
        found |= {"reliability": figures.reliability_figure(models), "shares": figures.shares_figure(models)}
        found["coverage"] = figures.coverage_figure(models, levels)
    reach = figures.reach_of(models)
    for i, model in enumerate(models):
        found[f"agreement-{i}"] = figures.bland_altman_figure(i, model, reach)
        found[f"confusion-{i}"] = figures.confusion_figure(model)
    return found


def _input(model: Model) -> dict[str, Any]:
    path = model.found.path
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"name": model.name, "file": path.name, "sha256": digest, "not_read": ", ".join(model.found.not_read)}


def _counts(first: Model) -> dict[str, int]:
    severity = first.results["severity"]["counts"]
    return {"clips": severity["clips"], "people": severity["subjects"], "unrated": len(first.found) - severity["clips"]}


def _metric_row(name: str, models: Sequence[Model]) -> dict[str, Any]:
    """The mean over expressions of one metric: a cell for each model."""
    return {"name": name, "cells": [_cell(name, MEAN, model) for model in models], "better": ROWS[name].better}


def _baselines(first: Model) -> list[tuple[str, list[str]]]:
    """What simpler means reach on the same clips, by the file of the first: Spearman, MAE, kappa, fact F1 (direction)."""
    reports = (first.results["report"] or {}).get("baselines", {})
    rows = []
    for name, found in first.results["severity"]["baselines"].items():
        scores = [_number(found[f"{key}_mean"], 3) for key in BY_EXPRESSION]
        rows.append((name.replace("_", " "), [*scores, _ABSENT]))
    rows += [
        (name.replace("_", " "), [_ABSENT] * len(BY_EXPRESSION) + [_number(found["fact_f1_direction"], 3)])
        for name, found in reports.items()
    ]
    return rows


def _expression_rows(name: str, models: Sequence[Model]) -> list[tuple[str, list[dict[str, Any]]]]:
    return [(of, [_cell(name, of, model) for model in models]) for of in (*expressions(models[0].found), MEAN)]


def _cell(name: str, of: str, model: Model) -> dict[str, Any]:
    """ "value" and "difference" from the first model as words, each with its interval, and what the difference "shows"."""
    severity = model.results["severity"]
    if name not in severity:
        return {"value": _ABSENT, "interval": "", "difference": "", "shows": ""}
    cell = {"value": _number(severity[name][of], 3), "interval": _ends(severity["intervals"][name][of])}
    minus = None if model.minus_first is None else model.minus_first["metrics"].get(name)
    if minus is None:
        return cell | {"difference": "", "shows": ""}
    difference = f"{_number(minus[of]['difference'], 3, sign=True)} {_ends(minus[of]['interval'])}"
    return cell | {"difference": difference, "shows": shows(minus[of]["interval"], ROWS[name].better, _drawn(model))}


def _drawn(model: Model) -> int:
    """People of the comparison with the first."""
    return model.minus_first["counts"]["subjects"]


def _reliability_rows(models: Sequence[Model]) -> list[tuple[str, list[dict[str, Any] | None]]]:
    """For each bin of the said probability, what each model with a distribution has there."""
    by_model = [{row["low"]: row for row in m.calibration["reliability"]} for m in models if m.calibration is not None]
    bins = sorted({(row["low"], row["high"]) for rows in by_model for row in rows.values()})
    return [(f"{low:.1f} to {high:.1f}", [rows.get(low) for rows in by_model]) for low, high in bins]


def _coverage(model: Model, i: int) -> str:
    return _ABSENT if model.calibration is None else _number(model.calibration["coverage"][i], 3)


def _own_coverage(model: Model, level: float | None) -> str:
    share = figures.interval_coverage(model)
    if share is None:
        return "no interval in the file"
    meant = "its level is not known" if level is None else f"meant to hold {level:.2f}"
    return f"{share:.3f} ({meant})"


def _agreement(model: Model) -> dict[str, str]:
    found = model.agreement
    words = {name: f"{found[name]:+.3f} {_ends(found['intervals'][name], sign=True)}" for name in ("bias", "low", "high")}
    return words | {"sd": f"{found['sd']:.3f}"}


def _people(models: Sequence[Model]) -> dict[str, Any]:
    """The people with the largest mean absolute errors of the first model, with every model's numbers."""
    order = sorted(range(len(models[0].people)), key=lambda i: -models[0].people[i]["mae"])[:MOST_PEOPLE]
    rows = [{"number": i + 1, **models[0].people[i], "of_models": [model.people[i] for model in models]} for i in order]
    return {"rows": rows, "all": len(models[0].people)}


def _report_rows(models: Sequence[Model]) -> dict[str, Any] | None:
    """Facts and errors of the reports, for the models that have reports; None where none has."""
    written = [model for model in models if model.results["report"] is not None]
    if not written:
        return None
    parts = [model.results["report"] for model in written]
    metrics = [(label, [_number(_at(part, keys), decimals) for part in parts]) for label, keys, decimals in _REPORT_ROWS]
    errors = [(kind.replace("_", " "), [_number(part["errors"][kind], 3) for part in parts]) for kind in ERRORS]
    intervals = [_ends(part["fact_f1_interval"]["direction"]) for part in parts]
    return {
        "names": [model.name for model in written],
        "clips": [part["counts"]["clips"] for part in parts],
        "metrics": metrics,
        "intervals": intervals,
        "differences": [_fact_difference(model) for model in written],
        "errors": errors,
    }


def _fact_difference(model: Model) -> str:
    minus = None if model.minus_first is None else model.minus_first["metrics"].get(FACT_F1)
    if minus is None:
        return ""
    mean = minus[MEAN]
    return f"{_number(mean['difference'], 3, sign=True)} {_ends(mean['interval'])} {shows(mean['interval'], 1, _drawn(model))}"


def _at(found: dict[str, Any], keys: tuple[str, ...]) -> float | None:
    for key in keys[:-1]:
        found = found[key]
    return found[keys[-1]]


def _notes(models: Sequence[Model]) -> list[str]:
    notes = []
    for model in models:
        for part in ("severity", "report"):
            notes += [f"{model.name}: {part}: {flag}" for flag in (model.results[part] or {}).get("flags", ())]
    return notes


def _number(value: float | None, decimals: int, *, sign: bool = False) -> str:
    if value is None:
        return _ABSENT
    value = round(value, decimals) + 0.0  # no "-0.00"
    return f"{value:+.{decimals}f}" if sign else f"{value:.{decimals}f}"


def _ends(interval: Sequence[float | None], *, sign: bool = False) -> str:
    low, high = (_number(end, 3, sign=sign) for end in interval)
    return f"[{low}, {high}]"
