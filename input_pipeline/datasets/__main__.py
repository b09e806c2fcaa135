"""`python -m input_pipeline.datasets > docs/datasets.md`: the page about every data set that can be built."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from input_pipeline import cli
from input_pipeline.datasets.about import About
from input_pipeline.datasets.registry import BUILDERS
from input_pipeline.errors import UserError

USAGE = "python -m input_pipeline.datasets > docs/datasets.md"

_HEAD = """# Data sets that can be built

Made by `python -m input_pipeline.datasets` from the builders; do not edit. Nothing is downloaded, nothing redistributed: each
needs your own copy, under its owners' terms.

    python -m input_pipeline.build NAME --root=YOUR_COPY --output=data/NAME [--landmarker=face_landmarker.task]
    python -m input_pipeline.build NAME --make-fixture=some/folder    # a small set of no one in the same layout

Without `--landmarker` clips are pictures alone; tasks that need landmarks say so. Clips and people get keyed hashes for names
([reliability.md](reliability.md)).
"""


def page() -> str:
    """The whole page, Markdown."""
    sections = ("\n".join(_section(BUILDERS[name].ABOUT)) for name in sorted(BUILDERS))
    return "\n\n".join([_HEAD.rstrip(), *sections]) + "\n"


def _section(about: About) -> Iterator[str]:
    yield f"## `{about.name}`: {about.title}"
    yield ""
    yield f"{about.content}."
    yield ""
    for target, words in about.labels.items():
        yield f"- `{target}`: {', '.join(words) or 'a number'}"
    for group, words in about.groups.items():
        yield f"- Results told apart by `group_{group}`: {', '.join(words)}"
    if about.masked:
        yield f"- Left out as unknown: {about.masked}"
    yield f"- Splits: {about.splits}"
    yield f"- Layout: {', '.join(f'`{path}`' for path in about.layout)}"
    yield f"- Cite: {about.citation}"
    yield f"- Terms: {about.terms}"
    yield f"- Obtain: {about.obtain}"
    yield f"- How sure: {about.certainty}"


def main(args: Sequence[str]) -> None:
    """Prints the page."""
    if args:
        raise UserError(f"unexpected argument {args[0]!r}: {USAGE}")
    print(page(), end="")


if __name__ == "__main__":
    cli.run(main, USAGE)
