"""Plans as Markdown tables, for the terminal and for a README alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table

from tramp_jax.planning.plan import Plan, TooLarge

GIB = 2**30


def print_plan(plan: Plan, console: Console) -> None:
    """One step: memory, operations, traffic, bounds."""
    table = _table(("per chip and step", "amount", "share", "note"), right=(1, 2))
    for kind, size in plan.memory.items():
        note = "with gradients and all that is temporary" if kind == "activations" else ""
        table.add_row(f"HBM: {kind}", _gib(size), _percent(size / plan.available), note)
    if plan.host:
        table.add_row("host: activations", _gib(plan.host), "", "moved there and back (remat offload)")
    table.add_row("HBM: total", _gib(plan.total), _percent(plan.total / plan.available), f"of {_gib(plan.available)}")
    model = sum(part.model for part in plan.flops.values())
    for name, part in plan.flops.items():
        table.add_row(f"FLOPs: {name}", _tera(part.model), _percent(part.model / model), _passes(part.model, part.forward))
    executed = sum(part.executed for part in plan.flops.values())
    table.add_row("FLOPs: model", _tera(model), "100 %", f"executed {_tera(executed)}")
    for each in plan.exchanges:
        note = f"{each.count} times, over links {each.links}, {_seconds(each.seconds)}"
        table.add_row(f"sent: {each.kind} over {each.axes}", _giga(each.wire), "", note)
    table.add_row("HBM traffic", _giga(plan.hbm), "", "read and written")
    longest = plan.bounds[plan.binding]
    for name, seconds in plan.bounds.items():
        note = "binds" if name == plan.binding else ""
        table.add_row(f"time from {name}", _seconds(seconds), _percent(seconds / longest), note)
    table.add_row("MFU at best", _percent(plan.mfu), "", f"{plan.per_chip / longest:.2f} clips per second and chip at best")
    console.print(table)
    console.print()


def print_summary(rows: Sequence[tuple[str, str, Plan | TooLarge]], console: Console) -> None:
    """One line per compiled step.

    Args:
      rows: (config's name, topology, plan).
      console: where to.
    """
    columns = (
        "config",
        "topology",
        "task",
        "clips/chip",
        "remat",
        "GiB",
        "free",
        "TFLOPs",
        "GB sent",
        "binds",
        "MFU ≤",
        "compile",
    )
    table = _table(columns, right=range(3, len(columns)))
    for name, topology, plan in rows:
        if isinstance(plan, TooLarge):
            continue
        table.add_row(
            name,
            topology,
            plan.task,
            str(plan.per_chip),
            plan.remat if "LLaMA" in plan.flops else "–",
            f"{plan.total / GIB:.2f}",
            _percent(1 - plan.total / plan.available),
            f"{sum(part.model for part in plan.flops.values()) / 1e12:.1f}",
            f"{sum(each.wire for each in plan.exchanges) / 1e9:.1f}",
            plan.binding,
            _percent(plan.mfu),
            f"{plan.compile_seconds:.0f} s",
        )
    if table.row_count:
        console.print(table)
    for name, topology, plan in rows:
        if isinstance(plan, TooLarge):
            where = f"{name} on {topology}, {plan.task}, {plan.per_chip} clips per chip, remat {plan.remat}"
            console.print(f"does not fit: {where}: {plan.reason}", soft_wrap=True)


def markdown_console() -> Console:
    """Plain text as wide as the tables are, so that a table in a file is a table."""
    return Console(width=160, highlight=False, color_system=None)


def _table(columns: Iterable[str], right: Iterable[int]) -> Table:
    table = Table(box=box.MARKDOWN)
    for i, column in enumerate(columns):
        table.add_column(column, justify="right" if i in set(right) else "left", no_wrap=True)
    return table


def _passes(model: float, forward: float) -> str:
    times = model / forward
    return "frozen: forward alone" if times == 1 else f"{times:.2f} times the forward pass"


def _gib(size: float) -> str:
    return f"{size / GIB:.2f} GiB"


def _giga(size: float) -> str:
    return f"{size / 1e9:.2f} GB"


def _tera(count: float) -> str:
    return f"{count / 1e12:.3f} TFLOP"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _seconds(seconds: float) -> str:
    return f"{seconds:.3f} s"
