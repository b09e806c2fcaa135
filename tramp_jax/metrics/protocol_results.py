"""From cross-validated clips to what is written and told of each protocol, side by side.

Axes: N clips.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tramp_jax.metrics.bootstrap import DRAWS, SubjectDraws
from tramp_jax.metrics.prediction_results import constant_of_same_clips
from tramp_jax.metrics.protocols import FAIR, LITERATURE, PROTOCOLS, CrossValidated, spearman_curve
from tramp_jax.metrics.severity import expressions_of
from tramp_jax.metrics.severity_results import ends, severity_results
from tramp_jax.metrics.severity_table import MEAN, metric_table, resampled_tables

SPEARMAN = "spearman"


def protocol_results(
    found: Sequence[CrossValidated], latent: np.ndarray | None, *, draws: int = DRAWS, seed: int = 0
) -> dict[str, Any]:
    """Both protocols on the same clips and models.

    Args:
      found: of one scheme of folds, one for each seed, of the same clips.
      latent: (N,) hidden severity of simulated clips, None for real ones.
      draws: of subjects.
      seed: of the draws.

    Returns:
      "fair", "literature": `severity_results` of the first seed's pooled predictions; "optimism": the mean over the seeds of
      Spearman under `literature` less `fair`, expression and "mean" -> {"difference", "interval"}, paired on the same draws of
      subjects; "by_seed": of each seed "fair" and "literature", the mean Spearman; "by_fold": the same where Spearman is
      computed within each fold and averaged, and `literature` takes each fold's own best epoch, None where folds are people;
      "epochs": protocol -> the median epoch, from 1.
    """
    names = expressions_of(found[0].clips.expression)
    rows = SubjectDraws.of(found[0].clips.subject, draws, seed)
    results: dict[str, Any] = {}
    for protocol in PROTOCOLS:
        clips = found[0].under(protocol)
        constant = {"constant_median": constant_of_same_clips(clips)}
        results[protocol] = severity_results(clips, constant, latent, expressions=names, draws=draws, seed=seed)
    results["optimism"] = _optimism(found, names, rows)
    results["by_seed"] = [{name: _spearman(each, name, names)[MEAN] for name in PROTOCOLS} for each in found]
    results["by_fold"] = _by_fold(found, names)
    results["epochs"] = {name: int(np.median(np.concatenate([each.epochs[name] for each in found]))) + 1 for name in PROTOCOLS}
    return results


def _optimism(found: Sequence[CrossValidated], names: list[str], rows: SubjectDraws) -> dict[str, Any]:
    values: dict[str, list[float]] = {name: [] for name in (*names, MEAN)}
    drawn: dict[str, list[np.ndarray]] = {name: [] for name in (*names, MEAN)}
    for each in found:
        tables = {name: _spearman(each, name, names) for name in PROTOCOLS}
        draws = {name: resampled_tables(rows, each.under(name), names, [SPEARMAN])[SPEARMAN] for name in PROTOCOLS}
        for name in values:
            values[name].append(tables[LITERATURE][name] - tables[FAIR][name])
            drawn[name].append(draws[LITERATURE][name] - draws[FAIR][name])
    return {
        name: {
            "difference": float(np.mean(values[name])),
            "interval": ends(name, rows.interval_of(np.mean(drawn[name], axis=0)), []),
        }
        for name in values
    }


def _spearman(found: CrossValidated, protocol: str, names: list[str]) -> dict[str, float]:
    table = metric_table(SPEARMAN, found.under(protocol), names)[0]
    return {name: value for name, value in table.items() if value is not None}


def _by_fold(found: Sequence[CrossValidated], names: list[str]) -> dict[str, float] | None:
    """The mean over folds, expressions and seeds of Spearman within a fold: how a table of folds is averaged."""
    told: dict[str, list[float]] = {name: [] for name in PROTOCOLS}
    for each in found:
        fair = each.under(FAIR)
        for fold in np.unique(each.fold):
            here = each.fold == fold
            if len(np.unique(each.clips.subject[here])) == 1:
                return None
            for mask in (here & (each.clips.expression == name) for name in names):
                if mask.any():
                    truth = each.clips.truth[mask]
                    told[FAIR].append(spearman_curve(truth, fair.prediction[mask][None])[0])
                    told[LITERATURE].append(spearman_curve(truth, each.curves[:, mask]).max())
    return {name: float(np.mean(values)) for name, values in told.items()}


def pooled_rows(found: CrossValidated, protocol: str, clip_id: Sequence[str], dataset: Sequence[str]) -> list[dict[str, Any]]:
    """Lines of a file for `evaluate --predictions`: the pooled predictions that a protocol reports."""
    clips, epochs = found.under(protocol), found.epochs[protocol]
    return [
        {
            "clip_id": clip_id[i],
            "subject": str(clips.subject[i]).split("/", 1)[1],
            "expression": str(clips.expression[i]),
            "dataset": dataset[i],
            "score": float(clips.truth[i]),
            "prediction": float(clips.prediction[i]),
            "protocol": protocol,
            "fold": int(found.fold[i]),
            "epoch": int(epochs[i]) + 1,
        }
        for i in range(len(clips))
    ]
