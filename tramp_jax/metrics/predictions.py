"""Anyone's predictions, of any model, as a file: CSV with a header, or JSONL as `samples.jsonl` of an evaluated run.

Axes: N clips, G = 5 grades.

| column | content |
|---|---|
| clip_id | text, once per data set |
| subject | key of the person: people are drawn by the bootstrap, not clips |
| expression | name of what was posed, of any data set |
| score | rated grade in [0, 4], empty where nobody rated |
| prediction | any number that float32 holds: it is not clipped |
| dataset | where the clip is from; the same subject's key in two data sets is two people |
| p0 .. p4 | probabilities of the grades |
| low, high | an interval |
| group_NAME | a label by which results are told apart, empty for unknown |
| report, reference | generated and reference report |

The first five must be there. `samples.jsonl` has more, which is read where present: latent, baseline_predictions,
baseline_reports.
"""

from __future__ import annotations

import dataclasses
import difflib
from pathlib import Path
from typing import Any

import numpy as np

from input_pipeline.errors import UserError
from input_pipeline.groups import GROUP, MOST_GROUPS
from tramp_jax.metrics.grade_table import ALL
from tramp_jax.metrics.predictions_table import RawTable, read_table
from tramp_jax.metrics.scored import ScoredClips, persons
from tramp_jax.metrics.severity import GRADES
from tramp_jax.metrics.severity_table import MEAN

REQUIRED = ("clip_id", "subject", "expression", "score", "prediction")
PROBABILITIES = tuple(f"p{grade}" for grade in GRADES)
INTERVAL = ("low", "high")
OPTIONAL = ("dataset", *PROBABILITIES, *INTERVAL, "report", "reference")
# Of an evaluated run.
SAMPLES = "samples.jsonl"
# Written into samples.jsonl beside the columns above.
_OWN = ("latent", "baseline_predictions", "baseline_reports", "fact_f1_direction")
# By how much probabilities may miss 1: five of them rounded to two digits do by up to 0.025.
_ROUNDED = 0.025 + 1e-9


@dataclasses.dataclass(frozen=True)
class Predictions:
    """The content of a file.

    Attributes:
      path: of the file.
      lines: (N,) the line of each row, from 1.
      clip_id, dataset, subject: (N,) text as written; dataset is "" where there is no such column.
      clips: the numbers; `clips.subject` are people (`scored.persons`).
      groups: column -> (N,) labels, "" for unknown.
      reports: N generated reports, None where there is no such column.
      references: N reference reports.
      latent: (N,) hidden severity of simulated clips, None where one lacks it.
      baselines: name -> (N,) scores.
      baseline_reports: name -> N texts.
      not_read: columns that nothing is known of.
    """

    path: Path
    lines: np.ndarray
    clip_id: np.ndarray
    dataset: np.ndarray
    subject: np.ndarray
    clips: ScoredClips
    groups: dict[str, np.ndarray]
    reports: list[str] | None
    references: list[str | None]
    latent: np.ndarray | None
    baselines: dict[str, np.ndarray]
    baseline_reports: dict[str, list[str]]
    not_read: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.clip_id)

    def take(self, rows: np.ndarray) -> Predictions:
        """The clips at these places: an index."""
        return dataclasses.replace(
            self,
            lines=self.lines[rows],
            clip_id=self.clip_id[rows],
            dataset=self.dataset[rows],
            subject=self.subject[rows],
            clips=self.clips.take(rows),
            groups={name: labels[rows] for name, labels in self.groups.items()},
            reports=None if self.reports is None else [self.reports[i] for i in rows],
            references=[self.references[i] for i in rows],
            latent=None if self.latent is None else self.latent[rows],
            baselines={name: values[rows] for name, values in self.baselines.items()},
            baseline_reports={name: [texts[i] for i in rows] for name, texts in self.baseline_reports.items()},
        )


def find_samples(path: Path, name: str = "eval") -> Path:
    """The file itself, or samples.jsonl in a folder or in its folder `name`.

    Raises:
      UserError: a folder without.
    """
    if not path.is_dir():
        return path
    for place in (path / SAMPLES, path / name / SAMPLES):
        if place.is_file():
            return place
    raise UserError(f"{path}: found no {SAMPLES} there nor in {name}: run python -m tramp_jax.evaluate on it first")


