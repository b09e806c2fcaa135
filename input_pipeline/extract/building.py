"""From items to a data set folder: parts, ledger, shards, splits. What `extract` and `build` have in common."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from input_pipeline.errors import UserError
from input_pipeline.extract.clip import Progress as FrameProgress
from input_pipeline.extract.engine import Engine
from input_pipeline.extract.item import Item
from input_pipeline.extract.ledger import Entry, Ledger
from input_pipeline.extract.pack import DUPLICATE, Named, name_outcomes, write_shards
from input_pipeline.extract.parts import FOLDER, Fault, PartStore, read_part
from input_pipeline.extract.pool import KILLED, Outcome, Settings
from input_pipeline.labels import labels_of
from input_pipeline.manifest import DEAD_LETTER, MANIFEST, Manifest
from input_pipeline.paths import local_path, path_of
from input_pipeline.pseudonyms import Pseudonyms
from input_pipeline.records import Label
from input_pipeline.shards import finish_dataset
from input_pipeline.splits import FRACTIONS, SPLIT, make_split, split_path, write_split


@dataclasses.dataclass(frozen=True)
class Building:
    """How a data set is built.

    Attributes:
      output: its folder.
      name: of the data set.
      landmarker: MediaPipe's face_landmarker.task; empty for clips without landmarks, and files of landmarks.
      key_file: of the hashes that stand for people and clips.
      ledger: the private list of whom they stand for.
      workers: at once; 0 = one for each core.
      num_shards: of each family; 0 = by size.
      engine: what does the work, see `engine`.
    """

    output: Path
    name: str
    landmarker: str
    key_file: Path
    ledger: Path
    settings: Settings
    workers: int = 0
    num_shards: int = 0
    engine: Engine = Engine()  # noqa: RUF009 - frozen


def check_output(output: str) -> Path:
    """The folder of a data set that is not there yet.

    Raises:
      UserError: none is named, it is in a bucket, or it holds one.
    """
    folder = local_path(output, "--output")
    if (folder / MANIFEST).exists():
        if (folder / FOLDER).is_dir():
            PartStore(folder / FOLDER).remove()  # of a build that was killed after its last word
        raise UserError(f"{output}: holds a data set already: choose another --output or delete it")
    return folder


def build(items: Sequence[Item], plan: Building, source: dict[str, Any]) -> Manifest:
    """Extracts what is not extracted yet, and packs it; says on the console what becomes of each item.

    Args:
      source: what made the data, beside what extraction adds.

    Raises:
      UserError: the one item there is, or all of them, cannot be read; or nothing can be written.
    """
    pseudonyms = _open_key(plan.key_file)
    folder = path_of(plan.engine.parts or plan.output / FOLDER)
    parts = PartStore(folder)
    workers = min(plan.workers or _cores(), len(items))
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with (
        plan.engine.open(plan.landmarker, folder, plan.settings, workers, items) as pool,
        Ledger(plan.ledger) as ledger,
        Progress(*columns, transient=True) as display,
    ):
        outcomes = list(_tell(pool.run(items, parts, pseudonyms.parts, workers, _frame_count(display)), len(items), display))
        if len(items) == 1 and isinstance(fault := outcomes[0].result, Fault):
            raise UserError(f"{items[0].path}: {fault.reason}")
        _check_killed(outcomes)
        named = name_outcomes(outcomes, pseudonyms)
        for each in named:
            entry = _entry(each, pseudonyms.key_id)
            ledger.add(entry)
            if entry.status == DUPLICATE:  # known only once all are read
                _print(display, f"left out: {entry.path}: {entry.reason}")
        about = {**pool.about_all(items), **source, "subject_key_id": pseudonyms.key_id}
        summaries = write_shards(named, plan.output, plan.name, num_shards=plan.num_shards)
    # The manifest is last: a folder that has one lacks nothing, wherever we were killed.
    subjects = {label.subject for label in labels_of(shard.labels for shard in summaries)}
    written = list(_write_splits(plan.output, subjects, named))
    manifest = finish_dataset(plan.output, plan.name, summaries, about)
    if not plan.engine.parts:
        parts.remove()
    left_out = f", {manifest.rejected} left out, see {plan.output / DEAD_LETTER}" if manifest.rejected else ""
    print(f"{manifest.clips} clips of {len(manifest.subjects)} subjects in {plan.output}{left_out}")
    print("\n".join(written))
    return manifest


def _check_killed(outcomes: Sequence[Outcome]) -> None:
    """A clip must not be missing for good because something else ended its process, such as a system short of memory."""
    killed = [each for each in outcomes if isinstance(each.result, Fault) and each.result.code == KILLED]
    if killed:
        raise UserError(
            f"{killed[0].item.name}: the process that read it was ended from outside ({len(killed)} such); nothing is packed "
            "yet: run the same command again, it goes on from here; with fewer --workers if memory is short"
        )


def _write_splits(output: Path, subjects: Collection[str], named: Sequence[Named]) -> Iterator[str]:
    """The data set's own splits, and "default" where it has none of that name; what was done, in lines."""
    splits: dict[str, dict[str, str]] = {}
    for each in named:
        if each.subject not in subjects:
            continue
        for split, fold in each.outcome.item.folds.items():
            if splits.setdefault(split, {}).setdefault(each.subject, fold) != fold:
                raise UserError(f"{output}: split {split}: subject {each.subject} is in two folds: mend the list of the folds")
    if SPLIT not in splits and len(subjects) >= len(FRACTIONS):
        splits[SPLIT] = make_split(subjects, FRACTIONS, seed=0)
    for split, folds in splits.items():
        yield f"{write_split(output, split, folds)}: who is in which fold"
    if SPLIT not in splits:
        yield f"no split: it takes {len(FRACTIONS)} subjects; to train on this, write {split_path(output, SPLIT)} yourself"


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _open_key(path: Path) -> Pseudonyms:
    pseudonyms, made = Pseudonyms.open(path)
    if made:
        print(f"{path}: made: the key of the hashes that stand for people and clips; keep it, and keep it to yourself")
    return pseudonyms


