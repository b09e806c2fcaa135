"""Where every parameter lies: one ordered table of (path regex, spec), first match wins, unmatched is an error.

Paths are those of the parameter tree, "llm/layers/self_attn/q_proj/kernel". Stacked layers carry their layer axis first, and
that axis is never cut: each layer gathers its own slice inside the scan. Moments lie where their parameters lie.

Axes in the comments: L layers, D width, E heads times head dim or hidden, V vocabulary, R rank.
"""

from __future__ import annotations

import re
from typing import Any

import jax
from jax.sharding import AbstractMesh, Mesh, NamedSharding
from jax.sharding import PartitionSpec as P

from input_pipeline.errors import UserError

RULES: tuple[tuple[str, P], ...] = (
    (r"llm/embed_tokens/embedding", P("tensor", "fsdp")),  # V D
    (r"llm/lm_head/kernel", P("fsdp", "tensor")),  # D V
    (r"llm/layers/.*(q|k|v|gate|up)_proj/kernel", P(None, "fsdp", "tensor")),  # L D E
    (r"llm/layers/.*(o|down)_proj/kernel", P(None, "tensor", "fsdp")),  # L E D
    (r"llm/layers/.*(q|k|v)_proj/bias", P(None, "tensor")),  # L E
    (r"lora/.*(q|k|v|gate|up)_proj/lora_a", P(None, "fsdp", None)),  # L D R
    (r"lora/.*(q|k|v|gate|up)_proj/lora_b", P(None, None, "tensor")),  # L R E
    (r"lora/.*(o|down)_proj/lora_a", P(None, "tensor", None)),  # L E R
    (r"lora/.*(o|down)_proj/lora_b", P(None, None, "fsdp")),  # L R D
    (r"vision/layers/.*(q|k|v)_proj/kernel|vision/layers/.*fc1/kernel", P(None, "fsdp", "tensor")),  # L D E
    (r"vision/layers/.*(out_proj|fc2)/kernel", P(None, "tensor", "fsdp")),  # L E D
    (r"(motion|fusion|visual|kinematic)_projection/.*kernel", P(None, "fsdp")),  # D D
    # Norms, biases, positions, and the small motion side: a copy on every device.
    (r"(llm|vision|(motion|fusion|visual|kinematic)_projection)/.*(norm.*|scale|bias|embedding|kernel)", P()),
    (r"(motion|fusion|regression|kinematics|expression)/.*", P()),
)


def spec_of(path: str) -> P:
    """The spec of one parameter.

    Raises:
      UserError: no rule matches.
    """
    for pattern, spec in RULES:
        if re.fullmatch(pattern, path):
            return spec
    raise UserError(f"sharding: no rule matches {path}: add one to tramp_jax/sharding/rules.py")


def shardings_of(tree: Any, mesh: Mesh | AbstractMesh, blocks: frozenset[str]) -> Any:
    """A NamedSharding for every leaf of a train state (or of any part of it).

    Args:
      tree: leaves with a shape; moments are recognised by the parameter path at the end of their own.
      mesh: axes (replica, fsdp, tensor).
      blocks: names of the model's blocks, where a parameter path begins.
    """

    def place(path: tuple[Any, ...], leaf: Any) -> NamedSharding:
        keys = [str(getattr(key, "key", getattr(key, "name", getattr(key, "idx", "")))) for key in path]
        start = next((i for i, key in enumerate(keys) if key in blocks), None)
        spec = P() if start is None or not leaf.shape else spec_of("/".join(keys[start:]))
        return NamedSharding(mesh, _fitting(spec, leaf.shape, mesh))

    return jax.tree_util.tree_map_with_path(place, tree)


def _fitting(spec: P, shape: tuple[int, ...], mesh: Mesh | AbstractMesh) -> P:
    """The spec without the axes that do not divide their dimension (a vocabulary of 500 over 8 devices stays whole)."""
    parts = [axis if axis and size % mesh.shape[axis] == 0 else None for axis, size in zip(spec, shape, strict=False)]
    return P(*parts)
