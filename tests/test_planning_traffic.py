"""Bytes against XLA's own count of programs without loops, and loops against the same program unrolled."""

import jax
import jax.numpy as jnp
import pytest

from tramp_jax.planning.traffic import hbm_bytes

D = 256


def compiled(function, *shapes):
    return jax.jit(function).lower(*(jax.ShapeDtypeStruct(shape, jnp.float32) for shape in shapes)).compile()


def layer(x, w):
    return jnp.tanh(x @ w) * 2


def xla(program):
    return program.cost_analysis()["bytes accessed"]


def test_without_loops_it_is_xlas_count():
    program = compiled(lambda x, w: layer(layer(x, w), w), (D, D), (D, D))
    assert hbm_bytes(program.as_text()) == pytest.approx(xla(program), rel=0.02)


def test_a_loop_counts_as_often_as_it_runs_and_moves_slices_of_its_stack():
    depth = 16
    looped = compiled(lambda x, ws: jax.lax.scan(lambda x, w: (layer(x, w), None), x, ws)[0], (D, D), (depth, D, D))
    flat = compiled(lambda x, *ws: [x := layer(x, w) for w in ws][-1], (D, D), *[(D, D)] * depth)
    # The loop copies each slice of the stack once more: two of seven moves.
    assert hbm_bytes(looped.as_text()) == pytest.approx(xla(flat) * 7 / 5, rel=0.05)
    assert xla(looped) < 0.25 * xla(flat)  # why the count is ours


def test_an_update_in_place_moves_the_update():
    stacked = compiled(lambda x: jax.lax.scan(lambda x, _: (x * 2, x), x, length=64)[1], (D, D))
    # 64 rows of the stack are written once each; the whole stack 64 times would be 64 times as much.
    assert hbm_bytes(stacked.as_text()) < 8 * 64 * D * D * 4


def test_what_lies_on_the_chip_moves_nothing():
    def moved(place):
        body = f"  %p = f32[8]{{0:T(128)}} parameter(0)\n  ROOT %n = f32[8]{{0:T(128){place}}} negate(%p)\n"
        return hbm_bytes(f"ENTRY %main (p: f32[8]) -> f32[8] {{\n{body}}}\n")

    assert moved("") == 64
    assert moved("S(1)") == 32
