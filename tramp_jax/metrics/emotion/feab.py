"""A FEAB-style run: several data sets and tasks from one list of rows, one table, one file of results.

FEAB itself (3,035 test samples of six data sets; expression, valence and arousal, action units) has no public scorer, and the
form of its records was not found (references: seke_and_evaluation.md A.3): what is scored how is ours, as in `tasks`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from input_pipeline.errors import UserError
from tramp_jax.metrics.emotion.findings import Options
from tramp_jax.metrics.emotion.predictions import Row
from tramp_jax.metrics.emotion.tasks import HEADLINE, TASKS
from tramp_jax.metrics.severity import mean_of_present

SCHEMA = "tramp-jax/benchmark/1"
SIMULATED = "simulated"
_ABSENT = "–"


def score(rows: Sequence[Row], options: Options) -> dict[str, Any]:
    """Scores every data set and task by itself.

    Returns:
      {"schema", "simulated": whether any row is of the simulator, "results": one of `tasks` each with "dataset" and "task", in
      the order of their first rows, "means": task -> headline metric -> plain mean over its data sets, where there are more}.

    Raises:
      UserError: an unknown task, or a row that is not as its task expects.
    """
    groups: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        if row.task not in TASKS:
            raise UserError(f"{row.where}: task {row.task!r}, expected one of {', '.join(TASKS)}")
        groups.setdefault((row.dataset, row.task), []).append(row)
    results = [
        {"dataset": dataset, "task": task, **TASKS[task](of_task, options)} for (dataset, task), of_task in groups.items()
    ]
    simulated = any(dataset.lower() == SIMULATED for dataset, _ in groups)
    return {"schema": SCHEMA, "simulated": simulated, "results": results, "means": _means(results)}


def _means(results: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float | None]]:
    means = {}
    for task in dict.fromkeys(found["task"] for found in results):
        of_task = [found for found in results if found["task"] == task]
        if len(of_task) > 1:
            means[task] = {
                name: mean_of_present({str(k): found["metrics"].get(name) for k, found in enumerate(of_task)})
                for name in HEADLINE[task]
            }
    return means


def print_scores(scores: Mapping[str, Any], console: Console | None = None) -> None:
    """Prints the results of `score`."""
    (console or Console()).print(scores_view(scores))


def scores_view(scores: Mapping[str, Any]) -> Group:
    """One table, then what its figures need to be read rightly."""
    parts: list[RenderableType] = []
    if scores["simulated"]:
        parts.append(Text("SIMULATED data are among these. Not about patients.", style="bold yellow"))
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 0, 0, 1))
    table.add_column("data set, task", overflow="fold")
    for name in ("n", "unread"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("metric", no_wrap=True)
    for name in ("value", "95 % interval"):
        table.add_column(name, justify="right", no_wrap=True)
    for found in scores["results"]:
        for place, line in enumerate(_lines(found)):
            first = (f"{found['dataset'] or _ABSENT}, {found['task']}", str(found["rows"]), str(found["unread"]))
            table.add_row(*map(escape, first if place == 0 else ("",) * 3), *line)
        table.add_section()
    for task, means in scores["means"].items():
        told = [(name, value) for name, value in means.items() if value is not None]
        for place, (name, value) in enumerate(told):
            table.add_row(f"mean of sets, {task}" if place == 0 else "", "", "", name, _number(value), "")
        table.add_section()
    parts.append(table)
    parts += [Text(f"note: {line}", style="dim") for line in _notes(scores["results"])]
    return Group(*parts)


def _lines(found: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    for name in HEADLINE[found["task"]]:
        if name in found["metrics"]:
            low, high = found["intervals"].get(name, (None, None))
            told = "" if low is None or high is None else f"[{_number(low)}, {_number(high)}]"
            yield name, _number(found["metrics"][name]), told


def _notes(results: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for found in results:
        place = f"{found['dataset'] or _ABSENT}, {found['task']}"
        # The same said of several metrics is said once.
        by_reason: dict[str, list[str]] = {}
        for flag in found["flags"]:
            name, _, reason = flag.partition(": ")
            by_reason.setdefault(reason, []).append(name)
        yield from (f"{place}: {', '.join(names)}: {reason}" for reason, names in by_reason.items())
        if not found.get("labels_of_data_set", True):
            yield f"{place}: no builder knows this data set, so its classes are the labels of its truths"


def _number(value: float | None) -> str:
    return _ABSENT if value is None else f"{value:.3f}"
