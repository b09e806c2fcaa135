"""`python -m tramp_jax.benchmark --predictions=FILE --output=DIR`: scores predictions of emotion and affect, of any system.

FILE is CSV or JSON Lines with `truth` and `prediction`, see docs/evaluation_emotion.md. Needs no model and no accelerator;
sends nothing anywhere unless --judge names an address. Writes DIR/results.json, with a judge DIR/judge.json too.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from input_pipeline import cli
from input_pipeline.errors import UserError
from input_pipeline.whole_files import write_whole
from tramp_jax.metrics.emotion.findings import Options

_PREDICTIONS = flags.DEFINE_string("predictions", None, "CSV or JSON Lines, one row for each item.")
_OUTPUT = flags.DEFINE_string("output", None, "Folder for the results.")
_TASK = flags.DEFINE_string("task", "", "Of rows without the column `task`: expression, action_units, valence_arousal, ...")
_DATASET = flags.DEFINE_string("dataset", "", "Of rows without the column `dataset`, such as raf_db: gives classes and units.")
_RULE = flags.DEFINE_enum("label_rule", "first_label", ["first_label", "last_word"], "How texts name a class; see the docs.")
_LEXICON = flags.DEFINE_string("lexicon", None, "For rege_emotion: a copy of EmoLA's llava/eval/eval_FABA.py, or JSON.")
_JUDGE = flags.DEFINE_string("judge", None, "For overlap: an OpenAI-compatible address, such as http://127.0.0.1:8000/v1.")
_JUDGE_MODEL = flags.DEFINE_string("judge_model", "", "The judge's name on its server.")
_JUDGE_TIMEOUT = flags.DEFINE_float("judge_timeout", 60.0, "Seconds for one answer of the judge.", lower_bound=0.1)

USAGE = "python -m tramp_jax.benchmark --predictions=FILE --output=DIR [--task=expression] [--dataset=raf_db]"


def main(argv: Sequence[str]) -> None:
    """Flags are absl's."""
    from tramp_jax.metrics.emotion import rege
    from tramp_jax.metrics.emotion.judge import Judge
    from tramp_jax.metrics.emotion.labels import RULES
    from tramp_jax.metrics.emotion.tasks import TASKS

    if argv:
        raise UserError(f"unexpected argument {argv[0]!r}; usage: {USAGE}")
    if _TASK.value and _TASK.value not in TASKS:
        raise UserError(f"--task={_TASK.value}: expected one of {', '.join(TASKS)}")
    if _JUDGE.value is None and (_JUDGE_MODEL.present or _JUDGE_TIMEOUT.present):
        raise UserError("--judge_model and --judge_timeout go with --judge=ADDRESS: name its address or leave them away")
    options = Options(
        rule=RULES[_RULE.value],
        lexicon=None if _LEXICON.value is None else rege.read_lexicon(Path(_LEXICON.value)),
        judge=None if _JUDGE.value is None else Judge(_JUDGE.value, _JUDGE_MODEL.value, _JUDGE_TIMEOUT.value),
    )
    benchmark(Path(_PREDICTIONS.value), Path(_OUTPUT.value), _TASK.value, _DATASET.value, options)


def benchmark(predictions: Path, output: Path, task: str, dataset: str, options: Options) -> dict:
    """Scores a file and writes the results.

    Args:
      predictions: CSV or JSON Lines.
      output: folder, made where there is none.
      task, dataset: of the rows that do not tell theirs.
      options: what else a user may set.

    Returns:
      The results as written to results.json.

    Raises:
      UserError: the file, a row of it, the folder or the judge is not as it should be.
    """
    from tramp_jax.metrics.emotion.feab import print_scores, score
    from tramp_jax.metrics.emotion.predictions import read_predictions

    rows = read_predictions(predictions, task, dataset)
    try:
        output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{output}: cannot be a folder for results ({error.strerror}): give another --output") from error
    results = score(rows, options)
    # Replies are texts about the clips: kept beside the numbers, not among them.
    replies = [
        found["judge"].pop("replies") | {"dataset": found["dataset"]} for found in results["results"] if "judge" in found
    ]
    try:
        texts = {output / "judge.json": json.dumps(replies, indent=2, ensure_ascii=False) + "\n"} if replies else {}
        write_whole(texts | {output / "results.json": json.dumps(results, indent=2, allow_nan=False) + "\n"})
    except OSError as error:
        raise UserError(f"{output}: cannot be written to ({error.strerror}): give another --output") from error
    print_scores(results)
    print(output / "results.json")
    return results


if __name__ == "__main__":
    flags.mark_flags_as_required(["predictions", "output"])
    cli.run(main, USAGE)
