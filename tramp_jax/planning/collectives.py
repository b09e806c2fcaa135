"""What a compiled step sends between chips, read off the compiler's text.

The text names a loop's body once; how often it runs stands in the loop's condition. One collective can be written in several
pieces that overlap with compute, some of them inside loops that do the computing: they share a channel and a chain, and the
piece that runs least often tells how often the collective runs.
"""

from __future__ import annotations

import dataclasses
import math
import re

import numpy as np

from tramp_jax.planning.hlo import arrays_of, computations_of, largest_of, runs_of

KINDS = ("all-gather", "all-reduce", "reduce-scatter", "all-to-all", "collective-permute")
_COLLECTIVE = re.compile(rf"^\s*(?:ROOT )?%([\w.\-]+) = (.*?) ({'|'.join(KINDS)})(-start)?\((.*)$")


@dataclasses.dataclass(frozen=True)
class Collective:
    """One collective of a step.

    Attributes:
      kind: out of KINDS.
      count: how often it runs in a step.
      payload: bytes of the gathered, reduced or moved array, on one chip.
      array: the largest that it writes, "bf16[4096,1024]".
      chips: positions in the mesh of those that take part, of one group.
      axes: mesh axes over which they differ, "fsdp".
      where: the operation of the model that it belongs to.
    """

    kind: str
    count: int
    payload: int
    array: str
    chips: tuple[int, ...]
    axes: str
    where: str

    @property
    def wire(self) -> float:
        """Bytes that one chip sends in a step, by the ring algorithms."""
        share = (len(self.chips) - 1) / len(self.chips)
        factor = {"all-reduce": 2 * share, "collective-permute": 1.0}.get(self.kind, share)
        return self.count * self.payload * factor

    @property
    def hbm(self) -> float:
        """Bytes that it reads and writes on one chip in a step: the whole array once, and its own part or the array again."""
        share = 1 / len(self.chips) if self.kind in ("all-gather", "reduce-scatter") else 1.0
        return self.count * self.payload * (1 + share)


def collectives_of(text: str, mesh: dict[str, int]) -> list[Collective]:
    """The collectives of a compiled program.

    Args:
      text: `compiled.as_text()`.
      mesh: axis -> size, in the order of the device ids.
    """
    computations = computations_of(text)
    runs = runs_of(computations)
    found: dict[str, Collective] = {}
    for name, lines in computations.items():
        for line in lines:
            match = _COLLECTIVE.match(line)
            if match and runs[name]:
                one = _collective(match, line, runs[name], mesh, scatters=name.startswith("all-reduce-scatter"))
                piece = re.search(r"channel_id=(\d+).*chain_id=", line)
                key = piece[1] if piece else f"{name}/{match[1]}"
                if key not in found or one.count < found[key].count:
                    found[key] = one
    return list(found.values())


def _collective(match: re.Match[str], line: str, runs: int, mesh: dict[str, int], *, scatters: bool) -> Collective:
    shape, kind, start = match[2], match[3], match[4]
    sizes = [size for size, _ in arrays_of(shape)]
    # Started gathers write (operand, result, context), started all-reduces their results alone.
    payload = max(sizes) if start and kind != "all-reduce" else sum(sizes)
    group = _group(line, mesh)
    if kind == "reduce-scatter" and not start:
        payload *= len(group)
    kind = "reduce-scatter" if scatters and kind == "all-reduce" else kind
    where = re.search(r'op_name="([^"]*)"', line)
    return Collective(kind, runs, payload, largest_of(shape), tuple(group), _axes(group, mesh), where[1] if where else "")


def _group(line: str, mesh: dict[str, int]) -> list[int]:
    """Device ids of the first group."""
    chips = math.prod(mesh.values())
    if pairs := re.search(r"source_target_pairs=\{\{(\d+),(\d+)\}", line):
        return [int(pairs[1]), int(pairs[2])]
    if listed := re.search(r"replica_groups=\{\{([\d,]+)\}", line):
        return [int(i) for i in listed[1].split(",")]
    if iota := re.search(r"replica_groups=\[(\d+),(\d+)\]<=\[([\d,]+)\](?:T\(([\d,]+)\))?", line):
        return _order(iota[3], iota[4]).reshape(int(iota[1]), int(iota[2]))[0].tolist()
    if named := re.search(
        r"replica_groups=mesh\[([^\]]*)\](?:, device_ids=\(\[([\d,]+)\](?:T\(([\d,]+)\))?\))? \{([^}]*)\}", line
    ):
        sizes = {name: int(size) for name, size in re.findall(r"'([^']+)'=(\d+)", named[1])}
        chosen = re.findall(r"'([^']+)'", named[4])
        grid = _order(named[2] or str(chips), named[3]).reshape(list(sizes.values()))
        index = tuple(slice(None) if name in chosen else 0 for name in sizes)
        return grid[index].reshape(-1).tolist()
    if "replica_groups=mesh" in line:
        raise ValueError(f"groups of chips in an unknown notation: {line.strip()[:300]}")
    return list(range(chips))


def _order(sizes: str, axes: str | None) -> np.ndarray:
    """Device ids as the compiler orders them: counted over "16,16", then with these axes, "1,0", in front."""
    shape = [int(size) for size in sizes.split(",")]
    order = np.arange(math.prod(shape)).reshape(shape)
    return order.transpose([int(axis) for axis in axes.split(",")]) if axes else order


def _axes(group: list[int], mesh: dict[str, int]) -> str:
    places = np.stack(np.unravel_index(group, list(mesh.values())))
    return "+".join(name for name, row in zip(mesh, places, strict=True) if np.ptp(row) > 0) or "none"
