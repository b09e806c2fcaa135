"""NNX modules as pure functions over plain nested dicts.

The one place where NNX state types are seen: everything else of the project handles {"block": {"name": ... array}}.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
from flax import nnx, traverse_util

Tree = dict[str, Any]


class Block:
    """One named part of a model.

    Args:
      make: builds the module from random streams; must not depend on anything but the config that it closes over.
    """

    def __init__(self, make: Callable[[nnx.Rngs], nnx.Module]):
        self.make = make
        module = nnx.eval_shape(lambda: make(nnx.Rngs(0)))
        self._graph, self._params, self._stats, rest = nnx.split(module, nnx.Param, nnx.BatchStat, ...)
        if nnx.to_flat_state(rest):
            raise TypeError(f"{type(module).__name__} holds state that is neither a parameter nor a running statistic")

    def init(self, key: jax.Array) -> tuple[Tree, Tree]:
        """Fresh (parameters, running statistics)."""
        _, params, stats = nnx.split(self.make(nnx.Rngs(key)), nnx.Param, nnx.BatchStat)
        return _to_tree(params), _to_tree(stats)

    def bind(self, params: Tree, stats: Tree | None = None) -> Any:
        """The module holding these values, for use inside one traced function."""
        return nnx.merge(self._graph, _fill(self._params, params), _fill(self._stats, stats or {}))

    def stats_of(self, module: nnx.Module) -> Tree:
        """The running statistics that a bound module has after a call."""
        return _to_tree(nnx.state(module, nnx.BatchStat))


def _to_tree(state: nnx.State) -> Tree:
    return traverse_util.unflatten_dict({tuple(map(str, path)): leaf[...] for path, leaf in nnx.to_flat_state(state)})


def _fill(like: nnx.State, tree: Tree) -> nnx.State:
    flat = traverse_util.flatten_dict(tree)
    return nnx.from_flat_state([(path, leaf.replace(flat[tuple(map(str, path))])) for path, leaf in nnx.to_flat_state(like)])
