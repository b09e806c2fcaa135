"""Key maps: which tensor of a published checkpoint is which leaf of our parameter tree, as a table that works both ways.

Axes: L layers, D in, E out, and in layouts of convolutions: p side of a patch, k taps, g groups.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import jax
import numpy as np

from input_pipeline.errors import UserError
from tramp_jax.hf.tensors import DTYPES, TensorFolder, all_finite
from tramp_jax.models.blocks import Block

Flat = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Layout:
    """How the values of one tensor lie there and here. Both ways use array methods only, so that shapes can be traced."""

    to_ours: Callable[[Any], Any]
    to_theirs: Callable[[Any], Any]


def _unpatch(x: Any) -> Any:
    side = math.isqrt(x.shape[0] // 3)
    return x.reshape(side, side, 3, -1).transpose(3, 2, 0, 1)


def time_conv(groups: int) -> Layout:
    """A convolution over time: (g*E, D, k, 1) <-> (k, g, D, E)."""
    return Layout(
        lambda x: x.reshape(groups, -1, *x.shape[1:3]).transpose(3, 0, 2, 1),
        lambda x: x.transpose(1, 3, 2, 0).reshape(-1, x.shape[2], x.shape[0], 1),
    )


SAME = Layout(lambda x: x, lambda x: x)
LINEAR = Layout(lambda x: x.T, lambda x: x.T)  # (E, D) <-> (D, E)
PATCHES = Layout(lambda x: x.transpose(2, 3, 1, 0).reshape(-1, x.shape[0]), _unpatch)  # (E, 3, p, p) <-> (p*p*3, E)
POINTWISE = Layout(lambda x: x[:, :, 0, 0].T, lambda x: x.T[:, :, None, None])  # (E, D, 1, 1) <-> (D, E)


@dataclasses.dataclass(frozen=True)
class Entry:
    """One row.

    Attributes:
      path: our leaf, "layers/mlp/fc1/kernel".
      name: their tensor; with "{}" for the number of the layer where our leaf stacks `depth` of them.
      layout: of a single tensor.
      depth: L, or 0 for a leaf that is one tensor.
    """

    path: str
    name: str
    layout: Layout = SAME
    depth: int = 0

    def names(self) -> list[str]:
        """Their tensors, layer by layer."""
        return [self.name.format(i) for i in range(self.depth)] if self.depth else [self.name]


@dataclasses.dataclass(frozen=True)
class KeyMap:
    """The table of one block.

    Attributes:
      entries: every leaf of the block.
      ignored: regexes of tensors that a checkpoint may hold and that we do not use.
    """

    entries: tuple[Entry, ...]
    ignored: tuple[str, ...] = ()

    def expected(self, shapes: Mapping[str, tuple[int, ...]]) -> dict[str, tuple[int, ...]]:
        """Their names and shapes, from our leaves' shapes by path."""
        found = {}
        for entry in self.entries:
            shape = shapes[entry.path][1:] if entry.depth else shapes[entry.path]
            theirs = jax.eval_shape(entry.layout.to_theirs, jax.ShapeDtypeStruct(shape, np.float32)).shape
            found |= dict.fromkeys(entry.names(), tuple(theirs))
        return found

    def ignores(self, name: str) -> bool:
        """Whether a tensor is of no use here."""
        return any(re.fullmatch(pattern, name) for pattern in self.ignored)

    def leaves(self, source: TensorFolder) -> Iterator[tuple[str, Callable[[], np.ndarray]]]:
        """Our leaves by path, each to be made from their tensors when called for, in the dtype as stored."""
        for entry in self.entries:
            yield entry.path, functools.partial(_leaf, entry, source)

    def tensors(self, flat: Flat, dtype: Any = None) -> Iterator[tuple[str, Callable[[], np.ndarray]]]:
        """Their tensors by name, each to be made from our leaves by path when called for, in `dtype` or as they are."""
        for entry in self.entries:
            for i, name in enumerate(entry.names()):
                yield name, functools.partial(_tensor, entry, flat[entry.path], i, dtype)


def _leaf(entry: Entry, source: TensorFolder) -> np.ndarray:
    if not entry.depth:
        return np.asarray(entry.layout.to_ours(_read(source, entry.name)), order="C")
    # Layers of different precision: the widest loses nothing.
    dtype = np.result_type(*{DTYPES[source.dtypes[name]] for name in entry.names()})
    stacked = np.empty(0, dtype)
    for i, name in enumerate(entry.names()):
        layer = entry.layout.to_ours(_read(source, name))
        if i == 0:
            stacked = np.empty((entry.depth, *layer.shape), dtype)
        stacked[i] = layer
    return stacked


def _read(source: TensorFolder, name: str) -> np.ndarray:
    tensor = source.read(name)
    if not all_finite(tensor):
        raise UserError(f"{source.path}: {name} holds NaN or infinity: fetch the model again, or choose an earlier checkpoint")
    return tensor


def _tensor(entry: Entry, leaf: Any, layer: int, dtype: Any) -> np.ndarray:
    tensor = entry.layout.to_theirs(np.asarray(jax.device_get(leaf[layer] if entry.depth else leaf)))
    with np.errstate(over="ignore"):  # told below, with the tensor's name
        written = np.asarray(tensor if dtype is None else tensor.astype(dtype, copy=False), order="C")
    if not all_finite(written):
        name = entry.names()[layer]
        if all_finite(tensor):
            raise UserError(
                f"--dtype={dtype}: {name} reaches {np.abs(tensor).max()}, too large for it: use bfloat16 or float32"
            )
        raise UserError(f"{name}: holds NaN or infinity in the checkpoint: export an earlier one")
    return written


def linear(path: str, name: str, *, bias: bool, depth: int = 0) -> list[Entry]:
    """Rows of a linear layer."""
    rows = [Entry(f"{path}/kernel", f"{name}.weight", LINEAR, depth)]
    return [*rows, Entry(f"{path}/bias", f"{name}.bias", SAME, depth)] if bias else rows


def norm(path: str, name: str, *, bias: bool = True, depth: int = 0) -> list[Entry]:
    """Rows of a LayerNorm, or of an RMSNorm without bias."""
    rows = [Entry(f"{path}/scale", f"{name}.weight", SAME, depth)]
    return [*rows, Entry(f"{path}/bias", f"{name}.bias", SAME, depth)] if bias else rows


def block_shapes(block: Block) -> tuple[dict[str, tuple[int, ...]], dict[str, tuple[int, ...]]]:
    """Shapes of a block's parameters and running statistics by path. Makes no array."""
    params, stats = jax.eval_shape(block.init, jax.random.key(0))
    return _shapes(params), _shapes(stats)


def _shapes(tree: Any) -> dict[str, tuple[int, ...]]:
    paths = jax.tree_util.tree_flatten_with_path(tree)[0]
    return {"/".join(str(key.key) for key in path): tuple(leaf.shape) for path, leaf in paths}
