"""Two models on the same clips: differences with intervals, on the same draws of subjects.

Axes: N clips, D draws.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from input_pipeline.errors import UserError
from tramp_jax.metrics import bootstrap
from tramp_jax.metrics.bootstrap import DRAWS, FEW_SUBJECTS, SubjectDraws
from tramp_jax.metrics.evaluation import direction_f1
from tramp_jax.metrics.predictions import SAMPLES, Predictions
from tramp_jax.metrics.scored import ScoredClips
from tramp_jax.metrics.severity import expressions_of
from tramp_jax.metrics.severity_results import count, ends, minus, told
from tramp_jax.metrics.severity_table import MEAN, ROWS, metric_table, metrics_of, resampled_tables

FACT_F1 = "fact_f1_direction"


def compare(
    one: Predictions, two: Predictions, *, common_clips: bool = False, draws: int = DRAWS, seed: int = 0
) -> dict[str, Any]:
    """What `one` reaches less what `two` reaches, per metric.

    Clips are joined by clip_id (and data set, where both files have it), so the order of the rows does not matter.

    Args:
      one, two: of `predictions.read_predictions`.
      common_clips: whether clips that only one of them has are left out; otherwise they are refused.
      draws: of the subjects of the common clips, the same for both.
      seed: of the draws.

    Returns:
      "one", "two": names; "counts"; "left_out": {"one": clips, "two": clips}; "metrics": metric -> expression or "mean" ->
      {"one", "two", "difference", "interval"}; "better": metric -> 1, -1 or 0 (`severity_table.Row`); "flags". Metrics are
      those of severity that both have what is needed for, and "fact_f1_direction" (mean over reports) where both have them.

    Raises:
      UserError: the clips differ, a clip is another person, expression or grade in the other file, or none is common and rated.
    """
    first, second = join(one, two, common_clips=common_clips)
    clips, rivals = one.clips.take(first), two.clips.take(second)
    check_same(one, two, first, second)
    rated = clips.rated
    names = expressions_of(clips.expression)
    flags: list[str] = []
    rows = SubjectDraws.of(clips.subject[rated], draws, seed)
    metrics = _severity(rows, clips.take(rated), rivals.take(rated), names, flags)
    metrics |= _reports(one, two, first, second, names, draws, seed)
    return {
        "one": name_of(one.path),
        "two": name_of(two.path),
        "counts": count(clips.subject[rated], clips.expression[rated], names),
        "left_out": {"one": len(one) - len(first), "two": len(two) - len(second)},
        "metrics": metrics,
        "better": {name: 1 if name == FACT_F1 else ROWS[name].better for name in metrics},
        "flags": flags,
    }


def name_of(path: Path) -> str:
    """The file's name, or run and folder for the samples of a run, whose files all have one name."""
    return "/".join(path.parts[-3:-1]) if path.name == SAMPLES else path.name


def shows(interval: Sequence[float | None], better: int, subjects: int) -> str:
    """What a difference says of the first of two models.

    Args:
      interval: of the difference, low and high; None where there is none.
      better: 1 where more is better, -1 where less is, 0 where neither.
      subjects: people drawn.

    Returns:
      "better", "worse", "not shown" where the interval holds 0, "N people: too few", or "" where nothing can be said.
    """
    low, high = interval
    if low is None or high is None or not better:
        return ""
    if subjects < FEW_SUBJECTS:
        return f"{subjects} people: too few"
    if low <= 0 <= high:
        return "not shown"
    return "better" if (low > 0) == (better > 0) else "worse"


def join(one: Predictions, two: Predictions, *, common_clips: bool) -> tuple[np.ndarray, np.ndarray]:
    """Places of the common clips in each, in the order of `one`; see `compare` for what is refused."""
    by_set = bool(one.dataset[0] and two.dataset[0])
    places = {key: i for i, key in enumerate(_keys(two, by_set))}
    keys = list(enumerate(_keys(one, by_set)))
    pairs = [(i, places[key]) for i, key in keys if key in places]
    lost, other_lost = len(one) - len(pairs), len(two) - len(pairs)
    if not pairs:
        raise UserError(
            f"{one.path} and {two.path} have no clip_id in common: expected predictions for the same clips, under the same ids"
        )
    if (lost or other_lost) and not common_clips:
        raise UserError(
            f"{one.path}: {lost} of {len(one)} clips are not in {two.path}, and {other_lost} of its {len(two)} not here: "
            f"evaluate both on the same clips, or compare the {len(pairs)} that both have with --common-clips"
        )
    found = np.array(pairs, dtype=np.int64)
    return found[:, 0], found[:, 1]


def _keys(found: Predictions, by_set: bool) -> list[tuple[str, str]]:
    sets = found.dataset.tolist() if by_set else [""] * len(found)
    keys = list(zip(sets, found.clip_id.tolist(), strict=True))
    if len(set(keys)) < len(keys):
        raise UserError(
            f"{found.path}: the same clip_id stands for clips of several data sets: give both files a column 'dataset'"
        )
    return keys


