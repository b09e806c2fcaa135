"""`python -m input_pipeline.build`: from a fixture to a data set that validates, and one line for what is wrong."""

import os
import subprocess
import sys

import pytest

from input_pipeline.dataset import Dataset

pytest.importorskip("av", reason="PyAV is not installed (extra: extract)")


def build(*args):
    command = [sys.executable, "-m", "input_pipeline.build", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=dict(os.environ))


def test_a_fixture_is_made_built_and_says_its_terms_once(tmp_path):
    made = build("raf_db", f"--make-fixture={tmp_path / 'root'}")
    assert made.returncode == 0, made.stderr
    done = build("raf_db", f"--root={tmp_path / 'root'}", f"--output={tmp_path / 'data'}", "--frame_size=64")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("non-commercial research") == 1
    assert "CVPR 2017" in done.stdout
    assert "28 clips of 28 subjects" in done.stdout
    dataset = Dataset.open(tmp_path / "data")
    assert dataset.manifest.source["labels"]["emotion"][0] == "surprise"
    assert (tmp_path / "root.ledger.csv").stat().st_mode & 0o777 == 0o600
    assert not any("train_0" in path.read_text() for path in (tmp_path / "data").glob("*.json*"))


def test_wrong_calls_end_with_one_line_and_code_2(tmp_path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").write_text("x")
    for args, words in {
        (): "expected the name of a data set",
        ("raf",): "'raf' is no data set that can be built, expected one of",
        ("raf_db",): "--root and --output are needed",
        ("raf_db", f"--make-fixture={tmp_path / 'full'}"): "is there and not empty",
        (
            "raf_db",
            f"--root={tmp_path / 'no'}",
            f"--output={tmp_path / 'o'}",
        ): "no such folder: RAF-DB is obtained so",
        (
            "raf_db",
            f"--root={tmp_path / 'full'}",
            f"--output={tmp_path / 'o'}",
        ): "no basic/EmoLabel/list_patition_label.txt",
    }.items():
        done = build(*args)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1), args
        assert words in done.stderr
