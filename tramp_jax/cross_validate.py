"""How good a run's features are on people whom it never saw, under both evaluation protocols: what each would report.

The encoders stay as trained; each fold gets a severity head of its own, trained from scratch. The encoders have learned from
the people of the run's training fold, and its checkpoint may have been chosen on those of its validation fold: their clips are
no held-out clips whatever the folds are, so they are left out. DIR gets results.json, and SCHEME-PROTOCOL.jsonl, the pooled
predictions as a file for `evaluate --predictions`. docs/evaluation.md says what the protocols are.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from absl import flags

from input_pipeline import cli
from input_pipeline.dataset import Dataset
from input_pipeline.errors import UserError
from input_pipeline.folds import grouped_folds
from input_pipeline.paths import path_of
from input_pipeline.records import POSED, Label
from input_pipeline.splits import load_split
from tramp_jax.inference import TrainedModel
from tramp_jax.metrics.evaluation import SIMULATED, latent_of
from tramp_jax.metrics.protocol_results import pooled_rows, protocol_results
from tramp_jax.metrics.protocol_tables import print_protocols
from tramp_jax.metrics.protocols import FAIR, INNER_FOLDS, LITERATURE, PROTOCOLS, CrossValidated, cross_validate
from tramp_jax.metrics.published import tables_for
from tramp_jax.metrics.scored import ScoredClips, persons
from tramp_jax.metrics.severity_results import count
from tramp_jax.metrics.studies import small_studies
from tramp_jax.train import use_compilation_cache
from tramp_jax.training.head_folds import HeadTrainer

LOSO = "loso"
USAGE = (
    "python -m tramp_jax.cross_validate --checkpoint=RUN --data=FOLDER --output=DIR [--folds=10,loso] [--protocol=fair] "
    "[--cohorts=41] [--epochs=100] [--seeds=1] [--trained_on=FOLDER]"
)

_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "A run: the --workdir of tramp_jax.train.")
_DATA = flags.DEFINE_string("data", None, "Data set folder; default: the run's own, of which the test fold is used.")
_OUTPUT = flags.DEFINE_string("output", None, "Folder for the results.")
_FOLDS = flags.DEFINE_list("folds", ["10"], "Numbers of folds, and loso for one per subject.")
_PROTOCOL = flags.DEFINE_enum("protocol", FAIR, PROTOCOLS, "Whose predictions are written; both protocols are always told.")
_COHORTS = flags.DEFINE_integer("cohorts", 0, "People of a small study; 0 makes none. PFED5 has 41.", lower_bound=0)
_EPOCHS = flags.DEFINE_integer("epochs", 100, "Epochs of each head (TraMP-Former: 100).", lower_bound=1)
_SEEDS = flags.DEFINE_integer("seeds", 1, "Repetitions of --folds=NUMBER, with other folds and heads.", lower_bound=1)
_TRAINED_ON = flags.DEFINE_string("trained_on", None, "Where the run's own data set is now, if it has moved.")


def main(argv: Sequence[str]) -> None:
    """Flags are absl's."""
    if argv:
        raise UserError(f"unexpected argument {argv[0]!r}; usage: {USAGE}")
    if _CHECKPOINT.value is None or _OUTPUT.value is None:
        raise UserError(f"expected --checkpoint and --output; usage: {USAGE}")
    wrong = [scheme for scheme in _FOLDS.value if scheme != LOSO and not (scheme.isdecimal() and int(scheme) > 1)]
    if wrong:
        raise UserError(f"--folds={wrong[0]}: expected numbers from 2 on, or {LOSO}; for example --folds=10,{LOSO}")
    use_compilation_cache()
    model = TrainedModel(path_of(_CHECKPOINT.value))
    trained_on = Dataset.open(_TRAINED_ON.value or model.config.data.path)
    dataset = Dataset.open(_DATA.value) if _DATA.value is not None else trained_on
    chosen = unseen_clips(dataset, trained_on, model.config.data.split)
    results, pooled = run_protocols(model, dataset, chosen, _FOLDS.value, _COHORTS.value, _EPOCHS.value, _SEEDS.value)
    results["protocol"] = _PROTOCOL.value
    labels = [dataset.labels[i] for i in chosen]
    _write(Path(_OUTPUT.value), results, {name: _rows(found, labels) for name, found in pooled.items()})
    print_protocols(results)


def unseen_clips(dataset: Dataset, trained_on: Dataset, split: str) -> list[int]:
    """Rated clips of people who are in neither the training nor the validation fold of a run, nor withdrawn.

    Args:
      dataset: the clips to evaluate on.
      trained_on: the run's own data set, which may be the same.
      split: name of the run's split.

    Raises:
      UserError: none is left.
    """
    folds = load_split(trained_on, split, need=())
    seen = {_person(trained_on.labels[i]) for name in ("train", "validation") for i in folds[name]}
    found = [
        index
        for index, label in enumerate(dataset.labels)
        if label.score is not None and label.subject not in dataset.withdrawn and _person(label) not in seen
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
      the results for results.json without "protocol", and scheme -> its first seed's predictions.

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


def _rows(found: CrossValidated, labels: Sequence[Label]) -> list[dict[str, Any]]:
    ids, sets = [label.clip_id for label in labels], [label.dataset for label in labels]
    return pooled_rows(found, _PROTOCOL.value, ids, sets)


def _person(label: Label) -> tuple[str, str]:
    return label.dataset, label.subject


def _write(folder: Path, results: dict[str, Any], rows: dict[str, list[dict[str, Any]]]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "results.json").write_text(json.dumps(results, indent=2, allow_nan=False) + "\n")
        for scheme, lines in rows.items():
            path = folder / f"{scheme}-{results['protocol']}.jsonl"
            path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error}): name a folder with room that you may write to") from error
    print(folder / "results.json")


if __name__ == "__main__":
    cli.run(main, USAGE)
