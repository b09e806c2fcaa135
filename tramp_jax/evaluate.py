"""How good scores and reports are: of a run's newest checkpoint on held-out subjects, or of anyone's predictions in a file.

`--checkpoint=RUN` writes RUN/eval/results.json and RUN/eval/samples.jsonl; for another data set RUN/eval-FOLDER, for the
validation fold RUN/eval-validation, for --step=best RUN/eval-best, so that no results are overwritten by those of other clips.
`--predictions=FILE --output=DIR` writes the same two files into DIR; it needs no checkpoint, no data set and no JAX
(`metrics.predictions` has the columns). samples.jsonl is such a file.
`--bert_model=FOLDER --bert_layer=L` adds BERTScore of the reports with the user's own encoder.
`--harness-output=DIR` writes either once more in the shape of lm-evaluation-harness (`metrics.harness`).
`--against=FILE|RUN` compares with another file of predictions, or another evaluated run, on the same clips: comparison.json.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from absl import flags

from input_pipeline import cli
from input_pipeline.errors import UserError
from input_pipeline.paths import absolute, path_of

if TYPE_CHECKING:
    from tramp_jax.metrics.predictions import Predictions

_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "A run: the --workdir of tramp_jax.train.")
_DATA = flags.DEFINE_string("data", None, "Data set folder; default: the one that the run was trained on.")
_FOLD = flags.DEFINE_enum("fold", "test", ["validation", "test"], "Which held-out subjects.")
_STEP = flags.DEFINE_enum("step", "last", ["last", "best"], "Which checkpoint; best: on the validation fold.")
_REPORTS = flags.DEFINE_bool("reports", True, "False scores severity only.")
_PREDICTIONS = flags.DEFINE_string("predictions", None, "A .csv or .jsonl file of predictions, in place of a run.")
_OUTPUT = flags.DEFINE_string("output", None, "Folder for the results of --predictions.")
_HARNESS = flags.DEFINE_string("harness-output", None, "Folder for results in the shape of lm-evaluation-harness as well.")
_AGAINST = flags.DEFINE_string("against", None, "Predictions, or an evaluated run, to compare with.")
_BERT = flags.DEFINE_string("bert_model", None, "Folder of a BERT or RoBERTa: BERTScore of the reports (extra torch).")
_BERT_LAYER = flags.DEFINE_integer("bert_layer", None, "The layer of --bert_model whose output is compared, from 1.")
_COMMON = flags.DEFINE_bool("common-clips", False, "Compares the clips that both have, where each has others.")

# Folder of a model and one of its layers, from 1.
Encoder = tuple[Path, int]

RESULTS, SAMPLES, COMPARISON = "results.json", "samples.jsonl", "comparison.json"
USAGE = (
    "python -m tramp_jax.evaluate --checkpoint=RUN [--data=FOLDER] [--fold=test] [--step=last] [--noreports] | "
    "--predictions=FILE.csv|jsonl --output=DIR; either with [--against=FILE|RUN] [--harness-output=DIR] "
    "[--bert_model=FOLDER --bert_layer=L]"
)


def main(argv: Sequence[str]) -> None:
    """Flags are absl's."""
    if argv:
        raise UserError(f"unexpected argument {argv[0]!r}; usage: {USAGE}")
    if (_PREDICTIONS.value is None) == (_CHECKPOINT.value is None):
        raise UserError(f"expected --checkpoint or --predictions, one of the two; usage: {USAGE}")
    if _PREDICTIONS.value is None:
        options = {"with_reports": _REPORTS.value, **_more()}
        evaluate(path_of(_CHECKPOINT.value), _DATA.value, _FOLD.value, _STEP.value, **options)
        return
    if _DATA.value is not None:
        raise UserError("--data goes with --checkpoint: a file of predictions holds its own rated grades")
    if _OUTPUT.value is None:
        raise UserError("--predictions needs --output=DIR, where results.json and samples.jsonl are written")
    evaluate_file(path_of(_PREDICTIONS.value), path_of(_OUTPUT.value), **_more())


