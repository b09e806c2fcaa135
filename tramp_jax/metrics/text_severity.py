"""What a report's words say about severity: agreement with the scores, and how much of the score the words carry.

Axes: N clips, F fact indicators.

Both read the facts that the parser finds in the text, so what it cannot read carries nothing. The definitions are ours: no
paper reports either for motion reports.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from input_pipeline.motion.facts import is_paired
from input_pipeline.motion.parsing import parse_facts
from tramp_jax.metrics import bootstrap, severity
from tramp_jax.metrics.bootstrap import SubjectDraws
from tramp_jax.metrics.ordinal_regression import standardisation, subject_folds
from tramp_jax.metrics.report_facts import Facts, deviation, halves

# Ridge penalty on standardised indicators: fixed, so that no clip is used to choose it (ours).
PENALTY = 10.0
# Texts are dealt out anew this often for the level of chance (ours).
SHUFFLES = 20


def words_and_scores(
    subject: np.ndarray,
    expression: np.ndarray,
    rated: np.ndarray,
    predicted: np.ndarray | None,
    generated: Sequence[str],
    references: Sequence[str | None],
    *,
    draws: int = bootstrap.DRAWS,
    seed: int = 0,
) -> dict[str, Any]:
    """What a run's results hold of words and scores.

    Args:
      subject, expression: (N,).
      rated: (N,) grades, NaN where nobody rated.
      predicted: (N,) scores of the severity head, None for a run without one.
      generated, references: N texts, a reference is None where there is none.

    Returns:
      "severity_agreement" of the generated reports with "head" and "rated" scores, see `severity_agreement`; "score_probe" of
      "generated" and "reference" reports, see `score_probe`, on the rated clips that have both, None where no clip is rated.
    """
    stated = [parse_facts(text) for text in generated]
    scores = {"rated": rated} | ({} if predicted is None else {"head": predicted})
    agreement = severity_agreement(subject, expression, stated, scores, draws=draws, seed=seed)
    has_reference = np.array([text is not None for text in references], bool)
    kept = np.flatnonzero(~np.isnan(rated) & (has_reference | ~has_reference.any()))
    texts = {"generated": [stated[i] for i in kept]}
    if has_reference.any():
        texts["reference"] = [parse_facts(references[i] or "") for i in kept]
    probe = score_probe(subject[kept], expression[kept], texts, rated[kept], seed) if len(kept) else None
    return {"severity_agreement": agreement, "score_probe": probe}


def stated_severity(facts: Facts) -> float:
    """Mean distance from normal of the stated facts, in 0..3 steps; NaN where nothing is stated.

    Normal facts count as 0, so that one finding among many normal ones is less than a finding alone; one side of a topic that
    has two counts half.
    """
    weights = [0.5 if is_paired(fact) else 1.0 for fact in halves(facts)]
    steps = [abs(deviation(fact)) for fact in halves(facts)]
    return float(np.average(steps, weights=weights)) if weights else math.nan


def severity_agreement(
    subject: np.ndarray,
    expression: np.ndarray,
    stated: Sequence[Facts],
    scores: Mapping[str, np.ndarray],
    *,
    draws: int = bootstrap.DRAWS,
    seed: int = 0,
) -> dict[str, Any]:
    """Spearman of the texts' own severity with scores of the same clips, over the clips that have both.

    Args:
      subject, expression: (N,).
      stated: N tuples of facts of the texts.
      scores: name -> (N,), NaN where there is none.

    Returns:
      name -> {"spearman": {expression and "mean": value}, "interval": of the mean, "clips", "flags"}.
    """
    said = np.array([stated_severity(facts) for facts in stated], np.float64)
    found, names = {}, np.unique(expression).tolist()
    for name, other in scores.items():
        both = ~np.isnan(said) & ~np.isnan(other)
        arrays = (expression[both], other[both], said[both])
        values, flags = severity.by_expression(severity.spearman, *arrays, names=names)
        rows = SubjectDraws.of(subject[both], draws, seed)
        low, high, _ = rows.interval(bootstrap.expression_mean_of(bootstrap.spearman_of, *arrays, names=names))
        found[name] = {"spearman": values, "interval": [low, high], "clips": int(both.sum()), "flags": flags}
    return found


def score_probe(
    subject: np.ndarray, expression: np.ndarray, texts: Mapping[str, Sequence[Facts]], score: np.ndarray, seed: int = 0
) -> dict[str, Any]:
    """How well rated scores can be read off the facts in the words alone, out of fold by subject, per expression.

    A ridge regression from fact indicators, fitted on other subjects' texts and scores. Beside each set of texts stands
    the same for its texts dealt out at random within the expression, mean of SHUFFLES: the level of chance.

    Args:
      subject, expression, score: (N,) of the rated clips.
      texts: name -> N tuples of facts.

    Returns:
      name and "<name>_shuffled" -> {"spearman": {expression and "mean": value}, "mae": the same in grades}; an expression
      with fewer than two subjects is None.
    """
    found = {}
    for name, stated in texts.items():
        features = indicators(stated)
        found[name] = _probe(subject, expression, features, score, seed)
        rng = np.random.default_rng(seed)
        dealt = [_probe(subject, expression, features[_shuffled(expression, rng)], score, seed) for _ in range(SHUFFLES)]
        found[f"{name}_shuffled"] = {metric: _average([one[metric] for one in dealt]) for metric in ("spearman", "mae")}
    return found


def indicators(stated: Sequence[Facts]) -> np.ndarray:
    """(N, F): how much of each (region, attribute, level) that occurs anywhere is stated, 1/2 for one side of two."""
    columns: dict[tuple[str, str, str], int] = {}
    rows = [[(fact.region, fact.attribute, fact.level, is_paired(fact)) for fact in halves(facts)] for facts in stated]
    for row in rows:
        for *key, _ in row:
            columns.setdefault(tuple(key), len(columns))
    features = np.zeros((len(rows), len(columns)))
    for i, row in enumerate(rows):
        for *key, paired in row:
            features[i, columns[tuple(key)]] += 0.5 if paired else 1.0
    return features


def out_of_fold(features: np.ndarray, score: np.ndarray, subject: np.ndarray, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Predictions (N,) in grades, and the part of them (N,) that comes from the features, without the intercept.

    Pooled over folds, an intercept ranks the clips by their fold's training mean, which is low where their own scores are high:
    a text that says nothing would earn a clearly negative correlation. So ranks are taken of the second. A little of it stays
    in the coefficients, which the shuffled texts show.
    """
    fold = subject_folds(subject, seed)
    predicted, from_features = np.zeros(len(score)), np.zeros(len(score))
    for k in np.unique(fold):
        train, test = fold != k, fold == k
        centre, scale = standardisation(features[train])
        standard = (features[train] - centre) / scale
        mean = score[train].mean()
        gram = standard.T @ standard + PENALTY * np.eye(standard.shape[1])
        coefficients = np.linalg.solve(gram, standard.T @ (score[train] - mean)) / scale
        from_features[test] = features[test] @ coefficients
        predicted[test] = mean + (features[test] - centre) @ coefficients
    return predicted, from_features


