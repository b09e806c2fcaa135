"""Whether reports name the weaker side, and what a tracker lets anything see of it.

`python benchmarks/weaker_side.py RUN [RUN ...] [--data=FOLDER]`.

Counts clips by what reference and report say of symmetry: which side is weaker, or nothing. "rules" are the reports that the
table of facts writes of the tracked landmarks: references are written of the true ones, so what a tracker's jitter hides is
beyond every model. Reads RUN/eval/samples.jsonl, as `python -m tramp_jax.evaluate` leaves it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from absl import flags

from input_pipeline.cli import run
from input_pipeline.dataset import Dataset
from input_pipeline.errors import UserError
from input_pipeline.motion.facts import Fact, facts_of
from input_pipeline.motion.kinematics import measure
from input_pipeline.motion.parsing import parse_facts
from tramp_jax.metrics.report_facts import laterality_accuracy, per_report

USAGE = "python benchmarks/weaker_side.py RUN [RUN ...] [--data=FOLDER]"
_DATA = flags.DEFINE_string("data", "data/demo", "The data set that was evaluated on.")

Reports = list[tuple[Fact, ...]]


def main(argv: Sequence[str]) -> None:
    """A line for each run, and one for the rules."""
    if not argv:
        raise UserError(f"no run given; {USAGE}")
    print("| reports of | one-sided | right | wrong | silent | where even | sides right | fact F1 |")
    print("|---|---|---|---|---|---|---|---|")
    rows: list[dict] = []
    for name in argv:
        rows = read_samples(Path(name))
        print(line(name, [parse_facts(row["report"]) for row in rows], references(rows)))
    print(line("rules", by_rules([row["clip_id"] for row in rows], Dataset.open(_DATA.value)), references(rows)))


def read_samples(folder: Path) -> list[dict]:
    """The rows of a run's last evaluation on the test fold.

    Raises:
      UserError: it has not been evaluated.
    """
    path = folder / "eval" / "samples.jsonl"
    if not path.is_file():
        raise UserError(f"{path}: not there; run python -m tramp_jax.evaluate --checkpoint={folder} first")
    return [json.loads(text) for text in path.read_text().splitlines()]


def references(rows: Sequence[dict]) -> Reports:
    """Facts of the reference reports."""
    return [parse_facts(row["reference"]) for row in rows]


def by_rules(clip_ids: Sequence[str], data: Dataset) -> Reports:
    """What the table of facts states of the tracked landmarks."""
    place = {label.clip_id: index for index, label in enumerate(data.labels)}
    clips = (data.clip(place[name]) for name in clip_ids)
    return [facts_of(measure(clip.landmarks, clip.layout, clip.times, clip.tracked), clip.label.expression) for clip in clips]


def line(name: str, stated: Reports, meant: Reports) -> str:
    """Clips by what is said, the share of sides right and fact F1 (direction), in Markdown."""
    said, true = [weaker_side(facts) for facts in stated], [weaker_side(facts) for facts in meant]
    pairs = list(zip(said, true, strict=True))
    counts = (
        sum(b != "" for b in true),
        sum(a == b != "" for a, b in pairs),
        sum("" not in (a, b) and a != b for a, b in pairs),
        sum(a == "" != b for a, b in pairs),
        sum(a != "" == b for a, b in pairs),
    )
    shares = f"{laterality_accuracy(stated, meant):.2f} | {per_report(stated, meant)['direction_f1'].mean():.3f}"
    return f"| {name} | {' | '.join(map(str, counts))} | {shares} |"


def weaker_side(facts: Sequence[Fact]) -> str:
    """ "left" or "right", "" where none is named."""
    return next((fact.side for fact in facts if fact.attribute == "symmetry" and fact.side in ("left", "right")), "")


if __name__ == "__main__":
    run(main, USAGE)
