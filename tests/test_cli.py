"""A wrong flag, config key or file is one line on standard error and exit code 2, without a traceback."""

import subprocess
import sys

import pytest


def train(*arguments):
    command = [sys.executable, "-m", "tramp_jax.train", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--workdir=/tmp/x"], "config"),
        (["--config=configs/demo.py", "--workdirr=/tmp/x"], "workdir"),
        (["--config=configs/nothing.py", "--workdir=/tmp/x"], "configs/nothing.py"),
        (["--config=configs/demo.py", "--workdir=/tmp/x", "--config.optim.severity.lrr=1"], 'Did you mean "lr"'),
        (["--config=configs/demo.py", "--workdir=/tmp/x", "--config.optim.severity.lr=fast"], "optim.severity.lr"),
        (["--config=configs/demo.py", "--workdir=/tmp/x", "--config.data.path=/no/such/data"], "/no/such/data"),
        (["--config=configs/demo.py", "--workdir=/tmp/x", "more"], "more"),
        (["--config=configs/demo.py", "--workdir=s3://bucket/run"], "expected a path of this machine or gs://"),
    ],
)
def test_wrong_input_is_one_line_and_exit_code_2(arguments, said):
    result = train(*arguments)
    assert result.returncode == 2, result.stderr
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("error: ")
    assert said in lines[0]


def test_help_is_no_error():
    result = train("--help")
    assert result.returncode == 0
    assert "--workdir" in result.stdout