def _more() -> dict[str, Any]:
    given = {"against": _AGAINST.value, "harness": _HARNESS.value}
    paths = {name: None if value is None else path_of(value) for name, value in given.items()}
    return paths | {"encoder": _encoder()}


def _encoder() -> Encoder | None:
    """What --bert_model and --bert_layer name, known to be usable before any report is written."""
    from tramp_jax.metrics.text.bertscore import check_possible

    if _BERT.value is None:
        if _BERT_LAYER.value is not None:
            raise UserError("--bert_layer goes with --bert_model=FOLDER")
        return None
    if _CHECKPOINT.value is not None and not _REPORTS.value:
        raise UserError("--bert_model scores reports, and --noreports writes none: leave one of the two away")
    check_possible(Path(_BERT.value), _BERT_LAYER.value)
    return Path(_BERT.value), _BERT_LAYER.value


def evaluate_file(
    source: Path, output: Path, *, against: Path | None = None, harness: Path | None = None, encoder: Encoder | None = None
) -> dict:
    """Evaluates a file of predictions.

    Args:
      source: .csv or .jsonl, see `metrics.predictions`.
      output: folder, made where there is none.
      against: another such file, or a folder with one (see `predictions.find_samples`).
      harness: folder for the shape of lm-evaluation-harness, None for none.
      encoder: folder and layer for BERTScore of the reports.

    Returns:
      The results as written to results.json.

    Raises:
      UserError: a file is wrong, or they are of other clips.
    """
    from tramp_jax.metrics.prediction_results import evaluate_predictions, prediction_rows
    from tramp_jax.metrics.predictions import find_samples, read_predictions
    from tramp_jax.metrics.tables import print_results
    from tramp_jax.metrics.text.bertscore import bertscore_results

    if absolute(output / SAMPLES) == absolute(source):
        raise UserError(f"--output={output}: would overwrite {source}: name another folder")
    found = read_predictions(source)
    rival = None if against is None else read_predictions(find_samples(against, "eval"))
    if encoder is not None and found.reports is None:
        raise UserError(f"{source}: has no column 'report': leave --bert_model away")
    results = evaluate_predictions(found)
    if encoder is not None:
        written = (found.clips.subject, found.reports, found.references, found.baseline_reports or {})
        results["report"]["bertscore"] = bertscore_results(*encoder, *written)
    results["predictions"] = {"file": source.name, "sha256": hashlib.sha256(source.read_bytes()).hexdigest()}
    results["predictions"]["not_read"] = list(found.not_read)
    _write(output, results, prediction_rows(found))
    print_results(results)
    if harness is not None:
        _write_harness(harness, results, found, source.stem)
    if rival is not None:
        _compare(output, found, rival)
    return results


