"""What a compiled step sends between chips, read off the compiler's text.

The text names a loop's body once; how often it runs stands in the loop's condition. One collective can be written in several
pieces that overlap with compute, some of them inside loops that do the computing: they share a channel and a chain, and the
piece that runs least often tells how often the collective runs.
"""

from __future__ import annotations

import dataclasses
import math
import re
from collections import defaultdict

import numpy as np

KINDS = ("all-gather", "all-reduce", "reduce-scatter", "all-to-all", "collective-permute")
_BYTES = {
    "pred": 1,
    "s8": 1,
    "u8": 1,
    "bf16": 2,
    "f16": 2,
    "s16": 2,
    "u16": 2,
    "f32": 4,
    "s32": 4,
    "u32": 4,
    "f64": 8,
    "s64": 8,
}
_HEADER = re.compile(r"^(ENTRY )?%?([\w.\-]+) \(.*\) -> .* \{$")
_COLLECTIVE = re.compile(rf"^\s*(?:ROOT )?%([\w.\-]+) = (.*?) ({'|'.join(KINDS)})(-start)?\((.*)$")
_CALLED = re.compile(r"(?:calls|to_apply|body|condition|branch_computations|called_computations)=\{?((?:%[\w.\-]+(?:, )?)+)\}?")
_WHILE = re.compile(r" while\(.*condition=%([\w.\-]+), body=%([\w.\-]+)")
_ARRAY = re.compile(r"\b([a-z]+\d*)\[([\d,]*)\]")


@dataclasses.dataclass(frozen=True)
class Collective:
    """One collective of a step.

    Attributes:
      kind: out of KINDS.
      count: how often it runs in a step.
      payload: bytes of the gathered, reduced or moved array, on one chip.
      group: chips that take part.
      axes: mesh axes over which they differ, "fsdp".
      where: the operation of the model that it belongs to.
    """

    kind: str
    count: int
    payload: int
    group: int
    axes: str
    where: str

    @property
    def wire(self) -> float:
        """Bytes that one chip sends in a step, by the ring algorithms."""
        share = (self.group - 1) / self.group if self.group else 0.0
        factor = {"all-reduce": 2 * share, "collective-permute": 1.0}.get(self.kind, share)
        return self.count * self.payload * factor


def collectives_of(text: str, mesh: dict[str, int]) -> list[Collective]:
    """The collectives of a compiled program.

    Args:
      text: `compiled.as_text()`.
      mesh: axis -> size, in the order of the device ids.
    """
    computations = _computations(text)
    runs = _runs(computations)
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


def _computations(text: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    for line in text.splitlines():
        header = _HEADER.match(line)
        if header:
            current = found.setdefault("ENTRY" if header[1] else header[2], [])
        elif line == "}":  # kernels have lines of their own in between
            current = None
        elif current is not None:
            current.append(line)
    return found


def _runs(computations: dict[str, list[str]]) -> dict[str, int]:
    """Computation -> how often it runs in a step."""
    callers: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for name, lines in computations.items():
        for line in lines:
            loop = _WHILE.search(line)
            known = re.search(r'known_trip_count":\{"n":"(\d+)"', line)  # as the CPU and GPU compilers write it
            times = int(known[1]) if known else _trips(computations[loop[1]], computations[loop[2]]) if loop else 1
            for called in _CALLED.findall(line):
                for one in called.replace("%", "").split(", "):
                    callers[one].append((name, times))
    runs: dict[str, int] = {"ENTRY": 1}

    def count(name: str) -> int:
        if name not in runs:
            runs[name] = 0  # a computation that nothing calls
            runs[name] = sum(count(caller) * times for caller, times in callers[name])
        return runs[name]

    return {name: count(name) for name in computations}


def _trips(condition: list[str], body: list[str]) -> int:
    """How often a loop runs that counts from 0: `counter < limit`, and what its body adds to the counter."""
    text = "\n".join(condition)
    compared = re.search(r"compare\(%([\w.\-]+), %([\w.\-]+)\), direction=LT", text)
    limit = compared and re.search(rf"%{re.escape(compared[2])} = \S+ constant\((\d+)\)", text)
    place = compared and re.search(rf"%{re.escape(compared[1])} = .*get-tuple-element\(.*index=(\d+)", text)
    if not limit or not place:
        return 1
    return -(-int(limit[1]) // _step(body, int(place[1])))


def _step(body: list[str], place: int) -> int:
    """What a loop's body adds to the element of its state that counts; 1 where it is not written as a sum with a constant."""
    text = "\n".join(body)
    root = re.search(r"ROOT .* tuple\((.*?)\)", text)
    names = re.findall(r"%([\w.\-]+)", root[1]) if root else []
    if place >= len(names):
        return 1
    added = re.search(rf"%{re.escape(names[place])} = \S+ add\(%[\w.\-]+, %([\w.\-]+)\)", text)
    constant = added and re.search(rf"%{re.escape(added[1])} = \S+ constant\((\d+)\)", text)
    return int(constant[1]) if constant else 1


def _collective(match: re.Match[str], line: str, runs: int, mesh: dict[str, int], *, scatters: bool) -> Collective:
    shape, kind, start = match[2], match[3], match[4]
    sizes = [_size(dtype, dims) for dtype, dims in _ARRAY.findall(shape)]
    # Started gathers write (operand, result, context), started all-reduces their results alone.
    payload = max(sizes) if start and kind != "all-reduce" else sum(sizes)
    group = _group(line, mesh)
    if kind == "reduce-scatter" and not start:
        payload *= len(group)
    kind = "reduce-scatter" if scatters and kind == "all-reduce" else kind
    where = re.search(r'op_name="([^"]*)"', line)
    return Collective(kind, runs, payload, len(group), _axes(group, mesh), where[1] if where else "")


def _size(dtype: str, dims: str) -> int:
    return _BYTES.get(dtype, 4) * math.prod(int(size) for size in dims.split(",") if size)


def _group(line: str, mesh: dict[str, int]) -> list[int]:
    """Device ids of the first group."""
    chips = math.prod(mesh.values())
    if pairs := re.search(r"source_target_pairs=\{\{(\d+),(\d+)\}", line):
        return [int(pairs[1]), int(pairs[2])]
    if listed := re.search(r"replica_groups=\{\{([\d,]+)\}", line):
        return [int(i) for i in listed[1].split(",")]
    if iota := re.search(r"replica_groups=\[(\d+),(\d+)\]<=\[([\d,]+)\](?:T\(([\d,]+)\))?", line):
        order = np.arange(chips).reshape([int(i) for i in iota[3].split(",")])
        order = order.transpose([int(i) for i in iota[4].split(",")]) if iota[4] else order
        return order.reshape(int(iota[1]), int(iota[2]))[0].tolist()
    if named := re.search(r"replica_groups=mesh\[([^\]]*)\](?:,[^{]*)? \{([^}]*)\}", line):
        sizes = {name: int(size) for name, size in re.findall(r"'([^']+)'=(\d+)", named[1])}
        chosen = re.findall(r"'([^']+)'", named[2])
        grid = np.arange(math.prod(sizes.values())).reshape(list(sizes.values()))
        index = tuple(slice(None) if name in chosen else 0 for name in sizes)
        return grid[index].reshape(-1).tolist()
    return list(range(chips))


def _axes(group: list[int], mesh: dict[str, int]) -> str:
    places = np.stack(np.unravel_index(group, list(mesh.values())))
    return "+".join(name for name, row in zip(mesh, places, strict=True) if np.ptp(row) > 0) or "none"
