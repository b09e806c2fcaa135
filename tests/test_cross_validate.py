"""Wrong flags of `python -m tramp_jax.cross_validate`."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--checkpoint=x"], "expected --checkpoint and --output"),
        (["--checkpoint=x", "--output=y", "--folds=1"], "--folds=1: expected numbers from 2 on, or loso"),
        (["--checkpoint=x", "--output=y"], "x: no config.json there"),
        (["--checkpoint=x", "--output=y", "--protocol=best"], "protocol"),
    ],
)
def test_wrong_flags_are_one_line_and_exit_code_2(arguments, said, tmp_path):
    command = [sys.executable, "-m", "tramp_jax.cross_validate", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
