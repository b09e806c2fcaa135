"""The private ledger: its owner's alone, appended to, never somebody else's file."""

import csv
import stat
import subprocess
import sys

import pytest

from input_pipeline.errors import UserError
from input_pipeline.extract.ledger import COLUMNS, Entry, Ledger, ledger_path

ENTRY = Entry("/videos/anna, 1950.mp4", "anna", "smile", "c1", "s1", "ab", "ok", "", 1.25, "12345678")


def test_rows_are_appended_for_the_owner_alone(tmp_path):
    path = tmp_path / "clips.ledger.csv"
    for _ in range(2):
        with Ledger(path) as ledger:
            ledger.add(ENTRY)
            assert "anna, 1950.mp4" in path.read_text()  # written by now, not when it is closed
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [Entry(**row | {"seconds": float(row["seconds"])}) for row in rows] == [ENTRY, ENTRY]


def test_it_lies_beside_its_source(tmp_path):
    (tmp_path / "videos.2020").mkdir()
    assert ledger_path(tmp_path / "videos.2020") == tmp_path / "videos.2020.ledger.csv"
    assert ledger_path(tmp_path / "clips.csv") == tmp_path / "clips.ledger.csv"


def test_another_file_is_not_written_into(tmp_path):
    path = tmp_path / "clips.csv"
    path.write_text("path,subject\na.mp4,anna\n")
    with pytest.raises(UserError, match=f"is another file, expected the columns {', '.join(COLUMNS)}"):
        Ledger(path)
    assert path.read_text() == "path,subject\na.mp4,anna\n"
    with pytest.raises(UserError, match=r"--ledger=.*: cannot be written \(Is a directory\)"):
        Ledger(tmp_path)


def test_a_full_disk_is_told_with_the_ledgers_name(tmp_path):
    # No file may grow beyond 1 kB: what a full disk does, without filling one.
    code = f"""
import resource, signal, sys
from pathlib import Path
from input_pipeline.cli import UserError
from input_pipeline.extract.ledger import Entry, Ledger
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))
try:
    with Ledger(Path(sys.argv[1])) as ledger:
        for _ in range(20):
            ledger.add({ENTRY!r})
except UserError as error:
    print(error)
"""
    path = tmp_path / "clips.ledger.csv"
    done = subprocess.run([sys.executable, "-c", code, path], capture_output=True, text=True, timeout=60)
    assert (
        done.stdout == f"--ledger={path}: cannot be written (File too large): see to the disk, and run the same command again\n"
    )
    assert done.stderr == ""
