"""Folds for cross-validation: whole people are dealt, never clips.

Axes: N clips.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from input_pipeline.errors import UserError


def grouped_folds(subject: Sequence[str] | np.ndarray, count: int, seed: int) -> np.ndarray:
    """Deals people to folds at random, as many to each as can be; as many folds as people is leave-one-subject-out.

    Args:
      subject: (N,) key of the person of each clip.
      count: how many folds, at least 2.
      seed: the same subjects, count and seed give the same folds, in whatever order the clips are.

    Returns:
      (N,) int, the fold of each clip.

    Raises:
      UserError: fewer people than folds, or fewer than two folds.
    """
    people, person = np.unique(np.asarray(subject, dtype=str), return_inverse=True)
    if not 2 <= count <= len(people):
        raise UserError(f"{count} folds of {len(people)} subjects: expected at least 2 folds and a subject for each")
    fold = np.empty(len(people), np.int64)
    fold[np.random.default_rng(seed).permutation(len(people))] = np.arange(len(people)) * count // len(people)
    return fold[person]


def check_disjoint(subject: np.ndarray, train: np.ndarray, test: np.ndarray) -> None:
    """Refuses to test on people whose other clips were learned from.

    Args:
      subject: (N,).
      train, test: places in `subject`.

    Raises:
      UserError: somebody is on both sides.
    """
    both = np.intersect1d(subject[train], subject[test])
    if len(both):
        raise UserError(
            f"subject {str(both[0])!r} is in training and test fold ({len(both)} such): keep all clips of a person in one fold"
        )
