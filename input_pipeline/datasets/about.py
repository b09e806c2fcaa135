"""What is told of a data set before anything is read: on the console, in docs/datasets.md, in errors."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

from input_pipeline.errors import UserError


@dataclasses.dataclass(frozen=True)
class About:
    """A data set, in facts.

    Attributes:
      name: of the builder, "raf_db".
      title: as its authors write it.
      content: how much of what, in a line.
      labels: target (see `records.Label`) -> its words or numbers, in the data set's own order.
      masked: which of its values mean "unknown" and are left out, in a line; empty where it has none.
      splits: its official folds, in a line.
      layout: what must lie in the root, as paths with PLACEHOLDERS in capitals.
      citation: the paper, in a line.
      terms: who may use it for what, in a line.
      obtain: whom to ask, with the address.
      certainty: what of the layout and the labels is read from its authors, and what from others' code, in a line.
      groups: group of people that its layout tells (see `records.Label`) -> its labels.
    """

    name: str
    title: str
    content: str
    labels: Mapping[str, tuple[str, ...]]
    masked: str
    splits: str
    layout: tuple[str, ...]
    citation: str
    terms: str
    obtain: str
    certainty: str
    groups: Mapping[str, tuple[str, ...]] = dataclasses.field(default_factory=dict)


def require(root: Path, about: About, *names: str) -> Path:
    """The first of `root / name` that is there; folders and files spelt in several ways are common.

    Raises:
      UserError: none is, told with the layout and how the data set is obtained.
    """
    for name in names:
        if (root / name).exists():
            return root / name
    wanted, layout = " or ".join(names), ", ".join(about.layout)
    raise UserError(f"{root}: no {wanted} there: expected the layout of {about.title} ({layout}); to obtain it: {about.obtain}")
