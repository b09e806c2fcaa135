"""From parts to a data set: the same parts and labels give the same bytes, in whatever order the parts were made."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from input_pipeline.extract.item import Item
from input_pipeline.extract.parts import Fault, read_part
from input_pipeline.extract.pool import Outcome
from input_pipeline.manifest import Rejected
from input_pipeline.paths import size_of
from input_pipeline.pseudonyms import Pseudonyms
from input_pipeline.records import Label
from input_pipeline.shards import ShardSummary, ShardWriter, start_dataset

DUPLICATE = "duplicate"
SHARD_BYTES = 256 * 2**20  # of a shard pair, where nobody says how many (ours)


@dataclasses.dataclass(frozen=True)
class Named:
    """An outcome under the names that the data set gives it.

    Attributes:
      clip_id, subject: keyed hashes.
    """

    outcome: Outcome
    clip_id: str
    subject: str


def name_outcomes(outcomes: Sequence[Outcome], pseudonyms: Pseudonyms) -> list[Named]:
    """Outcomes in the order of their clip ids; of what is listed twice, the first in the list is kept."""
    named, first = [], {}
    for outcome in sorted(outcomes, key=lambda each: each.place):
        item, content = outcome.item, outcome.sha256 or outcome.item.name
        clip_id = pseudonyms.clip(item.subject, item.expression, item.key or content)
        kept = first.setdefault(item.key or content, clip_id)
        if kept is not clip_id:
            fault = Fault(DUPLICATE, f"the same as clip {kept}: list each clip once")
            outcome = dataclasses.replace(outcome, result=fault)
        named.append(Named(outcome, clip_id, pseudonyms.subject(item.subject)))
    return sorted(named, key=lambda each: (each.clip_id, each.outcome.place))


def write_shards(
    named: Sequence[Named],
    output: Path,
    name: str,
    *,
    num_shards: int,
) -> list[ShardSummary]:
    """Writes the shards, for `finish_dataset`; neighbours in `named` lie in one shard.

    Args:
      named: as `name_outcomes` gives them.
      num_shards: of each family; 0 = one for each SHARD_BYTES of parts.

    Raises:
      UserError: the disk refused the data.
    """
    folder = start_dataset(output)
    parts = [(each, each.outcome.result) for each in named if not isinstance(each.outcome.result, Fault)]
    count = num_shards or -(-sum(size_of(part) or 0 for _, part in parts) // SHARD_BYTES) or 1
    count = min(count, max(len(parts), 1))
    rejected = [
        Rejected(each.clip_id, each.outcome.result.reason, each.outcome.result.code)
        for each in named
        if isinstance(each.outcome.result, Fault)
    ]
    # Files of landmarks have no pictures; whoever differs from the first is left out, which the dead-letter list tells.
    with_frames = bool(parts) and bool(read_part(parts[0][1], _label(parts[0][0], name)).frames)
    summaries = []
    for index in range(count):
        with ShardWriter(folder, index, count, with_frames) as writer:
            if index == 0:
                for each in rejected:
                    writer.reject(each)
            for place in range(len(parts) * index // count, len(parts) * (index + 1) // count):
                one, part = parts[place]
                writer.add(read_part(part, _label(one, name)))
            summaries.append(writer.close())
    return summaries


def _label(named: Named, dataset: str) -> Label:
    item: Item = named.outcome.item
    return Label(
        clip_id=named.clip_id,
        subject=named.subject,
        expression=item.expression,
        dataset=dataset,
        score=item.score,
        scale_id=item.scale_id,
        report=item.report,
        turns=item.turns,
        targets=dict(item.targets),
        groups=dict(item.groups),
    )
