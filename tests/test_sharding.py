"""Mesh sizes and the rule table."""

import jax
import pytest
from jax.sharding import PartitionSpec as P
from ml_collections import ConfigDict

from input_pipeline.errors import UserError
from tramp_jax.sharding.mesh import check_batch, make_mesh
from tramp_jax.sharding.rules import shardings_of, spec_of


def mesh(**sizes):
    return make_mesh(ConfigDict({"replica": 1, "fsdp": -1, "tensor": 1} | sizes))


def test_one_size_takes_what_is_left():
    assert dict(mesh().shape) == {"replica": 1, "fsdp": jax.device_count(), "tensor": 1}


@pytest.mark.parametrize("sizes", [{"fsdp": 7919}, {"replica": -1}, {"fsdp": 0}])
def test_a_mesh_that_does_not_fit_the_devices_is_one_line(sizes):
    with pytest.raises(UserError, match="mesh"):
        mesh(**sizes)


def test_a_batch_that_cannot_be_cut_is_one_line():
    if jax.device_count() == 1:
        check_batch(mesh(), 7, "batch_size.report")
    else:
        with pytest.raises(UserError, match=r"batch_size\.report=7"):
            check_batch(mesh(), 7, "batch_size.report")


def test_micro_batches_are_cut_too():
    check_batch(mesh(), 3 * jax.device_count(), "batch_size.report", 3)
    with pytest.raises(UserError, match=r"batch_size\.report=\d+ cannot be cut 2 times over"):
        check_batch(mesh(), 3 * jax.device_count(), "batch_size.report", 2)


def test_moments_lie_where_their_parameters_lie():
    leaf = jax.ShapeDtypeStruct((2, 8, 8), "float32")
    path = {"llm": {"layers": {"self_attn": {"q_proj": {"kernel": leaf}}}}}
    found = shardings_of({"params": path, "opt": {"report": ({"mu": path},)}}, mesh(), frozenset({"llm"}))
    places = {sharding.spec for sharding in jax.tree.leaves(found)}
    assert places == {P(None, "fsdp", "tensor")}


def test_a_parameter_without_a_rule_is_an_error_that_names_it():
    with pytest.raises(UserError, match="emotion/kernel"):
        spec_of("emotion/kernel")
