"""The command scores a file, writes what it prints, and refuses bad input in one line with exit code 2."""

import json
import os
import subprocess
import sys

import pytest
from judge_server import judge_server


def run(*arguments, **environment):
    command = [sys.executable, "-m", "tramp_jax.benchmark", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=os.environ | environment)


def test_a_file_is_scored_and_written(tmp_path):
    (tmp_path / "p.csv").write_text(
        "dataset,task,truth,prediction\nRAF-DB,expression,fear,afraid\nAffectNet,valence_arousal,0.1 0.2,0.1 0.2\n"
    )
    with judge_server((200, "7")) as server, judge_server((200, "1")) as proxy:
        elsewhere = f"http://127.0.0.1:{proxy.server_port}"
        (tmp_path / "o.jsonl").write_text(json.dumps({"truth": "glad", "prediction": "sad"}) + "\n")
        judged = run(
            f"--predictions={tmp_path / 'o.jsonl'}",
            f"--output={tmp_path / 'judged'}",
            "--task=overlap",
            f"--judge={server.address}",
            "--judge_model=tiny",
            http_proxy=elsewhere,
            all_proxy=elsewhere,
            no_proxy="",
        )
    assert not proxy.bodies  # a proxy of the environment is not asked
    assert judged.returncode == 0, judged.stderr
    assert json.loads((tmp_path / "judged" / "results.json").read_text())["results"][0]["metrics"]["clue_overlap_judge"] == 7.0
    assert json.loads((tmp_path / "judged" / "judge.json").read_text())[0]["clue_overlap_judge"] == ["7"]
    result = run(f"--predictions={tmp_path / 'p.csv'}", f"--output={tmp_path / 'out'}")
    assert result.returncode == 0, result.stderr
    assert "RAF-DB, expression" in result.stdout
    found = json.loads((tmp_path / "out" / "results.json").read_text())["results"]
    assert [(each["dataset"], each["metrics"].get("accuracy")) for each in found] == [("RAF-DB", 1.0), ("AffectNet", None)]
    assert not (tmp_path / "out" / "judge.json").exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--output={tmp}/out"], "predictions"),
        (["--predictions={tmp}/none.csv", "--output={tmp}/out"], "none.csv"),
        (["--predictions={tmp}/p.csv", "--output={tmp}/p.csv"], "cannot be a folder"),
        (["--predictions={tmp}/p.csv", "--output={tmp}/out", "--task=dance"], "expected one of expression"),
        (["--predictions={tmp}/p.csv", "--output={tmp}/out", "--judge=there"], "expected an address"),
        (["--predictions={tmp}/p.csv", "--output={tmp}/out", "--judge_model=mine"], "go with --judge=ADDRESS"),
        (["--predictions={tmp}/p.csv", "--output={tmp}/out", "--lexicon={tmp}/p.csv"], "eval_FABA.py"),
        (["--predictions={tmp}/p.csv", "--output={tmp}/out", "more"], "more"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(tmp_path, arguments, said):
    (tmp_path / "p.csv").write_text("task,truth,prediction\nexpression,fear,fear\n")
    result = run(*(argument.format(tmp=tmp_path) for argument in arguments))
    assert result.returncode == 2, result.stderr
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("error: ")
    assert said in lines[0]
