"""The bug-report command, and the pair of versions that cannot work together."""

import subprocess
import sys
from importlib import metadata

import pytest

from input_pipeline.errors import UserError
from tramp_jax import env


def test_it_prints_versions_and_devices():
    result = subprocess.run([sys.executable, "-m", "tramp_jax.env"], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    assert f"jax                {metadata.version('jax')}" in result.stdout
    assert "cpu" in result.stdout


@pytest.mark.parametrize(
    ("jax", "flax", "works"),
    [("0.10.2", "0.12.8", True), ("0.11.0", "0.12.8", True), ("0.11.1", "0.12.9", False), ("0.12.0.1", "0.12.12", True)],
)
def test_jax_from_0_11_1_on_needs_flax_0_12_10(monkeypatch, jax, flax, works):
    monkeypatch.setattr(env, "version", {"jax": jax, "flax": flax}.__getitem__)
    if works:
        env.check_pair()
    else:
        with pytest.raises(UserError, match="flax"):
            env.check_pair()
