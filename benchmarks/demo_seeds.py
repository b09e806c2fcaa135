"""Prints the README's table of several runs: `python benchmarks/demo_seeds.py runs/demo runs/seed1 runs/seed2`."""

from __future__ import annotations

import json
import pathlib
import sys


def row(run: str) -> str:
    """One line of the table, from RUN/eval/results.json."""
    results = json.loads((pathlib.Path(run) / "eval" / "results.json").read_text())
    severity, report = results["severity"], results["report"]
    over = severity["model_minus_baseline"]["kinematics_ordinal"]
    low, high = over["interval"]
    nearest = report["model_minus_baseline"]["nearest_report"]
    cells = (
        str(results["model"]["seed"]),
        f"{severity['spearman']['mean']:.3f}",
        f"{100 * severity['share_of_oracle']:.0f} %",
        f"{over['spearman_mean']:+.3f} [{low:.3f}, {high:.3f}]",
        f"{severity['mae']['mean']:.2f}",
        f"{report['fact_f1']['direction']:.3f}",
        f"{nearest['fact_f1_direction']:+.3f} [{nearest['interval'][0]:.3f}, {nearest['interval'][1]:.3f}]",
        f"{report['laterality_accuracy']:.2f}",
    )
    return f"| {' | '.join(cells)} |"


def main(runs: list[str]) -> None:
    """The table in Markdown."""
    print("| seed | Spearman | of the oracle | over kinematics | MAE | fact F1 | over nearest report | sides right |")
    print("|---|---|---|---|---|---|---|---|")
    for run in runs:
        print(row(run))


if __name__ == "__main__":
    main(sys.argv[1:])
