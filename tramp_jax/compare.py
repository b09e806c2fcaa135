"""`python -m tramp_jax.compare RUN|FILE [RUN|FILE ...] --output=out/compare.html`: models on the same clips, on one page.

An input is a run that `tramp_jax.evaluate` was run on, a folder with samples.jsonl, or a file of predictions as
`evaluate --predictions` takes (.csv or .jsonl). Differences are from the first. It needs no checkpoint, no data set and no JAX.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from absl import flags

from input_pipeline import cli
from input_pipeline.errors import UserError
from input_pipeline.paths import local_path, path_of

_OUTPUT = flags.DEFINE_string("output", None, "The HTML file.")
_EVALUATION = flags.DEFINE_string("evaluation", "eval", "Which of a run's folders of results: eval, eval-NAME.")
_COMMON = flags.DEFINE_bool("common-clips", False, "Compares the clips that all have, where some have others.")
_LEVEL = flags.DEFINE_float("interval-level", None, "How much the files' intervals are meant to hold; runs: 0.9.")

USAGE = "python -m tramp_jax.compare RUN|FILE [RUN|FILE ...] --output=FILE.html [--common-clips] [--interval-level=0.9]"
# More would be neither told apart by colour nor fit beside each other in a table (ours).
MOST = 8


def main(argv: Sequence[str]) -> None:
    """Positional arguments are the inputs; flags are absl's."""
    if not 1 <= len(argv) <= MOST:
        raise UserError(f"expected 1 to {MOST} runs or files, got {len(argv)}; usage: {USAGE}")
    if _OUTPUT.value is None:
        raise UserError(f"--output is missing; usage: {USAGE}")
    if _LEVEL.value is not None and not 0 < _LEVEL.value < 1:
        raise UserError(f"--interval-level={_LEVEL.value:g}: expected a share between 0 and 1, such as 0.9")
    output = local_path(_OUTPUT.value, "--output")
    if output.suffix != ".html":
        raise UserError(f"--output={output}: expected the name of an .html file")
    compare_files([path_of(path) for path in argv], output)


def compare_files(inputs: Sequence[Path], output: Path) -> None:
    """Writes the page.

    Raises:
      UserError: an input is wrong, they are of other clips, or the page cannot be written.
    """
    from tramp_jax.metrics.predictions import find_samples, read_predictions
    from tramp_jax.metrics.side_by_side import side_by_side
    from tramp_jax.report.comparison_page import RUN_LEVEL, write_comparison

    files = [read_predictions(find_samples(path, _EVALUATION.value)) for path in inputs]
    models = side_by_side(files, common_clips=_COMMON.value)
    levels = [RUN_LEVEL if (path / "config.json").is_file() else _LEVEL.value for path in inputs]
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        write_comparison(models, output, levels)
    except OSError as error:
        raise UserError(f"{output}: cannot be written ({error}): name a file in a folder that you may write to") from error
    clips = models[0].results["severity"]["counts"]
    print(f"{output}: {len(models)} models on {clips['clips']} rated clips of {clips['subjects']} people")


if __name__ == "__main__":
    cli.run(main, USAGE)
