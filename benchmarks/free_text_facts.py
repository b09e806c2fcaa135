"""Recall of the fact extractor on sentences that no template wrote: `python benchmarks/free_text_facts.py [--set=FILE]`.

The extractor was made while looking at the development half; the held-out half says how it does on sentences that it was not
made from, as long as nobody changes it after looking at them. Both are one author's sentences.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from input_pipeline.cli import run
from input_pipeline.motion.parsing import parse_facts
from tramp_jax.metrics.free_text import HALVES, Row, measure, measure_by_kind, read_rows

USAGE = "python benchmarks/free_text_facts.py [--set=FILE]"
_SET = flags.DEFINE_string(
    "set", str(Path(__file__).parent.parent / "tests" / "data" / "free_text_facts.jsonl"), "The annotated sentences."
)
_TIMED = 2_000


def main(argv: Sequence[str]) -> None:
    """Prints the measures of each half, their recall by kind, and the speed."""
    rows = read_rows(Path(_SET.value))
    for half in HALVES:
        own = [row for row in rows if row.half == half]
        if own:
            print_half(half, own)
    print(f"\n{sentences_per_second(rows):,.0f} sentences per second on one core")


def print_half(half: str, rows: Sequence[Row]) -> None:
    """One half: all kinds together, then recall of each kind."""
    all_kinds = measure(rows, parse_facts)
    print(f"\n{half}: {all_kinds['sentences']} sentences, {all_kinds['facts']} facts")
    for strictness, words in (("direction", "region, attribute, side, level"), ("value", "and the number")):
        parts = "  ".join(f"{part} {all_kinds[f'{strictness}_{part}']:.3f}" for part in ("recall", "precision", "f1"))
        print(f"  {words:32} {parts}")
    print(f"  {all_kinds['false_facts']} facts read from the {all_kinds['sentences_without_facts']} sentences that state none")
    for kind, found in measure_by_kind(rows, parse_facts).items():
        if found["facts"]:
            print(
                f"  {kind:12} recall {found['direction_recall']:.3f} of {found['facts']:3} facts, "
                f"precision {found['direction_precision']:.3f}, {found['sentences']:3} sentences"
            )


def sentences_per_second(rows: Sequence[Row]) -> float:
    """Mean speed over the sentences of the set, again and again."""
    texts = [rows[i % len(rows)].text for i in range(_TIMED)]
    start = time.process_time()
    for text in texts:
        parse_facts(text)
    return len(texts) / (time.process_time() - start)


if __name__ == "__main__":
    run(main, USAGE)
