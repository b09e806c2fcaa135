"""The work of `python -m tramp_jax.evaluate`: results of a run or of a file of predictions, written and printed."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from input_pipeline.errors import UserError
from input_pipeline.paths import absolute, path_of
from input_pipeline.whole_files import check_writable, write_whole

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    from ml_collections import ConfigDict

    from input_pipeline.examples import ClipSource
    from input_pipeline.mixture import Data
    from tramp_jax.metrics.predictions import Predictions

# Folder of a model and one of its layers, from 1.
Encoder = tuple[Path, int]

RESULTS, SAMPLES, COMPARISON = "results.json", "samples.jsonl", "comparison.json"
REPORT = "report"  # the task that writes


def evaluate_file(
    source: Path,
    output: Path,
    *,
    data: str | None = None,
    split: str | None = None,
    against: Path | None = None,
    common_clips: bool = False,
    harness: Path | None = None,
    encoder: Encoder | None = None,
) -> dict:
    """Evaluates a file of predictions.

    Args:
      source: .csv or .jsonl, see `metrics.predictions`.
      output: folder, made where there is none.
      data: data set folder that the clips are of, or a run on their folders: reports are grounded and baselines fitted. None
        for none.
      split: of a data set folder, None for "default"; the baselines are fitted on its training fold.
      against: another such file, or a folder with one (see `predictions.find_samples`).
      common_clips: compares the clips that both have, where each has others.
      harness: folder for the shape of lm-evaluation-harness, None for none.
      encoder: folder and layer for BERTScore of the reports.

    Returns:
      The results as written to results.json.

    Raises:
      UserError: a file is wrong, they are of other clips, or file and data set do not agree.
    """
    from tramp_jax.metrics.comparison import compare
    from tramp_jax.metrics.prediction_results import evaluate_predictions, prediction_rows
    from tramp_jax.metrics.predictions import find_samples, read_predictions
    from tramp_jax.metrics.predictions_data import measure_predictions, without_withdrawn
    from tramp_jax.metrics.tables import print_results
    from tramp_jax.metrics.text.bertscore import bertscore_results
    from tramp_jax.metrics.training_data import open_training_data

    if absolute(output / SAMPLES) == absolute(source):
        raise UserError(f"--output={output}: would overwrite {source}: name another folder")
    found = read_predictions(source)
    rival = None if against is None else read_predictions(find_samples(against, "eval"))
    if encoder is not None and found.reports is None:
        raise UserError(f"{source}: has no column 'report': leave --bert_model away")
    about: dict[str, Any] = {"not_read": list(found.not_read)}
    facts = None
    if data is not None:
        known = open_training_data(data, split)
        measured = measure_predictions(found, known)
        found, facts = measured.predictions, measured.facts
        about |= {"data": measured.about, "notes": measured.notes}
        rival = None if rival is None else without_withdrawn(rival, known)
    results = evaluate_predictions(found, facts)
    if encoder is not None:
        written = (found.clips.subject, found.reports, found.references, found.baseline_reports or {})
        results["report"]["bertscore"] = bertscore_results(*encoder, *written)
    results["predictions"] = {"file": source.name, "sha256": hashlib.sha256(source.read_bytes()).hexdigest()} | about
    # Before anything is written: files of other clips are refused.
    comparison = None if rival is None else compare(found, rival, common_clips=common_clips)
    _write(output, results, prediction_rows(found))
    print_results(results)
    if harness is not None:
        _write_harness(harness, results, found, source.stem)
    if comparison is not None:
        _write_comparison(output, comparison)
    return results


def evaluate(
    run: Path,
    data: str | None,
    fold: str,
    step: str = "last",
    *,
    with_reports: bool,
    against: Path | None = None,
    common_clips: bool = False,
    harness: Path | None = None,
    encoder: Encoder | None = None,
) -> dict:
    """Evaluates a run and writes its eval folder.

    Args:
      run: the run's folder.
      data: data set folder, None for the training run's own.
      fold: "validation" or "test" of the run's split.
      step: "last" or "best", see `inference.TrainedModel`.
      with_reports: whether to generate and score reports; a run that was not trained to write any has none.
      against: a file of predictions of the same clips, or another run that was evaluated on them.
      common_clips: compares the clips that both have, where each has others.
      harness: folder for the shape of lm-evaluation-harness, None for none.
      encoder: folder and layer for BERTScore of the reports.

    Returns:
      The results as written to results.json.

    Raises:
      UserError: no run, no data, a split that is not disjoint by subject, or people whom the run has seen.
    """
    from input_pipeline.vision_features import is_made
    from tramp_jax.compilation_cache import use_compilation_cache
    from tramp_jax.inference import TrainedModel
    from tramp_jax.metrics.baselines import measure_clips, predict_baselines
    from tramp_jax.metrics.comparison import compare
    from tramp_jax.metrics.evaluation import evaluate_clips, sample_rows
    from tramp_jax.metrics.predictions import find_samples, read_predictions
    from tramp_jax.metrics.tables import print_results
    from tramp_jax.metrics.text.bertscore import bertscore_results
    from tramp_jax.tasks.table import active_tasks
    from tramp_jax.training.frozen_vision import check_weights

    use_compilation_cache()
    model = TrainedModel(run, step)
    name = eval_folder(data, model.config.data.path, fold, step)
    rival = None if against is None else read_predictions(find_samples(against, name))
    check_writable(run / name)
    dataset, folds, notes = _held_out(run, model.config, data, fold)
    if model.config.data.vision_features and is_made(dataset, model.config.data.vision_features):
        check_weights(model.config, dataset, model.params)
    if with_reports and all(task.name != REPORT for task in active_tasks(model.config)):
        print(f"{run}: trained without the task {REPORT!r}: its scores alone are evaluated", file=sys.stderr)
        with_reports = False
    found = model.score(dataset, folds[fold])
    scores, answers = found["raw"], {"distribution": found["grade_distribution"], "interval": found["interval"]}
    reports = model.write(dataset, folds[fold]) if with_reports else None
    if with_reports:
        print(f"generated {model.predictor.throughput}")
    train, test = measure_clips(dataset, folds["train"]), measure_clips(dataset, folds[fold])
    baselines = predict_baselines(train, test)
    if baselines.scores:
        baselines.scores.update(_ablated(run, step, dataset, folds[fold]))
    # Of these clips: what was trained on beside them is no part of what the figures are of.
    names = " + ".join(sorted({label.dataset for label in test.labels}))
    results = evaluate_clips(names, test, scores, reports, baselines, **answers)
    if encoder is not None and reports is not None:
        references = [label.report for label in test.labels]
        results["report"]["bertscore"] = bertscore_results(*encoder, test.person, reports, references, baselines.reports)
    about = {"run": run.name, "step": model.step, "chosen": step, "sha256": model.sha256}
    results["model"] = about | {"fold": fold, "seed": model.config.seed, "notes": notes}

    _write(run / name, results, sample_rows(test, scores, reports, baselines, **answers))
    print_results(results)
    if harness is not None:
        _write_harness(harness, results, read_predictions(run / name / SAMPLES), run.name)
    if rival is not None:
        own = read_predictions(run / name / SAMPLES)
        _write_comparison(run / name, compare(own, rival, common_clips=common_clips))
    return results


def _held_out(run: Path, config: ConfigDict, data: str | None, fold: str) -> tuple[Data, dict[str, list[int]], list[str]]:
    """The data to evaluate on, its folds, and what is not known of whom the run has seen; people whom it has are refused."""
    from input_pipeline.dataset import Dataset
    from input_pipeline.mixture import split_of
    from input_pipeline.splits import load_split
    from tramp_jax.seen_people import check_same_split, check_unseen
    from tramp_jax.tasks.sources import open_run_data
    from tramp_jax.tasks.table import active_tasks

    notes = check_same_split(run, config)
    if not data:
        return *open_run_data(config, active_tasks(config)), notes
    dataset = Dataset.open(data)
    folds = load_split(dataset, split_of(config.data, data))
    return dataset, folds, notes + check_unseen(config.data, dataset, folds[fold], fold)


def _ablated(run: Path, step: str, data: ClipSource, indices: Sequence[int]) -> dict[str, np.ndarray]:
    """Scores by the run's ablations; those that are not there are told."""
    from tramp_jax.ablations import ablation_scores

    found, missing = ablation_scores(run, step, data, indices)
    if missing:
        print(f"not beside the model: {', '.join(missing)}: python -m tramp_jax.ablate --checkpoint={run}", file=sys.stderr)
    return found


