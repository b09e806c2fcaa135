"""The text of a compiled program: its computations, how often each one runs in a step, and the sizes of arrays.

The text names a loop's body once; how often it runs stands in the loop's condition.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict

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
_CALLED = re.compile(r"(?:calls|to_apply|body|condition|branch_computations|called_computations)=\{?((?:%[\w.\-]+(?:, )?)+)\}?")
_ARRAY = re.compile(r"\b([a-z]+\d*)\[([\d,]*)\](\{[^}]*\})?")
_WHILE = re.compile(r" while\(.*condition=%([\w.\-]+), body=%([\w.\-]+)")


def arrays_of(shape: str) -> list[tuple[int, bool]]:
    """(bytes, whether it lies in HBM) of every array of a shape: "bf16[4,2048]{1,0:S(1)}" -> [(16384, False)]."""
    return [(_size(dtype, dims), "S(" not in layout) for dtype, dims, layout in _ARRAY.findall(shape)]


def largest_of(shape: str) -> str:
    """The largest array of a shape, without its layout: "(bf16[8,4]{1,0}, bf16[64,4]{1,0})" -> "bf16[64,4]"."""
    arrays = [(_size(dtype, dims), f"{dtype}[{dims}]") for dtype, dims, _ in _ARRAY.findall(shape)]
    return max(arrays, default=(0, ""))[1]


def _size(dtype: str, dims: str) -> int:
    return _BYTES.get(dtype, 4) * math.prod(int(size) for size in dims.split(",") if size)


def called_by(line: str) -> list[str]:
    """The computations that an instruction names."""
    return [one for called in _CALLED.findall(line) for one in called.replace("%", "").split(", ")]


def computations_of(text: str) -> dict[str, list[str]]:
    """Computation -> its lines; the one that starts is called ENTRY."""
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


def runs_of(computations: dict[str, list[str]]) -> dict[str, int]:
    """Computation -> how often it runs in a step."""
    callers: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for name, lines in computations.items():
        for line in lines:
            loop = _WHILE.search(line)
            known = re.search(r'known_trip_count":\{"n":"(\d+)"', line)  # as the CPU and GPU compilers write it
            times = int(known[1]) if known else _trips(computations[loop[1]], computations[loop[2]]) if loop else 1
            for called in called_by(line):
                callers[called].append((name, times))
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
