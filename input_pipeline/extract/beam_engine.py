"""Many files to parts, by Apache Beam: the same worker in the same process of its own, on as many machines as its runner has.

An element is one video, with all clips that are parts of it. Its part goes into a folder that all machines see, under a name
that its content decides, so what Beam does twice is done to the same end. What is to be done, and what came of it, lies there
too, as lists of JSON: Beam's graph, and its logs, hold no paths. Parts know nothing of people, and nor does any machine but the
one that packs: items are sent without whom they show, and with the key of the parts' names alone.
"""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import re
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions
from apache_beam.utils import shared

from input_pipeline.errors import UserError
from input_pipeline.extract.at_hand import copied
from input_pipeline.extract.item import Item
from input_pipeline.extract.parts import Fault, PartStore
from input_pipeline.extract.pool import ExtractionPool, Outcome, Settings
from input_pipeline.paths import is_remote, path_of
from input_pipeline.pseudonyms import PartNames

_VIDEOS = 200  # of a list: enough that lists are few, few enough that one list is no work (ours)
# Since 2.68 Beam's DirectRunner downloads another runner, Prism, and hands over to it; this one is what it was before.
_DIRECT = "FnApiRunner"


@dataclasses.dataclass(frozen=True)
class Work:
    """What every machine needs to know; goes to them in Beam's graph.

    Attributes:
      landmarker: MediaPipe's face_landmarker.task, where the machines find it; "" without landmarks.
      pictures: whether any file is not one of landmarks.
      settings: of the extraction.
      folder: of parts and lists, as all machines call it.
      key: of the names of parts.
      run: tells the lists of this run from those of one that was killed.
    """

    landmarker: str
    pictures: bool
    settings: Settings
    folder: str
    key: bytes
    run: str

    def list_path(self, kind: str, number: int) -> Path:
        """Where the list of that number lies: "items" to do, or "rows" that are done."""
        return path_of(self.folder) / f"{kind}-{self.run}-{number:05d}.json"


class BeamEngine:
    """Takes the place of `ExtractionPool`; a context manager.

    Args:
      landmarker: MediaPipe's face_landmarker.task, on the workers or in a bucket; empty without landmarks.
      folder: that of the parts, which every machine sees.
      settings: of the extraction.
      options: Beam's, as "runner=DataflowRunner".
    """

    def __init__(self, landmarker: str, folder: str, settings: Settings, options: Sequence[str]):
        self._landmarker, self._folder, self._settings, self._options = landmarker, folder, settings, options
        self._about: dict[str, dict[str, Any]] = {}

    def __enter__(self) -> BeamEngine:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def run(self, items: Sequence[Item], parts: PartStore, names: PartNames, *_: object) -> Iterator[Outcome]:
        """Outcomes once all are there, one for each item.

        Raises:
          UserError: the job failed, or its machines are not alike.
        """
        pictures = not all(item.is_landmarks for item in items)
        work = Work(self._landmarker, pictures, self._settings, self._folder, names.key, uuid.uuid4().hex[:8])
        numbers = _write_items(work, items)
        try:
            _run_job(work, numbers, self._options)
            rows = {row["place"]: row for number in numbers for row in json.loads(work.list_path("rows", number).read_text())}
        except FileNotFoundError as error:
            raise UserError(f"{error.filename}: the job ended without it: run the same command again") from error
        finally:
            for kind, number in itertools.product(("items", "rows"), numbers):
                work.list_path(kind, number).unlink(missing_ok=True)
        self._about = _agreed(rows.values())
        for place, item in enumerate(items):
            yield _outcome(rows[place], item, parts)

    def about_all(self, items: Sequence[Item]) -> dict[str, Any]:
        """The versions and settings of the machines that did the work, for the manifest."""
        return {name: value for kind in sorted(self._about) for name, value in self._about[kind].items()}


def _write_items(work: Work, items: Sequence[Item]) -> range:
    """The lists of what is to be done; their numbers."""
    videos = [list(group) for _, group in itertools.groupby(enumerate(items), key=_video)]
    lists = [videos[k : k + _VIDEOS] for k in range(0, len(videos), _VIDEOS)]
    for number, each in enumerate(lists):
        rows = [[_to_json(place, item) for place, item in video] for video in each]
        work.list_path("items", number).write_text(json.dumps(rows))
    return range(len(lists))


def _video(numbered: tuple[int, Item]) -> tuple[str, int]:
    """Equal for the parts of one video, which one process reads in one go."""
    place, item = numbered
    return (str(item.path), -1) if item.end else ("", place)


def _to_json(place: int, item: Item) -> dict[str, Any]:
    """What decides what is made of an item, and nothing of whom it shows."""
    pictures = [_full(path) for path in item.pictures]
    seen = {"start": item.start, "end": item.end, "fps": item.fps, "expression": item.expression}
    if item.keep_frame is not None:
        seen["targets"] = {"peak_frame": item.keep_frame}
    return {"place": place, "path": _full(item.path), "pictures": pictures, **seen}


def _full(path: Path) -> str:
    return str(path if is_remote(path) else path.absolute())


