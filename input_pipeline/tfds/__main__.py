"""`python -m input_pipeline.tfds build NAME --manual_dir=ROOT --data_dir=DIR`: `tfds build` with its flags, without TensorFlow.

TFDS's own command imports TensorFlow as it starts, for another of its subcommands; this is the one subcommand alone, with our
builders imported.
"""

from __future__ import annotations

import dataclasses
import sys

from absl import app, logging

from input_pipeline.datasets import BUILDERS
from input_pipeline.errors import UserError

USAGE = "python -m input_pipeline.tfds build NAME --manual_dir=ROOT --data_dir=DIR, and what else `tfds build` takes"


def main() -> None:
    """Exit code 2 and one line for what a user can mend."""
    try:
        import simple_parsing
        from tensorflow_datasets.core.registered import DatasetNotFoundError
        from tensorflow_datasets.scripts.cli import build, cli_utils
    except ModuleNotFoundError as error:
        sys.exit(_told(f"this needs {error.name}, which is not installed: pip install --editable '.[tfds]'"))

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Args:
        """`tfds build` for the data sets of this project."""

        command: build.Args = simple_parsing.subparsers({"build": build.Args})  # noqa: RUF009

    def run(args: Args) -> None:
        imports = ",".join(filter(None, ["input_pipeline.tfds", args.command.generation.imports]))
        generation = dataclasses.replace(args.command.generation, imports=imports)
        dataclasses.replace(args.command, generation=generation).execute()

    logging.set_verbosity(logging.WARNING)
    try:
        app.run(run, flags_parser=cli_utils.make_flags_parser(Args, description=USAGE))
    except UserError as error:
        sys.exit(_told(str(error)))
    except DatasetNotFoundError as error:  # which lists all that TFDS knows
        sys.exit(_told(f"{str(error).splitlines()[0].strip()} Those of this project: {', '.join(BUILDERS)}"))


def _told(message: str) -> int:
    print("error: " + " ".join(message.split()), file=sys.stderr)
    return 2


if __name__ == "__main__":
    main()
