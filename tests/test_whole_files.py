"""A file is whole or as it was: after a kill at any moment, and on a full disk."""

import random
import signal
import subprocess
import sys
import time

import pytest
from predictions_factory import make_rows, write_rows

from input_pipeline.whole_files import write_whole
from tramp_jax.evaluator import evaluate_file

LINES = 500_000
WRITE_FOR_EVER = f"""
import itertools, sys
from pathlib import Path
from input_pipeline.whole_files import write_whole
folder = Path(sys.argv[1])
for number in itertools.count():
    text = f"{{number % 10}}\\n" * {LINES}
    write_whole({{folder / "one": text, folder / "two": text}})
    print(flush=True)
"""
# No file may grow beyond 1 kB: what a full disk does, without filling one.
FULL = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1024, 1024))
"""


def python(code, *arguments, **options):
    return subprocess.Popen([sys.executable, "-c", code, *map(str, arguments)], text=True, stderr=subprocess.PIPE, **options)


def test_a_kill_at_any_moment_leaves_every_file_whole(tmp_path):
    rng = random.Random(0)
    for _ in range(4):
        process = python(WRITE_FOR_EVER, tmp_path, stdout=subprocess.PIPE)
        process.stdout.readline()
        time.sleep(rng.random() * 0.1)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=60)
        for name in ("one", "two"):
            lines = (tmp_path / name).read_text().splitlines()
            assert (len(lines), len(set(lines))) == (LINES, 1)
    write_whole({tmp_path / "one": "a\r\n", tmp_path / "two": b"\xff"}, instead_of=[tmp_path / "three"])
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"one": b"a\r\n", "two": b"\xff"}


def test_on_a_full_disk_nothing_changes_and_nothing_is_left_behind(tmp_path):
    before = {"one": "old", "two": "old", "three": "old"}
    for name, text in before.items():
        (tmp_path / name).write_text(text)
    code = f"""{FULL}
import sys
from pathlib import Path
from input_pipeline.whole_files import write_whole
folder = Path(sys.argv[1])
write_whole({{folder / "one": "new", folder / "two": "new" * 1000}}, instead_of=[folder / "three"])
"""
    process = python(code, tmp_path)
    said = process.communicate(timeout=60)[1]
    assert f"File too large: '{tmp_path / 'two.tmp'}'" in said.splitlines()[-1]
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == before


def test_an_evaluation_on_a_full_disk_leaves_the_results_before_it(tmp_path):
    rows = make_rows()
    mine = write_rows(tmp_path / "mine.csv", rows)
    other = write_rows(tmp_path / "other.csv", [row | {"prediction": 1} for row in rows])
    evaluate_file(mine, tmp_path / "out", against=other)
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert set(before) == {"results.json", "samples.jsonl", "comparison.json"}
    code = f"""{FULL}
import runpy, sys
sys.argv[0] = "evaluate"
runpy.run_module("tramp_jax.evaluate", run_name="__main__", alter_sys=True)
"""
    process = python(code, f"--predictions={other}", f"--output={tmp_path / 'out'}", stdout=subprocess.DEVNULL)
    said = process.communicate(timeout=120)[1]
    assert (process.returncode, said.count("\n")) == (2, 1), said
    assert f"{tmp_path / 'out'}: cannot be written" in said
    assert {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()} == before


@pytest.mark.parametrize("name", ["gone/one", "file/one"])
def test_a_folder_that_is_not_there_is_an_error(tmp_path, name):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"one\.tmp"):
        write_whole({tmp_path / name: ""})