def _entry(named: Named, key_id: str) -> Entry:
    outcome, fault = named.outcome, named.outcome.result
    code, reason = (fault.code, fault.reason) if isinstance(fault, Fault) else ("ok", _warnings(outcome))
    item = outcome.item
    return Entry(
        path=item.name,
        name=item.subject,
        expression=item.expression,
        clip_id=named.clip_id,
        subject=named.subject,
        sha256=outcome.sha256,
        status=code,
        reason=reason,
        seconds=round(outcome.seconds, 3),
        key_id=key_id,
    )


def _warnings(outcome: Outcome) -> str:
    """Of a clip, made now or before."""
    source = outcome.source or read_part(outcome.result, Label("", "", "", "")).label.source
    return "; ".join(source.get("warnings", ()))


def _frame_count(display: Progress) -> Callable[[Item], FrameProgress]:
    """One row for all processes: the frames that they have done by now."""
    bar = display.add_task("frames", total=None)

    def start(item: Item) -> FrameProgress:
        before = 0

        def report(done: int, expected: int) -> None:
            nonlocal before
            display.advance(bar, max(done - before, 0))
            before = done

        return report

    return start


def _tell(outcomes: Iterator[Outcome], count: int, display: Progress) -> Iterator[Outcome]:
    bar = display.add_task("clips", total=count)
    for outcome in outcomes:
        if line := _line(outcome, count):
            _print(display, line)
        display.advance(bar)
        yield outcome


def _line(outcome: Outcome, count: int) -> str:
    """Stills are too many for a line each, unless something is wrong."""
    path, source = outcome.item.name, outcome.source
    if isinstance(outcome.result, Fault):
        return f"left out: {path}: {outcome.result.reason}" if count > 1 else ""
    if outcome.item.still and not source.get("warnings"):
        return ""
    if not source:
        return f"{path}: extracted before"
    tracked = f"face in {source['frames_tracked']} of " if source.get("landmarks") != "none" else ""
    return "; ".join([f"{path}: {tracked}{source['frames']} frames", *source["warnings"]])


def _print(display: Progress, line: str) -> None:
    display.console.print(line, markup=False, highlight=False, soft_wrap=True)
