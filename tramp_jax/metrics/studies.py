"""What the protocols are worth in studies as small as the published ones: cohorts of disjoint people, each split and trained.

Axes: E epochs, N clips.

A study is what a paper on 41 patients does: some people train, the others test, once. Of simulated people there are enough to
ask what a paper cannot: what the checkpoint that was chosen on the test people reaches on everybody else.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from input_pipeline.errors import UserError
from input_pipeline.folds import check_disjoint, grouped_folds
from tramp_jax.metrics.protocols import FAIR, INNER_FOLDS, LITERATURE, Fit, Job, best_epochs, inner_epochs, spearman_curve
from tramp_jax.metrics.scored import ScoredClips

# Of a cohort, each of which is tested on once: a third of 41 people is 13 or 14 (ours; PFED5's split is not published).
PARTS = 3


def small_studies(clips: ScoredClips, size: int, fit: Fit, seed: int, inner_folds: int = INNER_FOLDS) -> dict[str, Any]:
    """Cuts people into cohorts of `size` and makes PARTS studies of each.

    Args:
      clips: N rated clips.
      size: people of a cohort; those left over are in none, and among the new people of all.
      fit: see `protocols.Fit`.
      seed: of cohorts, splits and models.

    Returns:
      "cohorts", "studies", "test_subjects" (numbers that occur); for each of "fair" and "literature" the mean over the studies
      of the mean Spearman over expressions on the test people, and as "NAME_on_new_people" that of the same epochs on the
      people of the other cohorts; "literature_sd": deviation between studies; "optimism": literature less fair on the test
      people, and "gain_on_new_people": the same on new people, which is what choosing on the test people really won, each
      {"difference", "interval": 95 percent, by Student's t over the cohorts, which share nobody; most of the new people they do
      share, which the second interval does not allow for}; "by_study": each's numbers.

    Raises:
      UserError: fewer than two cohorts' worth of people, or of too few for the inner folds.
    """
    people, person = np.unique(clips.subject, return_inverse=True)
    cohorts = len(people) // size
    fewest = max(2 * PARTS, PARTS * inner_folds // (PARTS - 1) + 1)
    if cohorts < 2 or size < fewest:
        raise UserError(
            f"{len(people)} subjects make {cohorts} cohorts of {size}: expected 2 cohorts or more, of {fewest} people or more: "
            "name another size or take more subjects"
        )
    cohort = (np.random.default_rng(seed).permutation(len(people)) // size)[person]
    jobs, cohort_of = [], []
    for number in range(cohorts):
        mine, others = np.flatnonzero(cohort == number), np.flatnonzero(cohort != number)
        deal = grouped_folds(clips.subject[mine], PARTS, seed)
        for part in range(PARTS):
            jobs.append((mine[deal != part], mine[deal == part], others))
            cohort_of.append(number)
    outer = [Job(train, np.concatenate([test, others]), seed) for train, test, others in jobs]
    for job in outer:
        check_disjoint(clips.subject, job.train, job.test)
    found = zip(jobs, fit(outer), inner_epochs(clips, outer, fit, inner_folds), strict=True)
    rows = [_study(clips, test, others, curve, fair) for (_, test, others), curve, fair in found]
    return _summary(rows, np.array(cohort_of)) | {
        "cohorts": cohorts,
        "studies": len(rows),
        "test_subjects": sorted({len(np.unique(clips.subject[test])) for _, test, _ in jobs}),
    }


def _study(
    clips: ScoredClips, test: np.ndarray, others: np.ndarray, curve: np.ndarray, fair: dict[str, int]
) -> dict[str, float]:
    tested, new = clips.take(test), clips.take(others)
    epochs = {FAIR: fair, LITERATURE: best_epochs(tested, curve[:, : len(test)])}
    row = {}
    for protocol, chosen in epochs.items():
        row[protocol] = _mean_spearman(tested, curve[:, : len(test)], chosen)
        row[f"{protocol}_on_new_people"] = _mean_spearman(new, curve[:, len(test) :], chosen)
    return row


def _mean_spearman(clips: ScoredClips, curves: np.ndarray, chosen: dict[str, int]) -> float:
    values = []
    for name in np.unique(clips.expression).tolist():
        mask = clips.expression == name
        at = chosen.get(name, len(curves) - 1)
        values.append(spearman_curve(clips.truth[mask], curves[at : at + 1, mask])[0])
    return float(np.mean(values))


def _summary(rows: list[dict[str, float]], cohort: np.ndarray) -> dict[str, Any]:
    columns = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    literature = columns[LITERATURE]
    return {
        **{name: float(values.mean()) for name, values in columns.items()},
        "literature_sd": float(literature.std(ddof=1)),
        "optimism": _over_cohorts(literature - columns[FAIR], cohort),
        "gain_on_new_people": _over_cohorts(columns[f"{LITERATURE}_on_new_people"] - columns[f"{FAIR}_on_new_people"], cohort),
        "by_study": rows,
    }


def _over_cohorts(values: np.ndarray, cohort: np.ndarray) -> dict[str, Any]:
    means = np.array([values[cohort == number].mean() for number in np.unique(cohort)])
    half = stats.t.ppf(0.975, len(means) - 1) * means.std(ddof=1) / np.sqrt(len(means))
    return {"difference": float(means.mean()), "interval": [float(means.mean() - half), float(means.mean() + half)]}