def _probe(
    subject: np.ndarray, expression: np.ndarray, features: np.ndarray, score: np.ndarray, seed: int
) -> dict[str, dict[str, float | None]]:
    spearman: dict[str, float | None] = {}
    mae: dict[str, float | None] = {}
    for name in np.unique(expression).tolist():
        of = expression == name
        if len(set(subject[of].tolist())) < 2:
            spearman[name] = mae[name] = None
            continue
        predicted, from_features = out_of_fold(features[of], score[of], subject[of], seed)
        # Rounded, so that texts that are all alike tie and are not ranked by noise.
        spearman[name] = severity.spearman(score[of], np.round(from_features, 9)).value
        mae[name] = severity.mae(score[of], predicted).value
    means = (severity.mean_of_present(values) for values in (spearman, mae))
    return {
        metric: values | {"mean": mean}
        for metric, values, mean in zip(("spearman", "mae"), (spearman, mae), means, strict=True)
    }


def _shuffled(expression: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    order = np.arange(len(expression))
    for name in np.unique(expression):
        order[expression == name] = rng.permutation(order[expression == name])
    return order


def _average(values: Sequence[Mapping[str, float | None]]) -> dict[str, float | None]:
    return {key: severity.mean_of_present({str(i): one[key] for i, one in enumerate(values)}) for key in values[0]}
