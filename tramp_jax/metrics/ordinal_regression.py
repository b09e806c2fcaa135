"""Proportional-odds regression of grades on a few features, with an L2 penalty.

Axes: N clips, F features, K grade levels seen in training.

P(grade <= level k) = sigmoid(threshold_k - features @ coefficients) (McCullagh 1980, J. R. Stat. Soc. B 42). The negative log
likelihood is convex in thresholds and coefficients; the thresholds are held in order by fitting the logarithms of their gaps.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit
from threadpoolctl import threadpool_limits

from tramp_jax.metrics.severity import spearman, to_grade

# From nearly constant to nearly free for tens to hundreds of clips, falling (ours).
PENALTIES = (1000.0, 300.0, 100.0, 30.0, 10.0, 3.0, 1.0, 0.3)
FOLDS = 5
# Gaps between neighbouring thresholds stay within e^-15 .. e^5, so that no line search overflows (ours).
_LOG_GAP = (-15.0, 5.0)
# Relative change of the objective at which a search ends: for the model, and for choosing its penalty.
_FINE, _ROUGH = 1e-12, 1e-7


@dataclasses.dataclass(frozen=True)
class OrdinalRegression:
    """A fitted model.

    Attributes:
      levels: (K,) the grades seen in training, rising.
      thresholds: (K - 1,) rising, empty where training saw one grade.
      coefficients: (F,) per standard deviation of the training clips.
      centre: (F,) and scale: (F,) of the training clips; scale is 1 where a feature never varied.
    """

    levels: np.ndarray
    thresholds: np.ndarray
    coefficients: np.ndarray
    centre: np.ndarray
    scale: np.ndarray

    def above(self, features: np.ndarray) -> np.ndarray:
        """P(grade > level k) for every level but the last: (N, F) -> (N, K - 1)."""
        return expit((self._standard(features) @ self.coefficients)[:, None] - self.thresholds)

    def probabilities(self, features: np.ndarray) -> np.ndarray:
        """P(grade = level k): (N, F) -> (N, K), rows sum to 1."""
        above = self.above(features)
        edge = np.ones((len(above), 1))
        return np.hstack([edge, above]) - np.hstack([above, 0 * edge])

    def predict(self, features: np.ndarray) -> np.ndarray:
        """The expected grade, a continuous score: (N, F) -> (N,)."""
        return self.levels[0] + self.above(features) @ np.diff(self.levels)

    def _standard(self, features: np.ndarray) -> np.ndarray:
        return (np.asarray(features, np.float64) - self.centre) / self.scale


def standardisation(features: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Mean and standard deviation of (N, F) over clips, (F,) each; 1 in place of the deviation of a constant feature."""
    centre, scale = features.mean(axis=0), features.std(axis=0)
    return centre, np.where(scale > 1e-12 * np.maximum(np.abs(centre), 1.0), scale, 1.0)


def fit(features: np.ndarray, score: np.ndarray, penalty: float) -> OrdinalRegression:
    """Fits by L-BFGS with analytic gradients.

    Minimises sum of -log P(grade of the clip) + penalty / 2 * |coefficients|^2; the thresholds are not penalised. With two
    grades this is L2 logistic regression (scikit-learn's C is 1 / penalty).

    Args:
      features: (N, F), N >= 1, standardised here on these clips.
      score: (N,) rated grades, rounded to whole ones.
      penalty: above 0, since grades that a feature separates have no finite maximum.
    """
    return _path(np.asarray(features, np.float64), score, (penalty,), _FINE)[0]


def choose_penalty(features: np.ndarray, score: np.ndarray, subject: Sequence[str] | np.ndarray) -> float:
    """The one of PENALTIES with the best Spearman of pooled out-of-fold predictions; the larger of equals.

    With a single subject there is nothing to hold out, and the largest penalty is taken.

    Args:
      features: (N, F) of training clips only, as are score (N,) and subject (N,).
    """
    if len(set(np.asarray(subject).tolist())) < 2:
        return max(PENALTIES)
    held_out = out_of_fold(features, score, subject)
    return PENALTIES[int(np.argmax([spearman(score, prediction).value for prediction in held_out]))]


def out_of_fold(features: np.ndarray, score: np.ndarray, subject: Sequence[str] | np.ndarray, seed: int = 0) -> np.ndarray:
    """Predictions (len(PENALTIES), N), each clip's by models that saw no clip of its subject."""
    fold = subject_folds(subject, seed)
    held_out = np.zeros((len(PENALTIES), len(score)))
    for k in np.unique(fold):
        models = _path(features[fold != k], score[fold != k], PENALTIES, _ROUGH)
        held_out[:, fold == k] = [model.predict(features[fold == k]) for model in models]
    return held_out