def check_same(one: Predictions, two: Predictions, first: np.ndarray, second: np.ndarray) -> None:
    """Refuses clips of which the two files say different things: a difference of models would be one of labels."""
    sides = [
        {"subject": found.subject[rows], "expression": found.clips.expression[rows], "score": found.clips.truth[rows]}
        for found, rows in ((one, first), (two, second))
    ]
    for field in sides[0]:
        here, there = sides[0][field], sides[1][field]
        differ = here != there
        if field == "score":
            differ &= ~(np.isnan(here) & np.isnan(there))
        if differ.any():
            row = int(np.argmax(differ))
            raise UserError(
                f"clip {one.clip_id[first[row]]}: {field} is {here[row]} in {one.path} and {there[row]} in {two.path} "
                f"({differ.sum()} such clips): expected the same labels in both: correct the wrong one"
            )
    _check_references(one, two, first, second)
    if np.isnan(sides[0]["score"]).all():
        raise UserError(f"{one.path}: none of the {len(first)} clips that both files have has a score: nothing to compare")


def _check_references(one: Predictions, two: Predictions, first: np.ndarray, second: np.ndarray) -> None:
    """Reports that were held against other references do not compare; one file's stand for those that the other lacks."""
    if one.reports is None or two.reports is None:
        return
    pairs = [(int(i), one.references[i], two.references[j]) for i, j in zip(first, second, strict=True)]
    differ = [i for i, here, there in pairs if None not in (here, there) and here != there]
    if differ:
        raise UserError(
            f"clip {one.clip_id[differ[0]]}: {one.path} and {two.path} have other reference reports ({len(differ)} such "
            "clips): expected the same in both: correct the wrong one, or leave the column 'reference' out of the second"
        )


def _severity(
    rows: SubjectDraws, clips: ScoredClips, rivals: ScoredClips, names: list[str], flags: list[str]
) -> dict[str, dict[str, Any]]:
    shared = [name for name in metrics_of(clips) if name in metrics_of(rivals)]
    drawn, other = (resampled_tables(rows, of, names, shared) for of in (clips, rivals))
    rows_of = rows.by_expression(clips.expression, names, MEAN)
    found: dict[str, dict[str, Any]] = {}
    for name in shared:
        here = told(f"one/{name}", metric_table(name, clips, names), flags)
        there = told(f"two/{name}", metric_table(name, rivals, names), flags)
        found[name] = _differences(rows_of, here, there, drawn[name], other[name], flags if name == "spearman" else [])
    return found


def _reports(
    one: Predictions, two: Predictions, first: np.ndarray, second: np.ndarray, names: list[str], draws: int, seed: int
) -> dict[str, dict[str, Any]]:
    """Fact F1 (direction) of the clips with a reference report in one of the files, where both have reports."""
    if one.reports is None or two.reports is None:
        return {}
    found = [
        (i, one.reports[i], two.reports[j], one.references[i] or two.references[j])
        for i, j in zip(first.tolist(), second.tolist(), strict=True)
    ]
    known = [(i, said, other, meant) for i, said, other, meant in found if meant is not None]
    if not known:
        return {}
    kept = np.array([i for i, *_ in known])
    expression = one.clips.expression[kept]
    here = np.array([direction_f1(said, meant) for _, said, _, meant in known])
    there = np.array([direction_f1(other, meant) for _, _, other, meant in known])
    rows = SubjectDraws.of(one.clips.subject[kept], draws, seed)
    tables, drawn = [], []
    for values in (here, there):
        tables.append({name: float(values[expression == name].mean()) for name in names if (expression == name).any()})
        tables[-1][MEAN] = float(values.mean())
        drawn.append({name: _drawn_mean(rows, values, expression == name) for name in tables[-1] if name != MEAN})
        drawn[-1][MEAN] = rows.evaluate(bootstrap.mean_of(values))
    return {FACT_F1: _differences(rows.by_expression(expression, names, MEAN), *tables, *drawn, [])}


def _drawn_mean(rows: SubjectDraws, values: np.ndarray, mask: np.ndarray) -> np.ndarray:
    return rows.of_clips(mask).evaluate(bootstrap.mean_of(values[mask]))


def _differences(
    rows_of: Mapping[str, SubjectDraws],
    here: Mapping[str, float | None],
    there: Mapping[str, float | None],
    drawn: Mapping[str, np.ndarray],
    other: Mapping[str, np.ndarray],
    flags: list[str],
) -> dict[str, Any]:
    return {
        of: {
            "one": here[of],
            "two": there[of],
            "difference": minus(here[of], there[of]),
            "interval": ends(of, rows_of[of].interval_of(drawn[of] - other[of]), flags),
        }
        for of in here
    }
