"""How good scores and reports are: of a run's newest checkpoint on held-out subjects, or of anyone's predictions in a file.

`--checkpoint=RUN` writes RUN/eval/results.json and RUN/eval/samples.jsonl; for another data set RUN/eval-FOLDER, for the
validation fold RUN/eval-validation, for --step=best RUN/eval-best, so that no results are overwritten by those of other clips.
`--predictions=FILE --output=DIR` writes the same two files into DIR; it needs no checkpoint, no data set and no JAX
(`metrics.predictions` has the columns). samples.jsonl is such a file. With `--data=FOLDER`, the data set that its clips are of,
its reports are grounded in their measured motion and its baselines fitted on the training fold of `--split`. A run's folder,
`--data=RUN`, stands for the data that it was trained on, which may be several folders (`data.sources`).
`--bert_model=FOLDER --bert_layer=L` adds BERTScore of the reports with the user's own encoder.
`--harness-output=DIR` writes either once more in the shape of lm-evaluation-harness (`metrics.harness`).
`--against=FILE|RUN` compares with another file of predictions, or another evaluated run, on the same clips: comparison.json.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from absl import flags

from input_pipeline import cli
from input_pipeline.errors import UserError
from input_pipeline.paths import path_of
from input_pipeline.splits import SPLIT
from tramp_jax.evaluator import Encoder, evaluate, evaluate_file

_CHECKPOINT = flags.DEFINE_string("checkpoint", None, "A run: the --workdir of tramp_jax.train.")
_DATA = flags.DEFINE_string(
    "data",
    None,
    "Data set folder, or for --predictions a run's in place of its data; default: the run's own, none for --predictions.",
)
_SPLIT = flags.DEFINE_string("split", None, f"Of --predictions with --data: baselines fit on its training fold; {SPLIT}.")
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

USAGE = (
    "python -m tramp_jax.evaluate --checkpoint=RUN [--data=FOLDER] [--fold=test] [--step=last] [--noreports] | "
    "--predictions=FILE.csv|jsonl --output=DIR [--data=FOLDER [--split=default]|RUN]; either with [--against=FILE|RUN] "
    "[--harness-output=DIR] [--bert_model=FOLDER --bert_layer=L]"
)


def main(argv: Sequence[str]) -> None:
    """Flags are absl's."""
    if argv:
        raise UserError(f"unexpected argument {argv[0]!r}; usage: {USAGE}")
    _refuse_flags_without_effect()
    if (_PREDICTIONS.value is None) == (_CHECKPOINT.value is None):
        raise UserError(f"expected --checkpoint or --predictions, one of the two; usage: {USAGE}")
    if _SPLIT.value is not None and (_PREDICTIONS.value is None or _DATA.value is None):
        raise UserError("--split goes with --predictions and --data: a run keeps the split that it was trained on")
    if _PREDICTIONS.value is None:
        options = {"with_reports": _REPORTS.value, **_more()}
        evaluate(path_of(_CHECKPOINT.value), _DATA.value, _FOLD.value, _STEP.value, **options)
        return
    if _OUTPUT.value is None:
        raise UserError("--predictions needs --output=DIR, where results.json and samples.jsonl are written")
    data = {"data": _DATA.value, "split": _SPLIT.value}
    evaluate_file(path_of(_PREDICTIONS.value), path_of(_OUTPUT.value), **data, **_more())


def _refuse_flags_without_effect() -> None:
    """A flag that is read but changes nothing leaves its user with other results than were asked for."""
    if _PREDICTIONS.value is not None:
        for flag in (_FOLD, _STEP, _REPORTS):
            if flag.present:
                raise UserError(f"--{flag.name} goes with --checkpoint: a file is evaluated as it is, leave it away")
    elif _CHECKPOINT.value is not None and _OUTPUT.present:
        raise UserError("--output goes with --predictions: results of --checkpoint=RUN are written into RUN, leave it away")
    if _COMMON.value and _AGAINST.value is None:
        raise UserError("--common-clips goes with --against=FILE|RUN: name what to compare with, or leave it away")


def _more() -> dict[str, Any]:
    given = {"against": _AGAINST.value, "harness": _HARNESS.value}
    paths = {name: None if value is None else path_of(value) for name, value in given.items()}
    return paths | {"encoder": _encoder(), "common_clips": _COMMON.value}


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


if __name__ == "__main__":
    cli.run(main, USAGE)
