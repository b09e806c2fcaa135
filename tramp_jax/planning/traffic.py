"""Bytes that a compiled step moves to and from a chip's HBM, read off the compiler's text.

Each instruction reads its operands and writes its results once, as in XLA's own cost analysis, but loops count as often as they
run. What the compiler put into on-chip memory moves nothing. A slice of an array moves the slice, an update in place the
update; a kernel moves its operands once, so the sum is what a step moves at least. Collectives are left out: pieces of one are
spread over instructions that compute something else; `planning.collectives` counts each of them once.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Iterator

from tramp_jax.planning.collectives import KINDS
from tramp_jax.planning.hlo import arrays_of, called_by, computations_of, runs_of

_INSTRUCTION = re.compile(r"^\s*(ROOT )?%([\w.\-]+) = (.*?) ([a-z][\w\-]*)\((.*)$")
# They name arrays, or pass control on to computations that count for themselves.
_FREE = frozenset(
    {
        *("parameter", "constant", "iota", "tuple", "get-tuple-element", "bitcast", "partition-id", "replica-id"),
        *("while", "conditional", "call", "after-all", "opt-barrier", "optimization-barrier"),
    }
)
_FREE_CALLS = re.compile(r'custom_call_target="(AllocateBuffer|ConcatBitcast|AsyncCollective\w*)"')
_SLICES = frozenset(("dynamic-slice", "slice", "gather"))


@dataclasses.dataclass(frozen=True)
class _Instruction:
    name: str
    op: str
    shape: str
    operands: tuple[str, ...]
    rest: str
    root: bool


def hbm_bytes(text: str) -> float:
    """Bytes read from and written to HBM in one step by one chip; `text` is `compiled.as_text()`."""
    computations = computations_of(text)
    program = _Program({name: list(_instructions(lines)) for name, lines in computations.items()})
    inner = program.inside_instructions()
    return float(sum(runs * program.moved(name) for name, runs in runs_of(computations).items() if runs and name not in inner))


def _instructions(lines: list[str]) -> Iterator[_Instruction]:
    for line in lines:
        if match := _INSTRUCTION.match(line):
            root, name, shape, op, rest = match.groups()
            operands = tuple(re.findall(r"%([\w.\-]+)", rest.split(")")[0]))
            yield _Instruction(name, op, shape, operands, rest, bool(root))


def _sizes(shape: str) -> list[int]:
    """Bytes in HBM of each array of a shape; 0 for one that lies on the chip."""
    return [size * in_hbm for size, in_hbm in arrays_of(shape)]


def _total(shape: str) -> int:
    """Bytes of all arrays of a shape, wherever they lie."""
    return sum(size for size, _ in arrays_of(shape))


class _Program:
    def __init__(self, computations: dict[str, list[_Instruction]]):
        self.computations = computations
        self.by_name = {name: {each.name: each for each in body} for name, body in computations.items()}

    def inside_instructions(self) -> set[str]:
        """Computations that are part of one instruction: fusions', reductions', comparators'."""
        found, waiting = set(), []
        for body in self.computations.values():
            for each in body:
                if each.op not in ("while", "conditional", "call"):
                    waiting += called_by(each.rest)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += [called for each in self.computations.get(name, []) for called in called_by(each.rest)]
        return found

    def moved(self, computation: str) -> int:
        return sum(self._instruction(computation, each) for each in self.computations[computation])

    def _instruction(self, computation: str, each: _Instruction) -> int:
        if (
            each.op in _FREE
            or each.op.startswith(KINDS)
            or each.op.endswith("-done")
            or (each.op == "custom-call" and _FREE_CALLS.search(each.rest))
        ):
            return 0
        shapes = [self.by_name[computation][name].shape for name in each.operands if name in self.by_name[computation]]
        written = _sizes(each.shape)
        if each.op == "fusion":
            called = called_by(each.rest)[0]
            read = sum(min(sum(_sizes(shape)), self._reads(called, i)) for i, shape in enumerate(shapes) if sum(_sizes(shape)))
            return read + self._writes(called, written)
        if each.op == "copy-start":  # (to, from, its state)
            return sum(written[:2])
        if each.op == "slice-start":  # ((from), to, its state)
            return arrays_of(each.shape)[1][0] * bool(written[0]) + written[1]
        if each.op in _SLICES:
            return _total(each.shape) * bool(sum(_sizes(shapes[0]))) + sum(written)
        if each.op == "dynamic-update-slice":
            return 2 * sum(_sizes(shapes[1]))
        return sum(sum(_sizes(shape)) for shape in shapes) + sum(written)

    @functools.cache  # noqa: B019 - lives as long as the text
    def _reads(self, computation: str, index: int) -> int:
        """Bytes that a fusion reads of its operand `index`."""
        body = self.computations[computation]
        name = next(each.name for each in body if each.op == "parameter" and each.rest.startswith(f"{index})"))
        return self._uses(computation, name)

    def _uses(self, computation: str, name: str) -> int:
        body, total = self.by_name[computation], 0
        for each in body.values():
            for place, operand in enumerate(each.operands):
                if operand != name:
                    continue
                if each.op in _SLICES and place == 0:
                    total += _total(each.shape)
                elif each.op in ("bitcast", "reshape", "get-tuple-element", "tuple"):
                    total += self._uses(computation, each.name)
                elif (each.op == "dynamic-update-slice" and place == 0) or each.op in KINDS or "AsyncCollective" in each.rest:
                    continue
                elif each.op == "fusion":
                    total += self._reads(called_by(each.rest)[0], place)
                else:
                    total += _total(body[name].shape)
        return total

    def _writes(self, computation: str, written: list[int]) -> int:
        """Bytes that a fusion writes of its results: the update alone where one is updated in place."""
        root = next(each for each in self.computations[computation] if each.root)
        roots = root.operands if root.op == "tuple" else (root.name,)
        if len(roots) != len(written):
            return sum(written)
        return sum(
            size and min(size, self._updated(computation, name, size)) for name, size in zip(roots, written, strict=True)
        )

    def _updated(self, computation: str, name: str, size: int) -> int:
        each = self.by_name[computation][name]
        if each.op == "parameter" or each.op in KINDS or "AsyncCollective" in each.rest:
            return 0  # a collective's own array on its way through
        if each.op in ("bitcast", "get-tuple-element"):
            return self._updated(computation, each.operands[0], size)
        if each.op == "dynamic-update-slice":
            return _total(self.by_name[computation][each.operands[1]].shape)
        if each.op == "fusion" and not each.shape.startswith("("):
            return self._writes(called_by(each.rest)[0], [size])
        return size
