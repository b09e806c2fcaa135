"""Every builder, by name. A new data set is one module and one row here."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from input_pipeline.datasets.about import About
from input_pipeline.errors import UserError
from input_pipeline.extract.item import Item


class Builder(Protocol):
    """What a module of a data set has."""

    ABOUT: About

    def items(self, root: Path) -> Iterator[Item]:
        """Its clips. Raises UserError where the layout or a label is not as it should be."""

    def make_fixture(self, root: Path, seed: int = 0) -> None:
        """Writes a small set of no one in the true layout into an empty folder."""


_NAMES = (
    "aff_wild2",
    "affectnet",
    "bp4d",
    "caer_s",
    "ck_plus",
    "clips_folder",
    "dfew",
    "disfa",
    "faba_instruct",
    "fer_plus",
    "ferv39k",
    "instructions",
    "mafw",
    "merr",
    "pfed5_plus",
    "raf_db",
    "toronto_neuroface",
    "unbc_pain",
)
BUILDERS: dict[str, Builder] = {name: importlib.import_module(f"input_pipeline.datasets.{name}") for name in _NAMES}


def get_builder(name: str) -> Builder:
    """The builder of that name.

    Raises:
      UserError: there is none.
    """
    if name not in BUILDERS:
        raise UserError(f"{name!r} is no data set that can be built, expected one of {', '.join(BUILDERS)}")
    return BUILDERS[name]