def subject_folds(subject: Sequence[str] | np.ndarray, seed: int = 0) -> np.ndarray:
    """The fold of each clip, (N,) int in 0 .. FOLDS - 1, the clips of a subject together."""
    keys, index = np.unique(np.asarray(subject, dtype=str), return_inverse=True)
    return np.random.default_rng(seed).permutation(np.arange(len(keys)) % FOLDS)[index]


def negative_log_likelihood(parameters: np.ndarray, features: np.ndarray, level: np.ndarray, penalty: float) -> tuple:
    """The objective and its gradient.

    Args:
      parameters: (K - 1 + F,): first threshold, logarithms of the K - 2 gaps, coefficients.
      features: (N, F) standardised.
      level: (N,) int in 0 .. K - 1.

    Returns:
      value (float) and gradient (K - 1 + F,).
    """
    cuts = len(parameters) - features.shape[1]
    gaps, coefficients = np.exp(parameters[1:cuts]), parameters[cuts:]
    thresholds = parameters[0] + np.concatenate([[0.0], np.cumsum(gaps)])
    bounds = np.concatenate([[-np.inf], thresholds, [np.inf]])
    linear = features @ coefficients
    low, high = bounds[level] - linear, bounds[level + 1] - linear
    # sigmoid(high) - sigmoid(low) = sigmoid(high) sigmoid(-low) (1 - exp(low - high)): no cancellation in either tail.
    log_p = -np.logaddexp(0.0, -high) - np.logaddexp(0.0, low) + np.log(-np.expm1(low - high))
    value = -log_p.sum() + 0.5 * penalty * coefficients @ coefficients

    squeeze = np.exp(low - high) / -np.expm1(low - high)
    d_high, d_low = expit(-high) + squeeze, -expit(low) - squeeze
    by_bound = np.bincount(level + 1, d_high, cuts + 2) + np.bincount(level, d_low, cuts + 2)
    d_thresholds = by_bound[1:-1]
    tails = np.cumsum(d_thresholds[::-1])[::-1]
    d_coefficients = features.T @ (d_high + d_low) + penalty * coefficients
    return value, np.concatenate([[-tails[0]], -tails[1:] * gaps, d_coefficients])


def _path(features: np.ndarray, score: np.ndarray, penalties: Sequence[float], tolerance: float) -> list[OrdinalRegression]:
    """One model per penalty, each started from the one before."""
    grade = to_grade(score)
    levels, level = np.unique(grade, return_inverse=True)
    centre, scale = standardisation(features)
    standard = (features - centre) / scale
    if len(levels) == 1:
        flat = OrdinalRegression(levels.astype(np.float64), np.zeros(0), np.zeros(features.shape[1]), centre, scale)
        return [flat] * len(penalties)

    cuts = len(levels) - 1
    parameters = np.concatenate([_start(level, cuts), np.zeros(features.shape[1])])
    limits = [(None, None)] + [_LOG_GAP] * (cuts - 1) + [(None, None)] * features.shape[1]
    models = []
    # BLAS starts threads even for the optimiser's tiny products, which made this ten times slower on a busy machine.
    with threadpool_limits(1, "blas"):
        for penalty in penalties:
            parameters = _minimise(parameters, limits, (standard, level, penalty), tolerance)
            thresholds = parameters[0] + np.concatenate([[0.0], np.cumsum(np.exp(parameters[1:cuts]))])
            models.append(OrdinalRegression(levels.astype(np.float64), thresholds, parameters[cuts:], centre, scale))
    return models


def _minimise(start: np.ndarray, limits: list[tuple], objective: tuple, tolerance: float) -> np.ndarray:
    return minimize(
        negative_log_likelihood,
        start,
        args=objective,
        jac=True,
        method="L-BFGS-B",
        bounds=limits,
        options={"maxiter": 2000, "ftol": tolerance, "gtol": 1e-6},
    ).x


def _start(level: np.ndarray, cuts: int) -> np.ndarray:
    """The thresholds that fit the grade frequencies alone, as first threshold and log gaps."""
    share = np.cumsum(np.bincount(level, minlength=cuts + 1))[:-1] / len(level)
    thresholds = np.log(share / (1 - share))
    return np.concatenate([thresholds[:1], np.log(np.diff(thresholds))])