def _write(folder: Path, results: dict, rows: list[dict]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        samples = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        texts = {folder / SAMPLES: samples, folder / RESULTS: json.dumps(results, indent=2, allow_nan=False) + "\n"}
        # A comparison of earlier results would stand beside these.
        write_whole(texts, instead_of=[folder / COMPARISON])
    except OSError as error:
        raise _refused(folder, error) from error
    print(f"{folder / RESULTS}, {folder / SAMPLES}")


def _write_harness(folder: Path, results: dict, found: Predictions, model: str) -> None:
    from tramp_jax.metrics.harness import write_harness

    try:
        print(write_harness(folder, results, found, model))
    except OSError as error:
        raise _refused(folder, error) from error


def _refused(folder: Path, error: OSError) -> UserError:
    return UserError(f"{folder}: cannot be written ({error}): name a folder with room that you may write to")


def _write_comparison(folder: Path, comparison: dict) -> None:
    from tramp_jax.metrics.tables import print_comparison

    text = json.dumps(comparison, indent=2, allow_nan=False) + "\n"
    try:
        write_whole({folder / COMPARISON: text})
    except OSError as error:
        raise _refused(folder, error) from error
    print_comparison(comparison)
    print(folder / COMPARISON)


def eval_folder(data: str | None, trained_on: str, fold: str, step: str) -> str:
    """Name of the folder for the results on these clips."""
    own = data is None or (trained_on and absolute(path_of(data)) == absolute(path_of(trained_on)))
    name = "" if own else absolute(path_of(data)).name
    return "-".join(
        ["eval", *([name] if name else []), *([fold] if fold != "test" else []), *([step] if step != "last" else [])]
    )
