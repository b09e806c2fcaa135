"""Digests: one changed bit is always seen, and no way of cutting an array over devices changes them."""

import os
import subprocess
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tramp_jax.checkpoint.digests import _on_device, described, differences, digests_of, paths_of

DTYPES = ("float32", "bfloat16", "float16", "int32", "int8", "uint8", "bool")


def random(shape, dtype="float32", seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape) * 10).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (3,), (4, 5, 6)])
def test_device_and_host_agree(dtype, shape):
    x = random(shape, dtype)
    a, b = map(int, _on_device(x))
    assert digests_of(x) == digests_of(np.asarray(x)) == {"": f"{described(x)} {a:08x}{b:08x}"}


def test_every_flipped_bit_of_two_thousand_is_seen():
    rng = np.random.default_rng(1)
    x = np.asarray(random((64, 64)))
    before = digests_of(x)
    for _ in range(2000):
        flipped = x.copy()
        flipped.view(np.uint8).reshape(-1)[rng.integers(x.nbytes)] ^= np.uint8(1 << rng.integers(8))
        assert digests_of(flipped) != before


def test_places_count():
    x = np.asarray(random((8, 8)))
    for other in (x.T, x[::-1], x[:, ::-1], np.roll(x, 1)):
        assert digests_of(other) != digests_of(x)
    assert digests_of(np.zeros((2, 8), np.float32)) != digests_of(np.zeros((8, 2), np.float32))  # shape


SCRIPT = """
import jax, numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P
from tramp_jax.checkpoint.digests import digests_of
mesh = jax.make_mesh((2, 4), ("a", "b"), axis_types=(AxisType.Auto,) * 2)
x = np.random.default_rng(0).normal(size=(8, 16, 4)).astype(np.float32)
for spec in (P(), P("a"), P(None, "b"), P(("a", "b")), P("b", None, "a")):
    print(digests_of({"x": jax.device_put(x, NamedSharding(mesh, spec))})["x"])
print(digests_of(x)[""])
"""


COPIES = """
import jax, numpy as np
from jax.sharding import AxisType, NamedSharding, PartitionSpec as P
from tramp_jax.checkpoint.digests import differing_copies
mesh = jax.make_mesh((2, 4), ("a", "b"), axis_types=(AxisType.Auto,) * 2)
x = np.arange(64, dtype=np.float32).reshape(8, 8)
for spec in (P(), P("a"), P(None, "b"), P("a", "b")):
    where = NamedSharding(mesh, spec)
    good = jax.device_put(x, where)
    parts = [shard.data for shard in good.addressable_shards]
    wrong = np.array(parts[3])
    wrong[0, 0] += 1
    parts[3] = jax.device_put(wrong, parts[3].device)
    bad = jax.make_array_from_single_device_arrays(x.shape, where, parts)
    print(differing_copies({"good": good, "bad": bad, "count": np.int32(1)}))
"""


def on_eight_devices(script):
    environment = os.environ | {
        "XLA_FLAGS": "--xla_force_host_platform_device_count=8",
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_copies_that_differ_are_named_and_parts_are_no_copies():
    assert on_eight_devices(COPIES) == ["['bad']"] * 3 + ["[]"]


def test_no_sharding_changes_them():
    found = on_eight_devices(SCRIPT)
    assert len(found) == 6
    assert len(set(found)) == 1


def test_paths_name_optimizer_states_too():
    import optax

    tree = {"opt": optax.adam(1e-3).init({"w": jnp.ones(2)}), "step": np.int32(3)}
    assert set(paths_of(tree)) == {"opt/0/count", "opt/0/mu/w", "opt/0/nu/w", "step"}


def test_what_only_one_side_has_differs():
    assert differences({"a": "1", "b": "2"}, {"b": "2", "c": "3"}) == ["a", "c"]
    assert jax.tree.leaves({}) == []
