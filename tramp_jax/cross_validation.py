"""Both evaluation protocols over frozen features of a run: which clips, which features, and all that results.json says.

Axes: N clips.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

import numpy as np

from input_pipeline.dataset import Dataset
from input_pipeline.errors import UserError
from input_pipeline.folds import grouped_folds
from input_pipeline.records import POSED, Label
from tramp_jax.inference import TrainedModel
from tramp_jax.metrics.evaluation import SIMULATED, latent_of
from tramp_jax.metrics.protocol_results import protocol_results
from tramp_jax.metrics.protocols import INNER_FOLDS, LITERATURE, CrossValidated, cross_validate
from tramp_jax.metrics.published import tables_for
from tramp_jax.metrics.scored import ScoredClips, persons
from tramp_jax.metrics.severity_results import count
from tramp_jax.metrics.studies import small_studies
from tramp_jax.seen_people import Person, person_of
from tramp_jax.training.head_folds import HeadTrainer

LOSO = "loso"


def unseen_clips(dataset: Dataset, seen: Collection[Person]) -> list[int]:
    """Rated clips of people whom a run has not seen (`seen_people`), nor withdrawn.

    Raises:
      UserError: none is left.
    """
    found = [
        index
        for index, label in enumerate(dataset.labels)
        if label.score is not None and label.subject not in dataset.withdrawn and person_of(label) not in seen
    ]
    if not found:
        raise UserError(f"{dataset.path}: no rated clip of a person whom the run was not trained on: name other people's data")
    return found


def run_protocols(
    model: TrainedModel, dataset: Dataset, chosen: list[int], schemes: Sequence[str], size: int, epochs: int, seeds: int
) -> tuple[dict[str, Any], dict[str, CrossValidated]]:
    """All that is asked for, on these clips.

    Args:
      model: whose features are read; they are computed once.
      dataset, chosen: the clips.
      schemes: numbers of folds as text, or LOSO.
      size: people of a small study, 0 for none.
      epochs: of each head.
      seeds: repetitions of a scheme; leave-one-subject-out has one way to deal people, and is done once.

    Returns:
      the results for results.json without "protocol" and "encoder", and scheme -> its first seed's predictions.

    Raises:
      UserError: too few people.
    """
    labels = [dataset.labels[i] for i in chosen]
    clips = scored(labels)
    number = np.array([POSED.index(label.expression) for label in labels], np.int32)
    features = model.pool(dataset, chosen)
    fit = HeadTrainer(model.predictor.model, model.config, features, number, clips.truth.astype(np.float32), epochs)
    latent, found, pooled = latent_of(labels), {}, {}
    for scheme in schemes:
        people = len(np.unique(clips.subject))
        folds, repeats = (people, 1) if scheme == LOSO else (int(scheme), seeds)
        print(f"{scheme}: {repeats * folds} heads, and {INNER_FOLDS} more for each to choose its epoch by", flush=True)
        runs = [cross_validate(clips, grouped_folds(clips.subject, folds, seed), fit, seed) for seed in range(repeats)]
        name = "leave-one-subject-out" if scheme == LOSO else f"{scheme}-fold"
        found[name], pooled[name] = protocol_results(runs, latent), runs[0]
    studies = small_studies(clips, size, fit, 0) | {"size": size} if size else None
    data = dataset.manifest.name
    return {
        "data": data,
        "simulated": data == SIMULATED,
        "counts": count(clips.subject, clips.expression, sorted(set(clips.expression.tolist()), key=POSED.index)),
        "model": {"run": model.run.name, "step": model.step, "sha256": model.sha256, "seed": model.config.seed},
        "head": {"epochs": epochs, "inner_folds": INNER_FOLDS, "seeds": seeds},
        "schemes": found,
        "small_studies": studies,
        "published": _beside_published(found, data),
    }, pooled


def scored(labels: Sequence[Label]) -> ScoredClips:
    """Rated clips without predictions."""
    sets = np.array([label.dataset for label in labels], dtype=str)
    subjects = np.array([label.subject for label in labels], dtype=str)
    truth = np.array([label.score for label in labels], np.float64)
    expression = np.array([label.expression for label in labels], dtype=str)
    return ScoredClips(persons(sets, subjects), expression, truth, np.zeros(len(labels)))


def _beside_published(found: dict[str, Any], data: str) -> list[dict[str, Any]]:
    """Published tables of the same expressions, each with "own": the literature's numbers of this run, times 100."""
    names = {scheme: each[LITERATURE]["spearman"] for scheme, each in found.items()}
    expressions = set.intersection(*(set(values) for values in names.values())) if names else set()
    tables = tables_for(expressions)
    for table in tables:
        columns = list(table["rows"][0]["values"])
        table["own"] = []
        for scheme, values in names.items():
            own = {column: 100 * values[column] for column in columns}
            average = float(np.mean(list(own.values())))
            table["own"].append({"name": f"this run, {data}, {scheme}, literature", "values": own, "average": average})
    return tables
