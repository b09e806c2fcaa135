"""The protocols side by side for the terminal; the literature's column always says that its epoch was chosen on test clips."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from tramp_jax.metrics.published import CAVEAT

TITLES = {"fair": "fair (default)", "literature": "literature ON TEST"}
_NOTE = "literature: the epoch was chosen on the very test clips that it is reported on; fair: on training subjects alone."


def print_protocols(results: Mapping[str, Any], console: Console | None = None) -> None:
    """Prints what `cross_validate` writes."""
    (console or Console()).print(protocols_view(results))


def protocols_view(results: Mapping[str, Any]) -> Group:
    """Each scheme of folds, the small studies, and the published tables beside the literature's protocol."""
    counts = results["counts"]
    size = f"{counts['clips']} clips of {counts['subjects']} subjects whom the encoder ({results['encoder']}) never saw"
    head = f"SIMULATED data: {size}. Not about patients." if results["simulated"] else f"Data: {results['data']}, {size}."
    parts: list[RenderableType] = [Text(head, style="bold yellow" if results["simulated"] else "bold")]
    for scheme, found in results["schemes"].items():
        parts.append(_scheme(scheme, found, results["protocol"]))
        parts += [Text(f"note: {flag}", style="dim") for flag in found[results["protocol"]]["flags"]]
    parts.append(Text(_NOTE, style="dim"))
    if results["small_studies"]:
        parts += _studies(results["small_studies"])
    parts += [part for table in results["published"] for part in _published(table)]
    return Group(*parts)


def _scheme(scheme: str, found: Mapping[str, Any], protocol: str) -> Table:
    seeds = len(found["by_seed"])
    # The columns are one deal's, so that they are the numbers of its file of predictions.
    deals = f" (the first of {seeds} deals; the difference is the mean of all)" if seeds > 1 else ""
    table = Table(title=f"{scheme}: Spearman, predictions of all folds pooled{deals}", **_STYLE)
    for column in ("", *TITLES.values(), "literature - fair"):
        table.add_column(column, justify="right" if column else "left", no_wrap=True)
    for name in found["fair"]["spearman"]:
        cells = [f"{found[each]['spearman'][name]:.3f} {_ends(found[each]['spearman_interval'][name], 2)}" for each in TITLES]
        gap = found["optimism"][name]
        table.add_row(name, *cells, f"{gap['difference']:+.3f} {_ends(gap['interval'], 3)}")
    if found["by_fold"]:
        fair, literature = (found["by_fold"][name] for name in TITLES)
        table.add_row("per fold", f"{fair:.3f}", f"{literature:.3f}", f"{literature - fair:+.3f}")
    for label, name in (("MAE", "mae"), ("kappa", "quadratic_kappa"), ("ICC(A,1)", "icc_a1")):
        table.add_row(label, *(f"{found[each][name]['mean']:.3f}" for each in TITLES), "")
    table.add_row("epoch", *(str(found["epochs"][each]) for each in TITLES), "")
    return table


def _studies(found: Mapping[str, Any]) -> Iterator[RenderableType]:
    tested = " or ".join(map(str, found["test_subjects"]))
    title = (
        f"{found['studies']} small studies in {found['cohorts']} cohorts of {found['size']} people, {tested} of them tested on"
    )
    table = Table(title=f"{title}: Spearman", **_STYLE)
    for column in ("", "on the study's test people", "same epochs, new people"):
        table.add_column(column, justify="right" if column else "left")
    for name, label in TITLES.items():
        table.add_row(label, f"{found[name]:.3f}", f"{found[f'{name}_on_new_people']:.3f}")
    yield table
    for key, told in (
        ("optimism", "literature - fair, same test people"),
        ("gain_on_new_people", "literature - fair, same epochs, new people"),
    ):
        gap = found[key]
        yield Text(f"{told}: {gap['difference']:+.3f} {_ends(gap['interval'], 3)}")
    yield Text(f"Deviation of the literature's number between such studies: {found['literature_sd']:.3f}")


def _published(table: Mapping[str, Any]) -> Iterator[RenderableType]:
    columns = list(table["rows"][0]["values"])
    view = Table(title=f"{table['data']}, published: {table['metric']}", **_STYLE)
    for column in ("", *columns, "average"):
        view.add_column(column, justify="right" if column else "left")
    for row in table["rows"]:
        name = " ".join(filter(None, (row["method"], row["backbone"])))
        view.add_row(name, *(f"{row['values'][column]:.2f}" for column in columns), f"{row['average']:.2f}")
    for row in table["own"]:
        cells = (f"{row['values'][column]:.2f}" for column in columns)
        view.add_row(row["name"], *cells, f"{row['average']:.2f}", style="bold")
    yield view
    yield Text(CAVEAT, style="dim")


def _ends(interval: list[float | None], digits: int) -> str:
    low, high = interval
    return "–" if low is None or high is None else f"[{low:.{digits}f}, {high:.{digits}f}]"


_STYLE: dict[str, Any] = {
    "title_justify": "left",
    "title_style": "bold",
    "box": box.SIMPLE_HEAD,
    "padding": (0, 0, 0, 1),
}
