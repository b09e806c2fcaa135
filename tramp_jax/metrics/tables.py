"""The results of `evaluation` for the terminal: what was reached, beside what could be and what simpler means reach."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from tramp_jax.metrics.bootstrap import FEW_SUBJECTS
from tramp_jax.metrics.comparison import shows
from tramp_jax.metrics.evaluation import SIMULATED
from tramp_jax.metrics.severity_table import MEAN

# Short enough for a terminal of 80 columns.
_BASELINE_NAMES = {
    "constant_median": "constant median",
    "blink_rate": "blink rate alone",
    "kinematics_ordinal": "kinematics baseline",
    "landmark_only": "landmarks alone",
    "vision_only": "frames alone",
    "always_normal": "always normal",
    "nearest_report": "nearest report",
}
# Row, key of the model's results, decimals; those that a model has.
_MORE_ROWS = (
    ("quadratic kappa, model", "quadratic_kappa", 2),
    ("ICC(A,1), model", "icc_a1", 2),
    ("RPS, model", "rps", 2),
    ("interval: coverage", "interval_coverage", 2),
    ("interval: mean width", "interval_width", 2),
)
# Column, key of the model's results, key of a baseline's, decimals.
_REPORT_COLUMNS = (
    ("mention", "fact_f1/mention", "fact_f1_mention", 2),
    ("direction", "fact_f1/direction", "fact_f1_direction", 2),
    ("findings", "fact_f1/abnormal", "fact_f1_abnormal", 2),
    ("sides", "laterality_accuracy", "laterality_accuracy", 2),
    ("grounded", "grounding", "grounding", 2),
    ("BLEU", "bleu4", "bleu4", 1),
    ("ROUGE", "rouge_l", "rouge_l", 2),
)
_ABSENT = "–"
_OF_TWO = {"better": "one is better", "worse": "two is better"}


def print_results(results: Mapping[str, Any], console: Console | None = None) -> None:
    """Prints the results of `evaluation.evaluate_clips`."""
    (console or Console()).print(results_view(results))


def results_view(results: Mapping[str, Any]) -> Group:
    """Everything that `print_results` prints; the first line says whether the data are simulated."""
    parts: list[RenderableType] = [_headline(results)]
    if results["severity"] is not None:
        parts += [_severity_table(results["severity"]), *_severity_verdicts(results["severity"])]
        parts += [_subset_table(name, found) for name, found in results["severity"]["subsets"].items()]
        parts += [Text(line, style="dim") for line in _subset_doubts(results["severity"]["subsets"])]
        if unrated := results["counts"]["clips"] - results["severity"]["counts"]["clips"]:
            parts.append(Text(f"note: severity: left out {unrated} clips without a rated grade", style="dim"))
    if results["report"] is not None:
        parts += [_report_table(results["report"]), *_report_verdicts(results["report"])]
        parts += [_report_subset_table(name, found) for name, found in results["report"]["subsets"].items()]
    for task in ("severity", "report"):
        parts += [Text(f"note: {task}: {flag}", style="dim") for flag in (results[task] or {}).get("flags", ())]
    if unread := results.get("predictions", {}).get("not_read"):
        parts.append(Text(f"note: columns not read: {', '.join(unread)}", style="dim"))
    parts += [Text(f"note: {told}", style="dim") for told in results.get("predictions", {}).get("notes", ())]
    parts += [Text(f"note: {told}", style="bold yellow") for told in results.get("model", {}).get("notes", ())]
    return Group(*parts)


def print_comparison(comparison: Mapping[str, Any], console: Console | None = None) -> None:
    """Prints what `comparison.compare` returns: the means over expressions."""
    (console or Console()).print(comparison_view(comparison))


def comparison_view(comparison: Mapping[str, Any]) -> Group:
    """Each metric of both models, the difference with its interval, and what it shows."""
    one, two, counts = comparison["one"], comparison["two"], comparison["counts"]
    table = _table(
        f"{one} less {two}: {counts['clips']} clips of {counts['subjects']} subjects, paired", ("one", "two", "95 %", "")
    )
    for name, found in comparison["metrics"].items():
        mean = found["mean"]
        told = f"{_signed(mean['difference'])} {_interval(mean['interval'], 3)}"
        shown = shows(mean["interval"], comparison["better"][name], counts["subjects"])
        table.add_row(name, _number(mean["one"], 3), _number(mean["two"], 3), told, _OF_TWO.get(shown, shown))
    notes = [Text(f"note: {flag}", style="dim") for flag in comparison["flags"]]
    if any(comparison["left_out"].values()):
        left = comparison["left_out"]
        notes.append(
            Text(f"note: left out, since the other lacks them: {left['one']} of one, {left['two']} of two", style="dim")
        )
    return Group(table, *notes)


def _headline(results: Mapping[str, Any]) -> Text:
    counts = results["counts"]
    size = f"{counts['clips']} held-out clips of {counts['subjects']} subjects"
    if "predictions" in results:
        # Only its maker knows whether the clips were held out.
        size = f"{counts['clips']} clips of {counts['subjects']} subjects in {results['predictions']['file']}"
    if results["simulated"]:
        return Text(f"SIMULATED data: {size}. Not about patients.", style="bold yellow")
    partly = ", some of them SIMULATED" if SIMULATED in results["data"].split(" + ") else ""
    return Text(f"Data: {results['data']}, {size}{partly}.", style="bold")


def _severity_table(found: Mapping[str, Any]) -> Table:
    columns = tuple(found["spearman"])
    table = _table("Severity: Spearman, then mean absolute error (MAE) in grades", columns)
    table.add_row("model", *(_number(found["spearman"][name], 3) for name in columns), style="bold")
    for end, which in enumerate(("low", "high")):
        table.add_row(f"  95 % interval, {which}", *(_number(found["spearman_interval"][name][end], 3) for name in columns))
    for name, baseline in found["baselines"].items():
        table.add_row(Text(_name(name)), *(_number(baseline["spearman"][column], 3) for column in columns))
    if found["oracle_spearman_mean"] is not None:
        table.add_row("oracle: hidden severity", *(_number(found["oracle_spearman"][name], 3) for name in columns))
    table.add_row("tie ceiling", *(_number(found["tie_ceiling"][name], 3) for name in columns), end_section=True)
    table.add_row("MAE, model", *(_number(found["mae"][name], 2) for name in columns))
    for name, baseline in found["baselines"].items():
        row = (_number(baseline["mae"][column], 2) for column in columns)
        table.add_row(Text(f"MAE, {_name(name)}"), *row)
    for label, key, decimals in _MORE_ROWS:
        if key in found:
            table.add_row(label, *(_number(found[key][name], decimals) for name in columns))
    table.add_row("clips", *(str(found["counts"]["clips_of_expression"][name]) for name in columns[:-1]), "")
    return table


def _subset_table(name: str, parts: Mapping[str, Any]) -> Table:
    """A row for each data set or group: means over the expressions, with their intervals."""
    table = _table(f"By {name}: means over expressions", ("clips", "subjects", "Spearman", "MAE", "kappa"))
    for part, found in parts.items():
        cells = [_with_ends(found[key]["mean"], found["intervals"][key]["mean"]) for key in ("spearman", "mae")]
        counts = found["counts"]
        table.add_row(
            Text(part), str(counts["clips"]), str(counts["subjects"]), *cells, _number(found["quadratic_kappa"]["mean"], 2)
        )
    return table


def _report_subset_table(name: str, parts: Mapping[str, Any]) -> Table:
    """A row for each data set or group: reports, with intervals over its people."""
    keys = ("fact_f1_direction", "laterality_accuracy", "grounding")
    table = _table(f"Reports by {name}", ("clips", "subjects", "direction", "sides", "grounded"))
    for part, found in parts.items():
        cells = [_with_ends(found[key], found["intervals"][key]) for key in keys]
        table.add_row(Text(part), str(found["counts"]["clips"]), str(found["counts"]["subjects"]), *cells)
    return table


def _subset_doubts(subsets: Mapping[str, Any]) -> Iterator[str]:
    """Of how few people the intervals of a part are."""
    for name, parts in subsets.items():
        for part, found in parts.items():
            doubts = [flag for flag in found["flags"] if flag.startswith(f"spearman_interval/{MEAN}: ")]
            yield from (f"note: {name} {part}: {doubt.partition(': ')[2]}" for doubt in doubts)


def _severity_verdicts(found: Mapping[str, Any]) -> Iterator[Text]:
    if found["share_of_oracle"] is not None:
        yield Text(f"The model reaches {100 * found['share_of_oracle']:.0f} % of the oracle's mean Spearman.")
    subjects = found["counts"]["subjects"]
    for name, difference in found["model_minus_baseline"].items():
        yield _verdict("Spearman", name, difference["spearman_mean"], difference["interval"], subjects)
        if name == "constant_median" and difference["mae_mean"] is not None:
            # A constant has no rank correlation to lose to: what it is good at is the error.
            less = [None if end is None else -end for end in reversed(difference["mae_interval"])]
            yield _verdict("MAE, how much less", name, -difference["mae_mean"], less, subjects)


def _report_table(found: Mapping[str, Any]) -> Table:
    table = _table(
        "Reports: fact F1 (mention, direction, findings), sides right, grounded; BLEU-4, ROUGE-L",
        [c[0] for c in _REPORT_COLUMNS],
    )
    own = [_number(_at(found, key), decimals) for _, key, _, decimals in _REPORT_COLUMNS]
    table.add_row("model", *own, style="bold")
    for name, baseline in found["baselines"].items():
        row = (_number(baseline[key], decimals) for _, _, key, decimals in _REPORT_COLUMNS)
        table.add_row(Text(_name(name)), *row)
    return table


def _report_verdicts(found: Mapping[str, Any]) -> Iterator[Text]:
    subjects = found["counts"]["subjects"]
    for name, difference in found["model_minus_baseline"].items():
        yield _verdict("Fact F1 (direction)", name, difference["fact_f1_direction"], difference["interval"], subjects)
    weighted, ends = _number(found["weighted_facts"], 2), _interval(found["weighted_facts_interval"], 2)
    yield Text(f"Weighted findings, where the always-normal report earns 0: {weighted} {ends}.")
    if forbidden := found["forbidden_share"]["any"]:
        told = f"{100 * forbidden:.1f} % of the reports name a diagnosis or an emotion: they should state motion alone."
        yield Text(told, style="bold red")
    if unread := found["unparsed_share"]:
        yield Text(f"{100 * unread:.1f} % of their sentences on motion could not be read, and earn nothing.", style="yellow")
    yield Text("BLEU and ROUGE hardly see left and right swapped: read fact F1 and sides.", style="dim")


def _verdict(what: str, baseline: str, difference: float | None, interval: list[float | None], subjects: int) -> Text:
    rival = _name(baseline)
    low, high = interval
    if difference is None:
        return Text(f"{what}: not compared with {rival} (nothing to measure).")
    if low is None or high is None:
        return Text(f"{what}: {difference:+.3f} over {rival}, without an interval: it needs two subjects.")
    told = f"{difference:+.3f} {_interval(interval, 3)}"
    if subjects < FEW_SUBJECTS:
        return Text(f"{what}: {told} over {rival}; {subjects} subjects are too few to say which is better.", style="yellow")
    if high < 0:
        return Text(f"{what}: the model LOSES to {rival}: {told}.", style="bold red")
    if low <= 0:
        # Below the baseline is no loss that was shown, and yet what its user must not overlook.
        style = "bold red" if difference < 0 else "yellow"
        return Text(f"{what}: the model is not shown to beat {rival}: {told}; the interval includes 0.", style=style)
    return Text(f"{what}: the model beats {rival}: {told}.", style="green")


def _table(title: str, columns: tuple[str, ...] | list[str]) -> Table:
    """Names of a file (expressions, groups, baselines) are shown as they are: "[/x]" and ":smile:" are rich's own markup."""
    table = Table(title=Text(title, style="bold"), title_justify="left", box=box.SIMPLE_HEAD, padding=(0, 0, 0, 1))
    table.add_column("", no_wrap=True)
    for column in columns:
        table.add_column(Text(column), justify="right")
    return table


def _name(baseline: str) -> str:
    return _BASELINE_NAMES.get(baseline, baseline)


def _at(found: Mapping[str, Any], path: str) -> float | None:
    value: Any = found
    for key in path.split("/"):
        value = value[key]
    return value


def _number(value: float | None, decimals: int) -> str:
    return _ABSENT if value is None else f"{value:.{decimals}f}"


def _signed(value: float | None) -> str:
    return _ABSENT if value is None else f"{value:+.3f}"


def _with_ends(value: float | None, ends: list[float | None]) -> str:
    return _ABSENT if value is None else f"{_number(value, 2)} {_interval(ends, 2)}"


def _interval(ends: list[float | None], decimals: int) -> str:
    return _ABSENT if ends[0] is None else f"[{_number(ends[0], decimals)}, {_number(ends[1], decimals)}]"
