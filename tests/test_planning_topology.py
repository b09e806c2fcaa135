"""Wrong topologies and a missing compiler are one line each."""

import importlib.util

import pytest

from input_pipeline.errors import UserError
from tramp_jax.planning.topology import topology_devices


@pytest.mark.parametrize("name", ["v5e", "4x4", "v5e:4", "v5e:4x4x4x4", "tpu:4x4 "])
def test_a_name_that_is_none_is_told(name):
    with pytest.raises(UserError, match=r"expected GENERATION:AxB or GENERATION:AxBxC"):
        topology_devices(name)


def test_without_libtpu_it_says_how_to_get_it(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=r"libtpu is not installed.*pip install --editable '\.\[tpu\]'"):
        topology_devices("v5e:4x4")
