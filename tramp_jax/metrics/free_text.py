"""How well facts are extracted from sentences that no template wrote, against facts that a person annotated.

A row of the file is one sentence: the README beside the file has its columns and the rules of annotation. The
unit of counting is the fact as annotated, one of side "both" being one fact; "left" and "right" of equal level are "both".
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from input_pipeline.errors import UserError
from input_pipeline.motion.facts import Fact, is_paired
from tramp_jax.metrics.report_facts import number_is_right

HALVES = ("development", "held_out")
STRICTNESSES = ("direction", "value")


@dataclasses.dataclass(frozen=True)
class Row:
    """One annotated sentence."""

    id: str
    text: str
    facts: tuple[Fact, ...]
    half: str
    kind: str


def read_rows(path: Path) -> list[Row]:
    """The annotated sentences.

    Raises:
      UserError: the file is missing, or a line is no such row.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file, expected one JSON object per annotated sentence: give the path of the set")
    rows = []
    for number, line in enumerate(path.read_text().splitlines(), 1):
        try:
            row = json.loads(line)
            rows.append(Row(**row | {"facts": tuple(Fact(**fact) for fact in row["facts"])}))
        except (ValueError, TypeError, KeyError) as error:
            raise UserError(f"{path}, line {number}: not an annotated sentence ({error}): correct it or leave it out") from None
    return rows


def measure(rows: Sequence[Row], extract: Callable[[str], Sequence[Fact]]) -> dict[str, float]:
    """Pooled over all sentences: "sentences", "facts", and for each of STRICTNESSES "_recall", "_precision" and "_f1".

    "false_facts" is the number of facts read from the sentences that state none, "sentences_without_facts" their number.
    """
    counts: Counter = Counter()
    for row in rows:
        stated, meant = _whole(extract(row.text)), _whole(row.facts)
        counts.update(sentences=1, facts=len(meant), stated=len(stated), sentences_without_facts=not meant)
        counts.update(false_facts=0 if meant else len(stated))
        for name, matched in zip(STRICTNESSES, _matched(stated, meant), strict=True):
            counts[name] += matched
    results: dict[str, float] = {
        name: counts[name] for name in ("sentences", "facts", "sentences_without_facts", "false_facts")
    }
    for name in STRICTNESSES:
        results |= {
            f"{name}_recall": _share(counts[name], counts["facts"]),
            f"{name}_precision": _share(counts[name], counts["stated"]),
            f"{name}_f1": _share(2 * counts[name], counts["facts"] + counts["stated"]),
        }
    return results


def measure_by_kind(rows: Sequence[Row], extract: Callable[[str], Sequence[Fact]]) -> dict[str, dict[str, float]]:
    """`measure` for the sentences of each kind, in alphabetical order of the kinds."""
    return {kind: measure([row for row in rows if row.kind == kind], extract) for kind in sorted({row.kind for row in rows})}


def _whole(facts: Sequence[Fact]) -> list[Fact]:
    """One fact of side "both" for a left and a right of equal level and value."""
    kept: list[Fact] = []
    for fact in facts:
        twin = dataclasses.replace(fact, side={"left": "right", "right": "left"}.get(fact.side, fact.side))
        if is_paired(fact) and twin != fact and twin in kept:
            kept[kept.index(twin)] = dataclasses.replace(fact, side="both")
        else:
            kept.append(fact)
    return kept


def _matched(stated: Sequence[Fact], meant: Sequence[Fact]) -> tuple[int, int]:
    """(facts of equal topic, side and level, those among them whose number is right too), one to one."""
    free: dict[tuple[str, ...], list[Fact]] = defaultdict(list)
    for fact in stated:
        free[fact.region, fact.attribute, fact.side, fact.level].append(fact)
    found = right = 0
    for fact in meant:
        partners = free[fact.region, fact.attribute, fact.side, fact.level]
        if partners:
            best = max(partners, key=lambda partner: number_is_right(partner, fact))
            partners.remove(best)
            found += 1
            right += number_is_right(best, fact)
    return found, right


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
