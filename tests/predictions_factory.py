"""Predictions files of made-up people, for the tests of the evaluator."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np


def make_rows(seed: int = 0, subjects: int = 12, expressions=("smile", "rest", "whistle"), **columns) -> list[dict[str, Any]]:
    """A row per subject and expression, with every optional column but reports; `columns` go to every row."""
    rng = np.random.default_rng(seed)
    rows = []
    for person in range(subjects):
        for expression in expressions:
            latent = rng.uniform(0, 4)
            prediction = float(np.round(latent + rng.normal(0, 0.6), 3))
            shares = np.exp(-((np.arange(5) - prediction) ** 2))
            shares = np.round(shares / shares.sum(), 4)
            row = {"clip_id": f"{person}-{expression}", "subject": f"s{person}", "expression": expression}
            row |= {"score": int(np.floor(latent + 0.5)), "prediction": prediction, "dataset": "clinic"}
            row |= {f"p{grade}": float(share) for grade, share in enumerate(shares)}
            width = float(np.round(rng.uniform(0.5, 1.5), 2))
            row |= {"low": round(prediction - width, 3), "high": round(prediction + width, 3)}
            rows.append(row | {"group_sex": "fm"[person % 2]} | columns)
    return rows


def write_rows(path: Path, rows: list[dict[str, Any]]) -> Path:
    """As .csv or .jsonl, after the name."""
    if path.suffix == ".jsonl":
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path
