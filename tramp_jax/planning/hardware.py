"""What TPU chips can do, and which links join them: the figures that time bounds divide by.

Sources, read November 2026: docs.cloud.google.com/tpu/docs/v5e, /v5p-training and /v6e (peak in bf16, HBM bandwidth, both-way
bandwidth of a chip's links, links per chip: 6 in a 3-D torus, 4 in a 2-D one). Usable HBM is what the compiler itself grants
(libtpu 0.0.42 says so when a program is too large). Rings: a v5p axis closes on itself at multiples of 4 chips, a v5e or v6e
axis at its full 16; a shorter axis is a line, and a chip at its end has one link along it instead of two.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from input_pipeline.errors import UserError

AXIS_NAMES = "xyz"


@dataclasses.dataclass(frozen=True)
class Chip:
    """One generation.

    Attributes:
      flops: per second, bf16 matrix products.
      hbm_bytes: memory that a program can have.
      hbm_rate: bytes per second.
      link_rate: bytes per second that one link carries one way.
      ring: an axis of a multiple of this many chips is a ring.
    """

    flops: float
    hbm_bytes: float
    hbm_rate: float
    link_rate: float
    ring: int


CHIPS = {
    "v5e": Chip(flops=197e12, hbm_bytes=15.75 * 2**30, hbm_rate=819e9, link_rate=400e9 / 2 / 4, ring=16),
    "v5p": Chip(flops=459e12, hbm_bytes=95.74 * 2**30, hbm_rate=2765e9, link_rate=1200e9 / 2 / 6, ring=4),
    "v6e": Chip(flops=918e12, hbm_bytes=31.25 * 2**30, hbm_rate=1638e9, link_rate=800e9 / 2 / 4, ring=16),
}


def chip_of(topology: str) -> Chip:
    """The chip of a topology's name, "v5e:4x4".

    Raises:
      UserError: no figures for that generation.
    """
    generation = topology.split(":")[0]
    if generation not in CHIPS:
        raise UserError(f"--topology={topology}: no figures for {generation}; known are {', '.join(CHIPS)}: name one of them")
    return CHIPS[generation]


@dataclasses.dataclass(frozen=True)
class Links:
    """The torus axes that a group of chips lies along.

    Attributes:
      axes: "x", "x+y".
      per_chip: links over which a chip sends to its group at a time.
    """

    axes: str
    per_chip: int


def links_of(devices: Sequence[Any], chip: Chip) -> Links:
    """The links of one group of devices: those of every torus axis along which their coordinates differ."""
    names, count = [], 0
    for name, places in zip(AXIS_NAMES, zip(*(device.coords for device in devices), strict=True), strict=False):
        if len(set(places)) > 1:
            names.append(name)
            count += 2 if len(set(places)) % chip.ring == 0 else 1
    return Links("+".join(names) or "none", max(count, 1))
