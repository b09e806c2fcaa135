"""Memory comes back when nobody holds it, and never before."""

import concurrent.futures

import jax
import numpy as np

from input_pipeline.recycled import RecycledMemory


def place(array):
    return array.__array_interface__["data"][0]


def test_memory_is_used_again_once_nobody_holds_the_array():
    recycled = RecycledMemory()
    first = recycled.empty((4, 256))
    where = place(first)
    assert place(recycled.empty((4, 256))) != where
    del first
    assert where in {place(array) for array in [recycled.empty((1024,)) for _ in range(2)]}


def test_a_view_of_a_view_keeps_the_memory():
    recycled = RecycledMemory()
    view = recycled.empty((4, 256))[1:][:, ::-1][0]
    view[:] = 7
    others = [recycled.empty((4, 256)) for _ in range(3)]
    for other in others:
        other[:] = 0
    assert (view == 7).all()


def test_what_jax_reads_stays_as_it_was():
    """On CPU, JAX takes aligned arrays as they lie."""
    recycled, sums = RecycledMemory(), []
    double = jax.jit(lambda x: (x.astype("float32") * 2).sum())
    held = []
    for number in range(50):
        array = recycled.empty((64, 1024))
        array[:] = number
        held.append(jax.device_put(array))
        sums.append(double(held[-1]))
        del array
    assert [float(value) for value in sums] == [number * 2 * 64 * 1024 for number in range(50)]
    assert [int(np.asarray(array).max()) for array in held] == list(range(50))


def test_threads_never_get_the_same_memory_at_once():
    recycled = RecycledMemory()

    def use(number):
        array = recycled.empty((1000,))
        array[:] = number % 251
        copies = array.copy()
        return bool((array == copies).all() and (array == number % 251).all())

    with concurrent.futures.ThreadPoolExecutor(8) as threads:
        assert all(threads.map(use, range(20_000)))
    assert len(recycled._free[1000]) <= 8
