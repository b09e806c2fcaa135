"""Digests of arrays that do not depend on how the arrays are cut over devices.

TensorStore restores flipped bits without a word, since its chunks carry no checksum. A digest here is two sums, modulo 2^32,
over all elements of mix(bits of the element, its place). `mix` is a bijection of the element for a given place, so one
changed element always changes both sums; a sum does not care in which order, or on which device, its terms are added.
Not cryptographic: it finds accidents, not forgery.
"""

from __future__ import annotations

import collections
import math
import zlib
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils

# Rounds of two well-known 32-bit finalisers, MurmurHash3's and Chris Wellons' lowbias32.
_FINALISERS = (((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)), ((16, 0x7FEB352D), (15, 0x846CA68B), (16, 1)))


def paths_of(tree: Any) -> dict[str, Any]:
    """The leaves of a pytree by path, "opt/severity/1/0/mu/motion/...": the same if Orbax reads the tree without a target."""
    return {"/".join(map(_name, path)): leaf for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]}


def digests_of(tree: Any) -> dict[str, str]:
    """Path -> "float32[2,8] 0123456789abcdef" of every leaf.

    Arrays may be cut over the devices of several processes, all of which must call this; every process gets the same answer.
    """
    leaves = paths_of(tree)
    # One small program for each shape is compiled in no time by an accelerator's measure, not by that of a test on a CPU.
    on_device = jax.default_backend() != "cpu"
    sums = jax.device_get({p: _on_device(x) for p, x in leaves.items() if on_device and isinstance(x, jax.Array)})
    here = {path: _on_host(leaf) for path, leaf in leaves.items() if path not in sums}
    if here and jax.process_count() > 1:
        total = multihost_utils.process_allgather(np.stack(list(here.values())))
        shared = [isinstance(leaves[path], jax.Array) for path in here]  # the others are whole in every process
        whole = np.where(np.array(shared)[:, None], total.sum(axis=0, dtype=np.uint32), np.stack(list(here.values())))
        here = dict(zip(here, whole, strict=True))
    return {
        path: f"{described(leaf)} {''.join(f'{int(part):08x}' for part in (sums | here)[path])}"
        for path, leaf in leaves.items()
    }


def differing_copies(tree: Any) -> list[str]:
    """Paths of arrays that several devices hold a copy of, and not the same one. To be called by every process.

    Copies are made once and then computed alike on every device; where they differ, memory or a chip has failed.
    """
    rows: list[tuple[int, ...]] = []
    paths = {path: leaf for path, leaf in paths_of(tree).items() if isinstance(leaf, jax.Array)}
    for number, leaf in enumerate(paths.values()):
        for shard in leaf.addressable_shards:
            place = zlib.crc32(str(shard.index).encode())
            rows.append((number, place, *map(int, _shard_sums(shard.data))))
    found = np.array(rows, np.uint32).reshape(-1, 4)
    if jax.process_count() > 1:
        found = multihost_utils.process_allgather(found).reshape(-1, 4)
    copies: dict[tuple[int, int], set[tuple[int, int]]] = collections.defaultdict(set)
    for number, place, a, b in found.tolist():
        copies[number, place].add((a, b))
    names = list(paths)
    return sorted({names[number] for (number, _), sums in copies.items() if len(sums) > 1})


def _shard_sums(data: jax.Array) -> Any:
    return _on_host(np.asarray(data)) if jax.default_backend() == "cpu" else jax.device_get(_on_device(data))


def described(leaf: Any) -> str:
    """Dtype and shape of a leaf, abstract or not: "float32[2,8]"."""
    return f"{np.dtype(leaf.dtype).name}[{','.join(map(str, leaf.shape))}]"


def differences(expected: Mapping[str, str], found: Mapping[str, str]) -> list[str]:
    """Paths whose digests differ, or that only one side has, in order."""
    return sorted(path for path in expected.keys() | found.keys() if expected.get(path) != found.get(path))


def _name(key: Any) -> str:
    for attribute in ("key", "idx", "name"):
        if hasattr(key, attribute):
            return str(getattr(key, attribute))
    return str(key)


@jax.jit
def _on_device(x: jax.Array) -> tuple[jax.Array, jax.Array]:
    x = x.astype(jnp.uint8) if x.dtype == jnp.bool_ else x
    bits = jax.lax.bitcast_convert_type(x, f"uint{8 * min(np.dtype(x.dtype).itemsize, 4)}").astype(jnp.uint32)
    places = [jax.lax.broadcasted_iota(jnp.uint32, bits.shape, axis) for axis in range(bits.ndim)]
    return tuple(jnp.sum(term, dtype=jnp.uint32) for term in _terms(bits, _place(places, bits.shape)))


def _on_host(leaf: Any) -> np.ndarray:
    """Both sums over this process's part of an array, (2,) uint32."""
    shards = [((slice(None),) * np.ndim(leaf), leaf)]
    if isinstance(leaf, jax.Array):
        shards = [(shard.index, shard.data) for shard in leaf.addressable_shards if shard.replica_id == 0]
    total = np.zeros(2, np.uint32)
    for index, data in shards:
        bits = np.ascontiguousarray(data)
        bits = bits.reshape(*bits.shape, 1) if bits.itemsize == 8 else bits
        bits = bits.view(f"uint{8 * min(bits.itemsize, 4)}").astype(np.uint32)
        starts = [part.start or 0 for part in index] + [0] * (bits.ndim - len(index))
        places = [
            np.arange(start, start + size, dtype=np.uint32).reshape([-1 if other == axis else 1 for other in range(bits.ndim)])
            for axis, (start, size) in enumerate(zip(starts, bits.shape, strict=True))
        ]
        whole = (*np.shape(leaf), *bits.shape[np.ndim(leaf) :])
        total += np.array([np.sum(term, dtype=np.uint32) for term in _terms(bits, _place(places, whole))], np.uint32)
    return total


def _place(places: list[Any], shape: tuple[int, ...]) -> Any:
    """The index of each element in the whole array, modulo 2^32."""
    found = np.uint32(0)
    for axis, place in enumerate(places):
        found = found + place * np.uint32(math.prod(shape[axis + 1 :]) % 2**32)
    return found


def _terms(bits: Any, place: Any) -> tuple[Any, Any]:
    """What is summed: each element's bits, mixed with its place, in two ways."""
    return tuple(_mix(bits ^ _mix(place, rounds), rounds) for rounds in _FINALISERS)


def _mix(x: Any, rounds: tuple[tuple[int, int], ...]) -> Any:
    with np.errstate(over="ignore"):
        for shift, factor in rounds:
            x = (x ^ (x >> np.uint32(shift))) * np.uint32(factor)
    return x
