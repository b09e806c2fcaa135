"""Who owns which parameter: ordered regexes over flat paths such as "llm/layers/attention/q", first match wins."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flax import traverse_util

from input_pipeline.errors import UserError

FROZEN = "frozen"

Flat = dict[str, Any]


def flatten(tree: Mapping[str, Any]) -> Flat:
    """Nested dict to {"a/b/c": leaf}."""
    return traverse_util.flatten_dict(dict(tree), sep="/")


def unflatten(flat: Mapping[str, Any]) -> dict[str, Any]:
    """The inverse of `flatten`."""
    return traverse_util.unflatten_dict(dict(flat), sep="/")


def owners(paths: Iterable[str], rules: Sequence[Sequence[str]], tasks: Iterable[str]) -> dict[str, str]:
    """Path -> the task that trains it, or FROZEN.

    Raises:
      UserError: a path that no rule matches, or a rule that names an unknown task.
    """
    known = {*tasks, FROZEN}
    for pattern, owner in rules:
        if owner not in known:
            raise UserError(f"ownership: rule {pattern!r} gives parameters to {owner!r}; known are {', '.join(sorted(known))}")
    compiled = [(re.compile(pattern), owner) for pattern, owner in rules]
    found = {path: next((owner for pattern, owner in compiled if pattern.fullmatch(path)), None) for path in paths}
    missing = sorted(path for path, owner in found.items() if owner is None)
    if missing:
        raise UserError(f"ownership: no rule matches {missing[0]} and {len(missing) - 1} more: add a rule to config.ownership")
    return found


def split(flat: Flat, owner_of: Mapping[str, str], task: str, reads: Iterable[str]) -> tuple[Flat, Flat]:
    """(what `task` owns, the other leaves of the blocks that it reads); both flat.

    Args:
      flat: all leaves by path; the first part of a path is the block's name.
      owner_of: from `owners`.
      task: the task's name.
      reads: block names that the task's loss uses.
    """
    blocks = frozenset(reads)
    owned = {path: leaf for path, leaf in flat.items() if owner_of[path] == task}
    others = {path: leaf for path, leaf in flat.items() if path not in owned and path.split("/")[0] in blocks}
    return owned, others
