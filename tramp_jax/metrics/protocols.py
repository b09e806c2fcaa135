"""Evaluation protocols by name: where the epoch of a model is chosen, and on whom that is told.

Axes: E epochs, N clips, M test clips of one model.

`fair` (the default) chooses each fold's epoch on clips of its training subjects alone, pools the predictions of all folds and
computes every metric once. `literature` trains the very same models and reports their best epoch on the test clips, as the
published code of TraMP-Former and QAFE-Net does (references: seke_and_evaluation.md B.2, protocol warnings). Both choose by the
same rule: for each expression, the epoch of the highest Spearman. The difference is what looking at the test clips is worth.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from input_pipeline.folds import check_disjoint, grouped_folds
from tramp_jax.metrics.scored import ScoredClips

FAIR, LITERATURE = "fair", "literature"
PROTOCOLS = (FAIR, LITERATURE)
# Parts of the training subjects, each held out once, to choose the epoch by (ours).
INNER_FOLDS = 5


class Job(NamedTuple):
    """One model to train from scratch.

    Attributes:
      train: places of the clips that it learns from.
      test: (M,) places of the clips that it predicts after every epoch.
      seed: of its start and the order of its batches.
    """

    train: np.ndarray
    test: np.ndarray
    seed: int


# Trains every job, and gives in their order what each predicts: (E, M). It must not look at the ratings of test clips.
Fit = Callable[[Sequence[Job]], Iterator[np.ndarray]]


@dataclasses.dataclass(frozen=True)
class CrossValidated:
    """What all folds' models predict, and which epochs the two protocols choose.

    Attributes:
      clips: N rated clips; their `prediction` is not used.
      fold: (N,) int, in which each clip is tested on.
      curves: (E, N) the prediction of each clip after every epoch, by the model that never saw its person.
      epochs: protocol -> (N,) int, which epoch's prediction of each clip counts.
    """

    clips: ScoredClips
    fold: np.ndarray
    curves: np.ndarray
    epochs: dict[str, np.ndarray]

    def under(self, protocol: str) -> ScoredClips:
        """The clips with the predictions that a protocol reports, pooled over the folds."""
        prediction = self.curves[self.epochs[protocol], np.arange(len(self.clips))]
        return dataclasses.replace(self.clips, prediction=prediction.astype(np.float64))


def cross_validate(clips: ScoredClips, fold: np.ndarray, fit: Fit, seed: int, inner_folds: int = INNER_FOLDS) -> CrossValidated:
    """Trains one model per fold, and `inner_folds` more on parts of its training subjects to choose its epoch by.

    The literature's epoch is chosen on the test clips of all folds together, by the number that is then reported: a fold of one
    person has no rank correlation, and folds that each chose their own would be pooled at epochs that do not fit together.

    Args:
      clips: N rated clips.
      fold: (N,) of `grouped_folds`.
      fit: see `Fit`.
      seed: of models and inner folds.

    Raises:
      UserError: a person in two folds, or too few training subjects for the inner folds.
    """
    names = np.unique(fold)
    outer = [Job(np.flatnonzero(fold != name), np.flatnonzero(fold == name), seed) for name in names]
    for job in outer:
        check_disjoint(clips.subject, job.train, job.test)
    found = list(fit(outer))
    curves = np.empty((len(found[0]), len(clips)), np.float32)
    for job, curve in zip(outer, found, strict=True):
        curves[:, job.test] = curve
    fair = np.empty(len(clips), np.int64)
    for job, chosen in zip(outer, inner_epochs(clips, outer, fit, inner_folds), strict=True):
        fair[job.test] = _apply(chosen, clips.expression[job.test], len(curves))
    literature = _apply(best_epochs(clips, curves), clips.expression, len(curves))
    return CrossValidated(clips, fold, curves, {FAIR: fair, LITERATURE: literature})


def best_epochs(clips: ScoredClips, curves: np.ndarray) -> dict[str, int]:
    """Expression -> the epoch, from 0, of the highest Spearman of its clips; the first of equals.

    Without two different ratings there is nothing to choose by: then it is the last.

    Args:
      clips: n rated clips.
      curves: (E, n) their predictions.
    """
    found = {}
    for name in np.unique(clips.expression).tolist():
        mask = clips.expression == name
        found[name] = int(np.argmax(spearman_curve(clips.truth[mask], curves[:, mask])))
        if np.ptp(clips.truth[mask]) == 0:
            found[name] = len(curves) - 1
    return found


def spearman_curve(truth: np.ndarray, curves: np.ndarray) -> np.ndarray:
    """`severity.spearman` of n clips after every epoch, (E, n) -> (E,); 0 where a side is constant.

    Rounded to 12 digits, so that equal ranks are equal whatever the order of the sums.
    """
    ranks = stats.rankdata(curves, axis=1) - (len(truth) + 1) / 2
    wanted = stats.rankdata(truth) - (len(truth) + 1) / 2
    scale = np.sqrt(np.sum(ranks**2, axis=1) * np.sum(wanted**2))
    return np.round(np.divide(ranks @ wanted, scale, out=np.zeros(len(curves)), where=scale > 0), 12)


def inner_epochs(clips: ScoredClips, outer: Sequence[Job], fit: Fit, inner_folds: int) -> Iterator[dict[str, int]]:
    """Expression -> epoch, for each outer job: the best of models that learned from some of its training people, on the rest.

    Its test clips are in none of these models' jobs, so no rating of theirs can reach the choice.
    """
    deals = [grouped_folds(clips.subject[job.train], inner_folds, job.seed) for job in outer]
    inner = [
        Job(job.train[deal != part], job.train[deal == part], job.seed)
        for job, deal in zip(outer, deals, strict=True)
        for part in range(inner_folds)
    ]
    for job in inner:
        check_disjoint(clips.subject, job.train, job.test)
    found = zip(inner, fit(inner), strict=True)
    for _ in outer:
        parts = [next(found) for _ in range(inner_folds)]
        held_out = np.concatenate([job.test for job, _ in parts])
        yield best_epochs(clips.take(held_out), np.concatenate([curve for _, curve in parts], axis=1))


def _apply(chosen: dict[str, int], expression: np.ndarray, epochs: int) -> np.ndarray:
    """(n,) the epoch of each clip; the last for an expression that nothing was chosen for."""
    return np.array([chosen.get(name, epochs - 1) for name in expression.tolist()], np.int64)
