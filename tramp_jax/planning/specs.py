"""Where everything of a step lies on a mesh, as text to keep in git: a change of sharding is a line of a diff.

Parameters by their rules; activations as the steps themselves place them, read off their jaxprs. Nothing is made or compiled.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from typing import Any

import jax
from jax.sharding import AbstractMesh, AxisType
from ml_collections import ConfigDict

from tramp_jax.models.tramp_llama import TrampLlama
from tramp_jax.planning.program import step_of
from tramp_jax.sharding.mesh import AXES
from tramp_jax.sharding.rules import shardings_of
from tramp_jax.tasks.table import active_tasks
from tramp_jax.training.ownership import flatten


def specs_text(config: ConfigDict, sizes: tuple[int, int, int]) -> str:
    """The specs of all parameters, of the batch, and of every placed activation of every task's step.

    Args:
      config: of the experiment; its mesh is not read.
      sizes: of the axes (replica, fsdp, tensor); a dimension that they do not divide stays whole.
    """
    mesh = AbstractMesh(sizes, AXES, axis_types=(AxisType.Auto,) * 3)
    model = TrampLlama(config.model)
    params, stats = jax.eval_shape(model.init, jax.random.key(0))
    lines = [f"mesh: {dict(zip(AXES, sizes, strict=True))}", "", "parameters"]
    for tree in (params, stats):
        places = flatten(shardings_of(tree, mesh, frozenset(model.blocks)))
        lines += [f"  {path}: {_shape(leaf)} {places[path].spec}" for path, leaf in flatten(tree).items()]
    for task in active_tasks(config):
        step, arguments = step_of(config, task.name, mesh)
        batch = arguments[5]
        lines += ["", f"{task.name}: batch"]
        lines += [f"  {name}: {_shape(field)} {field.sharding.spec}" for name, field in batch.items()]
        with jax.sharding.use_abstract_mesh(mesh):
            jaxpr = jax.make_jaxpr(step)(*arguments)
        placed = Counter(_constraints(jaxpr.jaxpr))
        lines += ["", f"{task.name}: activations, kernels in use and gradients of kernels (how often in the program)"]
        lines += [f"  {shape} {spec} ({count})" for (shape, spec), count in sorted(placed.items())]
        lines += [f"  {shape} {spec}" for shape, spec in sorted(set(_shards(jaxpr.jaxpr)))]
    return "\n".join(lines) + "\n"


def _shape(leaf: Any) -> str:
    return f"{leaf.dtype}[{','.join(map(str, leaf.shape))}]"


def _constraints(jaxpr: Any) -> Iterator[tuple[str, str]]:
    for equation in _equations(jaxpr):
        if equation.primitive.name == "sharding_constraint":
            yield _shape(equation.invars[0].aval), str(equation.params["sharding"].spec)


def _shards(jaxpr: Any) -> Iterator[tuple[str, str]]:
    for equation in _equations(jaxpr):
        if equation.primitive.name == "shard_map":
            for variable, spec in zip(equation.invars, equation.params["in_specs"], strict=True):
                if math.prod(variable.aval.shape) > 1:
                    yield f"shard_map: {_shape(variable.aval)}", str(spec)


def _equations(jaxpr: Any) -> Iterator[Any]:
    for equation in jaxpr.eqns:
        yield equation
        for inner in jax.tree.leaves(list(equation.params.values()), is_leaf=_is_jaxpr):
            if _is_jaxpr(inner):
                yield from _equations(getattr(inner, "jaxpr", inner))


def _is_jaxpr(x: Any) -> bool:
    return hasattr(x, "eqns") or hasattr(x, "jaxpr")
