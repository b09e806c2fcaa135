"""Kinds, counts, bytes and axes of collectives, from programs compiled here for 8 devices."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tramp_jax.planning.collectives import Collective, collectives_of

SCRIPT = """
import jax, jax.numpy as jnp
from jax.sharding import AxisType, PartitionSpec as P

from tramp_jax.planning.collectives import collectives_of

sizes = {"replica": 2, "fsdp": 4, "tensor": 1}
mesh = jax.make_mesh(tuple(sizes.values()), tuple(sizes), axis_types=(AxisType.Auto,) * 3)

def device(x):  # (6, 8) on each of 8
    def body(carry, row):
        whole = jax.lax.all_gather(row + carry.sum(), "fsdp", tiled=True)  # 32 floats
        return jax.lax.psum(whole[:5] * 2, "replica") + carry, None
    return jax.lax.scan(body, jnp.zeros(5), x)[0][None]

with jax.set_mesh(mesh):
    chips = ("replica", "fsdp")
    run = jax.jit(jax.shard_map(device, in_specs=P(None, chips), out_specs=P(chips), check_vma=False))
    text = run.lower(jax.ShapeDtypeStruct((6, 64), jnp.float32)).compile().as_text()
for found in sorted(collectives_of(text, sizes), key=lambda c: c.kind):
    print(found.kind, found.count, found.payload, len(found.chips), found.axes, found.wire)
"""


def test_a_loop_of_a_gather_and_a_sum():
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count=8"
    environment = os.environ | {"XLA_FLAGS": flags, "PYTHONPATH": str(Path(__file__).parents[1]), "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.splitlines() == [
        "all-gather 6 128 4 fsdp 576.0",  # 6 times 3/4 of 128 bytes
        "all-reduce 6 20 2 replica 120.0",  # 6 times twice 1/2 of 20 bytes
    ]


def line(kind, groups, shape="f32[16]"):
    text = f"ENTRY %main (p: f32[16]) -> f32[16] {{\n  %x = {shape}{{0}} {kind}(%p), channel_id=1, {groups}\n}}\n"
    return collectives_of(text, {"replica": 2, "fsdp": 4, "tensor": 2})[0]


@pytest.mark.parametrize(
    ("groups", "group", "axes"),
    [
        ("replica_groups={{0,2,4,6},{1,3,5,7},{8,10,12,14},{9,11,13,15}}", 4, "fsdp"),
        ("replica_groups=[8,2]<=[16]", 2, "tensor"),
        ("replica_groups=[8,2]<=[2,8]T(1,0)", 2, "replica"),
        ("replica_groups=mesh['a'=8,'b'=2] {'a'}", 8, "replica+fsdp"),
        ("replica_groups=mesh['a'=2,'b'=8], device_ids=([8,2]T(1,0)) {'b'}", 8, "replica+fsdp"),
        ("replica_groups=mesh['a'=2,'b'=8], device_ids=([8,2]T(1,0)) {'a'}", 2, "tensor"),
        ("replica_groups=mesh['a'=2,'b'=4,'c'=2], device_ids=([16]) {'b'}", 4, "fsdp"),
        ("replica_groups={}", 16, "replica+fsdp+tensor"),
    ],
)
def test_every_way_of_writing_groups(groups, group, axes):
    found = line("all-reduce", groups)
    assert (len(found.chips), found.axes) == (group, axes)


def test_a_new_notation_is_not_guessed():
    with pytest.raises(ValueError, match="unknown notation"):
        line("all-reduce", "replica_groups=mesh['a'=16], something=new {'a'}")


def test_what_is_sent_by_kind():
    assert line("all-gather", "replica_groups=[8,2]<=[16]").wire == 32
    assert line("reduce-scatter", "replica_groups=[8,2]<=[16]").wire == 64  # of the 128 bytes before
    assert line("collective-permute", "source_target_pairs={{0,2},{2,4}}").wire == 64
    assert Collective("all-reduce", 3, 100, "f32[25]", (0, 1, 2, 3), "fsdp", "").wire == 450


def test_pieces_of_one_chain_count_once_and_kernels_with_lines_of_their_own_are_skipped():
    piece = (
        '  %{} = bf16[8]{{0}} all-gather(%p), channel_id=7, replica_groups=[8,2]<=[16], frontend_attributes={{chain_id="0"}}'
    )
    text = "\n".join(
        [
            "%body (p: s32[]) -> s32[] {",
            "  %kernel = f32[2] custom-call(%p), config={",
            "}, end}",
            piece.format("a"),
            "  %one = s32[] constant(2)",
            "  %next = s32[] add(%count, %one)",
            "  ROOT %t = (s32[]) tuple(%next)",
            "}",
            "%condition (p: s32[]) -> pred[] {",
            "  %limit = s32[] constant(10)",
            "  %count = s32[] get-tuple-element(%p), index=0",
            "  ROOT %c = pred[] compare(%count, %limit), direction=LT",
            "}",
            "ENTRY %main (p: s32[]) -> s32[] {",
            "  %w = (s32[]) while(%p), condition=%condition, body=%body",
            "  %alone = bf16[4]{0} all-gather(%p), channel_id=8, replica_groups=[8,2]<=[16]",
            "}",
        ]
    )
    mesh = {"replica": 2, "fsdp": 4, "tensor": 2}
    assert sorted((found.count, found.payload) for found in collectives_of(text, mesh)) == [(1, 8), (5, 16)]
    both = text.replace("  %alone", piece.format("b") + "\n  %alone")
    assert sorted((found.count, found.payload) for found in collectives_of(both, mesh)) == [(1, 8), (1, 16)]
