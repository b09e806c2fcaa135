"""`python -m tramp_jax.evaluate --checkpoint=RUN`: the newest checkpoint on held-out subjects, beside its baselines.

Writes RUN/eval/results.json and RUN/eval/samples.jsonl; for another data set RUN/eval-FOLDER, for the validation fold
RUN/eval-validation, so that no results are overwritten by those of other clips.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from input_pipeline import cli
from input_pipeline.errors import UserError
from input_pipeline.paths import absolute, path_of

_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "A run: the --workdir of tramp_jax.train.")
_DATA = flags.DEFINE_string("data", None, "Data set folder; default: the one that the run was trained on.")
_FOLD = flags.DEFINE_enum("fold", "test", ["validation", "test"], "Which held-out subjects.")
_REPORTS = flags.DEFINE_bool("reports", True, "False scores severity only.")

USAGE = "python -m tramp_jax.evaluate --checkpoint=RUN [--data=FOLDER] [--fold=test] [--noreports]"


def main(argv: Sequence[str]) -> None:
    """Flags are absl's."""
    if argv:
        raise UserError(f"unexpected argument {argv[0]!r}; usage: {USAGE}")
    evaluate(path_of(_CHECKPOINT.value), _DATA.value, _FOLD.value, with_reports=_REPORTS.value)


def evaluate(run: Path, data: str | None, fold: str, *, with_reports: bool) -> dict:
    """Evaluates a run and writes its eval folder.

    Args:
      run: the run's folder.
      data: data set folder, None for the training run's own.
      fold: "validation" or "test" of the run's split.
      with_reports: whether to generate and score reports.

    Returns:
      The results as written to results.json.

    Raises:
      UserError: no run, no data, or a split that is not disjoint by subject.
    """
    from input_pipeline.dataset import Dataset
    from input_pipeline.mixture import split_of
    from input_pipeline.splits import load_split
    from tramp_jax.inference import TrainedModel
    from tramp_jax.metrics.baselines import measure_clips, predict_baselines
    from tramp_jax.metrics.evaluation import evaluate_clips, sample_rows
    from tramp_jax.metrics.tables import print_results
    from tramp_jax.tasks.sources import open_run_data
    from tramp_jax.tasks.table import active_tasks
    from tramp_jax.train import use_compilation_cache

    use_compilation_cache()
    model = TrainedModel(run)
    if data:
        dataset = Dataset.open(data)
        folds = load_split(dataset, split_of(model.config.data, data))
    else:
        dataset, folds = open_run_data(model.config, active_tasks(model.config))
    found = model.score(dataset, folds[fold])
    scores, answers = found["raw"], {"distribution": found["grade_distribution"], "interval": found["interval"]}
    reports = model.write(dataset, folds[fold]) if with_reports else None
    train, test = measure_clips(dataset, folds["train"]), measure_clips(dataset, folds[fold])
    baselines = predict_baselines(train, test)
    results = evaluate_clips(dataset.name, test, scores, reports, baselines, **answers)
    results["model"] = {"run": run.name, "step": model.step, "sha256": model.sha256, "fold": fold, "seed": model.config.seed}

    folder = run / eval_folder(data, model.config.data.path, fold)
    folder.mkdir(exist_ok=True)
    (folder / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    rows = sample_rows(test, scores, reports, baselines, **answers)
    (folder / "samples.jsonl").write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
    print_results(results)
    print(f"{folder / 'results.json'}, {folder / 'samples.jsonl'}")
    return results


def eval_folder(data: str | None, trained_on: str, fold: str) -> str:
    """Name of the folder for the results on these clips."""
    own = data is None or (trained_on and absolute(path_of(data)) == absolute(path_of(trained_on)))
    name = "" if own else absolute(path_of(data)).name
    return "-".join(["eval", *([name] if name else []), *([fold] if fold != "test" else [])])


if __name__ == "__main__":
    flags.mark_flag_as_required("checkpoint")
    cli.run(main, USAGE)
