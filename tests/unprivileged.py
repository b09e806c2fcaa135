"""Commands for which the permissions of files count, whoever runs the tests: root's right to pass over them is given up."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
_RIGHTS = "-dac_override,-dac_read_search"
_WITHOUT = ["setpriv", f"--bounding-set={_RIGHTS}", f"--inh-caps={_RIGHTS}"] if os.geteuid() == 0 else []


def python(*arguments, folder) -> subprocess.CompletedProcess:
    """Runs this Python, of this user without such rights; skips where they cannot be given up.

    Args:
      folder: for what a command may write beside its output.
    """
    closed = folder / "closed"
    closed.touch()
    closed.chmod(0)
    try:
        can = subprocess.run([*_WITHOUT, "cat", closed], capture_output=True)
    except FileNotFoundError:
        pytest.skip("root may do everything, and there is no setpriv to give that up")
    if can.returncode == 0:
        pytest.skip("this user may do everything, and cannot give that up")
    command = [*_WITHOUT, sys.executable, *map(str, arguments)]
    home = {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder)}
    environment = os.environ | home | {"PYTHONPATH": str(ROOT)}
    return subprocess.run(command, capture_output=True, text=True, env=environment, cwd=ROOT, timeout=300)
