"""The commands of the README, one after the other, on a few steps of the demo."""

import csv
import json
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


def command(module, *arguments):
    # XLA_FLAGS stay as in conftest: a few steps cost less than optimising them.
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)], capture_output=True, text=True, timeout=900, env=dict(os.environ)
    )


@pytest.fixture(scope="module")
def run(simulated, tmp_path_factory):
    """A run of configs/demo.py:runlocal on the small simulated data."""
    folder = tmp_path_factory.mktemp("runs") / "demo"
    result = command(
        "tramp_jax.train", "--config=configs/demo.py:runlocal", f"--workdir={folder}", f"--config.data.path={simulated}"
    )
    assert result.returncode == 0, result.stderr
    assert "step 6/6" in result.stderr
    return folder


def test_evaluate_writes_the_keys_that_others_rely_on(run):
    result = command("tramp_jax.evaluate", f"--checkpoint={run}")
    assert result.returncode == 0, result.stderr
    found = json.loads((run / "eval" / "results.json").read_text())
    assert found["data"] == "simulated"
    severity, report = found["severity"], found["report"]
    assert set(severity["spearman"]) >= {"rest", "smile", "frown", "squeeze", "clench", "mean"}
    assert 0.5 < severity["oracle_spearman_mean"] <= 1
    for name in ("constant_median", "kinematics_ordinal"):
        assert "spearman_mean" in severity["baselines"][name]
    assert set(report["fact_f1"]) >= {"mention", "direction"}
    for name in ("always_normal", "nearest_report"):
        assert 0 <= report["baselines"][name]["fact_f1_direction"] <= 1
    assert len((run / "eval" / "samples.jsonl").read_text().splitlines()) == found["counts"]["clips"]


def test_the_samples_of_a_run_are_predictions_with_the_same_numbers(run, tmp_path):
    assert command("tramp_jax.evaluate", f"--checkpoint={run}").returncode == 0
    samples = run / "eval" / "samples.jsonl"
    result = command("tramp_jax.evaluate", f"--predictions={samples}", f"--output={tmp_path}", f"--against={run}")
    assert result.returncode == 0, result.stderr
    first, again = (json.loads((folder / "results.json").read_text()) for folder in (run / "eval", tmp_path))
    assert again["severity"] == first["severity"]
    assert {"rps", "interval_coverage", "aurc_entropy"} <= set(first["severity"])
    assert again["report"]["fact_f1"] == first["report"]["fact_f1"]
    assert json.loads((tmp_path / "comparison.json").read_text())["metrics"]["spearman"]["mean"]["difference"] == 0


def test_results_on_other_clips_do_not_overwrite_those_of_the_run(run):
    assert command("tramp_jax.evaluate", f"--checkpoint={run}").returncode == 0
    before = (run / "eval" / "results.json").read_bytes()
    result = command("tramp_jax.evaluate", f"--checkpoint={run}", "--fold=validation", "--noreports")
    assert result.returncode == 0, result.stderr
    assert (run / "eval" / "results.json").read_bytes() == before
    assert json.loads((run / "eval-validation" / "results.json").read_text())["report"] is None


def test_assess_writes_a_page_and_json_per_simulated_clip_with_an_index(run, simulated, tmp_path):
    result = command("tramp_jax.assess", simulated, f"--checkpoint={run}", f"--output={tmp_path}")
    assert result.returncode == 0, result.stderr
    rows = list(csv.DictReader((tmp_path / "assessments.csv").open()))
    assert [row["expression"] for row in rows] == ["rest", "smile", "frown", "squeeze", "clench"]
    assert (tmp_path / "index.html").stat().st_size > 0
    assert len(list(tmp_path.glob("*/report.html"))) == len(list(tmp_path.glob("*/assessment.json"))) == 5


def assess_video(run, media, name, output):
    landmarker = f"--landmarker={media / 'face_landmarker.task'}"
    return command(
        "tramp_jax.assess", media / name, f"--checkpoint={run}", landmarker, "--expression=smile", f"--output={output}"
    )


def test_assess_tracks_every_frame_of_a_real_clip(run, media, tmp_path):
    pytest.importorskip("mediapipe")
    result = assess_video(run, media, "face_wolfgang_langer_pexels.mp4", tmp_path)
    assert result.returncode == 0, result.stderr
    found = json.loads((tmp_path / "assessment.json").read_text())
    assert (found["frames"], found["frames_tracked"]) == (472, 472)
    assert 0 <= found["severity"] <= 4
    assert sum(found["grade_distribution"]) == pytest.approx(1, abs=1e-3)
    assert any("simulated faces only" in warning for warning in found["warnings"])
    assert (tmp_path / "report.html").stat().st_size > 0


def test_assess_marks_a_clip_that_lost_the_face(run, media, tmp_path):
    pytest.importorskip("mediapipe")
    result = assess_video(run, media, "face_then_no_face.mov", tmp_path)
    assert result.returncode == 0, result.stderr
    assert "73 of 169" in result.stdout
    assert "73 of 169" in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("video", "landmarker", "expression", "said"),
    [
        ("no_face.mp4", "face_landmarker.task", "smile", "no face"),
        ("nothing.mp4", "face_landmarker.task", "smile", "nothing.mp4"),
        ("README.md", "face_landmarker.task", "smile", "README.md"),
        ("no_face.mp4", "no_face.mp4", "smile", "landmarker"),
        ("no_face.mp4", "nothing.task", "smile", "nothing.task"),
        ("no_face.mp4", "face_landmarker.task", "happiness", "happiness"),
    ],
)
def test_wrong_input_to_assess_is_one_line_and_exit_code_2(run, media, tmp_path, video, landmarker, expression, said):
    pytest.importorskip("mediapipe")
    result = command(
        "tramp_jax.assess",
        media / video,
        f"--checkpoint={run}",
        f"--landmarker={media / landmarker}",
        f"--expression={expression}",
        f"--output={tmp_path}",
    )
    assert result.returncode == 2, result.stderr
    assert len(result.stderr.strip().splitlines()) == 1, result.stderr
    assert result.stderr.startswith("error: ")
    assert said in result.stderr
