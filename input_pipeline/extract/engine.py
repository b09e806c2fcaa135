"""Who does the work of extraction: processes of this machine, or Apache Beam. Both fill the same parts."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from input_pipeline.errors import UserError
from input_pipeline.extract.item import Item
from input_pipeline.extract.pool import ExtractionPool, Settings
from input_pipeline.paths import absolute, path_of

if TYPE_CHECKING:
    from input_pipeline.extract.beam_engine import BeamEngine

LOCAL, BEAM = "local", "beam"
ENGINES = (LOCAL, BEAM)


@dataclasses.dataclass(frozen=True)
class Engine:
    """An engine, not running yet.

    Attributes:
      kind: one of ENGINES.
      parts: folder that all machines see, which is kept; empty for the data set's own, which is removed.
      beam_options: Beam's, as "runner=DataflowRunner".
    """

    kind: str = LOCAL
    parts: str = ""
    beam_options: tuple[str, ...] = ()

    def open(
        self, landmarker: str, folder: Path, settings: Settings, workers: int, items: Sequence[Item]
    ) -> ExtractionPool | BeamEngine:
        """Starts it; a context manager.

        Raises:
          UserError: a package is absent, or the landmarker is none.
        """
        if self.kind == BEAM:
            try:
                from input_pipeline.extract.beam_engine import BeamEngine
            except ModuleNotFoundError as error:
                raise UserError(f"--engine=beam needs {error.name}, not installed: pip install --editable '.[beam]'") from error
            landmarker = landmarker and str(absolute(path_of(landmarker)))
            return BeamEngine(landmarker, str(absolute(folder)), settings, self.beam_options)
        return ExtractionPool(landmarker, 0 if all(item.is_landmarks for item in items) else workers, settings)


def read_engine(kind: str, parts: str, beam_options: Sequence[str], workers: int) -> Engine:
    """The engine that flags ask for.

    Raises:
      UserError: they do not go together.
    """
    if kind == LOCAL and (parts or beam_options):
        raise UserError("--parts and --beam_pipeline_options are for --engine=beam: add it, or leave them")
    if kind == BEAM and workers:
        raise UserError("--workers is for --engine=local: tell Beam in --beam_pipeline_options, max_num_workers=8 for example")
    return Engine(kind, parts, tuple(beam_options))