def _from_json(row: Mapping[str, Any]) -> Item:
    fields = {name: value for name, value in row.items() if name != "place"}
    pictures = tuple(Path(path) for path in row["pictures"])
    return Item(**fields | {"path": path_of(row["path"]), "subject": "", "pictures": pictures})


def _run_job(work: Work, numbers: Iterable[int], options: Sequence[str]) -> None:
    given = PipelineOptions([f"--{option}" for option in options])
    if given.view_as(StandardOptions).runner in (None, "DirectRunner"):
        given.view_as(StandardOptions).runner = _DIRECT
    try:
        pipeline = beam.Pipeline(options=given)
    except ValueError as error:
        raise UserError(f"--beam_pipeline_options={','.join(options)}: {error}") from error
    _ = (
        pipeline
        | "Lists" >> beam.Create(list(numbers))
        | "SpreadLists" >> beam.Reshuffle()
        | "Videos" >> beam.FlatMap(_read_items, work).with_output_types(tuple[int, str])
        | "SpreadVideos" >> beam.Reshuffle()
        | "Extract" >> beam.ParDo(_Extract(work)).with_output_types(tuple[int, str])
        | "Gather" >> beam.GroupByKey()
        | "WriteRows" >> beam.Map(_write_rows, work)
    )
    try:
        pipeline.run().wait_until_finish()
    except Exception as error:  # Beam's runners raise what they like; whatever it is, the job has failed
        reason = " ".join((re.findall(r"^[\w.]*(?:Error|Exception)\b.*", str(error), re.M) or [str(error)])[-1].split())
        raise UserError(
            f"the Beam job failed ({reason[:300] or type(error).__name__}): see its log above; nothing is packed yet, and the "
            "same command goes on from what is extracted"
        ) from error


def _read_items(number: int, work: Work) -> Iterator[tuple[int, str]]:
    for video in json.loads(work.list_path("items", number).read_text()):
        yield number, json.dumps(video)


def _write_rows(gathered: tuple[int, Iterable[str]], work: Work) -> None:
    number, rows = gathered
    path = work.list_path("rows", number)
    text = "[" + ",\n".join(rows) + "]"
    if is_remote(path):
        path.write_text(text)
        return
    temporary = path.with_name(f"{path.name}.{uuid.uuid4().hex}.tmp")
    temporary.write_text(text)
    temporary.replace(path)


class _Extract(beam.DoFn):
    """Videos to rows. One extractor for each process of Beam's, however many threads that has."""

    def __init__(self, work: Work):
        self._work, self._shared = work, shared.Shared()

    def setup(self) -> None:
        """Beam calls it in each process before the first element."""
        self._opened = self._shared.acquire(lambda: _Opened(self._work))

    def process(self, element: tuple[int, str]) -> Iterator[tuple[int, str]]:
        """The rows of one video. What is wrong with the settings is a row too: to do it again would not help."""
        number, video = element
        for row in json.loads(video):
            yield number, json.dumps({"place": row["place"], **self._opened.extract(row)})


class _Opened:
    """An `ExtractionPool` of one process, or why there is none."""

    def __init__(self, work: Work):
        self._error, self._names = "", PartNames(work.key)
        remote = work.landmarker and is_remote(work.landmarker)
        try:
            self._parts = PartStore(path_of(work.folder))
            with copied(path_of(work.landmarker)) if remote else contextlib.nullcontext(work.landmarker) as landmarker:
                self._pool = ExtractionPool(landmarker, 1 if work.pictures else 0, work.settings)
        except UserError as error:
            self._error = str(error)

    def extract(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """What came of an item, as `_outcome` reads it."""
        if self._error:
            return {"error": self._error}
        item = _from_json(row)
        try:
            outcome = self._pool.extract(row["place"], item, self._parts, self._names)
        except UserError as error:
            return {"error": str(error)}
        fault = dataclasses.asdict(outcome.result) if isinstance(outcome.result, Fault) else None
        return {
            "sha256": outcome.sha256,
            "part": "" if fault else outcome.result.stem,
            "fault": fault,
            "seconds": outcome.seconds,
            "source": dict(outcome.source),
            "kind": "landmarks" if item.is_landmarks else "pictures",
            "about": self._pool.about(item.is_landmarks),
        }


def _agreed(rows: Iterable[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """Kind of file -> versions and settings of those who read it."""
    about: dict[str, dict[str, Any]] = {}
    for row in rows:
        if "error" in row:
            raise UserError(row["error"])
        if about.setdefault(row["kind"], row["about"]) != row["about"]:
            first, other = about[row["kind"]], row["about"]
            name = next(name for name in first if first[name] != other.get(name))
            raise UserError(
                f"the Beam workers are not alike ({name} is {first[name]} and {other.get(name)}): give all of them one image"
            )
    return about


def _outcome(row: Mapping[str, Any], item: Item, parts: PartStore) -> Outcome:
    result = Fault(**row["fault"]) if row["fault"] else parts.path(row["part"])
    return Outcome(row["place"], item, row["sha256"], result, row["seconds"], row["source"])
