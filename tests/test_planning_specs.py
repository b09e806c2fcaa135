"""Every parameter, batch field and placed activation of the 8B config lies where the golden text says.

After a change that is meant: `python -m pytest tests/test_planning_specs.py --update-golden`, and read the diff.
"""

from pathlib import Path

import pytest
from test_configs import load
from tiny import tiny_config

from tramp_jax.planning.specs import specs_text

GOLDEN = Path(__file__).parent / "golden" / "pfed5_plus_8b_specs.txt"


def test_the_8b_config_lies_as_in_the_golden_text(request):
    found = specs_text(load("pfed5_plus_8b"), (2, 16, 4))
    if request.config.getoption("update_golden"):
        GOLDEN.write_text(found)
        pytest.skip(f"wrote {GOLDEN.name}")
    assert found.splitlines() == GOLDEN.read_text().splitlines()


def test_what_does_not_divide_stays_whole():
    text = specs_text(tiny_config(), (1, 4, 7))
    assert "  llm/layers/mlp/up_proj/kernel: float32[2,16,32] P(None, 'fsdp', None)\n" in text