def evaluate(
    run: Path,
    data: str | None,
    fold: str,
    step: str = "last",
    *,
    with_reports: bool,
    against: Path | None = None,
    harness: Path | None = None,
    encoder: Encoder | None = None,
) -> dict:
    """Evaluates a run and writes its eval folder.

    Args:
      run: the run's folder.
      data: data set folder, None for the training run's own.
      fold: "validation" or "test" of the run's split.
      step: "last" or "best", see `inference.TrainedModel`.
      with_reports: whether to generate and score reports.
      against: a file of predictions of the same clips, or another run that was evaluated on them.
      harness: folder for the shape of lm-evaluation-harness, None for none.
      encoder: folder and layer for BERTScore of the reports.

    Returns:
      The results as written to results.json.

    Raises:
      UserError: no run, no data, or a split that is not disjoint by subject.
    """
    from input_pipeline.dataset import Dataset
    from input_pipeline.mixture import split_of
    from input_pipeline.splits import load_split
    from input_pipeline.vision_features import is_made
    from tramp_jax.inference import TrainedModel
    from tramp_jax.metrics.baselines import measure_clips, predict_baselines
    from tramp_jax.metrics.evaluation import evaluate_clips, sample_rows
    from tramp_jax.metrics.predictions import find_samples, read_predictions
    from tramp_jax.metrics.tables import print_results
    from tramp_jax.metrics.text.bertscore import bertscore_results
    from tramp_jax.tasks.sources import open_run_data
    from tramp_jax.tasks.table import active_tasks
    from tramp_jax.train import use_compilation_cache
    from tramp_jax.training.frozen_vision import check_weights

    use_compilation_cache()
    model = TrainedModel(run, step)
    name = eval_folder(data, model.config.data.path, fold, step)
    rival = None if against is None else read_predictions(find_samples(against, name))
    if data:
        dataset = Dataset.open(data)
        folds = load_split(dataset, split_of(model.config.data, data))
    else:
        dataset, folds = open_run_data(model.config, active_tasks(model.config))
    if model.config.data.vision_features and is_made(dataset, model.config.data.vision_features):
        check_weights(model.config, dataset, model.params)
    found = model.score(dataset, folds[fold])
    scores, answers = found["raw"], {"distribution": found["grade_distribution"], "interval": found["interval"]}
    reports = model.write(dataset, folds[fold]) if with_reports else None
    if with_reports:
        print(f"generated {model.predictor.throughput}")
    train, test = measure_clips(dataset, folds["train"]), measure_clips(dataset, folds[fold])
    baselines = predict_baselines(train, test)
    results = evaluate_clips(dataset.name, test, scores, reports, baselines, **answers)
    if encoder is not None and reports is not None:
        references = [label.report for label in test.labels]
        results["report"]["bertscore"] = bertscore_results(*encoder, test.subject, reports, references, baselines.reports)
    about = {"run": run.name, "step": model.step, "chosen": step, "sha256": model.sha256}
    results["model"] = about | {"fold": fold, "seed": model.config.seed}

    _write(run / name, results, sample_rows(test, scores, reports, baselines, **answers))
    print_results(results)
    if harness is not None:
        _write_harness(harness, results, read_predictions(run / name / SAMPLES), run.name)
    if rival is not None:
        _compare(run / name, read_predictions(run / name / SAMPLES), rival)
    return results


def _write(folder: Path, results: dict, rows: list[dict]) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / RESULTS).write_text(json.dumps(results, indent=2, allow_nan=False) + "\n")
        (folder / SAMPLES).write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error}): name a folder with room that you may write to") from error
    print(f"{folder / RESULTS}, {folder / SAMPLES}")


def _write_harness(folder: Path, results: dict, found: Predictions, model: str) -> None:
    from tramp_jax.metrics.harness import write_harness

    try:
        print(write_harness(folder, results, found, model))
    except OSError as error:
        raise UserError(f"{folder}: cannot be written ({error}): name a folder with room that you may write to") from error


def _compare(folder: Path, found: Predictions, rival: Predictions) -> None:
    from tramp_jax.metrics.comparison import compare
    from tramp_jax.metrics.tables import print_comparison

    comparison = compare(found, rival, common_clips=_COMMON.value)
    (folder / COMPARISON).write_text(json.dumps(comparison, indent=2, allow_nan=False) + "\n")
    print_comparison(comparison)
    print(folder / COMPARISON)


def eval_folder(data: str | None, trained_on: str, fold: str, step: str) -> str:
    """Name of the folder for the results on these clips."""
    own = data is None or (trained_on and absolute(path_of(data)) == absolute(path_of(trained_on)))
    name = "" if own else absolute(path_of(data)).name
    return "-".join(
        ["eval", *([name] if name else []), *([fold] if fold != "test" else []), *([step] if step != "last" else [])]
    )


if __name__ == "__main__":
    cli.run(main, USAGE)