def read_predictions(path: Path) -> Predictions:
    """Reads a .csv or .jsonl file.

    Raises:
      UserError: with file, line, column, what was found and what was expected.
    """
    if not path.exists():
        raise UserError(f"{path}: cannot be read as .csv or .jsonl: no such file or folder, name one with predictions")
    table = read_table(path, REQUIRED)
    clip_id, subject = table.texts("clip_id"), table.texts("subject")
    dataset = _dataset(table)
    _check_unique(table, dataset, clip_id)
    score = table.optional_numbers("score", "a rated grade from 0 to 4, or nothing where nobody rated", GRADES[0], GRADES[-1])
    prediction = table.numbers("prediction", "a number: a clip without one cannot be left out unsaid")
    people = persons(dataset, subject)
    clips = ScoredClips(people, _expressions(table), score, prediction, _distribution(table), _interval(table))
    latent = table.optional_numbers("latent", "a number") if "latent" in table.columns else None
    return Predictions(
        path=path,
        lines=np.array(table.lines),
        clip_id=clip_id,
        dataset=dataset,
        subject=subject,
        clips=clips,
        groups=_groups(table),
        reports=[text or "" for text in table.optional_texts("report")] if "report" in table.columns else None,
        references=table.optional_texts("reference") if "reference" in table.columns else [None] * len(table),
        latent=None if latent is None or np.isnan(latent).any() else latent,
        baselines={name: np.array(values) for name, values in _objects(table, "baseline_predictions", number=True).items()},
        baseline_reports=_objects(table, "baseline_reports", number=False),
        not_read=tuple(_not_read(table)),
    )


def _dataset(table: RawTable) -> np.ndarray:
    return table.texts("dataset") if "dataset" in table.columns else np.full(len(table), "", dtype=str)


def _check_unique(table: RawTable, dataset: np.ndarray, clip_id: np.ndarray) -> None:
    seen: dict[tuple[str, str], int] = {}
    for row, key in enumerate(zip(dataset.tolist(), clip_id.tolist(), strict=True)):
        if key in seen:
            raise table.wrong(row, "clip_id", f"each clip once: line {table.lines[seen[key]]} has it already")
        seen[key] = row


def _expressions(table: RawTable) -> np.ndarray:
    names = table.texts("expression")
    for row in np.flatnonzero(names == MEAN):
        raise table.wrong(int(row), "expression", f"another name: '{MEAN}' is the row of the mean over expressions")
    # Alone it is what it says.
    for row in np.flatnonzero(names == ALL) if len(set(names.tolist())) > 1 else ():
        raise table.wrong(int(row), "expression", f"another name: '{ALL}' is the confusion matrix of all expressions")
    return names


def _distribution(table: RawTable) -> np.ndarray | None:
    columns = _all_or_none(table, PROBABILITIES)
    if columns is None:
        return None
    found = np.stack([table.numbers(name, "a probability from 0 to 1", 0.0, 1.0) for name in columns], axis=1)
    total = found.sum(axis=1)
    for row in np.flatnonzero(np.abs(total - 1) > _ROUNDED):
        raise table.wrong(int(row), PROBABILITIES[-1], f"p0 to p4 to sum to 1, not to {total[row]:.4g}")
    return found


def _interval(table: RawTable) -> np.ndarray | None:
    columns = _all_or_none(table, INTERVAL)
    if columns is None:
        return None
    low, high = (table.numbers(name, "a number, as in every other row") for name in columns)
    for row in np.flatnonzero(low > high):
        raise table.wrong(int(row), "high", f"at least low, which is {low[row]:g}")
    return np.stack([low, high], axis=1)


def _all_or_none(table: RawTable, names: tuple[str, ...]) -> tuple[str, ...] | None:
    """The names, or None where the file has none of these columns."""
    missing = [name for name in names if name not in table.columns]
    if len(missing) == len(names):
        return None
    if missing:
        there = next(name for name in names if name not in missing)
        raise UserError(
            f"{table.path}: found a column '{there}' but no '{missing[0]}', expected {', '.join(names)} or none of them"
        )
    return names


def _groups(table: RawTable) -> dict[str, np.ndarray]:
    found = {}
    for name in table.columns:
        if not name.startswith(GROUP):
            continue
        labels = table.optional_labels(name)
        distinct = sorted(set(labels.tolist()) - {""})
        if len(distinct) > MOST_GROUPS:
            first = next(row for row, label in enumerate(labels) if label)
            raise table.wrong(
                first, name, f"at most {MOST_GROUPS} labels, not {len(distinct)}: put numbers into bins such as 60-69"
            )
        found[name] = labels
    return found


def _objects(table: RawTable, column: str, *, number: bool) -> dict[str, list[Any]]:
    """name -> N values of a column of objects such as {"constant_median": 2.0}; every row has the same names."""
    found: dict[str, list[Any]] = {}
    for row, value in enumerate(table.columns.get(column, ())):
        names = sorted(value) if isinstance(value, dict) else None
        if names is None or (row and names != sorted(found)):
            raise table.wrong(row, column, "an object with the same names in every row")
        for name in names:
            if number:
                item: Any = table.number(row, column, value[name], "a number for each name")
            elif isinstance(value[name], str):
                item = value[name]
            else:
                raise table.wrong(row, column, "a text for each name")
            found.setdefault(name, []).append(item)
    return found


def _not_read(table: RawTable) -> list[str]:
    """Unknown columns, each with the known one that it may be meant for."""
    known = {*REQUIRED, *OPTIONAL, *_OWN}
    found = []
    for name in table.columns:
        if name in known or name.startswith(GROUP):
            continue
        near = difflib.get_close_matches(name.lower(), sorted(known - set(table.columns)), n=1, cutoff=0.75)
        found.append(f"{name} (meant for {near[0]}?)" if near else name)
    return found
